"""The charge of managed accounts: the statements of a meter are taken in their order, and booked together.

`billing` works out the cost of each. The statements before the first that cannot be charged are charged. A statement
that is late charges nothing. A register that fell waits for a manager, who resumes the meter: the books begin anew
there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Count, Max, QuerySet

from wattpurse.core.tariffs.calendar import month_index
from wattpurse.core.tariffs.tariff import Tariff as MeterTariff
from wattpurse_tools.headend import billing
from wattpurse_tools.headend.billing import Books, CannotCharge, Reading, RegisterFell, UnknownTariff
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.posting import Event, Move, moved, post_new
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.manager_messages import tell_managers
from wattpurse_tools.record.models import (
    AccountCharge,
    Installation,
    ManagedAccount,
    Meter,
    Site,
    Statement,
    Tariff,
    TariffPlan,
)
from wattpurse_tools.station.statement_record import SINCE
from wattpurse_tools.utc_texts import rfc3339

# A statement whose time lies further ahead is of a wrong clock. It is charged when its time has come.
AHEAD_S = 3600

_BATCH = 1000
_REASON_LIMIT = 240
_OFFICE = Actor(0, "")


def charge(account: ManagedAccount, now_s: int) -> CannotCharge | None:
    """Charge a locked account by the statements since the last charge, up to the first that cannot be charged.

    Return the refusal of that one, or None. Once the old meter's statements are charged or refused, the account goes on
    at the meter that took its place.
    """
    is_charged, refusal = _charge_meter(account, now_s)
    needs_more = refusal is not None or not is_charged
    if needs_more and account.meter_id != account.tenancy.meter_number:  # type: ignore[attr-defined]
        if refusal is not None:
            _note_not_charged(_OFFICE, account, refusal, now_s)
        _enter_replacement(account)
        _, refusal = _charge_meter(account, now_s)
    if isinstance(refusal, RegisterFell):
        _stop(account, refusal)
    return refusal


def charge_to_the_end(actor: Actor, account: ManagedAccount, now_s: int) -> None:
    """Charge all statements of a locked account for its close. Note those that cannot be charged.

    Raise UnknownTariff if a tariff has to be added first.
    """
    before, refusal = None, None
    while before != (account.meter_id, account.billed_s):  # type: ignore[attr-defined]
        before = (account.meter_id, account.billed_s)  # type: ignore[attr-defined]
        refusal = charge(account, now_s)
    if isinstance(refusal, UnknownTariff):
        raise refusal
    if refusal is not None:
        _note_not_charged(actor, account, refusal, now_s)


def newest_reading(account: ManagedAccount, now_s: int) -> Reading | None:
    """Return the newest reading that is not charged, or None."""
    known: dict[int, tuple[int, MeterTariff]] = {}
    contents = _statements(account, now_s).reverse().values_list("content", flat=True)[:_BATCH]
    readings = (reading_of(account.meter_id, content, known) for content in contents)  # type: ignore[attr-defined]
    return next((one for one in readings if one is not None), None)


def begin(account: ManagedAccount, reading: Reading) -> Books:
    """Begin the books with a reading, and return them. A gap between them and former ones is charged nothing."""
    former_s, begun = account.billed_s, Books.begun(reading, KnownTariffs())
    account.books = begun.document()
    account.billed_s, account.billed_registers_mwh = reading.time_s, reading.registers
    if 0 < former_s < reading.time_s:
        AccountCharge.objects.create(
            account=account, from_s=former_s, until_s=reading.time_s, energy_mwh=0, charge_microunits=0
        )
    return begun


def book(account: ManagedAccount, key: str, kind: str, moves: Sequence[Move], event: Event) -> None:
    """Book an entry of a locked account, and write its balance."""
    post_new(key, kind, moves, event)
    code = chart.account(account.pk)
    for move in moves:
        account.balance_microunits += move.amount * ((move.taker == code) - (move.giver == code))
    account.save(update_fields=["balance_microunits"])


def tariff_of(meter_number: int, version: int) -> Tariff:
    """Return the row of the tariff that a meter tells by its version. Raise UnknownTariff, with the remedy, if none is.

    Two tariffs may have the same version: that of the newest plan for the meter is meant.
    """
    found = list(Tariff.objects.filter(version=version)[:2])
    if len(found) == 1:
        return found[0]
    planned = TariffPlan.objects.filter(meter_id=meter_number, tariff__version=version).order_by("-pk").first()
    if planned is not None:
        return planned.tariff
    if not found:
        raise UnknownTariff(
            "meter %(meter)s has the tariff version %(version)s, which is not in the record; add it on the page"
            " Tariffs as a new version",
            meter=meter_number,
            version=version,
        )
    raise UnknownTariff(
        "several tariffs have the version %(version)s; plan the one of meter %(meter)s for it",
        meter=meter_number,
        version=version,
    )


def reading_of(
    meter_number: int, content: Mapping[str, Any], known: dict[int, tuple[int, MeterTariff]]
) -> Reading | None:
    """Return the reading in the content of a statement, or None if it had no room for registers.

    `known` are the tariffs of the meter by their versions with their rows, each read once.
    """
    if "tariff_version" not in content or not content.get("rate_mwh"):
        return None
    version = content["tariff_version"]
    if version not in known:
        row = tariff_of(meter_number, version)
        known[version] = row.pk, MeterTariff(bytes(row.table))
    return billing.reading_of(content, *known[version])


def meter_tariff(row: int) -> MeterTariff:
    """Return a tariff of the record as the meter reads it."""
    return MeterTariff(bytes(Tariff.objects.values_list("table", flat=True).get(pk=row)))


class KnownTariffs:
    """The tariffs of the record by their rows, each read once."""

    def __init__(self) -> None:
        self._known: dict[int, MeterTariff] = {}

    def __call__(self, row: int) -> MeterTariff:
        """Return a tariff."""
        if row not in self._known:
            self._known[row] = meter_tariff(row)
        return self._known[row]


def _statements(account: ManagedAccount, now_s: int) -> QuerySet[Statement]:
    """Return the statements that are not charged, oldest first. Those of a clock that is ahead wait."""
    rows = Statement.objects.filter(
        meter_id=account.meter_id,  # type: ignore[attr-defined]
        time_s__gt=account.billed_s,
        time_s__lte=now_s + AHEAD_S,
    )
    return rows.order_by("time_s", "total_mwh")


class _Run:
    """A run over the statements of a locked account: it takes one after the other, and books them together."""

    def __init__(self, account: ManagedAccount, now_s: int) -> None:
        self.is_charged = False
        self._account = account
        self._now_s = now_s
        self._known: dict[int, tuple[int, MeterTariff]] = {}
        self._tariffs = KnownTariffs()
        self._books: Books | None = Books.of(account.books) if account.books else None
        self._newest: Reading | None = None
        self._row = 0
        self._cost = 0

    def take(self, row: int, content: Mapping[str, Any]) -> CannotCharge | None:
        """Take a statement by its primary key and content. Return the refusal if it cannot be charged."""
        try:
            reading = reading_of(self._account.meter_id, content, self._known)  # type: ignore[attr-defined]
            if reading is not None:
                self._take(row, reading)
        except CannotCharge as refusal:
            return refusal
        return None

    def book(self) -> None:
        """Book the statements that were taken since the last booking, in one entry of the ledger."""
        if self._newest is not None and self._books is not None:
            version = self._tariffs(self._newest.tariff).version
            _book_charge(self._account, self._books, (self._newest, version, self._cost), self._now_s)
            self._newest, self._cost = None, 0

    def _take(self, row: int, reading: Reading) -> None:
        if self._books is None:
            first = _at_installation(self._account, reading)
            self._begin(row, first or reading)
            if first is None:
                return
        assert self._books is not None
        try:
            self._cost += self._books.take(reading, self._tariffs)
        except RegisterFell as refusal:
            if self._is_late(row, reading):
                return
            if not self._is_excused(reading):
                raise
            self._begin_anew(row, reading, refusal)
            return
        self._newest, self._row, self.is_charged = reading, max(self._row, row), True

    def _begin(self, row: int, reading: Reading) -> None:
        self._books = begin(self._account, reading)
        self._account.save(update_fields=["books", "billed_s", "billed_registers_mwh"])
        self._row, self.is_charged = row, True

    def _begin_anew(self, row: int, reading: Reading, refusal: RegisterFell) -> None:
        """Begin the books with a reading whose register fell, and charge nothing for the fall. A manager has looked."""
        billing.usable(self._tariffs(reading.tariff))
        self.book()
        account = self._account
        meter_number: int = account.meter_id  # type: ignore[attr-defined]
        audit.note(
            _OFFICE,
            "books begin anew",
            f"tenancy:{account.pk}",
            meter=meter_number,
            from_s=account.billed_s,
            until_s=reading.time_s,
            before_mwh=account.billed_registers_mwh,
            after_mwh=reading.registers,
        )
        words = (
            f"The account of tenancy {account.pk} goes on from the statement of meter {meter_number} of"
            f" {rfc3339(reading.time_s)}. Nothing is charged between {rfc3339(account.billed_s)} and that time."
            f" The reason: {refusal}"
        )
        tell_managers(f"books anew:{account.pk}:{reading.time_s}", words, self._now_s)
        self._begin(row, reading)

    def _is_late(self, row: int, reading: Reading) -> bool:
        """Return True if a statement came before one that is charged, and tells no energy beyond it.

        A clock was ahead when it was made, and was put back after that.
        """
        assert self._books is not None
        registers = self._books.registers
        if any(mwh > registers.get(name, 0) for name, mwh in reading.registers.items()):
            return False
        return row < (self._row or self._charged_row())

    def _charged_row(self) -> int:
        """Return the primary key of the statement that was charged last, or 0 if the books are of no statement."""
        account = self._account
        rows = Statement.objects.filter(meter_id=account.meter_id, time_s=account.billed_s)  # type: ignore[attr-defined]
        for row, content in rows.order_by("-pk").values_list("pk", "content"):
            reading = reading_of(account.meter_id, content, self._known)  # type: ignore[attr-defined]
            if reading is not None and reading.registers == account.billed_registers_mwh:
                return row
        return 0

    def _is_excused(self, reading: Reading) -> bool:
        """Return True if a manager has resumed the meter since it made a statement."""
        excused = Meter.objects.values_list("excused", flat=True).get(pk=self._account.meter_id)  # type: ignore[attr-defined]
        return reading.time_s <= excused.get(SINCE, 0)


def _charge_meter(account: ManagedAccount, now_s: int) -> tuple[bool, CannotCharge | None]:
    """Charge the statements of the account's meter, a batch at most. Return True if there were any, and the refusal."""
    run, passed, refusal = _Run(account, now_s), 0, None
    while found := _batch(account, now_s, passed):
        refusal = next(filter(None, (run.take(*one) for one in found)), None)
        if refusal is not None or run.is_charged or len(found) < _BATCH:
            break
        passed += _BATCH  # all of them charge nothing, so they are not charged in the next round either
    run.book()
    return run.is_charged, refusal


def _batch(account: ManagedAccount, now_s: int, passed: int) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the primary keys and contents of statements behind some that were passed, oldest first.

    Books begin with the newest statements.
    """
    rows = _statements(account, now_s).values_list("pk", "content")
    if account.books:
        return list(rows[passed : passed + _BATCH])
    return list(rows.reverse()[passed : passed + _BATCH])[::-1]


def _note_not_charged(actor: Actor, account: ManagedAccount, refusal: CannotCharge, now_s: int) -> None:
    """Note the statements that an account leaves behind without a charge, and tell the managers."""
    meter_number: int = account.meter_id  # type: ignore[attr-defined]
    rows = Statement.objects.filter(meter_id=meter_number, time_s__gt=account.billed_s)
    found = rows.aggregate(count=Count("pk"), until_s=Max("time_s"))
    charged_mwh = sum(account.billed_registers_mwh.values())
    told_mwh = rows.order_by("time_s", "total_mwh").values_list("total_mwh", flat=True).last()
    audit.note(
        actor,
        "not charged",
        f"tenancy:{account.pk}",
        meter=meter_number,
        from_s=account.billed_s,
        until_s=found["until_s"],
        charged_mwh=charged_mwh,
        told_mwh=told_mwh,
        reason=str(refusal),
    )
    words = (
        f"The account of tenancy {account.pk} was not charged for {found['count']} statements of meter {meter_number}"
        f" after {rfc3339(account.billed_s)}, up to {rfc3339(found['until_s'])}. The meter told {charged_mwh} mWh at"
        f" the last charge, and {told_mwh} mWh in the newest of them. The reason: {refusal}"
    )
    tell_managers(f"not charged:{account.pk}:{meter_number}:{account.billed_s}", words, now_s)


def _stop(account: ManagedAccount, refusal: RegisterFell) -> None:
    """Stop sales to a meter whose register fell, as for any other contradiction: a manager looks, and resumes them."""
    rows = Meter.objects.filter(pk=account.meter_id, is_stopped=False)  # type: ignore[attr-defined]
    rows.update(is_stopped=True, stop_reason=str(refusal)[:_REASON_LIMIT])


def _at_installation(account: ManagedAccount, reading: Reading) -> Reading | None:
    """Return the reading of a new meter when it took another's place, with registers at zero, or None."""
    place = Installation.objects.filter(meter_id=account.meter_id, until_s=None).first()  # type: ignore[attr-defined]
    if not account.billed_s or place is None or place.start_mwh:
        return None
    begin_s = min(max(place.from_s, account.billed_s), reading.time_s - 1)
    zeros = dict.fromkeys(reading.registers, 0)
    month = KnownTariffs()(reading.tariff).zone.day(begin_s)
    return Reading(begin_s, reading.tariff, zeros, {month_index(month): zeros})


def _enter_replacement(account: ManagedAccount) -> None:
    """Continue with the meter that took the place of the former one. It has no permit and no order of the account."""
    account.meter_id = account.tenancy.meter_number  # type: ignore[attr-defined]
    account.books, account.billed_registers_mwh = {}, {}
    account.permit_until_s, account.is_ordered_on = 0, True
    account.save(update_fields=["meter", "books", "billed_registers_mwh", "permit_until_s", "is_ordered_on"])


def _book_charge(account: ManagedAccount, kept: Books, charged: tuple[Reading, int, int], now_s: int) -> None:
    """Book a charge in one entry of the ledger: the newest reading, the version of its tariff, and the exact cost."""
    newest, version, cost = charged
    from_s, before_mwh = account.billed_s, sum(account.billed_registers_mwh.values())
    amount, account.carried = billing.charged(account.carried, cost)
    account.books = kept.document()
    account.billed_s, account.billed_registers_mwh = newest.time_s, newest.registers
    made = AccountCharge.objects.create(
        account=account,
        from_s=from_s,
        until_s=newest.time_s,
        energy_mwh=sum(newest.registers.values()) - before_mwh,
        charge_microunits=amount,
        tariff_version=version,
    )
    meter_number = account.meter_id  # type: ignore[attr-defined]
    moves = moved(chart.account(account.pk), chart.consumed(meter_number), Site.objects.get().currency, amount)
    if moves:
        event = Event(now_s, utc_day(now_s), f"charge:{made.pk}")
        book(account, f"charge:{account.pk}:{newest.time_s}", "charge", moves, event)
    account.save(update_fields=["books", "carried", "billed_s", "billed_registers_mwh"])
