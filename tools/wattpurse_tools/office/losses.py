"""Losses: the energy through a feeder against the sum of the meters at its premises, by month.

A meter counts to the feeder of the premises where it was at the end of the month, or where it was last in that month. A
month is compared only if the feeder's meter and every meter behind it have told it as closed; else the loss is unknown,
and the table says how many meters are missing.
"""

from dataclasses import dataclass

from wattpurse_tools.office.report_tables import COUNT, ENERGY, PERCENT, Column, ReportTable
from wattpurse_tools.office.site_days import month_start_s, month_text, site_zone
from wattpurse_tools.record.models import Feeder, Installation, MonthlyReading

_BATCH = 500
_MWH_PER_WH = 1000
_PERCENT_MILLIONTHS = 100_000_000


@dataclass(frozen=True)
class FeederMonth:
    """A month of a feeder. `fed_mwh` is None if its meter is missing or has not told the month."""

    feeder: str
    meters: int
    told: int
    fed_mwh: int | None
    used_mwh: int

    @property
    def lost_mwh(self) -> int | None:
        """The energy that no meter counted, or None if a meter has not told the month."""
        if self.fed_mwh is None or self.told < self.meters:
            return None
        return self.fed_mwh - self.used_mwh

    @property
    def lost_share(self) -> int | None:
        """The loss in millionths of a percent of the energy fed, or None."""
        if self.lost_mwh is None or not self.fed_mwh:
            return None
        return self.lost_mwh * _PERCENT_MILLIONTHS // self.fed_mwh


def feeder_months(month: int) -> list[FeederMonth]:
    """Return the month of each feeder, by name. The record is asked a few times, however many meters there are."""
    feeders = list(Feeder.objects.order_by("name").values_list("id", "name", "meter_id"))
    feeder_of = _feeder_of_meters(month)
    own = [whole for _, _, whole in feeders if whole is not None]
    told = _told(month, [*feeder_of, *own])
    found = []
    for feeder, name, whole in feeders:
        meters = [number for number, one in feeder_of.items() if one == feeder and number != whole]
        used = [told[number] for number in meters if number in told]
        fed = None if whole is None else told.get(whole)
        found.append(FeederMonth(name, len(meters), len(used), fed, sum(used)))
    return found


def losses(month: int) -> ReportTable:
    """Return the losses of a month."""
    rows = [
        (one.feeder, one.meters, one.meters - one.told, one.fed_mwh, one.used_mwh, one.lost_mwh, one.lost_share)
        for one in feeder_months(month)
    ]
    return ReportTable(
        name="losses",
        title=f"Losses in {month_text(month)}",
        columns=(
            Column("feeder"),
            Column("meters", COUNT),
            Column("not told", COUNT),
            Column("fed", ENERGY),
            Column("used", ENERGY),
            Column("lost", ENERGY),
            Column("lost share", PERCENT),
        ),
        rows=rows,
        notes=("A loss is unknown until the feeder's meter and every meter behind it have told the closed month.",),
    )


def _feeder_of_meters(month: int) -> dict[int, int]:
    """Return the feeder of each meter that was behind one in the month."""
    zone = site_zone()
    begin_s, end_s = month_start_s(month, zone), month_start_s(month + 1, zone)
    there = Installation.objects.filter(from_s__lt=end_s).exclude(until_s__lte=begin_s)
    there = there.filter(premises__feeder__isnull=False).order_by("from_s", "id")
    return dict(there.values_list("meter_id", "premises__feeder_id"))


def _told(month: int, meters: list[int]) -> dict[int, int]:
    """Return the energy of the closed month by meter."""
    if len(meters) > _BATCH:
        rows = MonthlyReading.objects.filter(month=month, is_closed=True)
    else:
        rows = MonthlyReading.objects.filter(month=month, is_closed=True, meter_id__in=meters)
    return {number: wh * _MWH_PER_WH for number, wh in rows.values_list("meter_id", "total_wh")}
