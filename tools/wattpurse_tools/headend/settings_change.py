"""Changes of the head-end's settings by a manager, and the token of the figures for Prometheus."""

import re
import secrets
from collections.abc import Mapping
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction

from wattpurse_tools import private_files
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import HeadendPolicy
from wattpurse_tools.refusals import Refusal

FIELDS = (
    "permit_s",
    "renew_s",
    "warn_microunits",
    "warn_days",
    "expiry_days",
    "quiet_from_minute",
    "quiet_until_minute",
    "friendly_from_minute",
    "friendly_until_minute",
    "friendly_weekdays",
    "silent_s",
    "time_zone",
    "web_hook",
    "map_tiles",
    "map_credit",
)

_LEAST_PERMIT_S = 3600
_MOST_PERMIT_S = 366 * 86_400
_MOST_SILENT_S = 90 * 86_400
_MOST_WARN_DAYS = 366
_DAY_MINUTES = 24 * 60
_ALL_WEEKDAYS = 127
_TILES = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?/[A-Za-z0-9._~/{}?=&%-]*")
_TOKEN_BYTES = 32


def change(office: Office, actor: Actor, values: Mapping[str, object]) -> HeadendPolicy:
    """Change settings, by the names of FIELDS, and return all of them. Right: manage.

    Raise Refusal, with no change, for values that contradict one another or are out of their range.
    """
    actor.require("manage")
    with transaction.atomic():
        policy()
        found = HeadendPolicy.objects.select_for_update().get()
        before = {name: getattr(found, name) for name in FIELDS}
        for name in FIELDS:
            setattr(found, name, values.get(name, before[name]))
        _check(found)
        changed = {name: getattr(found, name) for name in FIELDS if getattr(found, name) != before[name]}
        if changed:
            found.save(update_fields=list(changed))
            audit.note(actor, "headend settings", "", before={name: before[name] for name in changed}, after=changed)
    return found


def new_metrics_token(office: Office, actor: Actor) -> str:
    """Make a new token for the figures, put it into the place of the former one, and return it. Right: manage."""
    actor.require("manage")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        audit.note(actor, "metrics token", "")
        private_files.replace(office.folder.metrics_token, token.encode() + b"\n")
    return token


def _check(settings: HeadendPolicy) -> None:
    if not _LEAST_PERMIT_S <= settings.permit_s <= _MOST_PERMIT_S:
        raise Refusal("a permit lasts from an hour to a year")
    if not 0 < settings.renew_s < settings.permit_s:
        raise Refusal("a permit is renewed after its begin and before its end")
    days = (settings.warn_days, settings.expiry_days)
    if settings.warn_microunits < 0 or not all(0 <= one <= _MOST_WARN_DAYS for one in days):
        raise Refusal("the limits of warnings are zero or more, and at most a year")
    if not 0 < settings.silent_s <= _MOST_SILENT_S:
        raise Refusal("a meter is silent after at most 90 days")
    minutes = (settings.quiet_from_minute, settings.quiet_until_minute, settings.friendly_from_minute)
    if not all(0 <= minute < _DAY_MINUTES for minute in minutes):
        raise Refusal("a time of the day is before 24:00")
    if not settings.friendly_from_minute < settings.friendly_until_minute <= _DAY_MINUTES:
        raise Refusal("the hours for switching off end after their begin, on the same day")
    if not 0 < settings.friendly_weekdays <= _ALL_WEEKDAYS:
        raise Refusal("choose at least one weekday for switching off")
    _check_names(settings)


def _check_names(settings: HeadendPolicy) -> None:
    if settings.time_zone not in available_timezones():
        raise Refusal("time zone %(name)s: is unknown; write one such as Africa/Nairobi", name=settings.time_zone)
    ZoneInfo(settings.time_zone)
    if settings.web_hook and not settings.web_hook.startswith("https://"):
        raise Refusal("the web hook begins with https://")
    is_template = all(place in settings.map_tiles for place in ("{z}", "{x}", "{y}"))
    if settings.map_tiles and not (is_template and _TILES.fullmatch(settings.map_tiles)):
        raise Refusal("the address of map pictures is such as https://tiles.example/{z}/{x}/{y}.png")
    if settings.map_tiles and not settings.map_credit.strip():
        raise Refusal("name the source of the map pictures; its licence asks for it")
