"""The meter's registers: total energy, energy per rate, the current month and twelve closed months.

All energy is mWh, all money micro-units. Registers only grow. A month is closed once and never changes after that.
"""

import struct

RATES = 8
CLOSED_MONTHS = 12

_MONTH_ENERGY_SIZE = 6
_MONTH = "<Hq"


class Month:
    """One local calendar month: `index` is year * 12 + month - 1."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.charge_microunits = 0
        self.rate_mwh = [0] * RATES

    @property
    def total_mwh(self) -> int:
        """Energy at all rates."""
        return sum(self.rate_mwh)

    def pack(self) -> bytes:
        """Pack the month into bytes, always of the same length."""
        energy = b"".join(mwh.to_bytes(_MONTH_ENERGY_SIZE, "little") for mwh in self.rate_mwh)
        return struct.pack(_MONTH, self.index, self.charge_microunits) + energy

    @classmethod
    def unpack(cls, data: bytes, position: int) -> "Month":
        """Unpack the month that `pack` put at `position`."""
        month = cls(0)
        month.index, month.charge_microunits = struct.unpack_from(_MONTH, data, position)
        position += struct.calcsize(_MONTH)
        for rate in range(RATES):
            end = position + _MONTH_ENERGY_SIZE
            month.rate_mwh[rate] = int.from_bytes(data[position:end], "little")
            position = end
        return month


MONTH_SIZE = struct.calcsize(_MONTH) + RATES * _MONTH_ENERGY_SIZE


class Registers:
    """The energy consumed since the meter was made, per rate and month."""

    def __init__(self, month_index: int = 0) -> None:
        self.rate_mwh = [0] * RATES
        self.month = Month(month_index)
        self.closed_months = []
        self._packed_closed = b""  # closed months never change, and packing them is most of the work of a snapshot

    @property
    def total_mwh(self) -> int:
        """Energy at all rates since the meter was made."""
        return sum(self.rate_mwh)

    def add_energy(self, rate: int, energy_mwh: int) -> None:
        """Register energy consumed at `rate` (0 to 7)."""
        self.rate_mwh[rate] += energy_mwh
        self.month.rate_mwh[rate] += energy_mwh

    def add_charge(self, charge_microunits: int) -> None:
        """Register money charged in the current month."""
        self.month.charge_microunits += charge_microunits

    def enter_month(self, month_index: int) -> None:
        """Close the current month if `month_index` is a later one."""
        if month_index <= self.month.index:
            return
        self.closed_months.insert(0, self.month)
        del self.closed_months[CLOSED_MONTHS:]
        self._packed_closed = (self.month.pack() + self._packed_closed)[: CLOSED_MONTHS * MONTH_SIZE]
        self.month = Month(month_index)

    def pack(self) -> bytes:
        """Pack all registers into bytes."""
        count = 1 + len(self.closed_months)
        return struct.pack("<8QB", *self.rate_mwh, count) + self.month.pack() + self._packed_closed

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(registers, position behind them)` of the bytes at `position`. Raise ValueError for a wrong count."""
        registers = cls()
        *registers.rate_mwh, count = struct.unpack_from("<8QB", data, position)
        if not 1 <= count <= CLOSED_MONTHS + 1:
            raise ValueError("registers must have the current month and at most twelve closed ones")
        position += struct.calcsize("<8QB")
        months = [Month.unpack(data, position + number * MONTH_SIZE) for number in range(count)]
        registers.month = months[0]
        registers.closed_months = months[1:]
        end = position + count * MONTH_SIZE
        registers._packed_closed = bytes(data[position + MONTH_SIZE : end])
        return registers, end
