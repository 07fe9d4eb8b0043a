"""The records of a meter as CSV files, oldest first, with times in UTC and local; and the event log read back.

Energy is kWh and money the currency's unit, both exact: a thousandth of a Wh, a millionth of the unit.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path

from wattpurse.core.records.events import Event

PROFILE = ("start_utc", "start_local", "seconds", "kwh", "kw", "charge", "flags")
EVENTS = ("utc", "local", "code", "by", "by_code", "number", "extra", "text", "link")
TOPUPS = ("utc", "local", "token", "what", "unit", "amount", "balance", "by")
MONTHS = ("month", "closed", "kwh", "charge", "kw_max", "kw_max_start_utc", "kw_max_start_local")

_MILLION = 1_000_000


def write(path: str | Path, heading: tuple, rows: list) -> None:
    """Write a CSV file with that heading. Raises OSError."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(rows)


def profile_rows(facts: dict) -> list:
    """Of the console's `profile`."""
    return [
        (
            utc_text(one["start_s"]),
            one["start"],
            one["seconds"],
            decimal(one["energy_mwh"]),
            decimal(one["energy_mwh"] * 3600 // one["seconds"]) if one["seconds"] else "",
            decimal(one["charge_microunits"]),
            " ".join(one["flags"]),
        )
        for one in reversed(facts["profile"])
    ]


def event_rows(facts: dict) -> list:
    """Of the console's `events`."""
    return [
        (
            utc_text(one["time_s"]),
            one["time"],
            one["code"],
            one["by"],
            one["by_code"],
            one["number"],
            one["extra"],
            one["text"],
            one["link"] or "",
        )
        for one in reversed(facts["events"])
    ]


def top_up_rows(facts: dict) -> list:
    """Of the console's `topups`."""
    return [
        (
            utc_text(one["time_s"]),
            one["time"],
            one["sequence"],
            one["what"],
            one["unit"] or "",
            "" if one["unit"] is None else decimal(one["amount"]),
            "" if one["unit"] is None else decimal(one["balance"]),
            one["by"],
        )
        for one in reversed(facts["topups"])
    ]


def month_table(facts: dict) -> tuple:
    """`(heading, rows)` of the console's `months`: a column for each rate besides."""
    rows = []
    for one in reversed(facts["months"]):
        demand = one["demand"]
        most = ("", "", "")
        if demand is not None:
            most = kw_of_wh(demand["power_w"]), utc_text(demand["start_s"]), demand["start"]
        common = one["month"], "yes" if one["closed"] else "no", decimal(one["total_mwh"])
        rates = [decimal(mwh) for mwh in one["rate_mwh"]]
        rows.append((*common, decimal(one["charge_microunits"]), *most, *rates))
    return (*MONTHS, *(f"kwh {name}" for name in facts["rates"])), rows


def month_table_of_statement(told: dict) -> tuple:
    """`(heading, rows)` of the months on a card, as far as it has them: local times are not known there."""
    months = told.get("months", [])
    rate_count = len(months[0].get("rate_wh", ())) if months else 0
    rows = []
    for place in range(len(months) - 1, -1, -1):
        one = months[place]
        most = ("", "", "")
        if "demand_wh" in one:
            most = kw_of_wh(2 * one["demand_wh"]), utc_text(one["demand_s"]), ""
        charge = decimal(one["charge_microunits"]) if "charge_microunits" in one else ""
        rates = [kw_of_wh(wh) for wh in one.get("rate_wh", ())]
        rows.append((one["month"], "yes" if place else "no", kw_of_wh(one["total_wh"]), charge, *most, *rates))
    return (*MONTHS, *(f"kwh rate {number}" for number in range(1, rate_count + 1))), rows


def load_events(path: str | Path) -> list:
    """The events of a file that `event_rows` made, newest first. Raises OSError, ValueError naming the line."""
    events = []
    with Path(path).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != EVENTS:
            raise ValueError(f"{path}: not an event log; 'wattpurse export PORT --events {path}' makes one")
        for row in reader:
            try:
                events.append(_event(row))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {reader.line_num}: no event: {error}") from error
    return events[::-1]


def utc_text(utc_s: int) -> str:
    """An instant as `2026-11-22T09:00:00Z`."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decimal(millionths: int) -> str:
    """Exact, with six decimals."""
    whole, rest = divmod(abs(millionths), _MILLION)
    return f"{'-' if millionths < 0 else ''}{whole}.{rest:06}"


def kw_of_wh(thousandths: int) -> str:
    """W as kW, or Wh as kWh, with three decimals."""
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def _event(row):
    time_s = int(datetime.strptime(row["utc"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    link = bytes.fromhex(row["link"]) or None
    return Event(time_s, int(row["code"]), int(row["by_code"]), int(row["number"]), int(row["extra"]), link)
