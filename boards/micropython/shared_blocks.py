"""One block device shared by a filesystem and the ledger's ring, on boards whose MicroPython knows nothing of a ring.

Stock MicroPython mounts all of the storage as one littlefs, refuses a smaller one, and formats what it cannot mount. So
the filesystem keeps the full size, and the blocks of the ring are shown to it as worn out: littlefs moves on to another
block when an erase reports corruption (littlefs DESIGN.md, "Bad blocks"), and so never puts anything there.
"""

_BLOCK_COUNT = 4
_BLOCK_ERASE = 6
_CORRUPT = -84  # LFS_ERR_CORRUPT of littlefs


class FencedBlocks:
    """`blocks` as a filesystem may see it: nothing from block `fence` on can be erased or written."""

    def __init__(self, blocks, fence: int) -> None:
        self._blocks = blocks
        self._fence = fence

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        """As of the device behind."""
        self._blocks.readblocks(block, buffer, offset)

    def writeblocks(self, block: int, buffer, offset: int = 0) -> int:
        """As of the device behind, without erasing first; -84, nothing written, behind the fence."""
        if block >= self._fence:
            return _CORRUPT
        self._blocks.writeblocks(block, buffer, offset)
        return 0

    def ioctl(self, operation: int, argument: int) -> int | None:
        """As of the device behind; -84 to an erase behind the fence."""
        if operation == _BLOCK_ERASE and argument >= self._fence:
            return _CORRUPT
        return self._blocks.ioctl(operation, argument)


class LastBlocks:
    """The blocks of `blocks` from `first` on, as a device of their own."""

    def __init__(self, blocks, first: int) -> None:
        self._blocks = blocks
        self._first = first

    def readblocks(self, block: int, buffer, offset: int = 0) -> None:
        """As of the device behind."""
        self._blocks.readblocks(self._first + block, buffer, offset)

    def writeblocks(self, block: int, buffer, offset: int = 0) -> None:
        """As of the device behind, without erasing first."""
        self._blocks.writeblocks(self._first + block, buffer, offset)

    def ioctl(self, operation: int, argument: int) -> int | None:
        """As of the device behind."""
        if operation == _BLOCK_COUNT:
            return self._blocks.ioctl(operation, argument) - self._first
        return self._blocks.ioctl(operation, self._first + argument if operation == _BLOCK_ERASE else argument)
