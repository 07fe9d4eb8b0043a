"""NOR flash whose cut cells stay marginal: they read one way for a whole boot, and may read otherwise at the next.

`ProofFlash` draws doubtful cells anew at each read. Here each boot draws once, by a lean that the cut left (nearly
programmed, in between, hardly begun) and by a mood that all marginal cells share, as temperature and supply voltage
make it. Marginal cells drift towards either value and settle in it. A program may clear its cells one after another or
all at once. Single pages may take nothing without an error, and cells may rise from 0 to 1 by themselves (rot).
"""

from boards.host.chips.flash import PAGE_SIZE, SECTOR_SIZE
from tests.proof.proof_flash import ProofFlash

_LEANS = (1, 4, 7)  # eighths of the marginal cells that read otherwise than they are stored
_NO_FLIPS, _ALL_FLIP = 0, 8


class MarginalFlash(ProofFlash):
    """Call `boot` whenever the power returns."""

    def __init__(self, sector_count: int, random, memory: bytearray | None = None, clock=None):
        super().__init__(sector_count, random, memory, clock)
        self.dead_pages = set()
        self._leans = {}
        self._flips = {}

    def branch(self, random) -> "MarginalFlash":
        """Return another flash with the same cells, the marginal and the dead ones included."""
        other = MarginalFlash(self.sector_count, random, bytearray(self.memory))
        other._weak = {sector: bytearray(mask) for sector, mask in self._weak.items()}
        other._flips = {sector: bytearray(flips) for sector, flips in self._flips.items()}
        other._leans = dict(self._leans)
        other.dead_pages = set(self.dead_pages)
        other.faults.bad_sectors = set(self.faults.bad_sectors)
        return other

    def boot(self):
        """Draw how each marginal cell reads until the next boot, after some of them have drifted."""
        mood = self.random.random()
        for sector in list(self._weak):
            if self.random.randrange(6) == 0:
                self._drift(sector)
            if not any(self._weak[sector]):
                self._forget(sector)
                continue
            lean = self._leans.get(sector, 4)
            lean = _NO_FLIPS if mood < 0.15 else _ALL_FLIP if mood > 0.9 else lean
            mask = int.from_bytes(self._weak[sector], "little")
            flips = mask & self._chance(lean)
            self._flips[sector] = bytearray(flips.to_bytes(SECTOR_SIZE, "little"))

    def rot(self, address: int, bit: int):
        """Let one cell rise to 1."""
        self.memory[address] |= 1 << bit

    def program(self, address: int, data):
        if address // PAGE_SIZE in self.dead_pages:
            data = b"\xff" * len(data)
        super().program(address, data)

    def _chance(self, eighths):
        """Return bits of a whole sector, about so many eighths of them ones."""
        bits = SECTOR_SIZE * 8
        if eighths in (_NO_FLIPS, _ALL_FLIP):
            return 0 if eighths == _NO_FLIPS else (1 << bits) - 1
        level, mask = eighths, 0
        for place in range(3):
            draw = self.random.getrandbits(bits)
            mask = mask | draw if level >> place & 1 else mask & draw
        return mask

    def _drift(self, sector):
        """Let some marginal cells settle as they read now, and the others lean another way."""
        settled = self._chance(self.random.choice((2, 7)))
        mask = int.from_bytes(self._weak[sector], "little")
        flips = int.from_bytes(self._flips.get(sector, bytes(SECTOR_SIZE)), "little")
        start = sector * SECTOR_SIZE
        cells = int.from_bytes(self.memory[start : start + SECTOR_SIZE], "little") ^ (flips & settled & mask)
        self.memory[start : start + SECTOR_SIZE] = cells.to_bytes(SECTOR_SIZE, "little")
        self._weak[sector] = bytearray((mask & ~settled).to_bytes(SECTOR_SIZE, "little"))
        self._leans[sector] = self.random.choice(_LEANS)

    def _forget(self, sector):
        for of_sector in (self._weak, self._flips, self._leans):
            of_sector.pop(sector, None)

    def _clear_bits(self, address, data, depth):
        manner = self.random.choice((0, 1, 1, 2, 3)) if depth < 1000 else 0
        if manner == 0:
            super()._clear_bits(address, data, depth)
            return
        sector = address // SECTOR_SIZE
        self._leans[sector] = self.random.choice(_LEANS)
        draws = self.random.choice((1, 3, 6, 7))
        for index, wanted in enumerate(data):
            falling = self.memory[address + index] & ~wanted
            if manner == 1:  # nearly done: all cells fall, some of them by half
                cleared, weak = falling, falling & self._few(draws)
            elif manner == 2:  # just begun: none falls, some lean
                cleared, weak = 0, falling & self._few(draws)
            else:  # all at once, some faster than others
                cleared = falling & ~self._few(draws)
                weak = falling & self._few(draws)
            self.memory[address + index] &= ~cleared & 0xFF
            self._add_weak(address + index, weak)

    def _few(self, draws):
        """Return a byte in which each bit is one with a chance of 1 in 2 to the power of `draws`."""
        bits = 0xFF
        for _ in range(draws):
            bits &= self.random.getrandbits(8)
        return bits

    def _settle(self, address, data):
        """Make cells that were programmed to 0 firm; a program changes no others."""
        sector, offset = divmod(address, SECTOR_SIZE)
        for of_sector in (self._weak, self._flips):
            mask = of_sector.get(sector)
            if mask is not None:
                at = slice(offset, offset + len(data))
                mask[at] = bytes(cell & one for cell, one in zip(mask[at], data))

    def _set_bits(self, sector, depth):
        self._flips.pop(sector, None)
        self._leans[sector] = self.random.choice(_LEANS)
        super()._set_bits(sector, depth)

    def _cells_in_doubt(self, sector):
        return self._flips.get(sector)

    def _drawn(self, flips, bits):
        """Return all flips: they were drawn at boot."""
        return flips
