"""Bills of stated intervals under samples/tariff.toml, by fractions and the tz database alone."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
DAY_PRICES = (Fraction("0.30"), Fraction("0.50"))
DAY_LIMIT_KWH = 100
NIGHT_PRICE = Fraction("0.20")


def charge_of(intervals):
    """Return the micro-units of `(start, seconds, kWh)` with times in UTC seconds, minute by minute."""
    used, exact = {}, Fraction(0)
    for start_s, seconds, kwh in intervals:
        for minute in range(seconds // 60):
            local = datetime.fromtimestamp(start_s + 60 * minute, UTC).astimezone(BERLIN)
            part = Fraction(kwh) * 60 / seconds
            if not 6 <= local.hour < 22:
                exact += part * NIGHT_PRICE
                continue
            month = local.year, local.month
            before = used.get(month, Fraction(0))
            cheap = min(part, max(Fraction(0), DAY_LIMIT_KWH - before))
            exact += cheap * DAY_PRICES[0] + (part - cheap) * DAY_PRICES[1]
            used[month] = before + part
    return floor(exact * 1_000_000)


def intervals_from(start, minutes, *kwh):
    """Return consecutive intervals of equal length from an ISO time on."""
    first = datetime.fromisoformat(start)
    return [
        (int((first + timedelta(minutes=minutes * place)).timestamp()), minutes * 60, Fraction(value))
        for place, value in enumerate(kwh)
    ]
