"""Hours in which the head-end may switch a customer off, by the settings.

They are the friendly hours of the settings: `friendly_from_minute` to `friendly_until_minute` of the local day, on the
weekdays of `friendly_weekdays`. At all other times nobody is switched off.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from wattpurse_tools.headend.quiet_hours import minute_of_day
from wattpurse_tools.record.models import HeadendPolicy

_DAYS_AHEAD = 14


def may_switch_off(policy: HeadendPolicy, time_s: int) -> bool:
    """Return True if customers may be switched off at a moment."""
    zone = ZoneInfo(policy.time_zone)
    is_day = policy.friendly_weekdays >> datetime.fromtimestamp(time_s, zone).weekday() & 1
    minute = minute_of_day(time_s, zone)
    return bool(is_day) and policy.friendly_from_minute <= minute < policy.friendly_until_minute


def next_off_s(policy: HeadendPolicy, time_s: int) -> int:
    """Return the first second from `time_s` on at which customers may be switched off.

    Return `time_s` itself if the settings have no such hours within two weeks.
    """
    if may_switch_off(policy, time_s):
        return time_s
    zone = ZoneInfo(policy.time_zone)
    midnight = datetime.fromtimestamp(time_s, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for ahead in range(_DAYS_AHEAD + 1):
        day = midnight + timedelta(days=ahead)  # a local day may have 23 or 25 hours
        begin = day.replace(hour=policy.friendly_from_minute // 60 % 24, minute=policy.friendly_from_minute % 60)
        begin_s = int(begin.astimezone(UTC).timestamp())
        if begin_s >= time_s and may_switch_off(policy, begin_s):
            return begin_s
    return time_s
