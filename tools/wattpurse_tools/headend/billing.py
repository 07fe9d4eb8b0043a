"""The charge of a managed account: the meter's own tariff engine, run on the registers of the meter's statements.

A meter of the contract "managed" charges nothing itself. Its statement has the registers of each rate and the energy of
its months. The books of a month are registers and days alone. Their cost is that of the firmware's `Account` under the
contract "prepaid-money", which is fed the energy of the month and the days that passed: blocks, allowance, levies,
standing charge, fixed charge and minimum charge are the firmware's. The cost of a month depends on its energy and its
days alone, not on the number of statements that told them. The rest of each division is carried, so that the sum of all
charges is the exact cost, rounded down once.

A statement tells the sum of each rate, and not their order. Where blocks or an allowance are shared by rates, the
energy counts in the order of the rates in the tariff. The registers at a month's end follow from the closed months of
the statement, in whole Wh. If a statement does not tell them, and at a change of tariff within a month, the energy of
each rate is divided by time.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.core.money.levies import CHARGE_PARTS
from wattpurse.core.tariffs.calendar import days_from_civil, month_index
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.refusals import Refusal

Tariffs = Callable[[int], Tariff]
Registers = dict[str, int]

_MWH_PER_WH = 1000


class CannotCharge(Refusal):
    """The refusal of a statement that cannot be charged."""


class UnknownTariff(CannotCharge):
    """The refusal of a statement under a tariff that the record does not know, until a person adds or plans it."""


class RegisterFell(CannotCharge):
    """The refusal of a statement with a register below that of the statement before."""


@dataclass(frozen=True)
class Reading:
    """A statement as the books take it: `registers` in mWh by the name of the rate, under the tariff `tariff`.

    `months` has the Wh of each register by the index of a month, without those that the statement does not tell.
    """

    time_s: int
    tariff: int
    registers: Registers
    months: Mapping[int, Registers] = field(default_factory=dict)


@dataclass
class Part:
    """A part of a month under one tariff: the row of the tariff, and the registers at its begin."""

    tariff: int
    begin: Registers
    day: int


@dataclass
class Books:
    """The month so far: its parts, the registers now, and the newest day whose fees are charged.

    `start` are the registers when the calendar month began, or None if nobody knows. `owes_minimum` is False in the
    month in which the account was opened.
    """

    month: int
    time_s: int
    day: int
    registers: Registers
    start: Registers | None
    owes_minimum: bool
    parts: list[Part]

    @classmethod
    def begun(cls, reading: Reading, tariffs: Tariffs) -> Self:
        """Return the books that begin with a reading. The energy before it, and its day, cost nothing."""
        tariff = usable(tariffs(reading.tariff))
        day = tariff.zone.day(reading.time_s)
        month = month_index(day)
        told = reading.months.get(month)
        start = None
        if told is not None:
            start = {name: mwh - told.get(name, 0) * _MWH_PER_WH for name, mwh in reading.registers.items()}
        first = Part(reading.tariff, dict(reading.registers), day)
        return cls(month, reading.time_s, day, dict(reading.registers), start, False, [first])

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the books of a document that `document` made."""
        parts = [Part(**part) for part in document["parts"]]
        return cls(**{**document, "parts": parts})

    def document(self) -> dict[str, Any]:
        """Return the books as a document."""
        return asdict(self)

    def take(self, reading: Reading, tariffs: Tariffs) -> int:
        """Take a later reading. Return its cost in parts of a micro-unit: CHARGE_PARTS are one.

        Raise RegisterFell if a register is lower than before, and CannotCharge for a tariff that cannot be used. The
        books are unchanged then.
        """
        self._refuse(reading)
        usable(tariffs(reading.tariff))
        before = self._cost(tariffs)
        closed = 0
        for moment_s in self._moments(reading, tariffs):
            closed += self._pass(moment_s, reading, tariffs)
        self.registers, self.time_s = dict(reading.registers), reading.time_s
        self.day = max(self.day, tariffs(reading.tariff).zone.day(reading.time_s))
        return closed + self._cost(tariffs) - before

    @property
    def tariff(self) -> int:
        """The row of the tariff in force."""
        return self.parts[-1].tariff

    def _refuse(self, reading: Reading) -> None:
        for name, mwh in self.registers.items():
            if reading.registers.get(name, 0 if mwh == 0 else -1) < mwh:
                raise RegisterFell(
                    "register %(name)s was %(before)s mWh, and a later statement does not reach it; look into the"
                    " meter, and enter its replacement, or a manager goes on from that statement with: wattpurse"
                    " meter resume",
                    name=name,
                    before=mwh,
                )

    def _moments(self, reading: Reading, tariffs: Tariffs) -> list[int]:
        """Return the ends of months and the change of tariff up to a reading, in order."""
        zone = tariffs(self.tariff).zone
        found = set()
        month = self.month
        last = month_index(zone.day(reading.time_s))
        while month < last:
            month += 1
            found.add(zone.day_start_s(first_day(month)))
        if reading.tariff != self.tariff:
            found.add(min(max(tariffs(reading.tariff).activation_s, self.time_s), reading.time_s))
        return sorted(found)

    def _pass(self, moment_s: int, reading: Reading, tariffs: Tariffs) -> int:
        """Advance to the end of a month, or to a change of tariff. Return the cost of the month if it ends here."""
        zone = tariffs(self.tariff).zone
        following = reading.tariff if self._is_change(moment_s, reading, tariffs) else self.tariff
        ends = moment_s >= zone.day_start_s(first_day(self.month + 1))
        begin = self._end_of_month(reading) if ends else None
        if begin is None:
            begin = self._divided(moment_s, reading, following, tariffs)
        self.registers, self.time_s = begin, moment_s
        if not ends:
            self.day = max(self.day, zone.day(moment_s - 1))
            self.parts.append(Part(following, dict(begin), self.day))
            return 0
        first = first_day(self.month + 1)
        self.day = max(self.day, first - 1)
        cost = self._cost(tariffs, following, first)
        self.month += 1
        self.day = max(self.day, first)
        self.start = dict(begin)
        self.owes_minimum = True
        self.parts = [Part(following, dict(begin), first)]
        return cost - self._cost(tariffs)  # the first day of the month that begins is in both

    def _is_change(self, moment_s: int, reading: Reading, tariffs: Tariffs) -> bool:
        return reading.tariff != self.tariff and moment_s >= min(
            max(tariffs(reading.tariff).activation_s, self.time_s), reading.time_s
        )

    def _end_of_month(self, reading: Reading) -> Registers | None:
        """Return the registers at the end of the month, as a statement tells its energy, or None.

        Rounding to whole Wh never takes energy from before the begin of the part.
        """
        told, next_told = reading.months.get(self.month), reading.months.get(self.month + 1)
        if told is not None and self.start is not None:
            end = {name: self.start.get(name, 0) + told.get(name, 0) * _MWH_PER_WH for name in reading.registers}
        elif next_told is not None and self.month + 1 == max(reading.months):
            end = {name: mwh - next_told.get(name, 0) * _MWH_PER_WH for name, mwh in reading.registers.items()}
        else:
            return None
        least = self.parts[-1].begin
        return {name: min(reading.registers[name], max(mwh, least.get(name, 0))) for name, mwh in end.items()}

    def _divided(self, moment_s: int, reading: Reading, following: int, tariffs: Tariffs) -> Registers:
        """Return the registers at a moment, divided by time. Energy at a rate of one tariff alone belongs to it."""
        span_s, passed_s = reading.time_s - self.time_s, moment_s - self.time_s
        old, new = tariffs(self.tariff).rate_names, tariffs(following).rate_names
        found = {}
        for name, mwh in reading.registers.items():
            before = self.registers.get(name, 0)
            share = (mwh - before) * passed_s // span_s if span_s > 0 else 0
            if following != self.tariff and name not in new:
                share = mwh - before
            if following != self.tariff and name not in old:
                share = 0
            found[name] = before + share
        return found

    def _cost(self, tariffs: Tariffs, following: int | None = None, first: int = 0) -> int:
        """Return the exact cost of the month so far. With `first`, the month ends and that day begins.

        That day is charged by the tariff `following`.
        """
        account = _account(tariffs(self.parts[0].tariff), self.parts[0].day, self.owes_minimum)
        ends = [*self.parts[1:], Part(0, self.registers, self.day)]
        for place, (part, end) in enumerate(zip(self.parts, ends, strict=True)):
            tariff = tariffs(part.tariff)
            if place:
                _activate(account, tariff, part.day)
            for rate, name in enumerate(tariff.rate_names):
                account.rate = rate
                account.consume(end.begin.get(name, 0) - part.begin.get(name, 0))
            account.enter_day(end.day)
        if first:
            if following is not None and following != self.parts[-1].tariff:
                _activate(account, tariffs(following), first)
            account.enter_day(first)
        rests = account.charge_remainder + sum(one.parts for one in account.levies.sums)
        return account.money.charged * CHARGE_PARTS + rests


def reading_of(content: Mapping[str, Any], row: int, tariff: Tariff) -> Reading | None:
    """Return the reading in the content of a statement under the tariff of a row, or None without registers."""
    registers, names = content.get("rate_mwh"), content.get("rate_names") or list(tariff.rate_names)
    if not registers or len(names) < len(registers):
        return None  # a statement cut short, or registers of earlier tariffs without the room for their names
    months = {}
    for month in content.get("months", ()):
        told = month.get("rate_wh") or ([month["total_wh"]] if len(registers) == 1 else None)
        if told is not None:
            months[month["index"]] = dict(zip(names, told, strict=False))
    return Reading(content["time_s"], row, dict(zip(names, registers, strict=False)), months)


def usable(tariff: Tariff) -> Tariff:
    """Return a tariff. Raise CannotCharge if it charges by facts that no statement has."""
    if tariff.blocks_by_day:
        raise CannotCharge("the tariff counts blocks by day, which a statement does not tell: use blocks by month")
    if tariff.demand_microunits_per_kw:
        raise CannotCharge("the tariff charges the month's maximum demand, which a managed meter does not charge")
    return tariff


def charged(carried: int, cost: int) -> tuple[int, int]:
    """Return the micro-units to charge for an exact cost, and the rest to carry."""
    return divmod(carried + cost, CHARGE_PARTS)


def first_day(month: int) -> int:
    """Return the first day of a month, counted from year 0."""
    return days_from_civil(month // 12, month % 12 + 1, 1)


def _account(tariff: Tariff, day: int, owes_minimum: bool) -> Account:
    """Return the firmware's account at the begin of the books of a month, on `day`.

    The first day of a whole month is charged. The day on which the account was opened costs nothing.
    """
    begin = day - 1 if owes_minimum else day
    account = Account(tariff.data, 1, 1, PrepaidMoney, tariff.zone.day_start_s(begin))
    account.enter_day(day)
    return account


def _activate(account: Account, tariff: Tariff, day: int) -> None:
    """Let a tariff take over at the begin of `day` or within it. Registers and sums go with their names."""
    account.pending_tariff = tariff  # type: ignore[assignment]
    account.time_s = tariff.zone.day_start_s(day)
    account.activate_pending()
