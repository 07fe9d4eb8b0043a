"""The fleet at the network: each meter with one state, found by filters that the database works.

The state is the worst thing that is known of a meter. `STATES` has them from the worst to the best one:

| state | reason |
|---|---|
| stopped | statements and record disagree: no sale until a manager has looked |
| alarm | a statement or a message of the meter tells an alarm |
| silent | its link was heard, but not for `HeadendPolicy.silent_s` |
| offline | the broker told that the link has ended |
| off | its managed account has ordered its switch off |
| good | it is connected |
| not connected | it has never been heard at the broker |
"""

import re
from collections import Counter
from dataclasses import dataclass

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)

from wattpurse.core.messages.statement import ALARM_TEXTS
from wattpurse_tools.headend.command_queue import OPEN_STATES
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.paging import Slice, slice_of, state_counts
from wattpurse_tools.record.models import Command, Installation, ManagedAccount, Meter, MeterLink, Tenancy
from wattpurse_tools.refusals import Refusal

STOPPED = "stopped"
ALARM = "alarm"
SILENT = "silent"
OFFLINE = "offline"
OFF = "off"
GOOD = "good"
NOT_CONNECTED = "not connected"
STATES = (STOPPED, ALARM, SILENT, OFFLINE, OFF, GOOD, NOT_CONNECTED)

ALARMS = tuple(text for _, text in ALARM_TEXTS)

DAY_S = 86_400
_NUMBER_DIGITS = 18
_POINT = re.compile(r"@(-?\d{1,9}),(-?\d{1,9})", re.ASCII)


class UnknownFilter(Refusal):
    """The refusal of a filter that there is not."""


def check(name: str, known: tuple[str, ...]) -> None:
    """Raise UnknownFilter unless a list has a filter of this name."""
    if name not in known:
        raise UnknownFilter("%(name)s: is no filter; choose one of %(known)s", name=name, known=", ".join(known))


@dataclass(frozen=True)
class FleetFilter:
    """The meters that a list shows. An empty field asks for nothing.

    `text` is a number, the begin of a name of premises, or a place such as "@-1286389,36817223": latitude and longitude
    in millionths of a degree. `permit_days` chooses managed meters whose permit has ended or ends within so many days.
    `is_silent` chooses silent meters of every state.
    """

    text: str = ""
    state: str = ""
    feeder: str = ""
    alarm: str = ""
    firmware: str = ""
    is_silent: bool = False
    permit_days: int | None = None


@dataclass(frozen=True)
class FleetRow:
    """A meter on the list."""

    meter: Meter
    link: MeterLink | None
    state: str
    premises: str
    feeder: str
    permit_until_s: int | None
    waiting_commands: int

    @property
    def alarms(self) -> str:
        """The alarms of the newest statement and of the link, each once."""
        told = [*self.meter.alarms.split(", "), *(self.link.alarms.split(", ") if self.link else ())]
        return ", ".join(dict.fromkeys(one for one in told if one))


def with_state(now_s: int, silent_s: int | None = None) -> QuerySet[Meter]:
    """Return the meters in use, each with its `state`."""
    case = state_case(now_s, policy().silent_s if silent_s is None else silent_s)
    return Meter.objects.filter(is_retired=False).annotate(state=case)


def state_case(now_s: int, silent_s: int, prefix: str = "") -> Case:
    """Return the expression of a meter's state. `prefix` is the way from the row to the meter, such as "meter__"."""
    link = f"{prefix}link__"
    switched_off = ManagedAccount.objects.filter(meter=OuterRef(f"{prefix}pk"), closed_s=None, is_ordered_on=False)
    return Case(
        When(**{f"{prefix}is_stopped": True}, then=Value(STOPPED)),
        When(~Q(**{f"{prefix}alarms": ""}) | Q(**{f"{link}alarms__gt": ""}), then=Value(ALARM)),
        When(**{f"{link}isnull": True}, then=Value(NOT_CONNECTED)),
        When(**{f"{prefix}seen_s__lt": now_s - silent_s}, then=Value(SILENT)),
        When(**{f"{link}is_online": False}, then=Value(OFFLINE)),
        When(Exists(switched_off), then=Value(OFF)),
        default=Value(GOOD),
        output_field=CharField(),
    )


def meters_by(chosen: FleetFilter, now_s: int) -> QuerySet[Meter]:
    """Return the meters that a filter chooses. Raise UnknownFilter for a state or an alarm that there is not."""
    silent_s = policy().silent_s
    meters = _named(with_state(now_s, silent_s), chosen.text)
    if chosen.state:
        check(chosen.state, STATES)
        meters = meters.filter(state=chosen.state)
    if chosen.feeder:
        places = Installation.objects.filter(until_s=None, premises__feeder__name=chosen.feeder)
        meters = meters.filter(number__in=places.values("meter_id"))
    if chosen.alarm:
        check(chosen.alarm, ALARMS)
        meters = meters.filter(Q(alarms__contains=chosen.alarm) | Q(link__alarms__contains=chosen.alarm))
    if chosen.firmware:
        meters = meters.filter(link__firmware=chosen.firmware)
    if chosen.is_silent:
        meters = meters.filter(silent_at(now_s, silent_s))
    if chosen.permit_days is not None:
        ends = ManagedAccount.objects.filter(closed_s=None, permit_until_s__lte=now_s + chosen.permit_days * DAY_S)
        meters = meters.filter(number__in=ends.values("meter_id"))
    return meters


def silent_at(now_s: int, silent_s: int) -> Q:
    """Return the condition of meters that the broker has not heard for `silent_s`, or never."""
    return Q(seen_s__lt=now_s - silent_s)


def find_meters(chosen: FleetFilter, now_s: int, after: int | None = None) -> Slice:
    """Return rows of the meters that a filter chooses, by number, with a fixed number of questions to the record."""
    found = slice_of(meters_by(chosen, now_s).select_related("link"), "number", after)
    return Slice(_rows_of(found.rows), found.following)


def silent_before_end(now_s: int, within_s: int = DAY_S) -> QuerySet[Meter]:
    """Return silent meters with a running permit that ends within a time, with the end as `permit_s`, the next first.

    The supply of such a meter ends at that time unless the meter is heard or somebody carries a permit to it.
    """
    accounts = ManagedAccount.objects.filter(meter=OuterRef("pk"), closed_s=None)
    ends = Subquery(accounts.values("permit_until_s")[:1], output_field=BigIntegerField())
    meters = with_state(now_s).filter(silent_at(now_s, policy().silent_s))
    return (
        meters.annotate(permit_s=ends).filter(permit_s__gt=now_s, permit_s__lte=now_s + within_s).order_by("permit_s")
    )


def counts_by_state(now_s: int) -> dict[str, int]:
    """Return the number of meters in use in each state."""
    return state_counts(with_state(now_s), STATES)


def counts_by_firmware() -> dict[str, int]:
    """Return the number of meters in use at the broker by the version that they tell, in the order of versions."""
    told = MeterLink.objects.filter(meter__is_retired=False).order_by("firmware").values_list("firmware")
    return dict(told.annotate(Count("meter")))


def firmware_versions() -> list[str]:
    """Return the versions of firmware that meters tell."""
    told = MeterLink.objects.exclude(firmware="").order_by("firmware")
    return list(told.values_list("firmware", flat=True).distinct())


def _named(meters: QuerySet[Meter], text: str) -> QuerySet[Meter]:
    if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS:
        return meters.filter(number=int(text))
    if not text:
        return meters
    point = _POINT.fullmatch(text)
    if point is not None:
        latitude, longitude = map(int, point.groups())
        there = Installation.objects.filter(
            until_s=None, premises__latitude_microdegrees=latitude, premises__longitude_microdegrees=longitude
        )
        return meters.filter(number__in=there.values("meter_id"))
    places = Installation.objects.filter(until_s=None, premises__name__istartswith=text).values("meter_id")
    there = Tenancy.objects.filter(until_s=None, premises__name__istartswith=text).values("meter_number")
    return meters.filter(Q(number__in=places) | Q(number__in=there))


def _rows_of(meters: list[Meter]) -> list[FleetRow]:
    numbers = [meter.number for meter in meters]
    installed = Installation.objects.filter(meter__in=numbers, until_s=None)
    places = {
        number: (name, feeder or "")
        for number, name, feeder in installed.values_list("meter_id", "premises__name", "premises__feeder__name")
    }
    accounts = ManagedAccount.objects.filter(meter__in=numbers, closed_s=None)
    permits = dict(accounts.values_list("meter_id", "permit_until_s"))
    commands = Command.objects.filter(meter__in=numbers, state__in=OPEN_STATES)
    waiting = Counter(commands.values_list("meter_id", flat=True))
    return [
        FleetRow(
            meter=meter,
            link=getattr(meter, "link", None),
            state=meter.state,  # type: ignore[attr-defined]
            premises=places.get(meter.number, ("", ""))[0],
            feeder=places.get(meter.number, ("", ""))[1],
            permit_until_s=permits.get(meter.number) or None,
            waiting_commands=waiting[meter.number],
        )
        for meter in meters
    ]
