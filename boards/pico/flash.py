"""The ledger's ring on an RP2040: whole pages, from RAM.

The chip programs only whole aligned pages of 256 bytes (RP2040 data sheet, 2.8.3.1.3), and the flash cannot be read
while it is programmed. Data in flash, such as constants of a frozen module, would stop the chip. Therefore every write
goes through one page in RAM, with ones around the data: programming a one changes nothing.
"""

from boards.micropython.block_flash import PAGE_BYTES, BlockFlash
from wattpurse.core.journal.ring import BLANK_PAGE

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.micropython.block_flash import BlockDevice

# The data line of a chip that does not answer stays at one level.
_NO_ANSWER = (0x000000, 0xFFFFFF)


class PicoFlash(BlockFlash):
    """The flash of `hal` on an `rp2.Flash`. Interrupts are off during each erase and program.

    `read_identification()` asks the chip for its JEDEC ID.
    """

    def __init__(self, blocks: "BlockDevice", read_identification: "Callable[[], int]") -> None:
        super().__init__(blocks)
        self._page = bytearray(BLANK_PAGE)
        self._read_identification = read_identification
        self._answer: int | None = None

    @property
    def identification(self) -> int | None:
        """The JEDEC ID of the chip, or None if the chip does not answer. The chip is asked once."""
        if self._answer is None:
            self._answer = self._read_identification()
        return None if self._answer in _NO_ANSWER else self._answer

    def _write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        page = self._page
        start = address % PAGE_BYTES
        page[start : start + len(data)] = data
        super()._write(address - start, page)
        page[:] = BLANK_PAGE
