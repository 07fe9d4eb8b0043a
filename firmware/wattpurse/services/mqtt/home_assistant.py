"""Readings in clear for Home Assistant, and the messages by which it finds them. A setting of the meter asks for them.

Everybody who may read at the broker sees the consumption of the house then. Nothing here moves the load switch: orders
are sealed tokens, and Home Assistant has no key.
"""

import binascii
import json

from wattpurse.core.messages import mqtt, statement
from wattpurse.core.money import supply
from wattpurse.core.money.contract import MONEY, TIME
from wattpurse.core.text import kwh_text, time_text
from wattpurse.services.mqtt.publisher import Publication

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.core.money.account import Account

STATE_EVERY_MS = 60_000

_PREFIX = "homeassistant"
_DIGITS = 3
_ENERGY = {"unit_of_meas": "kWh", "dev_cla": "energy", "stat_cla": "total_increasing"}
_TEXT = {}


class Discovery:
    """The entities of `meter`, announced at each connection and after each change. Its publications have whole topics.

    Names of rates identify their registers: a tariff may put them into another order, and earlier ones keep theirs.
    """

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._clock = meter.board.clock
        self._told_ms: int | None = None
        self._basis: tuple | None = None
        self._is_wanted = True
        self._announced: list[tuple] = []  # `(component, key)` of each
        self._to_announce: list[int] = []
        self._to_remove: list[str] = []  # topics that the broker shall forget

    def connected(self) -> None:
        """Tell everything anew: the broker may be another one."""
        self._is_wanted = True
        self._basis = None

    def withdraw(self) -> None:
        """Let the broker forget entities and readings, and publish no further ones."""
        self._is_wanted = False
        self._to_announce = []
        self._to_remove = [self._config_topic(*one) for one in self._announced] + [self._topic(mqtt.STATE)]

    def next(self) -> Publication | None:
        """Return the next announcement or state that is due, or None."""
        account = self._meter.ledger.account
        if account is None:
            return None
        if self._is_wanted and self._basis != (account.tariff, account.contract):
            self._plan(account)
        if self._to_remove:
            return Publication(self._to_remove.pop(0), b"", True)
        if self._to_announce:
            return self._announcement(self._entities(account)[self._to_announce.pop(0)])
        now_ms = self._clock.ticks_ms()
        is_told = self._told_ms is not None and self._clock.ticks_diff(now_ms, self._told_ms) < STATE_EVERY_MS
        if is_told or not self._is_wanted:
            return None
        self._told_ms = now_ms
        return Publication(self._topic(mqtt.STATE), json.dumps(self._state(account)).encode(), True)

    def _plan(self, account: "Account") -> None:
        """Plan to announce the entities of `account`, and to remove those that it has no longer. The state follows."""
        entities = [(component, key) for key, component, _, _ in self._entities(account)]
        self._to_remove = [self._config_topic(*one) for one in self._announced if one not in entities]
        self._to_announce = list(range(len(entities)))
        self._announced = entities
        self._basis = account.tariff, account.contract
        self._told_ms = None

    def _topic(self, name: str) -> str:
        return mqtt.topic(self._meter.settings.get("meter_number"), name)

    def _config_topic(self, component: str, key: str) -> str:
        return f"{_PREFIX}/{component}/{self._node()}/{key}/config"

    def _node(self) -> str:
        return f"wattpurse_{self._meter.settings.get('meter_number')}"

    def _entities(self, account: "Account") -> list:
        """Return `(key, component, name, further fields)` of every entity."""
        entities = [("total", "sensor", "Energy", _ENERGY)]
        for name in _register_names(account):
            entities.append((_rate_key(name), "sensor", "Energy " + name, _ENERGY))
        if account.contract.unit != TIME:
            entities.append(("credit", "sensor", "Credit", _credit_fields(account)))
            entities.append(("days_left", "sensor", "Credit lasts", {"unit_of_meas": "d", "dev_cla": "duration"}))
        if account.contract.until_s(account) is not None:
            entities.append(("until", "sensor", "Contract until", {"dev_cla": "timestamp"}))
        return entities + [
            ("rate", "sensor", "Tariff", _TEXT),
            ("supply", "binary_sensor", "Supply", {"dev_cla": "power"}),
            ("reason", "sensor", "Supply reason", _TEXT),
            ("alarm", "binary_sensor", "Alarm", {"dev_cla": "problem"}),
            ("alarms", "sensor", "Alarms", _TEXT),
            ("power", "sensor", "Load", {"unit_of_meas": "W", "dev_cla": "power", "stat_cla": "measurement"}),
            ("identify", "button", "Identify", {"dev_cla": "identify"}),
        ]

    def _announcement(self, entity: tuple) -> Publication:
        key, component, name, further = entity
        number = self._meter.settings.get("meter_number")
        node = self._node()
        fields = dict(further)
        fields["name"] = name
        fields["uniq_id"] = f"{node}_{key}"
        fields["dev"] = {"ids": [node], "name": f"Meter {number}", "mf": "Wattpurse", "sw": self._meter.version}
        fields["avty_t"] = self._topic(mqtt.LINK)
        fields["pl_avail"], fields["pl_not_avail"] = mqtt.ONLINE.decode(), mqtt.OFFLINE.decode()
        if component == "button":
            fields["cmd_t"] = self._topic(mqtt.IDENTIFY)
        else:
            fields["stat_t"] = self._topic(mqtt.STATE)
            fields["val_tpl"] = "{{ value_json." + key + " }}"
        return Publication(self._config_topic(component, key), json.dumps(fields).encode(), True)

    def _state(self, account: "Account") -> dict:
        meter = self._meter
        reason = meter.decide()
        bits = meter.statements.alarms()
        alarms = [text for bit, text in statement.ALARM_TEXTS if bits & bit]
        state = {
            "total": kwh_text(account.registers.total_mwh, _DIGITS),
            "rate": account.tariff.rate_names[account.rate],
            "supply": "ON" if supply.is_closed(reason) else "OFF",
            "reason": supply.text(reason),
            "alarm": "ON" if alarms else "OFF",
            "alarms": ", ".join(alarms) or "none",
            "power": meter.supply_watch.power_w,
        }
        for place, name in enumerate(_register_names(account)):
            state[_rate_key(name)] = kwh_text(account.registers.rate_mwh[place], _DIGITS)
        if account.contract.unit != TIME:
            state["credit"] = _credit_text(account)
            state["days_left"] = meter.supply_desk.days_left()
        until_s = account.contract.until_s(account)
        if until_s is not None:
            state["until"] = time_text(until_s, account.tariff.zone)
        return state


def _register_names(account: "Account") -> list:
    """Return the names of the registers in their order: the rates of the tariff, and those of earlier tariffs."""
    return list(account.tariff.rate_names) + account.registers.former_names


def _rate_key(name: str) -> str:
    """Return the key of a rate. A name may have characters that a topic or a template must not have."""
    return "rate_" + binascii.hexlify(name.encode()).decode()


def _credit_fields(account: "Account") -> dict:
    if account.contract.unit == MONEY:
        return {"unit_of_meas": account.tariff.currency.code, "dev_cla": "monetary", "stat_cla": "total"}
    return {"unit_of_meas": "kWh", "dev_cla": "energy", "stat_cla": "total"}


def _credit_text(account: "Account") -> str:
    balance = account.credit_balance()
    if account.contract.unit == MONEY:
        return account.tariff.currency.text(balance).split(" ")[0]
    return kwh_text(balance, _DIGITS)
