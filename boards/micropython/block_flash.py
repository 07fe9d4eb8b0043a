"""The flash of `hal` on a raw region that MicroPython offers as a block device of 4,096-byte blocks.

The device has `readblocks(block, buffer, offset)`, `writeblocks(block, buffer, offset)`, which programs without
erasing, and `ioctl(6, block)`, which erases (MicroPython library reference, "vfs.AbstractBlockDev", extended
interface). Ports do not check addresses, and a write beyond the region would hit the program: this class checks them.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any, Protocol

    class BlockDevice(Protocol):
        """A block device of MicroPython. Ports differ in the results that they return."""

        # The stubs of the ports name fewer buffer types than the ports take.
        def readblocks(self, __block: int, __buffer: "Any", __offset: int) -> object: ...  # noqa: ANN401

        def writeblocks(self, __block: int, __buffer: "Any", __offset: int) -> object: ...  # noqa: ANN401

        def ioctl(self, __operation: int, __argument: int) -> "Any": ...  # noqa: ANN401


SECTOR_BYTES = 4096
PAGE_BYTES = 256

_BLOCK_COUNT = 4
_BLOCK_SIZE = 5
_BLOCK_ERASE = 6


class BlockFlash:
    """Sectors 0 to `sector_count` - 1 of the device `blocks`."""

    def __init__(self, blocks: "BlockDevice") -> None:
        if blocks.ioctl(_BLOCK_SIZE, 0) != SECTOR_BYTES:
            raise ValueError("the flash must have blocks of 4,096 bytes")
        self.sector_count = blocks.ioctl(_BLOCK_COUNT, 0)
        self._blocks = blocks
        self._end = self.sector_count * SECTOR_BYTES

    def read(self, address: int, buffer: bytearray | memoryview) -> None:
        """Fill `buffer` from `address`. Raises ValueError outside the region, OSError if the flash fails."""
        if address < 0 or address + len(buffer) > self._end:
            raise ValueError("read outside the flash")
        self._blocks.readblocks(address // SECTOR_BYTES, buffer, address % SECTOR_BYTES)

    def program(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Clear the bits that are 0 in `data`, inside one page.

        Raises ValueError outside one page or the region, OSError if the flash fails.
        """
        if not data or address // PAGE_BYTES != (address + len(data) - 1) // PAGE_BYTES:
            raise ValueError("a program operation must stay inside one page")
        if not 0 <= address < self._end:
            raise ValueError("program outside the flash")
        self._write(address, data)

    def erase(self, sector: int) -> None:
        """Set all bits of a sector. Raises ValueError outside the region, OSError if the flash fails."""
        if not 0 <= sector < self.sector_count:
            raise ValueError("erase outside the flash")
        if self._blocks.ioctl(_BLOCK_ERASE, sector) != 0:
            raise OSError("the flash was not erased")

    def _write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        self._blocks.writeblocks(address // SECTOR_BYTES, data, address % SECTOR_BYTES)
