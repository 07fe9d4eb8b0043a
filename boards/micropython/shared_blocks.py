"""One block device shared by a filesystem and the ledger's ring, on boards with stock MicroPython, which has no ring.

Stock MicroPython mounts all of the storage as one littlefs, refuses a smaller one, and formats storage that it cannot
mount. Therefore the filesystem keeps the full size, and the blocks of the ring look worn out to it: littlefs takes
another block if an erase reports corruption (littlefs DESIGN.md, "Bad blocks"), and so never writes there.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.micropython.block_flash import BlockDevice


_BLOCK_COUNT = 4
_BLOCK_ERASE = 6
_CORRUPT = -84  # LFS_ERR_CORRUPT of littlefs


class FencedBlocks:
    """The device `blocks` for a filesystem: blocks from `fence` on can be neither erased nor written."""

    def __init__(self, blocks: "BlockDevice", fence: int) -> None:
        self._blocks = blocks
        self._fence = fence

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> None:
        """Fill `buffer` from the device below."""
        self._blocks.readblocks(block, buffer, offset)

    def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int = 0) -> int:
        """Write without erasing, as the device below. Behind the fence write nothing and return -84."""
        if block >= self._fence:
            return _CORRUPT
        self._blocks.writeblocks(block, buffer, offset)
        return 0

    def ioctl(self, operation: int, argument: int) -> int | None:
        """Pass a request to the device below; return -84 for an erase behind the fence."""
        if operation == _BLOCK_ERASE and argument >= self._fence:
            return _CORRUPT
        return self._blocks.ioctl(operation, argument)


class Window:
    """The `count` blocks of `blocks` from `first` on, as a separate device."""

    def __init__(self, blocks: "BlockDevice", first: int, count: int) -> None:
        self._blocks = blocks
        self._first = first
        self._count = count

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> None:
        """Fill `buffer` from the device below."""
        self._blocks.readblocks(self._first + block, buffer, offset)

    def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int = 0) -> None:
        """Write without erasing, as the device below."""
        self._blocks.writeblocks(self._first + block, buffer, offset)

    def ioctl(self, operation: int, argument: int) -> int | None:
        """Pass a request to the device below, for the right block."""
        if operation == _BLOCK_COUNT:
            return self._count
        return self._blocks.ioctl(operation, self._first + argument if operation == _BLOCK_ERASE else argument)
