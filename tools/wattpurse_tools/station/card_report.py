"""The content of a card, as a table for people and as a document for programs."""

from collections.abc import Mapping

from wattpurse.core import outcome
from wattpurse.core.currency import Currency, exact_decimal_text
from wattpurse.core.messages import token
from wattpurse.core.messages.service_pass import read_operator_pass, read_service_pass
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply
from wattpurse.core.money.token_windows import number_text
from wattpurse.core.seals.sealing import SealBroken
from wattpurse_tools.station.amounts import KWH_DECIMALS
from wattpurse_tools.station.card_capacity import SAMPLE
from wattpurse_tools.station.cards import CUSTOMER, DATA, OPERATOR, SERVICE, CardRead
from wattpurse_tools.station.order import ENERGY, MONEY
from wattpurse_tools.station.station import Station
from wattpurse_tools.station.vending import state_of
from wattpurse_tools.utc_texts import rfc3339, time_text

_DAY_S = 86_400
# The standing number with the time at which a contract ends by itself.
_UNTIL = {
    contracts.Term.code: "term_until_s",
    contracts.Dispenser.code: "dispenser_until_s",
    contracts.Managed.code: "permit_until_s",
}


def document_of(read: CardRead, station: Station) -> dict:
    """Return the whole content of a card. `statement` is None if there is none.

    Amounts are micro-units and mWh. The energy of months is in Wh.
    """
    return {
        "card": {
            "name": read.name,
            "kind": read.card.kind,
            "uid": read.card.uid.hex(),
            "role": read.role,
            "meter": read.meter_number or None,
        },
        "service_pass": _service_pass_document(read) if read.role == SERVICE else None,
        "operator_pass": _operator_pass_document(read) if read.role == OPERATOR else None,
        "tokens": [_token_document(sealed, read, station) for sealed in read.sealed_tokens()],
        "statement": None if read.statement is None else _statement_document(read.statement, station),
    }


def table_of(document: dict, currency: Currency) -> str:
    """Return the document as text."""
    card = document["card"]
    lines = [f"card       {card['name']}, {card['kind']}, UID {card['uid']}, {card['role']}"]
    for name, person in (("service_pass", "technician"), ("operator_pass", "operator")):
        if document[name] is not None:
            lines.append(f"pass       {person} {document[name][person]}, until {_said(document[name]['expires'])}")
    if document["service_pass"] is not None:
        numbers = [str(number) for number in document["service_pass"]["meters"]]
        lines.append(f"meters     {', '.join(numbers) or 'none'}")
    if card["meter"] is not None:
        lines.append(f"meter      {card['meter']}")
    if card["role"] in (CUSTOMER, DATA):
        lines.extend(_token_lines(document["tokens"], currency))
    for one in document.get("missing", ()):
        said = (
            f"{_number(one['sequence'])}: {order_text(one, currency)}, sold, and not on the card; write it there with"
        )
        lines.append(f"missing    {said}: wattpurse card repair {card['name']}")
    if document["statement"] is not None:
        lines.extend(_statement_lines(document["statement"], currency))
    elif card["role"] == CUSTOMER:
        lines.append("statement  none")
    return "\n".join(lines)


def amount_text(unit: str, amount: int, currency: Currency) -> str:
    """Return an amount of money (micro-units) or energy (mWh), exact, with its unit."""
    if unit == ENERGY:
        return f"{exact_decimal_text(amount, KWH_DECIMALS)} kWh"
    return currency.exact_text(amount)


def kinds_table(capacities: list[dict]) -> str:
    """Return the capacities of each kind of card (`card_capacity.capacities`) as a table."""
    rows: list[tuple[str, ...]] = [
        ("kind", "tokens", "statements", "bytes", "months", "receipt", "service", "data card: short", "full")
    ]
    for one in capacities:
        statements = f"{one['statements']}" if one["statements"] else "none"
        receipt = "yes" if one["receipts"] else "no"
        meters = [str(one[name] or "no") for name in ("meters_service", "meters_short", "meters_full")]
        size, months = str(one["statement_bytes"]), str(one["months"])
        rows.append((one["kind"], str(one["tokens"]), statements, size, months, receipt, *meters))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = (
        f"tokens of credit; closed months of a household with {SAMPLE};",
        "service: meters of a service card;",
        "data card: meters at once",
    )
    return "\n".join([*lines, *notes])


def order_text(row: Mapping, currency: Currency) -> str:
    """Return the content of a token (row): its credit, and its words."""
    parts = [row["words"]] if row["words"] else []
    if row["unit"] in (MONEY, ENERGY):
        parts.insert(0, amount_text(row["unit"], row["amount"], currency))
    return ", ".join(parts)


def _service_pass_document(read: CardRead) -> dict:
    try:
        technician, expires_s, meters = read_service_pass(read.written_box.content)
    except SealBroken:
        return {"technician": None, "expires": None, "meters": []}
    return {"technician": technician, "expires": rfc3339(expires_s), "meters": meters}


def _operator_pass_document(read: CardRead) -> dict:
    try:
        operator, expires_s = read_operator_pass(read.written_box.content)
    except SealBroken:
        return {"operator": None, "expires": None}
    return {"operator": operator, "expires": rfc3339(expires_s)}


def _token_document(sealed: bytes, read: CardRead, station: Station) -> dict:
    header = token.read_header(sealed)
    row = None if header is None else station.token(header[0], header[1])
    if row is not None and row["sealed"] != sealed:
        row = None
    return {
        "meter": None if header is None else header[0],
        "sequence": None if header is None else header[1],
        "unit": None if row is None else row["unit"],
        "amount": None if row is None else row["amount"],
        "words": None if row is None else row["words"],
        "state": state_of(station, sealed, read.statement),
    }


def _statement_document(statement: dict, station: Station) -> dict:
    document = dict(statement)
    document["redeemed_elsewhere"] = station.redeemed_elsewhere(statement)
    document["contract"] = contracts.by_code(statement["contract"]).name
    document["time"] = rfc3339(statement["time_s"])
    document["supply"] = supply.text(statement["supply_reason"]) if "supply_reason" in statement else None
    document["until"] = _until_text(statement)
    if "months" in statement:
        document["months"] = [{"month": _month_text(month["index"]), **month} for month in statement["months"]]
    return document


def _token_lines(tokens: list[dict], currency: Currency) -> list[str]:
    lines = []
    for one in tokens:
        order = "" if one["unit"] is None else order_text(one, currency) + ", "
        lines.append(f"token      {_number(one['sequence'])}: {order}{one['state']}")
    return lines or ["tokens     none"]


def _number(sequence: int | None) -> str:
    return "damaged" if sequence is None else number_text(sequence)


def _statement_lines(statement: dict, currency: Currency) -> list[str]:
    lines = [
        f"statement  number {statement['number']}, {_said(statement['time'])}, {statement['contract']}",
        f"alarms     {', '.join(statement['alarms']) or 'none'}",
        f"balance    {amount_text(statement['unit'], statement['balance'], currency)}",
    ]
    lines += _standing_lines(statement, currency)
    if statement["redeemed_elsewhere"]:
        numbers = ", ".join(number_text(number) for number in statement["redeemed_elsewhere"])
        lines.append(f"redeemed   {numbers}: not issued in this station's record")
    if "bought" in statement:
        other = ENERGY if statement["unit"] == MONEY else MONEY
        lines += [
            f"bought     {amount_text(statement['unit'], statement['bought'], currency)}",
            f"charged    {amount_text(statement['unit'], statement['charged'], currency)}",
            f"given back {amount_text(statement['unit'], statement['taken'], currency)}",
            f"besides    {amount_text(other, statement['other_balance'], currency)}",
        ]
    if "tariff_version" in statement:
        lines.append(f"tariff     version {statement['tariff_version']}")
    for sequence, reason in statement.get("voided", ()):
        lines.append(f"voided     token {number_text(sequence)}: {outcome.text(reason)}")
    if "event_link" in statement:
        lines.append(f"events     {statement['event_place']}, newest link {statement['event_link']}")
    if "mean_daily_wh" in statement:
        money = currency.exact_text(statement["mean_daily_microunits"])
        lines.append(f"a day      {_kwh(statement['mean_daily_wh'])} kWh, {money}, mean of seven")
    lines.append(f"total      {amount_text(ENERGY, statement['total_mwh'], currency)}")
    names = rate_names(statement)
    for name, energy_mwh in zip(names, statement.get("rate_mwh", ()), strict=True):
        lines.append(f"{name:<10} {amount_text(ENERGY, energy_mwh, currency)}")
    for place, leg in enumerate(statement.get("legs", ())):
        lines.append(f"L{place + 1}         in {_kwh(leg['import_wh'])} kWh, out {_kwh(leg['export_wh'])} kWh")
    for levy in statement.get("levies", ()):
        so_far = amount_text(MONEY, levy["microunits"], currency)
        this_month = amount_text(MONEY, levy["month_microunits"], currency)
        lines.append(f"{levy['name']:<10} {so_far}, {this_month} this month")
    if statement.get("months"):
        lines += ["", *_month_table(statement["months"], currency, names)]
    return lines


def _standing_lines(statement: dict, currency: Currency) -> list[str]:
    """Return a line for each that is in the statement: supply, end of the contract, tenant, debt, receipt."""
    standing = statement.get("standing", {})
    receipt = statement.get("receipt")
    debt = standing.get("debt_microunits")
    rows = [
        ("supply", statement["supply"]),
        ("until", _said(statement["until"])),
        ("tenant", standing.get("tenant")),
        ("debt", None if debt is None else amount_text(MONEY, debt, currency)),
        ("receipt", None if receipt is None else _receipt_text(receipt, currency)),
    ]
    return [f"{name:<10} {value}" for name, value in rows if value is not None]


def _receipt_text(receipt: dict, currency: Currency) -> str:
    """Return the token of a receipt and the credit that it took out of the meter."""
    amounts = [
        amount_text(unit, receipt[name], currency)
        for unit, name in ((MONEY, "money"), (ENERGY, "energy"))
        if receipt[name]
    ]
    if receipt["debt"]:
        amounts.append(f"a debt of {amount_text(MONEY, receipt['debt'], currency)}")
    if receipt["term_s"]:
        amounts.append(f"{receipt['term_s'] // _DAY_S} days of a term")
    return f"token {number_text(receipt['sequence'])} took out {' and '.join(amounts) or 'nothing'}"


def _until_text(statement: dict) -> str | None:
    """Return the time at which the contract in force ends by itself, or None if it does not."""
    name = _UNTIL.get(statement["contract"])
    until_s = statement.get("standing", {}).get(name)
    return None if until_s is None else rfc3339(until_s)


def rate_names(statement: dict) -> list[str]:
    """Return the names of the registers in a statement. A statement without room for names has numbers."""
    names = [f"rate {number}" for number in range(1, len(statement.get("rate_mwh", ())) + 1)]
    named = statement.get("rate_names", [])
    return named if len(named) == len(names) else names


def _month_table(months: list[dict], currency: Currency, names: list[str]) -> list[str]:
    """Return one line for each month in the statement, the current month first."""
    heads = ["month", "kWh"]
    heads += names[: len(months[0].get("rate_wh", ()))]
    if "charge_microunits" in months[0]:
        heads.append(currency.code)
    has_demand = any("demand_wh" in month for month in months)
    if has_demand:
        heads += ["kW at most", "from"]
    rows = [heads]
    for place, month in enumerate(months):
        row = [month["month"] + ("*" if place == 0 else " "), _kwh(month["total_wh"])]
        row += [_kwh(wh) for wh in month.get("rate_wh", ())]
        if "charge_microunits" in month:
            row.append(exact_decimal_text(month["charge_microunits"], currency.decimals))
        if has_demand:
            known = "demand_wh" in month
            row += [_kwh(2 * month["demand_wh"]), time_text(month["demand_s"])] if known else ["", ""]
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return [*lines, "* the month in which the statement was written"]


def _kwh(wh: int) -> str:
    return f"{wh // 1000}.{wh % 1000:03}"


def _said(time_of_document: str | None) -> str | None:
    """Return a time of a document as people read it."""
    return time_of_document and time_of_document.replace("T", " ").replace("Z", " UTC")


def _month_text(index: int) -> str:
    return f"{index // 12}-{index % 12 + 1:02}"
