"""The meters on a list, with state, alarms, last seen and days of credit left; and one meter with its whole history."""

import time
from dataclasses import dataclass

from django.db import transaction
from django.db.models import BigIntegerField, F, Q, QuerySet
from django.db.models.functions import Cast

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.open_accounts import open_account
from wattpurse_tools.office.paging import Slice, slice_of
from wattpurse_tools.record.models import (
    Card,
    Contract,
    Installation,
    ManagedAccount,
    Meter,
    MeterReceipt,
    MonthlyReading,
    Statement,
    TariffPlan,
    Tenancy,
    Token,
)
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.station.station import Station

# Filters of the list.
ALL = "all"
ALARMS = "alarms"
STOPPED = "stopped"
SILENT = "silent"
LOW = "low"
VACANT = "vacant"
RETIRED = "retired"
FILTERS = (ALL, ALARMS, STOPPED, SILENT, LOW, VACANT, RETIRED)

SILENT_DAYS = 45
LOW_DAYS = 3

_DAY_S = 86_400
_HISTORY = 50
_MONTHS = 36


@dataclass(frozen=True)
class MeterRow:
    """A meter on the list: where it is, and the customer there, or None."""

    meter: Meter
    premises: str
    tenancy: Tenancy | None
    silent_days: int | None

    @property
    def account(self) -> ManagedAccount | None:
        """The open account of the tenancy. It has the money: a managed meter tells none."""
        return open_account(self.tenancy)

    @property
    def days_left(self) -> int | None:
        """The days of credit left from now on, by the mean use in the newest statement, or None with an account."""
        if self.meter.days_left is None or self.account is not None:
            return None
        return max(0, self.meter.days_left - (self.silent_days or 0))

    @property
    def state(self) -> str:
        """The state in one word, the worst first."""
        if self.meter.is_retired:
            return RETIRED
        if self.meter.is_stopped:
            return STOPPED
        if self.meter.alarms:
            return "alarm"
        if self.silent_days is not None and self.silent_days > SILENT_DAYS:
            return SILENT
        return "good" if self.meter.told_s else "new"


@dataclass(frozen=True)
class MeterPlaces:
    """The places of a meter, and the contracts, tenancies, cards and planned tariffs that it had, the newest first."""

    installations: list[Installation]
    contracts: list[Contract]
    tenancies: list[Tenancy]
    cards: list[Card]
    plans: list[TariffPlan]


@dataclass(frozen=True)
class MeterHistory:
    """Everything about one meter, the newest first. Tokens and statements are the newest ones."""

    row: MeterRow
    places: MeterPlaces
    months: list[MonthlyReading]
    statements: list[Statement]
    tokens: list[Token]
    receipts: list[MeterReceipt]


def find_meters(text: str = "", chosen: str = ALL, after: int | None = None) -> Slice:
    """Return rows of meters by number. `text` is a number, or the begin of a name of premises or customer.

    Raise ValueError for a filter that there is not.
    """
    meters = _chosen(chosen)
    if text.isdecimal() and len(text) < 19:
        meters = meters.filter(number=int(text))
    elif text:
        there = Tenancy.objects.filter(until_s=None, customer__name__istartswith=text).values("meter_number")
        places = Installation.objects.filter(until_s=None, premises__name__istartswith=text).values("meter_id")
        meters = meters.filter(Q(number__in=there) | Q(number__in=places))
    found = slice_of(meters, "number", after)
    return Slice(rows_of(found.rows), found.following)


def rows_of(meters: list[Meter]) -> list[MeterRow]:
    """Return the rows of some meters, by two questions to the record."""
    numbers = [meter.number for meter in meters]
    installed = Installation.objects.filter(meter__in=numbers, until_s=None)
    places = dict(installed.values_list("meter_id", "premises__name"))
    living = Tenancy.objects.filter(meter_number__in=numbers, until_s=None).select_related("customer", "account")
    tenancies = {one.meter_number: one for one in living}
    now_s = int(time.time())
    return [
        MeterRow(
            meter,
            places.get(meter.number, ""),
            tenancies.get(meter.number),
            (now_s - meter.told_s) // _DAY_S if meter.told_s else None,
        )
        for meter in meters
    ]


def history(number: int) -> MeterHistory:
    """Return everything about a meter. Raise ValueError if it is not in the record."""
    meter = Meter.objects.filter(number=number).first()
    if meter is None:
        raise ValueError(f"there is no meter {number}; search by premises or customer")
    return MeterHistory(
        row=rows_of([meter])[0],
        places=_places(meter),
        months=list(MonthlyReading.objects.filter(meter=meter).order_by("-month")[:_MONTHS]),
        statements=list(Statement.objects.filter(meter=meter).order_by("-time_s", "-id")[:_HISTORY]),
        tokens=list(Token.objects.filter(meter=meter).order_by("-issued_s", "-id")[:_HISTORY]),
        receipts=list(MeterReceipt.objects.filter(meter=meter).order_by("-told_s", "-id")[:_HISTORY]),
    )


def _places(meter: Meter) -> MeterPlaces:
    tenancies = Tenancy.objects.filter(meter_number=meter.number).select_related("customer", "premises")
    plans = TariffPlan.objects.filter(meter=meter).select_related("tariff").order_by("-from_s", "-id")
    there = Installation.objects.filter(meter=meter).select_related("premises").order_by("-from_s", "-id")
    return MeterPlaces(
        installations=list(there),
        contracts=list(Contract.objects.filter(meter=meter).order_by("-from_s", "-id")),
        tenancies=list(tenancies.order_by("-from_s")),
        cards=list(Card.objects.filter(meter_number=meter.number).order_by("-issued_s", "uid")),
        plans=list(plans[:_HISTORY]),
    )


def add_meter(office: Office, actor: Actor, number: int, contract: str) -> Meter:
    """Add a meter to the record, in the currency of the site. Raise ValueError if it is there. Right: order."""
    actor.require("order")
    with transaction.atomic():
        if not Station(office.keys, actor).add_meter(number, site_currency(), contract):
            raise ValueError(f"meter {number} is in the record already")
        audit.note(actor, "meter add", f"meter:{number}", contract=contract)
    return Meter.objects.get(number=number)


def meters_of_choice(customer_type: str = "", feeder: str = "", numbers: str = "") -> list[int]:
    """Return the numbers of meters in use: a typed list, or those of a type of customer and of a feeder.

    Raise ValueError if the list is wrong, or if nothing is chosen.
    """
    if numbers.strip():
        return _typed_numbers(numbers)
    if not customer_type and not feeder:
        raise ValueError("choose a type of customer, a feeder, or write the numbers of the meters")
    meters = Meter.objects.filter(is_retired=False)
    if customer_type:
        tenancies = Tenancy.objects.filter(until_s=None, customer__customer_type__name=customer_type)
        meters = meters.filter(number__in=tenancies.values("meter_number"))
    if feeder:
        places = Installation.objects.filter(until_s=None, premises__feeder__name=feeder)
        meters = meters.filter(number__in=places.values("meter_id"))
    return list(meters.order_by("number").values_list("number", flat=True))


def _typed_numbers(text: str) -> list[int]:
    words = text.replace(",", " ").split()
    wrong = [word for word in words if not (word.isascii() and word.isdecimal() and len(word) < 11)]
    if wrong:
        raise ValueError(f"{wrong[0]}: is no meter number; write numbers with spaces between them")
    return list(dict.fromkeys(map(int, words)))


def _chosen(chosen: str) -> QuerySet[Meter]:
    if chosen not in FILTERS:
        raise ValueError(f"{chosen}: is no filter; choose one of {', '.join(FILTERS)}")
    if chosen == RETIRED:
        return Meter.objects.filter(is_retired=True)
    meters = Meter.objects.filter(is_retired=False)
    if chosen == ALARMS:
        return meters.exclude(alarms="")
    if chosen == STOPPED:
        return meters.filter(is_stopped=True)
    if chosen == SILENT:
        return meters.filter(told_s__lt=int(time.time()) - SILENT_DAYS * _DAY_S)
    if chosen == LOW:
        empty_s = F("told_s") + Cast("days_left", BigIntegerField()) * _DAY_S
        low = meters.annotate(empty_s=empty_s).filter(empty_s__lte=int(time.time()) + LOW_DAYS * _DAY_S)
        # The days of a meter with an account are those of its permit, which the engine renews.
        return low.exclude(pk__in=ManagedAccount.objects.filter(closed_s=None).values("meter"))
    if chosen == VACANT:
        return meters.exclude(number__in=Tenancy.objects.filter(until_s=None).values("meter_number"))
    return meters
