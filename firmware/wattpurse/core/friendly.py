"""Friendly hours (no-disconnect period): times of the local day and days on which nobody is cut off for want of credit.

Who was cut off before they began stays so; what is used meanwhile is charged, and owed.
"""

from wattpurse.core.calendar import DAY_S, weekday


def is_friendly(account, now_s: int) -> bool:
    """True in the hours, on the weekdays and, by the tariff's calendar, on the holidays that the terms name."""
    local_s = account.tariff.zone.local_s(now_s)
    terms = account.terms
    return (
        _is_between(local_s % DAY_S // 60, terms["friendly_from_minute"], terms["friendly_to_minute"])
        or bool(terms["friendly_weekdays"] >> weekday(local_s // DAY_S) & 1)
        or bool(terms["friendly_holidays"] and account.tariff.is_holiday(local_s // DAY_S))
    )


def _is_between(minute, first, end):
    """From `first` up to `end`, over midnight where that is earlier; never where both are the same."""
    if first <= end:
        return first <= minute < end
    return minute >= first or minute < end
