"""A lean fleet for the figures of the head-end: real sealed statements of many meters, from the core on CPython.

All meters use the same energy at the same hour, so one account composes the payload of an hour, and each meter seals it
with its own keys under a number of its own.
"""

from collections.abc import Callable

from boards.host.chips.aes import aes
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.account import Account
from wattpurse.core.seals import keys
from wattpurse.core.tariffs import rules, table
from wattpurse.core.tariffs.calendar import Zone

FIRST_METER = 20_000_001
KEY_VERSION = 1
VENDING_KEY = b"bench of headend"
SITE_KEY = b"site of headend."
HOUR_S = 3600

_CAPACITY = 480  # a statement to a broker has about this room
_HOUR_MWH = 350_000
_MONTHS_BEFORE = 12
_MONTH_S = 30 * 86_400
_TABLE = {
    "version": 1,
    "activation_s": 1_700_000_000,
    "currency": "EUR",
    "decimals": 2,
    "customer_class": 0,
    "zone": Zone(0),
    "standing_charge_microunits": 0,
    "allowance_mwh": 0,
    "rates": (("NIGHT", (200_000,), ()), ("DAY", (300_000,), ())),
    "day_types": (((0, 0), (360, 1), (1320, 0)),),
    "seasons": ((1, 1, (0,) * 8),),
    "holidays": (),
    **rules.NO_FURTHER_CHARGES,
}


def key_document() -> dict:
    """Return the key file of the fleet's site."""
    return {"format": 1, "key_version": KEY_VERSION, "vending_key": VENDING_KEY.hex(), "site_key": SITE_KEY.hex()}


def key_of_site(meter_number: int) -> bytes:
    """Return the key of a meter of the fleet's own site."""
    return keys.meter_key(aes, VENDING_KEY, meter_number)


class Fleet:
    """Meters from FIRST_METER on, which have had statements for a year at the time `now_s`.

    `meter_key` returns the key of a meter by its number.
    """

    def __init__(self, now_s: int, meter_key: Callable[[int], bytes] = key_of_site) -> None:
        self._meter_key = meter_key
        start_s = now_s - _MONTHS_BEFORE * _MONTH_S
        self._account = Account(table.encode(_TABLE), 1000, 1, contracts.PrepaidMoney, start_s)
        self._keys: dict[int, bytes] = {}
        for month in range(_MONTHS_BEFORE):
            self._account.pass_to(start_s + month * _MONTH_S)
            self._account.consume(_HOUR_MWH * 720)
        self._time_s = now_s
        self._number = 0
        self._payload = b""
        self.pass_hour(0)

    @property
    def time_s(self) -> int:
        """The time of the statements of now."""
        return self._time_s

    @property
    def content(self) -> dict:
        """The content of the statements of now, but for number and meter."""
        return statement.parse(self._payload)

    @property
    def payload(self) -> bytes:
        """The payload of the statements of now."""
        return self._payload

    def pass_hour(self, seconds: int = HOUR_S) -> None:
        """Let time pass and energy flow at all meters."""
        self._time_s += seconds
        self._account.pass_to(self._time_s)
        self._account.consume(_HOUR_MWH)
        payload = statement.compose(self._account, 0, self._time_s, _CAPACITY)
        self._payload = payload + bytes(-len(payload) % 16)
        self._number += 1

    def message(self, meter_number: int) -> tuple[str, bytes]:
        """Return the message with the statement of a meter."""
        key = self._keys.get(meter_number)
        if key is None:
            key = keys.statement_key(aes, self._meter_key(meter_number))
            self._keys[meter_number] = key
        pair = keys.statement_keys(aes, key, carrier.statement_identity(carrier.MQTT, self._number))
        sealed = statement.seal_statement(aes, pair, self._number, meter_number, self._payload)
        return mqtt.topic(meter_number, mqtt.STATEMENT), mqtt.wrap_statement(self._number, sealed)
