"""The meter's registers: total energy, energy per rate, the current month and twelve closed months.

All energy is mWh, all money micro-units. Registers only grow. A month is closed once and never changes after that.

The registers stand in the order of the tariff's rates. A rate is the same rate in the next tariff if it has the same
name. Registers of rates that the tariff in force does not have stay behind the others, with their names.

    eight registers u64, number of months u8, the months, former names (see `levies.put_names`), number of rates with
    counted blocks u8, energy counted towards the blocks of each as varints
"""

import struct

from wattpurse.core.journal.varint import put, take
from wattpurse.core.money.levies import put_names, take_names
from wattpurse.core.tariffs.rules import NAME_LIMIT

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattpurse.core.tariffs.tariff import Tariff

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
    """The energy consumed since the meter was made, per rate and month.

    `former_names` are those of the registers behind the rates of the tariff in force. `block_mwh` is the energy counted
    towards the blocks of each rate, if the tariff counts other energy than that of the month; else it stays 0.
    """

    def __init__(self, month_index: int = 0) -> None:
        self.rate_mwh = [0] * RATES
        self.former_names = []
        self.block_mwh = [0] * RATES
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

    def begin_blocks(self) -> None:
        """Count towards the first blocks again."""
        self.block_mwh = [0] * RATES

    def enter_month(self, month_index: int) -> bool:
        """Close the current month if `month_index` is a later one. Return True if it was closed."""
        if month_index <= self.month.index:
            return False
        self.closed_months.insert(0, self.month)
        del self.closed_months[CLOSED_MONTHS:]
        self._packed_closed = (self.month.pack() + self._packed_closed)[: CLOSED_MONTHS * MONTH_SIZE]
        self.month = Month(month_index)
        return True

    def check_next(self, names: "Sequence[str]", next_names: "Sequence[str]") -> None:
        """Raise ValueError if a tariff with rates `next_names` would leave no room for a register of today's `names`.

        A rate without energy counts too: it may have some when the next tariff takes over.
        """
        known = list(names) + self.former_names
        if len(set(known) | set(next_names)) > RATES:
            left_out = ", ".join(name for name in known if name not in next_names)
            raise ValueError(
                f"there is room for {RATES} registers, and the tariff has no rate for those of {left_out}: "
                "give a rate one of these names again"
            )

    def enter_tariff(self, names: "Sequence[str]", next_names: "Sequence[str]") -> None:
        """Put the registers of rates `names` into the order of the next tariff.

        Raise ValueError if there is no room.
        """
        known = list(names) + self.former_names
        former = [place for place, name in enumerate(known) if name not in next_names and self.rate_mwh[place]]
        order = [known.index(name) if name in known else None for name in next_names] + former
        if len(order) > RATES:
            raise ValueError(f"there is room for {RATES} registers")
        self.former_names = [known[place] for place in former]
        if order == list(range(len(known))):
            return
        self.rate_mwh = _in_order(self.rate_mwh, order)
        self.block_mwh = _in_order(self.block_mwh, order)
        for month in [self.month] + self.closed_months:
            month.rate_mwh = _in_order(month.rate_mwh, order)
        self._packed_closed = b"".join(month.pack() for month in self.closed_months)

    def enter_blocks(self, former: "Tariff", tariff: "Tariff") -> None:
        """Begin to count towards the blocks of the next tariff, after `enter_tariff`.

        Energy counted by the same period counts on. Blocks by month begin with the energy of the month, blocks by day
        with the activation.
        """
        if not tariff.counts_blocks:
            self.begin_blocks()
        elif not former.counts_blocks or former.blocks_by_day != tariff.blocks_by_day:
            self.block_mwh = [0] * RATES if tariff.blocks_by_day else list(self.month.rate_mwh)

    def pack(self) -> bytes:
        """Pack all registers into bytes."""
        out = bytearray()
        put_names(out, self.former_names)
        count = RATES if any(self.block_mwh) else 0
        out.append(count)
        for mwh in self.block_mwh[:count]:
            put(out, mwh)
        count = 1 + len(self.closed_months)
        return struct.pack("<8QB", *self.rate_mwh, count) + self.month.pack() + self._packed_closed + out

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
        registers.former_names, position = take_names(data, end, RATES, NAME_LIMIT)
        count = data[position] if position < len(data) else RATES + 1
        if count > RATES:
            raise ValueError(f"there are at most {RATES} rates")
        position += 1
        for rate in range(count):
            registers.block_mwh[rate], position = take(data, position)
        return registers, position


def _in_order(values: list, order: list) -> list:
    """Return the values at the places of `order`, 0 for None, and zeros behind them up to the number of rates."""
    ordered = [0 if place is None else values[place] for place in order]
    return ordered + [0] * (RATES - len(ordered))
