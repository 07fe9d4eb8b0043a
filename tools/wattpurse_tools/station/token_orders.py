"""Every kind of token as people order it: its name on the command line, its arguments, and how they are read.

A reader is a function (words, context) that gives back an Order; ValueError says what is wrong with what was typed.
Amounts are exact decimals in the meter's currency and kWh.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from wattpurse.core.currency import currency_of
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import terms
from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.amounts import parse_amount, parse_credit, parse_kwh_credit, parse_number
from wattpurse_tools.station.card_report import amount_text, time_text
from wattpurse_tools.station.order import ENERGY, MONEY, Order
from wattpurse_tools.tariffs.tariff_file import encode, load

_DAY_S = 86_400
_DAYS_LIMIT = 3660
_TIME_LIMIT = (1 << 32) - 1
_SHORTAGE_LIMIT = 9
_UNITS = {MONEY: contracts.MONEY, ENERGY: contracts.ENERGY}
# Suffix of a term's name: unit for people, decimals.
_AMOUNT_SUFFIXES = {"_microunits": MONEY, "_mwh": ENERGY}


class Context:
    """What an order is for: the row of its meter, with the keys of the site and what the meter has of them."""

    def __init__(self, meter_row, site_keys, key_history) -> None:
        self.meter = meter_row["number"]
        self.currency = currency_of(meter_row)
        self._keys = site_keys
        self._history = key_history

    def credit(self, unit: str, text: str, what: str) -> int:
        """Return the micro-units or mWh of a credit as it was typed."""
        return parse_credit(unit, text, what, self.currency)

    def text(self, unit: str, amount: int) -> str:
        """An amount with its unit."""
        return amount_text(unit, amount, self.currency)

    def next_version(self, kind: int) -> int:
        """The version that a key token brings."""
        return self._history.next_version(self.meter, kind)

    def key(self, kind: int, version: int) -> bytes:
        """The meter's key or the site's, of a version."""
        if kind == token.METER_KEY:
            return self._keys.meter_key(self.meter, version)
        return self._keys.version(version).site_key


def _money(words, context):
    return orders.credit(MONEY, context.credit(MONEY, words[0], "AMOUNT"))


def _energy(words, _context):
    return orders.credit(ENERGY, parse_kwh_credit(words[0], "KWH"))


def _days(words, _context):
    days = parse_number(words[0], "DAYS", 1, _DAYS_LIMIT)
    return Order(token.DAYS, (days * _DAY_S,), f"{days} days")


def _dispense(words, context):
    energy_mwh = parse_kwh_credit(words[0], "KWH")
    daily_mwh = parse_kwh_credit(words[1], "KWH_A_DAY")
    days = parse_number(words[2], "DAYS", 1, _DAYS_LIMIT)
    said = f"at most {context.text(ENERGY, daily_mwh)} a day for {days} days"
    return Order(token.DISPENSE, (energy_mwh, daily_mwh, days * _DAY_S), said, ENERGY, energy_mwh)


def _refund(words, context):
    unit = words[0]
    if unit not in _UNITS:
        raise ValueError(f"{unit}: take back money or energy")
    if words[1] == "all":
        return Order(token.REFUND, (_UNITS[unit], 0), f"take back all {unit}")
    amount = context.credit(unit, words[1], "AMOUNT")
    return Order(token.REFUND, (_UNITS[unit], amount), f"take back {context.text(unit, amount)}")


def _clear(_words, _context):
    return Order(token.CLEAR, (), "clear all credit and debt")


def _tenant(words, _context):
    tenant = parse_number(words[0], "TENANT", 1, _TIME_LIMIT)
    return Order(token.TENANT, (tenant,), f"tenant {tenant} moves in")


def _debt(words, context):
    sign = -1 if words[0].startswith("-") else 1
    amount = sign * context.credit(MONEY, words[0].removeprefix("-"), "AMOUNT")
    return Order(token.DEBT, (amount,), f"debt changes by {context.text(MONEY, amount)}")


def _permit(words, _context):
    until_s = _instant(words[0])
    return Order(token.PERMIT, (until_s,), f"permit until {time_text(until_s)}")


def _switch(words, _context):
    if words[0] not in ("open", "close"):
        raise ValueError(f"{words[0]}: order the switch to open or close")
    return Order(token.SWITCH, (int(words[0] == "open"),), f"switch to {words[0]}")


def _shortage(words, _context):
    level = parse_number(words[0], "LEVEL", 0, _SHORTAGE_LIMIT)
    return Order(token.SHORTAGE, (level,), f"shortage level {level}")


def _contract(words, _context):
    chosen = contracts.by_name(words[0])
    return Order(token.CONTRACT, (chosen.code,), f"contract {chosen.name}")


def _tariff(words, _context):
    path = Path(words[0])
    table = encode(load(path)) if path.suffix in (".toml", ".json") else path.read_bytes()
    return Order(token.TARIFF, (table,), f"tariff version {Tariff(table).version}")


def _term(words, context):
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


def _clear_tamper(_words, _context):
    return Order(token.CLEAR_TAMPER, (), "clear tamper")


def _clock(words, _context):
    utc_s = _instant(words[0]) if words else int(time.time())
    return Order(token.CLOCK, (utc_s,), f"clock {time_text(utc_s)}")


def _meter_key(_words, context):
    return _key(token.METER_KEY, "meter", context)


def _site_key(_words, context):
    return _key(token.SITE_KEY, "site", context)


def _key(kind, which, context):
    version = context.next_version(kind)
    return Order(kind, (version, context.key(kind, version)), f"{which} key of version {version}", amount=version)


def _instant(text):
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.microsecond:
        raise ValueError(f"{text}: write a time with its offset, such as 2026-12-01T00:00:00+01:00")
    utc_s = int(moment.astimezone(UTC).timestamp())
    if not 0 < utc_s <= _TIME_LIMIT:
        raise ValueError(f"{text}: must lie between 1970 and 2106")
    return utc_s


# name, arguments (one in brackets may be left out), what it does, reader
KINDS = (
    ("money", ("AMOUNT",), "credit of money", _money),
    ("energy", ("KWH",), "credit of energy", _energy),
    ("days", ("DAYS",), "days of a term", _days),
    ("dispense", ("KWH", "KWH_A_DAY", "DAYS"), "kWh with a daily maximum and days of validity", _dispense),
    ("refund", ("money|energy", "AMOUNT|all"), "take credit back; the receipt comes with the next statement", _refund),
    ("clear", (), "take all credit and debt out", _clear),
    ("tenant", ("NUMBER",), "take all credit and debt out; from then on it is this tenant's", _tenant),
    ("debt", ("AMOUNT",), "add to the debt that is recovered; below zero, take off it", _debt),
    ("permit", ("UNTIL",), "let supply be on until then", _permit),
    ("switch", ("open|close",), "order the load switch", _switch),
    ("shortage", ("LEVEL",), "level of shortage, 0 for none", _shortage),
    ("contract", ("NAME",), "how supply is paid for", _contract),
    ("tariff", ("FILE",), "a tariff file: TOML, JSON, or as encoded by `wattpurse tariff`", _tariff),
    ("term", ("NAME", "VALUE"), "one of the terms of supply", _term),
    ("clear-tamper", (), "clear what tampering latched", _clear_tamper),
    ("clock", ("[TIME]",), "set the clock ahead; to now unless a time is given", _clock),
    ("meter-key", (), "the meter's next key", _meter_key),
    ("site-key", (), "the site's next key", _site_key),
)
