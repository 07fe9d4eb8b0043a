"""The order readers: one per kind of token, from words of the command line to an Order.

A reader is a function (words, context) that returns an Order. It raises ValueError with the reason if the words are
wrong. Amounts are exact decimals, in the meter's currency or in kWh. `token.KINDS` has the name of each kind at the
command line.
"""

import time
from datetime import datetime
from pathlib import Path

from wattpurse.core.currency import currency_of
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import terms
from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse.core.money.token_windows import ISSUERS
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.amounts import parse_amount, parse_credit, parse_kwh_credit, parse_number
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.key_history import KeyHistory
from wattpurse_tools.station.order import ENERGY, MONEY, Order
from wattpurse_tools.station.rows import Row
from wattpurse_tools.tariffs.tariff_file import load_table
from wattpurse_tools.utc_texts import time_text

_DAY_S = 86_400
_DAYS_LIMIT = 3660
_SHORTAGE_LIMIT = 9
_UNITS = {MONEY: contracts.MONEY, ENERGY: contracts.ENERGY}
# Suffix of a term's name: its unit.
_AMOUNT_SUFFIXES = {"_microunits": MONEY, "_mwh": ENERGY}


class Context:
    """The meter that an order is for: its row in the record, and the keys that the meter has.

    `card` is the number of the card (`key_card.card_number`) that a receipt is for, or 0.
    """

    def __init__(self, meter_row: Row, key_history: KeyHistory, card: int) -> None:
        self.meter = meter_row["number"]
        self.card = card
        self.currency = currency_of(dict(meter_row))
        self._history = key_history

    def credit(self, unit: str, text: str, what: str) -> int:
        """Return the micro-units or mWh of a credit as it was typed."""
        return parse_credit(unit, text, what, self.currency)

    def text(self, unit: str, amount: int) -> str:
        """Return an amount with its unit."""
        return amount_text(unit, amount, self.currency)

    def next_version(self, kind: int) -> int:
        """Return the version of the key that the next key token brings."""
        return self._history.next_version(self.meter, kind)


def _money(words: list[str], context: Context) -> Order:
    return orders.credit(MONEY, context.credit(MONEY, words[0], "AMOUNT"))


def _energy(words: list[str], _context: Context) -> Order:
    return orders.credit(ENERGY, parse_kwh_credit(words[0], "KWH"))


def _days(words: list[str], _context: Context) -> Order:
    days = parse_number(words[0], "DAYS", 1, _DAYS_LIMIT)
    return orders.term(days * _DAY_S)


def _dispense(words: list[str], context: Context) -> Order:
    energy_mwh = parse_kwh_credit(words[0], "KWH")
    daily_mwh = parse_kwh_credit(words[1], "KWH_A_DAY")
    days = parse_number(words[2], "DAYS", 1, _DAYS_LIMIT)
    said = f"at most {context.text(ENERGY, daily_mwh)} a day for {days} days"
    return Order(token.DISPENSE, (energy_mwh, daily_mwh, days * _DAY_S), said, ENERGY, energy_mwh)


def _refund(words: list[str], context: Context) -> Order:
    unit = words[0]
    if unit not in _UNITS:
        raise ValueError(f"{unit}: take back money or energy")
    if words[1] == "all":
        return Order(token.REFUND, (_UNITS[unit], 0, context.card), f"take back all {unit}", card=context.card)
    amount = context.credit(unit, words[1], "AMOUNT")
    return Order(
        token.REFUND, (_UNITS[unit], amount, context.card), f"take back {context.text(unit, amount)}", card=context.card
    )


def _clear(_words: list[str], context: Context) -> Order:
    return Order(token.CLEAR, (context.card,), "clear all credit and debt", card=context.card)


def _tenant(words: list[str], context: Context) -> Order:
    tenant = parse_number(words[0], "TENANT", 1, token.TENANT_LIMIT)
    return Order(token.TENANT, (tenant, context.card), f"tenant {tenant} moves in", amount=tenant, card=context.card)


def _debt(words: list[str], context: Context) -> Order:
    sign = -1 if words[0].startswith("-") else 1
    amount = sign * context.credit(MONEY, words[0].removeprefix("-"), "AMOUNT")
    return Order(token.DEBT, (amount,), f"debt changes by {context.text(MONEY, amount)}")


def _permit(words: list[str], _context: Context) -> Order:
    until_s = _instant(words[0])
    return Order(token.PERMIT, (until_s,), f"permit until {time_text(until_s)}", amount=until_s)


def _switch(words: list[str], _context: Context) -> Order:
    if words[0] not in ("open", "close"):
        raise ValueError(f"{words[0]}: order the switch to open or close")
    return Order(token.SWITCH, (int(words[0] == "open"),), f"switch to {words[0]}")


def _shortage(words: list[str], _context: Context) -> Order:
    level = parse_number(words[0], "LEVEL", 0, _SHORTAGE_LIMIT)
    if level == 0:
        return Order(token.SHORTAGE, (0, 0), "no shortage")
    until_s = _instant(words[1]) if len(words) > 1 else int(time.time()) + _DAY_S
    return Order(token.SHORTAGE, (level, until_s), f"shortage level {level} until {time_text(until_s)}")


def _contract(words: list[str], _context: Context) -> Order:
    chosen = contracts.by_name(words[0])
    return Order(token.CONTRACT, (chosen.code,), f"contract {chosen.name}", amount=chosen.code)


def _tariff(words: list[str], _context: Context) -> Order:
    table = load_table(Path(words[0]))
    return Order(token.TARIFF, (table,), f"tariff version {Tariff(table).version}")


def _term(words: list[str], context: Context) -> Order:
    name = words[0]
    if name not in terms.names():
        raise ValueError(f"no term {name!r}; there are: {', '.join(terms.names())}")
    for suffix, unit in _AMOUNT_SUFFIXES.items():
        if name.endswith(suffix):
            value = parse_amount(unit, words[1], name, context.currency)
            said = context.text(unit, value)
            break
    else:
        value = parse_number(words[1], name, 0, CREDIT_AMOUNT_LIMIT)
        said = str(value)
    terms.Terms().set(name, value)
    return Order(token.TERM, (terms.names().index(name), value), f"{name} {said}")


def _clear_tamper(_words: list[str], _context: Context) -> Order:
    return Order(token.CLEAR_TAMPER, (), "clear tamper")


def _clock(words: list[str], _context: Context) -> Order:
    utc_s = _instant(words[0]) if words else int(time.time())
    return Order(token.CLOCK, (utc_s,), f"clock {time_text(utc_s)}")


def _clock_back(words: list[str], _context: Context) -> Order:
    utc_s = _instant(words[0]) if words else int(time.time())
    return Order(token.CLOCK_BACK, (utc_s,), f"clock back to {time_text(utc_s)}")


def _meter_key(_words: list[str], context: Context) -> Order:
    return _key(token.METER_KEY, "meter", context)


def _site_key(_words: list[str], context: Context) -> Order:
    return _key(token.SITE_KEY, "site", context)


def _key(kind: int, which: str, context: Context) -> Order:
    version = context.next_version(kind)
    return Order(kind, (version,), f"{which} key of version {version}", amount=version)


def _revoke(words: list[str], _context: Context) -> Order:
    issuer = parse_number(words[0], "ISSUER", 1, ISSUERS - 1)
    return Order(token.REVOKE, (issuer,), f"issuer {issuer} is revoked")


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.microsecond:
        raise ValueError(f"{text}: write a time with its offset, such as 2026-12-01T00:00:00+01:00")
    utc_s = int(moment.timestamp())
    if not 0 < utc_s <= LATEST_S:
        raise ValueError(f"{text}: must lie between 1970 and 2105, the last year of a meter's clock")
    return utc_s


# kind, arguments (one in brackets may be left out), help, reader
ORDERS = (
    (token.CREDIT_MONEY, ("AMOUNT",), "credit of money", _money),
    (token.CREDIT_ENERGY, ("KWH",), "credit of energy", _energy),
    (token.DAYS, ("DAYS",), "days of a term", _days),
    (token.DISPENSE, ("KWH", "KWH_A_DAY", "DAYS"), "kWh with a daily maximum and days of validity", _dispense),
    (
        token.REFUND,
        ("money|energy", "AMOUNT|all"),
        "take credit back; the receipt comes with the next statement",
        _refund,
    ),
    (token.CLEAR, (), "take all credit and debt out", _clear),
    (token.TENANT, ("NUMBER",), "take all credit and debt out for the next tenant", _tenant),
    (token.DEBT, ("AMOUNT",), "add to the debt that is recovered; an amount below zero reduces it", _debt),
    (token.PERMIT, ("UNTIL",), "permit supply until a time", _permit),
    (token.SWITCH, ("open|close",), "order the load switch to open or close", _switch),
    (token.SHORTAGE, ("LEVEL", "[UNTIL]"), "level of shortage until a time, or for a day; 0 for none", _shortage),
    (token.CONTRACT, ("NAME",), "the contract of supply", _contract),
    (token.TARIFF, ("FILE",), "a tariff file: TOML, JSON, or as encoded by `wattpurse tariff`", _tariff),
    (token.TERM, ("NAME", "VALUE"), "one of the terms of supply", _term),
    (token.CLEAR_TAMPER, (), "clear the latched tamper", _clear_tamper),
    (token.CLOCK, ("[TIME]",), "set the clock ahead: to a time, or to now", _clock),
    (token.CLOCK_BACK, ("[TIME]",), "set a clock back that is ahead; redeem it at that time", _clock_back),
    (token.METER_KEY, (), "the meter's next key", _meter_key),
    (token.SITE_KEY, (), "the site's next key", _site_key),
    (token.REVOKE, ("ISSUER",), "refuse all tokens of a vending point from now on", _revoke),
)
