"""The devices of a meter of the fleet: flash, clock chip, pulse counter and load switch, each at the seam of `hal`.

They cost no time, so that hundreds of meters live in one process. The flash has the rules of NOR flash, and keeps its
bytes over power cuts. The models of `boards/host/chips` are exact to the microsecond, and are for single meters.
"""

from collections.abc import Callable

from wattpurse_tools.fleet.house import House

SECTOR_SIZE = 4_096
PAGE_SIZE = 256
MWH_PER_KWH = 1_000_000

_ERASED = b"\xff" * SECTOR_SIZE
_HOUR_S = 3_600
_MW_PER_W = 1_000


class PowerCut(Exception):
    """The power of a meter fails in the middle of a write to flash. Everything in its memory is lost."""


class SparseFlash:
    """The flash of `hal`. A sector that is erased takes no memory of the computer.

    `operations_to_cut`, if it is not None, counts down at each program and erase; at 0 half of the operation is done,
    and PowerCut is raised.
    """

    identification = 0xEF4015

    def __init__(self, sector_count: int) -> None:
        self.sector_count = sector_count
        self.operations_to_cut: int | None = None
        self._sectors: dict[int, bytearray] = {}

    def read(self, address: int, buffer: bytearray | memoryview) -> None:
        """Fill `buffer` from `address`."""
        done, size = 0, len(buffer)
        if address < 0 or address + size > self.sector_count * SECTOR_SIZE:
            raise ValueError("read outside the flash")
        while done < size:
            sector, offset = divmod(address + done, SECTOR_SIZE)
            part = min(size - done, SECTOR_SIZE - offset)
            buffer[done : done + part] = self._sectors.get(sector, _ERASED)[offset : offset + part]
            done += part

    def program(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Clear the bits that are 0 in `data`, inside one page."""
        if not data or address // PAGE_SIZE != (address + len(data) - 1) // PAGE_SIZE:
            raise ValueError("a program operation must stay inside one page")
        if not 0 <= address < self.sector_count * SECTOR_SIZE:
            raise ValueError("program outside the flash")
        is_cut = self._is_cut()
        number, offset = divmod(address, SECTOR_SIZE)
        sector = self._sectors.setdefault(number, bytearray(_ERASED))
        for place in range(len(data) // 2 if is_cut else len(data)):
            sector[offset + place] &= data[place]
        if is_cut:
            raise PowerCut

    def erase(self, sector: int) -> None:
        """Set all of one sector to 0xFF."""
        if not 0 <= sector < self.sector_count:
            raise ValueError("erase outside the flash")
        is_cut = self._is_cut()
        if is_cut and sector in self._sectors:
            self._sectors[sector][SECTOR_SIZE // 2 :] = _ERASED[SECTOR_SIZE // 2 :]
        else:
            self._sectors.pop(sector, None)
        if is_cut:
            raise PowerCut

    def _is_cut(self) -> bool:
        if self.operations_to_cut is None:
            return False
        self.operations_to_cut -= 1
        if self.operations_to_cut > 0:
            return False
        self.operations_to_cut = None
        return True


class Crystal:
    """The true time of a meter, the ticks of its board, and its clock chip, which may be wrong by `lead_s`."""

    PERIOD = 1 << 30

    def __init__(self, true_s: int) -> None:
        self.true_ms = true_s * 1_000
        self.lead_s = 0

    @property
    def true_s(self) -> int:
        """The true time."""
        return self.true_ms // 1_000

    def read(self) -> int:
        """Return the time of the chip."""
        return self.true_s + self.lead_s

    def set(self, utc_s: int) -> None:
        """Set the chip."""
        self.lead_s = utc_s - self.true_s

    def ticks_ms(self) -> int:
        """Return the ticks."""
        return self.true_ms % self.PERIOD

    def ticks_us(self) -> int:
        """Return the ticks in microseconds."""
        return self.true_ms * 1_000 % self.PERIOD

    async def sleep_ms(self, _duration_ms: int) -> None:
        """Return at once. A meter of the fleet has one task, and the pulses of its coils take no time."""

    def hold_ms(self, _duration_ms: int) -> None:
        """Return at once."""

    def ticks_diff(self, later: int, earlier: int) -> int:
        """Return the signed distance between two readings of the ticks."""
        half = self.PERIOD // 2
        return (later - earlier + half) % self.PERIOD - half

    def ticks_add(self, ticks: int, delta: int) -> int:
        """Return a reading of the ticks moved by `delta`."""
        return (ticks + delta) % self.PERIOD


class Contact:
    """The contact of the load switch, moved by its two coils, and the power of the mains before it.

    `lit` are `(from, to)` in true seconds of each time in which the house had supply; the last one may be open. The
    contact of a latching relay stays where it is while the power is gone.
    """

    def __init__(self, true_s: Callable[[], int]) -> None:
        self.is_closed = False
        self.lit: list[tuple[int, int | None]] = []
        self._has_power = False
        self._true_s = true_s

    def set_power(self, has_power: bool) -> None:
        """Let the power of the mains come or go."""
        self._has_power = has_power
        self._note()

    def open_coil(self, level: int | None = None) -> int | None:
        """Take the level of the pin of the opening coil."""
        if level:
            self.is_closed = False
            self._note()
        return 0

    def close_coil(self, level: int | None = None) -> int | None:
        """Take the level of the pin of the closing coil."""
        if level:
            self.is_closed = True
            self._note()
        return 0

    def _note(self) -> None:
        is_lit, was_lit = self.is_closed and self._has_power, bool(self.lit) and self.lit[-1][1] is None
        if is_lit and not was_lit:
            self.lit.append((self._true_s(), None))
        elif was_lit and not is_lit:
            self.lit[-1] = self.lit[-1][0], self._true_s()


class Pulses:
    """The pulse counter in the hardware of a meter. Energy flows from `house` while the contact is closed."""

    MODULUS = 65_536

    def __init__(self, house: House, contact: Contact, impulses: int) -> None:
        self.used_mwh = 0
        self._house = house
        self._contact = contact
        self._mwh_per_pulse = MWH_PER_KWH // impulses
        self._rest = 0
        self._waiting = 0
        self._raw = 0

    def board_powered(self) -> None:
        """Begin at 0: the counter lives as long as the power of the board."""
        self._raw = 0

    def flow(self, from_s: int, to_s: int) -> None:
        """Let the house take energy for a time in which the load does not change."""
        if not self._contact.is_closed:
            return
        self._rest += self._house.load_w(from_s) * (to_s - from_s) * _MW_PER_W
        mwh, self._rest = divmod(self._rest, _HOUR_S)
        self.used_mwh += mwh
        pulses, self._waiting = divmod(self._waiting + mwh, self._mwh_per_pulse)
        self._raw = (self._raw + pulses) % self.MODULUS

    def read_raw(self) -> int:
        """Return the count of the hardware."""
        return self._raw
