"""Friendly hours (no-disconnect period): times and days on which nobody is cut off for want of credit.

The hours are local time. A customer who was cut off before they began stays cut off. Energy used in friendly hours is
charged, and owed. Under a term energy costs nothing, and the time is owed: from the moment in which friendly hours
began to delay the end of supply to their end. The next days bought pay it back.
"""

from wattpurse.core.tariffs.calendar import DAY_S, LATEST_S, weekday

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account

ALWAYS_S = LATEST_S

_LONGEST_DAYS = 14


def is_friendly(account: "Account", now_s: int) -> bool:
    """Return True in the hours, on the weekdays and, by the tariff's calendar, on the holidays that the terms name."""
    local_s = account.tariff.zone.local_s(now_s)
    terms = account.terms
    return (
        is_between(local_s % DAY_S // 60, terms["friendly_from_minute"], terms["friendly_to_minute"])
        or bool(terms["friendly_weekdays"] >> weekday(local_s // DAY_S) & 1)
        or bool(terms["friendly_holidays"] and account.tariff.is_holiday(local_s // DAY_S))
    )


def owed_s(account: "Account", now_s: int) -> int:
    """Return the seconds of supply beyond the end of the term that the next days bought pay back.

    Two latches of `core.money.supply` limit them. They count while there is no term.
    """
    standing = account.standing
    if not standing["friendly_until_s"] or now_s < standing["term_until_s"]:
        return 0
    return max(0, min(now_s, standing["friendly_until_s"]) - standing["friendly_since_s"])


def ends_s(account: "Account", now_s: int) -> int:
    """Return the first second after the friendly hours that run at `now_s`.

    Return ALWAYS_S if they do not end within two weeks, or not before it.
    """
    time_s = now_s
    while time_s < now_s + _LONGEST_DAYS * DAY_S:
        if not is_friendly(account, time_s):
            return min(time_s, ALWAYS_S)
        time_s = _next_change_s(account, time_s)
    return ALWAYS_S


def _next_change_s(account: "Account", time_s: int) -> int:
    """Return the next second at which friendly hours may begin or end."""
    zone, terms = account.tariff.zone, account.terms
    second = zone.local_s(time_s) % DAY_S
    changes = terms["friendly_from_minute"] * 60, terms["friendly_to_minute"] * 60, DAY_S
    next_s = time_s - second + min(change for change in changes if change > second)
    shift_s = zone.next_shift_s(time_s)
    return next_s if shift_s is None else min(next_s, shift_s)


def is_between(minute: int, first: int, end: int) -> bool:
    """Return True from `first` up to `end`, over midnight if `end` is earlier. Return False if both are the same."""
    if first <= end:
        return first <= minute < end
    return minute >= first or minute < end
