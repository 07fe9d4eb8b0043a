"""What is read from a card, as a table for people and as a document for programs."""

from datetime import UTC, datetime

from wattpurse.core.currency import Currency, exact_decimal_text
from wattpurse.core.messages import token
from wattpurse.core.messages.service_pass import SIZE
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply
from wattpurse_tools.station.amounts import KWH_DECIMALS
from wattpurse_tools.station.card_capacity import SAMPLE
from wattpurse_tools.station.cards import CUSTOMER, DATA, OPERATOR, SERVICE
from wattpurse_tools.station.order import ENERGY, MONEY
from wattpurse_tools.station.vending import state_of

_DAY_S = 86_400
# Which standing number says when a contract ends by itself.
_UNTIL = {
    contracts.Term.code: "term_until_s",
    contracts.Dispenser.code: "dispenser_until_s",
    contracts.Managed.code: "permit_until_s",
}


def document_of(read, station) -> dict:
    """Everything on a card that was read (card_desk.CardRead); `statement` is null where there is none.

    Amounts are whole micro-units and mWh, energy of months whole Wh.
    """
    return {
        "card": {
            "name": read.name,
            "kind": read.card.kind,
            "uid": read.card.uid.hex(),
            "role": read.role,
            "meter": read.meter_number or None,
        },
        "service_pass": _pass_document(read, "technician") if read.role == SERVICE else None,
        "operator_pass": _pass_document(read, "operator") if read.role == OPERATOR else None,
        "tokens": [_token_document(sealed, read, station) for sealed in read.sealed_tokens()],
        "statement": None if read.told is None else _statement_document(read.told, station),
    }


def table_of(document: dict, currency: Currency) -> str:
    """The document as text; money in `currency`."""
    card = document["card"]
    lines = [f"card       {card['name']}, {card['kind']}, UID {card['uid']}, {card['role']}"]
    for pass_document in (document["service_pass"], document["operator_pass"]):
        if pass_document is not None:
            (role, person), (_, expires) = pass_document.items()
            lines.append(f"pass       {role} {person}, until {expires}")
    if card["meter"] is not None:
        lines.append(f"meter      {card['meter']}")
    if card["role"] in (CUSTOMER, DATA):
        lines.extend(_token_lines(document["tokens"], currency))
    if document["statement"] is not None:
        lines.extend(_statement_lines(document["statement"], currency))
    elif card["role"] == CUSTOMER:
        lines.append("statement  none")
    return "\n".join(lines)


def amount_text(unit: str, amount: int, currency: Currency) -> str:
    """An amount of money (micro-units) or energy (mWh), exact, with its unit."""
    if unit == ENERGY:
        return f"{exact_decimal_text(amount, KWH_DECIMALS)} kWh"
    return currency.exact_text(amount)


def kinds_table(capacities: list) -> str:
    """What each kind of card can carry (card_capacity.capacities), as a table."""
    rows = [("kind", "tokens", "statements", "bytes", "months", "receipt", "data card: short", "full")]
    for one in capacities:
        statements = f"{one['statements']}" if one["statements"] else "none"
        receipt = "yes" if one["receipts"] else "no"
        meters = [str(one[name] or "no") for name in ("meters_short", "meters_full")]
        size, months = str(one["statement_bytes"]), str(one["months"])
        rows.append((one["kind"], str(one["tokens"]), statements, size, months, receipt, *meters))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = (f"tokens of credit; closed months of a household with {SAMPLE};", "data card: meters at once")
    return "\n".join([*lines, *notes])


def order_text(row, currency: Currency) -> str:
    """What a token (row) says: its credit, or its words."""
    parts = [row["words"]] if row["words"] else []
    if row["unit"] in (MONEY, ENERGY):
        parts.insert(0, amount_text(row["unit"], row["amount"], currency))
    return ", ".join(parts)


def _pass_document(read, person):
    data = read.box.content
    if len(data) != SIZE:
        return {person: None, "expires": None}
    number, expires_s = (int.from_bytes(data[start : start + 4], "little") for start in (0, 4))
    return {person: number, "expires": time_text(expires_s)}


def _token_document(sealed, read, station):
    header = token.read_header(sealed)
    row = None if header is None else station.token(header[0], header[1])
    known = row is not None and row["sealed"] == sealed
    return {
        "meter": None if header is None else header[0],
        "sequence": None if header is None else header[1],
        "unit": row["unit"] if known else None,
        "amount": row["amount"] if known else None,
        "words": row["words"] if known else None,
        "state": state_of(station, sealed, read.told),
    }


def _statement_document(told, station):
    document = dict(told)
    document["redeemed_elsewhere"] = station.redeemed_elsewhere(told)
    document["contract"] = contracts.by_code(told["contract"]).name
    document["time"] = time_text(told["time_s"])
    document["supply"] = supply.text(told["supply_reason"]) if "supply_reason" in told else None
    document["until"] = _until_text(told)
    if "months" in told:
        document["months"] = [{"month": _month_text(month["index"]), **month} for month in told["months"]]
    return document


def _token_lines(tokens, currency):
    lines = []
    for one in tokens:
        said = "" if one["unit"] is None else order_text(one, currency) + ", "
        lines.append(f"token      {one['sequence'] or 'damaged'}: {said}{one['state']}")
    return lines or ["tokens     none"]


def _statement_lines(told, currency):
    lines = [
        f"statement  number {told['number']}, {told['time']}, {told['contract']}",
        f"alarms     {', '.join(told['alarms']) or 'none'}",
        f"balance    {amount_text(told['unit'], told['balance'], currency)}",
    ]
    lines += _standing_lines(told, currency)
    if told["redeemed_elsewhere"]:
        numbers = ", ".join(str(number) for number in told["redeemed_elsewhere"])
        lines.append(f"redeemed   {numbers}: not issued in this station's record")
    if "bought" in told:
        other = ENERGY if told["unit"] == MONEY else MONEY
        lines += [
            f"bought     {amount_text(told['unit'], told['bought'], currency)}",
            f"charged    {amount_text(told['unit'], told['charged'], currency)}",
            f"besides    {amount_text(other, told['other_balance'], currency)}",
            f"tariff     version {told['tariff_version']}",
        ]
    if "event_link" in told:
        lines.append(f"events     {told['event_place']}, newest link {told['event_link']}")
    if "mean_daily_wh" in told:
        money = currency.exact_text(told["mean_daily_microunits"])
        lines.append(f"a day      {_kwh(told['mean_daily_wh'])} kWh, {money}, mean of seven")
    lines.append(f"total      {amount_text(ENERGY, told['total_mwh'], currency)}")
    for number, energy_mwh in enumerate(told.get("rate_mwh", ()), 1):
        lines.append(f"rate {number}     {amount_text(ENERGY, energy_mwh, currency)}")
    if told.get("months"):
        lines += ["", *_month_table(told["months"], currency)]
    return lines


def _standing_lines(told, currency):
    """Supply, the end of the contract, tenant, debt and receipt: a line each, where the statement tells of it."""
    standing = told.get("standing", {})
    receipt = told.get("receipt")
    debt = standing.get("debt_microunits")
    rows = [
        ("supply", told["supply"]),
        ("until", told["until"]),
        ("tenant", standing.get("tenant")),
        ("debt", None if debt is None else amount_text(MONEY, debt, currency)),
        ("receipt", None if receipt is None else _receipt_text(receipt, currency)),
    ]
    return [f"{name:<10} {value}" for name, value in rows if value is not None]


def _receipt_text(receipt, currency) -> str:
    """What token took how much out of the meter, for the station to settle."""
    amounts = [
        amount_text(unit, receipt[name], currency)
        for unit, name in ((MONEY, "money"), (ENERGY, "energy"))
        if receipt[name]
    ]
    if receipt["debt"]:
        amounts.append(f"a debt of {amount_text(MONEY, receipt['debt'], currency)}")
    if receipt["term_s"]:
        amounts.append(f"{receipt['term_s'] // _DAY_S} days of a term")
    return f"token {receipt['sequence']} took out {' and '.join(amounts) or 'nothing'}"


def _until_text(told):
    """When the contract in force ends by itself; None for those that do not, and where nothing was bought."""
    name = _UNTIL.get(told["contract"])
    until_s = told.get("standing", {}).get(name)
    return None if until_s is None else time_text(until_s)


def _month_table(months, currency):
    """One line for each month, the one that runs first; only what the card had room for."""
    heads = ["month", "kWh"]
    rates = len(months[0].get("rate_wh", ()))
    heads += [f"rate {number}" for number in range(1, rates + 1)]
    if "charge_microunits" in months[0]:
        heads.append(currency.code)
    tells_demand = any("demand_wh" in month for month in months)
    if tells_demand:
        heads += ["kW at most", "from"]
    rows = [heads]
    for place, month in enumerate(months):
        row = [month["month"] + ("*" if place == 0 else " "), _kwh(month["total_wh"])]
        row += [_kwh(wh) for wh in month.get("rate_wh", ())]
        if "charge_microunits" in month:
            row.append(exact_decimal_text(month["charge_microunits"], currency.decimals))
        if tells_demand:
            known = "demand_wh" in month
            row += [_kwh(2 * month["demand_wh"]), time_text(month["demand_s"])] if known else ["", ""]
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return [*lines, "* the month that ran when the statement was written"]


def _kwh(wh) -> str:
    return f"{wh // 1000}.{wh % 1000:03}"


def _month_text(index) -> str:
    return f"{index // 12}-{index % 12 + 1:02}"


def time_text(utc_s: int) -> str:
    """A time, for people."""
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
