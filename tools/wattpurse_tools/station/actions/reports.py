"""Reports on meters and sales."""

from wattpurse.core.money import contract as contracts
from wattpurse_tools.station.actions.tokens import IssuedToken, issued_token
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.order import ENERGY, MONEY, TIME
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.station import Station
from wattpurse_tools.utc_texts import rfc3339


def meter_report(station: Station) -> list[dict]:
    """Return facts about each meter, from the record and its last statement. A missing fact is None.

    Amounts are micro-units and mWh. `findings` has the contradictions in sentences.
    """
    return [_meter_facts(station, meter["number"]) for meter in station.meters()]


def sales(station: Station) -> list[IssuedToken]:
    """Return all tokens ever made, oldest first."""
    return [issued_token(row, currency_of_meter(station, row["meter"])) for row in station.tokens()]


def _meter_facts(station: Station, number: int) -> dict:
    statements = station.statements.of_meter(number)
    owed = station.receipts.unsettled(number)
    currency = currency_of_meter(station, number)
    return {
        "meter": number,
        "currency": currency.code,
        "sold_money": station.statements.sold(number, MONEY),
        "sold_energy": station.statements.sold(number, ENERGY),
        "sold_time_s": station.statements.sold(number, TIME),
        "outstanding": len(station.outstanding_of_meter(number)),
        **_statement_facts(statements),
        "owed_money": sum(row["money"] for row in owed),
        "owed_energy": sum(row["energy"] for row in owed),
        "findings": "; ".join(station.statements.findings(number)),
    }


def _statement_facts(statements: list[Row]) -> dict:
    last = statements[-1] if statements else None
    full = [one for one in statements if one["charged"] is not None]
    return {
        "contract": None if last is None else contracts.by_code(last["contract"]).name,
        "unit": None if last is None else last["unit"],
        "bought": full[-1]["bought"] if full else None,
        "charged": full[-1]["charged"] if full else None,
        "given_back": full[-1]["taken"] if full else None,
        "balance": None if last is None else last["balance"],
        "total_mwh": None if last is None else last["total_mwh"],
        "alarms": None if last is None else last["alarms"],
        "last_seen_s": None if last is None else last["time_s"],
        "last_seen": None if last is None else rfc3339(last["time_s"]),
    }
