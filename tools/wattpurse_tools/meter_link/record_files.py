"""CSV files of a meter's records, oldest first, with times in UTC and in local time; and the event log read back.

Energy is in kWh, exact to the mWh. Money is in units of the currency, exact to the micro-unit.
"""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wattpurse.core.currency import MICROUNIT_DIGITS, decimal_text
from wattpurse.core.records.events import Event

_LEGS = ("l1_in_kwh", "l1_out_kwh", "l2_in_kwh", "l2_out_kwh")
PROFILE = ("start_utc", "start_local", "seconds", "kwh", "kw", "charge", "flags", *_LEGS)
EVENTS = ("utc", "local", "code", "by", "by_code", "number", "extra", "text", "link")
TOPUPS = ("utc", "local", "token", "what", "unit", "amount", "balance", "by")
MONTHS = ("month", "closed", "kwh", "charge", "kw_max", "kw_max_start_utc", "kw_max_start_local")

Facts = dict[str, Any]  # a report of the console, parsed from JSON
Row = tuple[Any, ...]


def csv_bytes(heading: tuple[str, ...], rows: list[Row]) -> bytes:
    """Return a CSV file with that heading."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(heading)
    writer.writerows(rows)
    return file.getvalue().encode()


def profile_rows(facts: Facts) -> list[Row]:
    """Return the rows of the console's report `profile`."""
    return [
        (
            utc_text(one["start_s"]),
            one["start"],
            one["seconds"],
            _exact(one["energy_mwh"]),
            _exact(one["energy_mwh"] * 3600 // one["seconds"]) if one["seconds"] else "",
            _exact(one["charge_microunits"]),
            " ".join(one["flags"]),
            *_legs(one.get("legs_wh")),
        )
        for one in reversed(facts["profile"])
    ]


def _legs(legs_wh: list[list[int]] | None) -> list[str]:
    """Return the energy of each leg in both directions, and empty texts for a meter without clamps."""
    if not legs_wh:
        return [""] * len(_LEGS)
    return [_exact(wh * 1000) for leg in legs_wh for wh in leg]


def event_rows(facts: Facts) -> list[Row]:
    """Return the rows of the console's report `events`."""
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


def top_up_rows(facts: Facts) -> list[Row]:
    """Return the rows of the console's report `topups`."""
    return [
        (
            utc_text(one["time_s"]),
            one["time"],
            one["sequence"],
            one["what"],
            one["unit"] or "",
            "" if one["unit"] is None else _exact(one["amount"]),
            "" if one["unit"] is None else _exact(one["balance"]),
            one["by"],
        )
        for one in reversed(facts["topups"])
    ]


def month_table(facts: Facts) -> tuple[tuple[str, ...], list[Row]]:
    """Return `(heading, rows)` of the console's report `months`, with a column for each rate."""
    rows: list[Row] = []
    for one in reversed(facts["months"]):
        demand = one["demand"]
        demand_columns = ("", "", "")
        if demand is not None:
            demand_columns = _thousands(demand["power_w"]), utc_text(demand["start_s"]), demand["start"]
        common = one["month"], "yes" if one["closed"] else "no", _exact(one["total_mwh"])
        rates = [_exact(mwh) for mwh in one["rate_mwh"]]
        rows.append((*common, _exact(one["charge_microunits"]), *demand_columns, *rates))
    return (*MONTHS, *(f"kwh {name}" for name in facts["rates"])), rows


def month_table_of_statement(statement: Facts) -> tuple[tuple[str, ...], list[Row]]:
    """Return `(heading, rows)` of the months in a card's statement. Local times are left empty: a card has none."""
    months = statement.get("months", [])
    rate_count = len(months[0].get("rate_wh", ())) if months else 0
    rows: list[Row] = []
    for place in range(len(months) - 1, -1, -1):
        one = months[place]
        demand_columns = ("", "", "")
        if "demand_wh" in one:
            demand_columns = _thousands(2 * one["demand_wh"]), utc_text(one["demand_s"]), ""
        charge = _exact(one["charge_microunits"]) if "charge_microunits" in one else ""
        rates = [_thousands(wh) for wh in one.get("rate_wh", ())]
        rows.append(
            (one["month"], "yes" if place else "no", _thousands(one["total_wh"]), charge, *demand_columns, *rates)
        )
    numbers = [f"rate {number}" for number in range(1, rate_count + 1)]
    names = statement.get("rate_names", ())
    return (*MONTHS, *(f"kwh {name}" for name in (names if len(names) == rate_count else numbers))), rows


def load_events(path: str | Path) -> list[Event]:
    """Return the events of a file of `event_rows`, newest first.

    Raise OSError, or ValueError with the number of the wrong line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: is not text; name the file that 'wattpurse export PORT --events FILE' made"
        ) from error
    events = []
    with io.StringIO(text, newline="") as file:
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
    """Return an instant as `2026-11-22T09:00:00Z`."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _thousands(units: int) -> str:
    """Return W as kW, or Wh as kWh, with three decimals."""
    return f"{units // 1000}.{units % 1000:03}"


def _exact(millionths: int) -> str:
    return decimal_text(millionths, MICROUNIT_DIGITS)


def _event(row: dict[str, str]) -> Event:
    time_s = int(datetime.strptime(row["utc"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    link = bytes.fromhex(row["link"]) or None
    return Event(time_s, int(row["code"]), int(row["by_code"]), int(row["number"]), int(row["extra"]), link)
