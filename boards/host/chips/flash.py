"""Model of a NOR flash chip: 4 KiB sectors, 256-byte pages, programming that only clears bits, power that can fail.

Times and sizes are those of the Winbond W25Q16JV data sheet (revision H, section 9.6, typical values). The model keeps
its memory over power cuts. `faults` plans faults; `erases` and `programs` count the operations.
"""

from boards.host.chips.power import PowerCut

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import ChargedClock, RandomSource


SECTOR_SIZE = 4096
PAGE_SIZE = 256
PAGE_PROGRAM_US = 400
BYTE_PROGRAM_US = 30
SECTOR_ERASE_US = 45_000


class FlashFaults:
    """Planned faults.

    A cut is planned for the `operations`-th program or erase from now (1 is the next), at a `depth` of 0 to 1000
    thousandths of it. `damage` is the effect of the interrupted program beyond its own bytes: "none", or "page" for
    random further bits cleared anywhere in the page. `random_bits(n)` returns n random bits. With `sets_bits_back` a
    byte that is programmed again may lose bits that were cleared before, as on a PUYA part (esp8266/Arduino#4061).
    """

    def __init__(self, random_bits: "RandomSource") -> None:
        self.random_bits = random_bits
        self.bad_sectors = set()
        self.bad_sectors_raise = False
        self.unreadable = False
        self.sets_bits_back = False
        self.damage = "none"
        self.depth = 0
        self.operations_to_cut = None

    def plan_cut(self, operations: int, depth: int = 500, damage: str = "none") -> None:
        """Cut the power at the `operations`-th flash operation from now."""
        self.operations_to_cut = operations
        self.depth = depth
        self.damage = damage

    def cut_now(self) -> bool:
        """Count one operation and return True if the power fails in it."""
        if self.operations_to_cut is None:
            return False
        self.operations_to_cut -= 1
        if self.operations_to_cut > 0:
            return False
        self.operations_to_cut = None
        return True


class FlashModel:
    """The flash of `hal`. Addresses are bytes from the flash's start. `identification` is the JEDEC ID of the chip."""

    identification = 0xEF4015

    def __init__(
        self, clock: "ChargedClock", sector_count: int, random_bits: "RandomSource", memory: bytearray | None = None
    ) -> None:
        self.sector_count = sector_count
        self.memory = memory if memory is not None else bytearray(b"\xff" * (sector_count * SECTOR_SIZE))
        self.faults = FlashFaults(random_bits)
        self.erases = [0] * sector_count
        self.programs = 0
        self.bytes_programmed = 0
        self._clock = clock
        self._unstable = {}

    def read(self, address: int, buffer: bytearray | memoryview) -> None:
        """Fill `buffer` from `address`. Raises OSError when the chip does not answer."""
        if self.faults.unreadable:
            raise OSError("flash does not answer")
        end = address + len(buffer)
        if address < 0 or end > len(self.memory):
            raise ValueError("read outside the flash")
        buffer[:] = self.memory[address:end]
        if self._unstable:
            self._read_unstable(address, end, buffer)

    def program(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Clear the bits that are 0 in `data`. Raises ValueError outside one page, where a chip would wrap."""
        if not data or address // PAGE_SIZE != (address + len(data) - 1) // PAGE_SIZE:
            raise ValueError("a program operation must stay inside one page")
        if not 0 <= address < len(self.memory):
            raise ValueError("program outside the flash")
        self.programs += 1
        self.bytes_programmed += len(data)
        cut = self.faults.cut_now()
        if self._is_sound(address // SECTOR_SIZE):
            before = self.memory[address : address + len(data)] if self.faults.sets_bits_back else None
            self._clear_bits(address, data, self.faults.depth if cut else 1000)
            if before is not None:
                self._set_back(address, before)
        if cut:
            self._damage_page(address // PAGE_SIZE * PAGE_SIZE)
            raise PowerCut("power failed while programming flash")
        self._clock.advance_us(min(PAGE_PROGRAM_US, BYTE_PROGRAM_US + 2 * len(data)))

    def erase(self, sector: int) -> None:
        """Set all of one sector to 0xFF."""
        if not 0 <= sector < self.sector_count:
            raise ValueError("erase outside the flash")
        self.erases[sector] += 1
        cut = self.faults.cut_now()
        if self._is_sound(sector):
            self._set_bits(sector, self.faults.depth if cut else 1000)
        if cut:
            raise PowerCut("power failed while erasing flash")
        self._clock.advance_us(SECTOR_ERASE_US)

    def _is_sound(self, sector: int) -> bool:
        """Return False for a bad sector, which ignores the operation; raise OSError if `bad_sectors_raise`."""
        if sector not in self.faults.bad_sectors:
            return True
        if self.faults.bad_sectors_raise:
            raise OSError("the sector does not take it")
        return False

    def _clear_bits(self, address: int, data: bytes | bytearray | memoryview, depth: int) -> None:
        """Program `depth` thousandths of `data`, byte by byte. The last byte is programmed weakly."""
        whole = len(data) * depth // 1000
        for index in range(whole):
            self.memory[address + index] &= data[index]
            self._unstable.pop(address + index, None)
        if whole < len(data):
            torn = address + whole
            wanted = self.memory[torn] & data[whole]
            weak = self.memory[torn] & ~wanted & self.faults.random_bits(8)
            self._unstable[torn] = weak

    def _set_back(self, address: int, before: bytearray) -> None:
        for index, byte in enumerate(before):
            if byte != 0xFF and self.faults.random_bits(3) == 0:
                self.memory[address + index] |= ~byte & 0xFF & self.faults.random_bits(8)

    def _damage_page(self, page_address: int) -> None:
        if self.faults.damage != "page":
            return
        for _ in range(8):
            address = page_address + self.faults.random_bits(8)
            self.memory[address] &= self.faults.random_bits(8)

    def _set_bits(self, sector: int, depth: int) -> None:
        """Erase `depth` thousandths. All cells rise together, so a broken erase leaves the whole sector doubtful."""
        start = sector * SECTOR_SIZE
        end = start + SECTOR_SIZE
        if depth >= 1000:
            self.memory[start:end] = b"\xff" * SECTOR_SIZE
            for address in [address for address in self._unstable if start <= address < end]:
                del self._unstable[address]
            return
        for address in range(start, end):
            falling = 0xFF & ~self.memory[address]
            if not falling:
                continue
            if self.faults.random_bits(10) * 1000 < depth * 1024:
                self.memory[address] |= falling & self.faults.random_bits(8)
            if self.faults.random_bits(2) == 0:
                self._unstable[address] = falling & self.faults.random_bits(8)

    def _read_unstable(self, start: int, end: int, buffer: bytearray | memoryview) -> None:
        """Change the weak bits in `buffer` at random, anew at each read."""
        for address, bits in self._unstable.items():
            if start <= address < end:
                buffer[address - start] ^= bits & self.faults.random_bits(8)
