"""The levies of a tariff, and the sum of each: taxes and funds that are named beside the prices.

A levy per kWh is charged on energy that has a price: free energy bears none. A levy in per cent is charged on all
charges without the tax of the terms, and on the levies per kWh that the tariff lists before it. The tax of the terms
is not charged on levies.

A sum only grows. The fraction of a micro-unit that a charge leaves is carried to the next one, so that each sum is the
exact levy, rounded down once. A levy is the same levy in the next tariff if it has the same name. The sums of levies
that the tariff in force does not have stay behind the others, with their names.

    number of names u8, each: length u8, name; number of sums u8, each: total, this month, fraction, as varints
"""

from wattpurse.core.journal.varint import put, take
from wattpurse.core.tariffs.rules import LEVY_NAME_LIMIT, PER_KWH, WHOLE_PERCENT

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

# Money is charged in parts of a micro-unit: those of the energy price times those of a percentage.
MWH_PER_KWH = 1_000_000
CHARGE_PARTS = MWH_PER_KWH * WHOLE_PERCENT
SUM_LIMIT = 6
MOST_MICROUNITS = 1 << 55  # a larger sum has no room in a snapshot


class LevySum:
    """The micro-units charged for one levy: ever, and in the current month. `parts` is the fraction carried on."""

    def __init__(self, microunits: int = 0, month_microunits: int = 0, parts: int = 0) -> None:
        self.microunits = microunits
        self.month_microunits = month_microunits
        self.parts = parts

    def charge(self, exact_parts: int) -> int:
        """Charge parts of a micro-unit. Return the whole micro-units charged."""
        exact_parts += self.parts
        self.parts = exact_parts % CHARGE_PARTS
        charged = exact_parts // CHARGE_PARTS
        self.microunits += charged
        self.month_microunits += charged
        return charged


class LevySums:
    """The sums of `count` levies of the tariff in force, in its order, and then those of `former_names`."""

    def __init__(self, count: int = 0) -> None:
        self.sums = [LevySum() for _ in range(count)]
        self.former_names = []

    @property
    def month_microunits(self) -> int:
        """All levies charged in the current month."""
        return sum(one.month_microunits for one in self.sums)

    def charge(self, levies: "Sequence[tuple]", millionths: int, energy_mwh: int) -> int:
        """Charge `levies` on an amount in millionths of a micro-unit, and on energy. Return the micro-units charged."""
        charged = 0
        for place, (_, kind, value) in enumerate(levies):
            if kind == PER_KWH:
                exact_parts = energy_mwh * value * WHOLE_PERCENT
                millionths += energy_mwh * value
            else:
                exact_parts = millionths * value
            charged += self.sums[place].charge(exact_parts)
        return charged

    def enter_month(self) -> None:
        """Begin the sums of a new month."""
        for one in self.sums:
            one.month_microunits = 0

    def check_next(self, names: "Sequence[str]", next_names: "Sequence[str]") -> None:
        """Raise ValueError if a tariff with levies `next_names` would leave no room for a sum of today's `names`."""
        count = len(set(names) | set(self.former_names) | set(next_names))
        if count > SUM_LIMIT:
            raise ValueError(f"{count} levies, those of earlier tariffs included: there is room for {SUM_LIMIT} sums")

    def enter_tariff(self, names: "Sequence[str]", next_names: "Sequence[str]") -> None:
        """Put the sums of levies `names` into the order of the next tariff. Raise ValueError if there is no room."""
        known = list(names) + self.former_names
        former = [
            place
            for place, name in enumerate(known)
            if name not in next_names and (self.sums[place].microunits or self.sums[place].parts)
        ]
        if len(next_names) + len(former) > SUM_LIMIT:
            raise ValueError(f"there is room for the sums of {SUM_LIMIT} levies")
        sums = [self.sums[known.index(name)] if name in known else LevySum() for name in next_names]
        self.sums = sums + [self.sums[place] for place in former]
        self.former_names = [known[place] for place in former]

    def is_plausible(self, count: int) -> bool:
        """Return True if a meter with a tariff of `count` levies can have these sums."""
        return len(self.sums) == count + len(self.former_names) <= SUM_LIMIT and all(
            one.month_microunits <= one.microunits < MOST_MICROUNITS and one.parts < CHARGE_PARTS for one in self.sums
        )

    def pack(self) -> bytes:
        """Pack the sums into bytes."""
        out = bytearray()
        put_names(out, self.former_names)
        out.append(len(self.sums))
        for one in self.sums:
            put(out, one.microunits)
            put(out, one.month_microunits)
            put(out, one.parts)
        return bytes(out)

    @classmethod
    def unpack(cls, data: bytes, position: int) -> tuple:
        """Return `(sums, position behind them)` of the bytes at `position`. Raise ValueError for other bytes."""
        levies = cls()
        levies.former_names, position = take_names(data, position, SUM_LIMIT, LEVY_NAME_LIMIT)
        count = data[position] if position < len(data) else SUM_LIMIT + 1
        if count > SUM_LIMIT:
            raise ValueError(f"there are at most {SUM_LIMIT} levies")
        position += 1
        for _ in range(count):
            numbers = []
            for _ in range(3):
                number, position = take(data, position)
                numbers.append(number)
            levies.sums.append(LevySum(*numbers))
        return levies, position


def price_in_parts(levies: "Sequence[tuple]", price: int) -> int:
    """Return the levies on energy of a price in micro-units per kWh, in parts: WHOLE_PERCENT to a micro-unit."""
    parts = 0
    if price:
        for _, kind, value in levies:
            if kind == PER_KWH:
                parts += value * WHOLE_PERCENT
                price += value
            else:
                parts += price * value
    return parts


def put_names(out: bytearray, names: "Sequence[str]") -> None:
    """Append a number of names, each with its length."""
    out.append(len(names))
    for name in names:
        out.append(len(name))
        out.extend(name.encode())


def take_names(data: bytes, position: int, most: int, longest: int) -> tuple:
    """Return `(names, position behind them)` of the bytes at `position`. Raise ValueError for other bytes."""
    names = []
    if position >= len(data) or data[position] > most:
        raise ValueError(f"there are at most {most} names")
    count = data[position]
    position += 1
    for _ in range(count):
        length = data[position] if position < len(data) else 0
        end = position + 1 + length
        if not 1 <= length <= longest or end > len(data):
            raise ValueError(f"a name has 1 to {longest} characters")
        names.append(str(data[position + 1 : end], "ascii"))
        position = end
    return names, position
