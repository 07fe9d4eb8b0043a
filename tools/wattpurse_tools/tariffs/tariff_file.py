"""Tariff files: TOML or JSON documents, encoded into the meter's binary table and decoded from it.

The document is the same in both forms; tools/examples/tariff-household.toml explains every key.
Money and energy are decimal numbers in quotes, so that they are exact.
A mistake is a ValueError that names the key and says how to write it.
"""

import json
import tomllib
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from re import Match
from typing import Any

from wattpurse.core.tariffs import rules, table
from wattpurse.core.tariffs.calendar import CHANGE_LIMIT, LAST_WEEK, Zone, days_in_month
from wattpurse_tools.tariffs import zones
from wattpurse_tools.tariffs.document import (
    BLOCK_PERIODS,
    BLOCKS,
    BLOCKS_BY_DAY,
    BLOCKS_OF_TOTAL,
    DAYLIGHT_RULES,
    DAYS,
    WEEKDAYS,
    document_of,
    holiday_text,
)
from wattpurse_tools.tariffs.fields import Reader, Section, decimal, each, instant, integer, matching, one_of

_DOCUMENT_SUFFIXES = (".toml", ".json")


def load_table(path: Path) -> bytes:
    """Return the binary table in a file: of a .toml or .json document, or as it is in any other file.

    Raise OSError, or ValueError that names the file if it is not a valid tariff.
    """
    is_document = path.suffix in _DOCUMENT_SUFFIXES
    document = load(path) if is_document else {}
    try:
        data = encode(document) if is_document else path.read_bytes()
        table.decode(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return data


def load(path: str | Path) -> dict[str, Any]:
    """Return the document in a .toml or .json file. Raise OSError, or ValueError that names a file it cannot parse."""
    path = Path(path)
    if path.suffix not in _DOCUMENT_SUFFIXES:
        raise ValueError(f"{path.name}: a tariff is written as .toml or .json; rename the file to say which")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: is not text in UTF-8; a {path.suffix} tariff is written with a text editor"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def encode(document: dict[str, Any]) -> bytes:
    """Return the binary table of a document. Raise ValueError with the name of the wrong key."""
    top = Section(document, "")
    rates = top.take("rates", each(_rate, 1, rules.RATE_LIMIT))
    rate_names = [name for name, _, _ in rates]
    if len(set(rate_names)) != len(rate_names):
        raise ValueError("rates: two have the same name; give each its own")
    day_types = _day_types(top.take("day_types", _as_written, None), rate_names)
    fields = {
        "version": top.take("version", integer(0, 0xFFFFFFFF)),
        "activation_s": top.take("activation", instant),
        "currency": top.take("currency", _currency),
        "decimals": top.take("decimals", integer(0, 6), 2),
        "customer_class": top.take("customer_class", integer(0, 255), 0),
        "zone": top.take("zone", _zone),
        "standing_charge_microunits": top.take("standing_charge_per_day", _money, 0),
        "allowance_mwh": top.take("free_kwh_per_month", _energy, 0),
        "month_charge_microunits": top.take("fixed_charge_per_month", _money, 0),
        "minimum_microunits": top.take("minimum_charge_per_month", _money, 0),
        "demand_microunits_per_kw": top.take("demand_charge_per_kw", _money, 0),
        "levies": top.take("levies", _levies, []),
        "blocks_of_total": top.take("blocks", one_of(BLOCKS), 0) == BLOCKS_OF_TOTAL,
        "blocks_by_day": top.take("block_period", one_of(BLOCK_PERIODS), 0) == BLOCKS_BY_DAY,
        "free_in_blocks": top.take("free_kwh_in_blocks", _yes_or_no, True),
        "rates": rates,
        "day_types": list(day_types.values()),
        "seasons": _seasons(top.take("seasons", _as_written, None), list(day_types)),
        "holidays": top.take("holidays", _holidays, []),
    }
    top.finish()
    return table.encode(fields)


def decode(data: bytes) -> dict[str, Any]:
    """Return the document of a binary table. Raise ValueError, with the reason, for a malformed table."""
    return document_of(table.decode(data))


_money = decimal("an amount", rules.MONEY_LIMIT)
_energy = decimal("kWh", rules.ENERGY_LIMIT)
_currency_form = matching(r"[A-Z]{3}", 'write the three capital letters of ISO 4217, such as "EUR"')
_rate_name_form = matching(r"[ -~]{1,6}", "write one to six plain characters, they must fit a small screen")
_offset_form = matching(r"([+-])(\d\d):([0-5]\d)", 'write hours and minutes from UTC, such as "+01:00"')
_clock_form = matching(r"([01]\d|2[0-3]):([0-5]\d)", 'write a time from "00:00" to "23:59"')
_rule_clock_form = matching(r"(-?)([0-3]\d|4[0-8]):([0-5]\d)", 'write a time from "-24:00" to "48:00"')
_percent_form = matching(
    r"(\d{1,3})(?:\.(\d{1,2}))?", 'write a percentage in quotes, at most two decimals, such as "19"'
)
_levy_name_form = matching(r"[ -~]{1,7}", "write one to seven plain characters, they must fit a bill and a screen")
_season_form = matching(r"(\d\d)-(\d\d)", 'write month and day, such as "10-01"')
_holiday_form = matching(r"(?:(\d{4})-)?(\d\d)-(\d\d)", 'write "12-25" for every year or "2026-12-25" for one')


def _currency(value: object, where: str) -> str:
    return _currency_form(value, where)[0]


def _rate_name(value: object, where: str) -> str:
    return _rate_name_form(value, where)[0]


def _minute(value: object, where: str) -> int:
    return _minutes(_clock_form(value, where))


def _rule_minute(value: object, where: str) -> int:
    sign, hours, minutes = _rule_clock_form(value, where).groups()
    return _signed_minutes(sign, hours, minutes)


def _minutes(matched: Match[str]) -> int:
    return int(matched[1]) * 60 + int(matched[2])


def _signed_minutes(sign: str, hours: str, minutes: str) -> int:
    return (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)


def _offset_minutes(value: object, where: str) -> int:
    sign, hours, minutes = _offset_form(value, where).groups()
    return _signed_minutes(sign, hours, minutes)


def _yes_or_no(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{where}: {value!r} will not do; write true or false, without quotes")
    return value


def _percent(value: object, where: str) -> int:
    """Return hundredths of a per cent."""
    matched = _percent_form(str(value) if type(value) is int else value, where)
    permyriad = int(matched[1]) * 100 + int((matched[2] or "").ljust(2, "0"))
    if not 1 <= permyriad <= rules.WHOLE_PERCENT:
        raise ValueError(f"{where}: must be above 0 and at most 100 per cent")
    return permyriad


def _levies(value: object, where: str) -> list[tuple[str, int, int]]:
    levies = each(_levy, 0, rules.LEVY_LIMIT)(value, where)
    names = [name for name, _, _ in levies]
    if len(set(names)) != len(names):
        raise ValueError(f"{where}: two have the same name; give each its own")
    return levies


def _levy(value: object, where: str) -> tuple[str, int, int]:
    section = Section(value, where)
    name = section.take("name", _levy_name_form)[0]
    permyriad = section.take("percent", _percent, None)
    microunits = section.take("per_kwh", _money, None)
    section.finish()
    if (permyriad is None) == (microunits is None):
        raise ValueError(f'{where}: write either percent, such as "19", or per_kwh, such as "0.0205"')
    if permyriad is not None:
        return name, rules.PER_CENT, permyriad
    if not microunits:
        raise ValueError(f"{where}.per_kwh: must be above 0; leave the levy out if there is none")
    return name, rules.PER_KWH, microunits


def _month_day(year: int, month: int, day: int, where: str) -> tuple[int, int]:
    if not (1 <= month <= 12 and 1 <= day <= days_in_month(year, month)):
        raise ValueError(f"{where}: there is no such day; write month and day as in a calendar")
    return month, day


def _season_start(value: object, where: str) -> tuple[int, int]:
    matched = _season_form(value, where)
    return _month_day(2000, int(matched[1]), int(matched[2]), where)


def _holiday(value: object, where: str) -> tuple[int, int, int]:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    matched = _holiday_form(value, where)
    year = int(matched[1] or 0)
    if matched[1] and not rules.FIRST_HOLIDAY_YEAR <= year <= rules.LAST_HOLIDAY_YEAR:
        raise ValueError(f"{where}: the year must lie from {rules.FIRST_HOLIDAY_YEAR} to {rules.LAST_HOLIDAY_YEAR}")
    return (*_month_day(year or 2000, int(matched[2]), int(matched[3]), where), year)


def _holidays(value: object, where: str) -> list[tuple[int, int, int]]:
    holidays = each(_holiday, 0, rules.HOLIDAY_LIMIT)(value, where)
    for index, holiday in enumerate(holidays):
        if holiday in holidays[:index]:
            raise ValueError(f"{where}[{index}]: {holiday_text(*holiday)} is listed twice; leave one out")
    return sorted(holidays, key=lambda holiday: (holiday[2], holiday))


def _zone(value: object, where: str) -> Zone:
    section = Section(value, where)
    name = section.take("name", _zone_name, None)
    if name is not None:
        section.finish()
        try:
            return zones.named(name)
        except ValueError as error:
            raise ValueError(f"{where}.name: {error}") from error
    offset_minutes = section.take("offset", _offset_minutes)
    rule = section.take("daylight", _daylight, ())
    changes = section.take("changes", each(_zone_change, 0, CHANGE_LIMIT), [])
    section.finish()
    try:
        if changes and rule:
            raise ValueError("write either daylight or changes")
        return Zone(offset_minutes, *rule, changes=tuple(number for change in changes for number in change))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _zone_name(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{where}: write a name of the tz database, such as "Europe/Berlin"')
    return value


def _zone_change(value: object, where: str) -> tuple[int, int]:
    section = Section(value, where)
    at_s = section.take("at", instant)
    offset_minutes = section.take("offset", _offset_minutes)
    section.finish()
    if at_s % 60:
        raise ValueError(f"{where}.at: must be a whole minute")
    return at_s // 60, offset_minutes


def _daylight(value: object, where: str) -> tuple:
    if isinstance(value, dict):
        section = Section(value, where)
        start = section.take("start", _daylight_day)
        end = section.take("end", _daylight_day)
        in_utc = section.take("clock", one_of(("wall", "utc"))) == 1
        shift_minutes = section.take("shift_minutes", integer(-180, 180), 60)
        section.finish()
        return start, end, in_utc, shift_minutes
    if not isinstance(value, str) or value not in DAYLIGHT_RULES:
        raise ValueError(f'{where}: {value!r} is not known; write "EU", "US", "none", or a table with start and end')
    return DAYLIGHT_RULES[value]


def _daylight_day(value: object, where: str) -> tuple[int, int, int, int]:
    section = Section(value, where)
    month = section.take("month", integer(1, 12))
    week = section.take("week", integer(1, LAST_WEEK))
    day = section.take("weekday", one_of(WEEKDAYS))
    minute = section.take("time", _rule_minute)
    section.finish()
    return month, week, day, minute


def _rate(value: object, where: str) -> tuple[str, list[int], list[int]]:
    section = Section(value, where)
    name = section.take("name", _rate_name)
    prices = section.take("prices", each(_money, 1, rules.BLOCK_LIMIT))
    limits_mwh = section.take("block_limits_kwh", each(_energy, 0, rules.BLOCK_LIMIT - 1), [])
    section.finish()
    if len(limits_mwh) != len(prices) - 1:
        raise ValueError(
            f"{where}.block_limits_kwh: {len(prices)} prices need {len(prices) - 1} limits; "
            "each is the kWh at which its block ends, the last block has none"
        )
    if sorted(set(limits_mwh)) != limits_mwh or 0 in limits_mwh:
        raise ValueError(f"{where}.block_limits_kwh: each limit must be greater than the one before")
    return name, prices, limits_mwh


def _as_written(value: object, _where: str) -> object:
    return value


def _day_types(value: object, rate_names: list[str]) -> dict[str, list[tuple[int, int]]]:
    if value is None and len(rate_names) == 1:
        return {"every-day": [(0, 0)]}
    if not isinstance(value, dict) or not value:
        raise ValueError("day_types: with more than one rate, write a table for each kind of day: which rate from when")
    if len(value) > rules.DAY_TYPE_LIMIT:
        raise ValueError(f"day_types: {len(value)} of them; there is room for {rules.DAY_TYPE_LIMIT}")
    read_rate = one_of(rate_names)
    return {name: _switches(switches, f"day_types.{name}", read_rate) for name, switches in value.items()}


def _switches(value: object, where: str, read_rate: Reader[int]) -> list[tuple[int, int]]:
    if not isinstance(value, dict):
        raise ValueError(f'{where}: must be a table of times and rates, such as "00:00" = "NIGHT"')
    switches = sorted((_minute(clock, where), read_rate(rate, f'{where}."{clock}"')) for clock, rate in value.items())
    if not switches or switches[0][0] != 0:
        raise ValueError(f'{where}: must begin with "00:00"; add the rate that applies from midnight')
    if len(switches) > rules.SWITCH_LIMIT:
        raise ValueError(f"{where}: {len(switches)} switches; a day has room for {rules.SWITCH_LIMIT}")
    return switches


def _seasons(value: object, day_type_names: list[str]) -> list[tuple[int, int, tuple[int, ...]]]:
    if value is None and len(day_type_names) == 1:
        return [(1, 1, (0,) * len(DAYS))]
    if value is None:
        raise ValueError("seasons: with more than one day type, write at least one season: which day type on which day")
    read_day_type = one_of(day_type_names)

    def read_season(value: object, where: str) -> tuple[int, int, tuple[int, ...]]:
        section = Section(value, where)
        start = section.take("start", _season_start)
        usual = section.take("days", read_day_type, None)
        days = [
            section.take(day, read_day_type) if usual is None else section.take(day, read_day_type, usual)
            for day in DAYS
        ]
        section.finish()
        return (*start, tuple(days))

    seasons = sorted(each(read_season, 1, rules.SEASON_LIMIT)(value, "seasons"))
    for earlier, later in pairwise(seasons):
        if earlier[:2] == later[:2]:
            raise ValueError(f'seasons: two start on "{later[0]:02}-{later[1]:02}"; give each its own day')
    return seasons
