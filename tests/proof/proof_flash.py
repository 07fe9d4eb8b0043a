"""The NOR flash of `boards.host.chips.flash`, made fast, with tears down to the bit and a limit on its operations.

Differences from the model: cells of a broken program or erase are drawn all at once from one generator, a byte that
was being programmed keeps any subset of its bits cleared for good, and every operation is counted, so that a program
that never ends is found by its count and not by a clock.
"""

from boards.host.chips.flash import PAGE_SIZE, SECTOR_SIZE, FlashModel

ERASE_DEPTHS = (0, 1, 30, 200, 500, 800, 970, 999)


class Hang(BaseException):
    """More flash operations than any program that ends would need; no handler of the meter may catch it."""


class NoTime:
    """A clock for flash that is in nobody's way."""

    def advance_us(self, duration_us: int):
        """Ignore the time."""


class ProofFlash(FlashModel):
    """`random` is a `random.Random`. `before(kind, place, data)` is called before each operation that changes cells."""

    def __init__(self, sector_count: int, random, memory: bytearray | None = None, clock=None):
        super().__init__(clock or NoTime(), sector_count, random.getrandbits, memory)
        self.random = random
        self.before = None
        self.operations = 0
        self.operations_limit = None
        self.cuts = 0
        self._weak = {}

    def branch(self, random) -> "ProofFlash":
        """Return another flash with the same cells, the doubtful ones included."""
        other = ProofFlash(self.sector_count, random, bytearray(self.memory))
        other._weak = {sector: bytearray(mask) for sector, mask in self._weak.items() if any(mask)}
        return other

    def limit(self, operations: int):
        """Raise Hang after so many more reads, programs and erases."""
        self.operations = 0
        self.operations_limit = operations

    def read(self, address: int, buffer):
        self._count()
        end = address + len(buffer)
        buffer[:] = self.memory[address:end]
        if self._weak:
            self._read_weak(address, end, buffer)

    def program(self, address: int, data):
        self._count()
        if self.before is not None:
            self.before("program", address, bytes(data))
        planned = self.faults.operations_to_cut == 1
        self.cuts += planned
        super().program(address, data)

    def erase(self, sector: int):
        self._count()
        if self.before is not None:
            self.before("erase", sector, None)
        self.cuts += self.faults.operations_to_cut == 1
        super().erase(sector)

    def tear_program(self, address: int, data: bytes, whole: int, damage: str):
        """Leave the cells as a cut after `whole` bytes of a program does."""
        self.cuts += 1
        self._clear_bits(address, data, _depth_of_byte(whole, len(data)))
        self.faults.damage = damage
        self._damage_page(address // PAGE_SIZE * PAGE_SIZE)

    def tear_erase(self, sector: int, depth: int):
        """Leave the cells as a cut after `depth` thousandths of an erase does."""
        self.cuts += 1
        self._set_bits(sector, depth)

    def _count(self):
        self.operations += 1
        if self.operations_limit is not None and self.operations > self.operations_limit:
            raise Hang(f"{self.operations} flash operations")

    def _clear_bits(self, address, data, depth):
        whole = len(data) * depth // 1000
        end = address + whole
        kept = int.from_bytes(self.memory[address:end], "little") & int.from_bytes(data[:whole], "little")
        self.memory[address:end] = kept.to_bytes(whole, "little")
        if self._weak:
            self._settle(address, data[:whole])
        if whole < len(data):
            self._tear_byte(end, data[whole])

    def _tear_byte(self, address, wanted):
        falling = self.memory[address] & ~wanted
        cleared = falling & self.random.getrandbits(8)
        weak = falling & ~cleared & self.random.getrandbits(8)
        self.memory[address] &= ~cleared & 0xFF
        self._add_weak(address, weak)

    def _damage_page(self, page_address):
        """Clear random cells of the page that was being programmed, some of them by half."""
        if self.faults.damage != "page":
            return
        for _ in range(self.random.randrange(1, 17)):
            address = page_address + self.random.getrandbits(8)
            fallen = self.memory[address] & self.random.getrandbits(8)
            self._add_weak(address, self.memory[address] & ~fallen & self.random.getrandbits(8))
            self.memory[address] = fallen

    def _set_bits(self, sector, depth):
        start = sector * SECTOR_SIZE
        bits = SECTOR_SIZE * 8
        self._weak.pop(sector, None)
        if depth >= 1000:
            self.memory[start : start + SECTOR_SIZE] = b"\xff" * SECTOR_SIZE
            return
        cells = int.from_bytes(self.memory[start : start + SECTOR_SIZE], "little")
        low = cells ^ ((1 << bits) - 1)
        risen = low & self._mask(bits, depth)
        self.memory[start : start + SECTOR_SIZE] = (cells | risen).to_bytes(SECTOR_SIZE, "little")
        doubtful = low & self._mask(bits, 1000 - abs(1000 - 2 * depth)) & self.random.getrandbits(bits)
        if doubtful:
            self._weak[sector] = bytearray(doubtful.to_bytes(SECTOR_SIZE, "little"))

    def _mask(self, bits, thousandths):
        """Return a random mask with about so many thousandths of its bits set."""
        level = thousandths * 32 // 1000
        mask = 0
        for place in range(5):
            draw = self.random.getrandbits(bits)
            mask = mask | draw if level >> place & 1 else mask & draw
        return mask

    def _add_weak(self, address, weak):
        if weak:
            sector, offset = divmod(address, SECTOR_SIZE)
            self._weak.setdefault(sector, bytearray(SECTOR_SIZE))[offset] |= weak

    def _settle(self, address, data):
        sector, offset = divmod(address, SECTOR_SIZE)
        mask = self._weak.get(sector)
        if mask is not None:
            mask[offset : offset + len(data)] = bytes(len(data))

    def _read_weak(self, start, end, buffer):
        """Let the weak cells in a range read otherwise than they are stored."""
        for sector in range(start // SECTOR_SIZE, (end - 1) // SECTOR_SIZE + 1):
            mask = self._cells_in_doubt(sector)
            if mask is None:
                continue
            first = max(start, sector * SECTOR_SIZE)
            last = min(end, (sector + 1) * SECTOR_SIZE)
            at = first % SECTOR_SIZE
            flips = int.from_bytes(mask[at : at + last - first], "little")
            if flips:
                flips = self._drawn(flips, 8 * (last - first))
                value = int.from_bytes(buffer[first - start : last - start], "little") ^ flips
                buffer[first - start : last - start] = value.to_bytes(last - first, "little")

    def _cells_in_doubt(self, sector):
        return self._weak.get(sector)

    def _drawn(self, flips, bits):
        """Draw which cells flip: each read draws anew."""
        return flips & self.random.getrandbits(bits)


def _depth_of_byte(whole, length):
    """Return the thousandths of a program of `length` bytes at which `whole` of them are in."""
    return -(-1000 * whole // length)
