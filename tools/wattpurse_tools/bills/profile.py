"""The load of a bill by day, by rate and by time of day, for pictures. An interval counts where it starts."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from wattpurse.core.tariffs.calendar import DAY_S, HALF_HOUR_S
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.tariffs.load_curve import LoadCurve

HALF_HOURS = DAY_S // HALF_HOUR_S


@dataclass
class LoadProfile:
    """days: mWh by local day and rate. half_hours: mWh of each half hour of the day. start_s, end_s: the period."""

    days: dict[int, dict[str, int]] = field(default_factory=dict)
    half_hours: list[int] = field(default_factory=lambda: [0] * HALF_HOURS)
    start_s: int = 0
    end_s: int = 0

    def mean_power_w(self, half_hour: int) -> int:
        """Return the mean power in a half hour of all days, in W."""
        seconds = max(1, len(self.days)) * HALF_HOUR_S
        return self.half_hours[half_hour] * 3600 // seconds // 1000


def profile_of(tariffs: list[Tariff], load: Iterable[LoadCurve]) -> LoadProfile:
    """Return the profile of a load. tariffs: the first is in force until another one's activation."""
    made = LoadProfile()
    waiting = sorted(tariffs[1:], key=lambda tariff: tariff.activation_s)
    tariff, change_s, rate, local_ahead_s = tariffs[0], -1, "", 0
    for curve in load:
        made.start_s = made.start_s or curve.start_s
        made.end_s = curve.end_s
        for place, energy_mwh in enumerate(curve.energies_mwh):
            start_s = curve.start_s + place * curve.interval_s
            if start_s >= change_s:
                while waiting and waiting[0].activation_s <= start_s:
                    tariff = waiting.pop(0)
                rate = tariff.rate_names[tariff.rate_at(start_s)]
                local_ahead_s = tariff.zone.offset_s(start_s)
                change_s = tariff.next_change_s(start_s)
                if waiting:
                    change_s = min(change_s, waiting[0].activation_s)
            day, second = divmod(start_s + local_ahead_s, DAY_S)
            rates = made.days.setdefault(day, {})
            rates[rate] = rates.get(rate, 0) + energy_mwh
            _spread(made.half_hours, second, curve.interval_s, energy_mwh)
    return made


def _spread(half_hours: list[int], second: int, seconds: int, energy_mwh: int) -> None:
    """Add an energy to the half hours that its interval touches, in equal parts."""
    first, last = second // HALF_HOUR_S, (second + seconds - 1) // HALF_HOUR_S
    share_mwh, rest_mwh = divmod(energy_mwh, last - first + 1)
    half_hours[first % HALF_HOURS] += rest_mwh
    for place in range(first, last + 1):
        half_hours[place % HALF_HOURS] += share_mwh
