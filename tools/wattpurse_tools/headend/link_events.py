"""Outages, returns and opened cases of meters as messages, from their links and statements.

The message of an outage follows after a time without the meter, and that of the return after a time with it. If a link
flaps, its customer gets no message after some outages a day, and the managers get one. If a large share of a feeder's
meters is gone, or of all meters, the managers get one message and the customers none. After such an outage each meter
has the whole time again to come back.

The alarms of a link prove nothing, so they go to the managers. The customer gets a message about an opened case when
an authentic statement shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet

from wattpurse_tools.headend import outbox
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.record.models import Customer, Feeder, HeadendPolicy, LinkWatch, MeterLink, Tenancy
from wattpurse_tools.utc_texts import time_text

MASS_METERS = 3
OUTAGES_A_DAY = 3
TAMPER_ALARM = "tamper"
# All meters are silent for this many times `outage_s`: the broker or its worker is gone, even if links are online.
SILENT_OUTAGES = 4

_ALL = "all"
_DAY_S = 86_400
_ROUND = 500
_PPM = 1_000_000
_OF_LINK, _OF_STATEMENT = "link", "statement"
_FEEDER = "meter__installations__premises__feeder"


@dataclass(frozen=True)
class Group:
    """The meters of a feeder (None: without one): their number, and how many are gone."""

    total: int
    gone: int


def run_round(now_s: int) -> int:
    """Turn the changes since the last round into messages, and return the number of events."""
    with transaction.atomic():
        LinkWatch.objects.get_or_create(subject=_ALL)
        # Rounds at once wait for each other here: the second one finds the events told.
        whole = LinkWatch.objects.select_for_update().get(subject=_ALL)
        return _Round(now_s, policy(), whole).run()


class _Round:
    """One round, in one transaction."""

    def __init__(self, now_s: int, rules: HeadendPolicy, whole: LinkWatch) -> None:
        self._now_s = now_s
        self._rules = rules
        self._whole = whole
        self._gone = Q(is_online=False) | Q(meter__seen_s__lt=now_s - rules.silent_s)
        self._long_gone = Q(is_online=False, changed_s__lte=now_s - rules.outage_s) | Q(
            meter__seen_s__lt=now_s - rules.silent_s
        )
        self._told = 0

    def run(self) -> int:
        """Do it, and return the number of events told."""
        self._tampers()
        groups = self._groups()
        everything = Group(sum(one.total for one in groups.values()), sum(one.gone for one in groups.values()))
        self._mass(
            self._whole, everything, self._is_silent(), "all meters", self._links().filter(self._long_gone).exists()
        )
        if self._whole.since_s is not None:
            return self._told
        out = [feeder for feeder, group in groups.items() if feeder is not None and self._feeder(feeder, group)]
        self._returns()
        self._outages(out)
        return self._told

    def _links(self) -> "QuerySet[MeterLink]":
        return MeterLink.objects.filter(meter__seen_s__gt=0, meter__is_retired=False)

    def _groups(self) -> dict[int | None, Group]:
        """Return the meters by the number of their feeder."""
        rows = self._links().filter(Q(meter__installations__until_s=None)).values(_FEEDER)
        rows = rows.annotate(total=Count("pk", distinct=True), gone=Count("pk", distinct=True, filter=self._gone))
        return {row[_FEEDER]: Group(row["total"], row["gone"]) for row in rows.order_by()}

    def _is_silent(self) -> bool:
        """Return True if no meter at all was heard for a time."""
        newest_s = self._links().aggregate(newest=Max("meter__seen_s"))["newest"]
        return newest_s is not None and newest_s < self._now_s - SILENT_OUTAGES * self._rules.outage_s

    def _feeder(self, feeder: int, group: Group) -> bool:
        """Tell the outage or the return of a feeder, and return True while it is out."""
        watch = LinkWatch.objects.filter(subject=f"feeder:{feeder}").first()
        if watch is None and not group.gone:
            return False
        watch = watch or LinkWatch(subject=f"feeder:{feeder}")
        is_due = self._links().filter(self._long_gone, **{_FEEDER: feeder}, meter__installations__until_s=None).exists()
        name = Feeder.objects.values_list("name", flat=True).get(pk=feeder)
        self._mass(watch, group, False, f"feeder {name}", is_due)
        return watch.since_s is not None or self._is_mass(group)

    def _mass(self, watch: LinkWatch, group: Group, is_silent: bool, name: str, is_due: bool) -> None:
        """Tell the managers the outage of many meters, or their return, once."""
        if watch.since_s is None:
            is_out = is_silent or (self._is_mass(group) and is_due)
            if is_out:
                watch.since_s = self._now_s
                watch.save()
                self._tell_managers(f"out:{watch.subject}:{self._now_s}", self._out_text(name, group, is_silent))
        elif not is_silent and group.gone * 2 * _PPM < group.total * self._rules.mass_share_ppm:
            text = f"The outage of {name} since {time_text(watch.since_s)} has ended."
            self._tell_managers(f"back:{watch.subject}:{watch.since_s}", text)
            watch.since_s, watch.returned_s = None, self._now_s
            watch.save()

    def _is_mass(self, group: Group) -> bool:
        return group.gone >= MASS_METERS and group.gone * _PPM >= group.total * self._rules.mass_share_ppm

    def _out_text(self, name: str, group: Group, is_silent: bool) -> str:
        if is_silent:
            return f"No meter was heard for a time: the broker or its worker may be out ({group.total} meters)."
        return f"Outage of {name}: {group.gone} of {group.total} meters are not reached."

    def _outages(self, feeders_out: Iterable[int]) -> None:
        """Tell the outages of single meters that have lasted long enough."""
        told = LinkWatch.objects.filter(subject__startswith="meter:").exclude(since_s=None)
        numbers = [int(one.partition(":")[2]) for one in told.values_list("subject", flat=True)]
        rows = self._links().filter(self._long_gone).exclude(pk__in=numbers)
        rows = rows.exclude(Q(meter__installations__until_s=None, **{f"{_FEEDER}__in": list(feeders_out)}))
        rows = rows.annotate(feeder=F(_FEEDER), until=F("meter__installations__until_s")).filter(until=None)
        found = list(rows.select_related("meter").order_by("pk")[:_ROUND])
        graces = dict(LinkWatch.objects.exclude(subject__startswith="meter:").values_list("subject", "returned_s"))
        customers = _customers([link.pk for link in found])
        for link in found:
            back_s = max(graces.get(_ALL, 0), graces.get(f"feeder:{getattr(link, 'feeder', None)}", 0))
            if back_s <= self._now_s - self._rules.outage_s:
                self._outage(link, customers.get(link.pk))

    def _outage(self, link: MeterLink, customer: Customer | None) -> None:
        watch = LinkWatch.objects.get_or_create(subject=f"meter:{link.pk}")[0]
        watch.told = [time_s for time_s in watch.told if time_s > self._now_s - _DAY_S]
        if len(watch.told) >= OUTAGES_A_DAY:
            day = self._now_s // _DAY_S
            text = f"The link of meter {link.pk} goes and comes: {len(watch.told)} outages were told in a day."
            outbox.put_to_managers(f"flaps:{link.pk}:{day}", text, self._now_s)
            return
        since_s = link.meter.seen_s if link.is_online else link.changed_s
        watch.since_s = since_s
        watch.told = [*watch.told, self._now_s]
        watch.save()
        self._told += 1
        if customer is not None:
            outbox.withdraw_kind(customer, outbox.RETURN, f"return:{link.pk}:")
            values = {"meter": link.pk, "since_s": since_s}
            outbox.put(customer, outbox.OUTAGE, f"outage:{link.pk}:{since_s}", values, self._now_s)

    def _returns(self) -> None:
        """Write the returns of single meters, on the channels on which the outage was told."""
        out = {
            int(watch.subject.partition(":")[2]): watch
            for watch in LinkWatch.objects.filter(subject__startswith="meter:").exclude(since_s=None)
        }
        seen_since_s = self._now_s - self._rules.silent_s
        back = self._links().filter(pk__in=list(out), is_online=True, meter__seen_s__gte=seen_since_s)
        found = list(back.filter(changed_s__lte=self._now_s - self._rules.return_s).select_related("meter"))
        customers = _customers([link.pk for link in found])
        for link in found:
            watch = out[link.pk]
            since_s, watch.since_s, watch.returned_s = watch.since_s, None, self._now_s
            watch.save()
            self._told += 1
            channels = outbox.withdraw(f"outage:{link.pk}:{since_s}")
            if channels and link.pk in customers:
                at_s = link.changed_s if link.changed_s > (since_s or 0) else link.meter.seen_s
                values = {"meter": link.pk, "at_s": at_s}
                key = f"return:{link.pk}:{since_s}"
                outbox.put(customers[link.pk], outbox.RETURN, key, values, self._now_s, channels)

    def _tampers(self) -> None:
        """Tell opened cases, each once, and forget those that ended a day ago."""
        rows = MeterLink.objects.filter(Q(alarms__contains=TAMPER_ALARM) | Q(meter__alarms__contains=TAMPER_ALARM))
        alarmed = {link.pk: link for link in rows.select_related("meter").order_by("pk")}
        known = {
            int(watch.subject.partition(":")[2]): watch
            for watch in LinkWatch.objects.filter(subject__startswith="meter:").exclude(alarms="")
        }
        for number, link in alarmed.items():
            is_proved = TAMPER_ALARM in link.meter.alarms
            watch = known.get(number) or LinkWatch.objects.get_or_create(subject=f"meter:{number}")[0]
            if not watch.alarms:
                self._tamper(watch, number)
            if is_proved and watch.alarms != _OF_STATEMENT:
                self._prove(watch, number)
        for number, watch in known.items():
            if number not in alarmed and watch.alarmed_s <= self._now_s - _DAY_S:
                watch.alarms = ""
                watch.save()

    def _tamper(self, watch: LinkWatch, number: int) -> None:
        watch.alarms, watch.alarmed_s = _OF_LINK, self._now_s
        watch.save()
        self._tell_managers(f"tampered:{number}:{self._now_s}", f"Meter {number} reports that its case was opened.")

    def _prove(self, watch: LinkWatch, number: int) -> None:
        watch.alarms = _OF_STATEMENT
        watch.save()
        customer = _customers([number]).get(number)
        if customer is not None:
            values = {"meter": number, "since_s": watch.alarmed_s}
            outbox.put(customer, outbox.TAMPER, f"tamper:{number}:{watch.alarmed_s}", values, self._now_s)

    def _tell_managers(self, key: str, text: str) -> None:
        self._told += 1
        outbox.put_to_managers(key, text, self._now_s)


def _customers(numbers: list[int]) -> dict[int, Customer]:
    """Return the customers at meters, by the meter's number."""
    rows = Tenancy.objects.filter(meter_number__in=numbers, until_s=None).select_related("customer")
    return {row.meter_number: row.customer for row in rows}
