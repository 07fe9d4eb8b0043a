"""Readings in clear for Home Assistant, and the messages by which it finds them. A setting of the meter asks for them.

Everybody who may read at the broker sees the consumption of the house then. Nothing here moves the load switch: orders
are sealed tokens, and Home Assistant has no key.
"""

import json

from wattpurse.core.messages import mqtt, statement
from wattpurse.core.money import supply
from wattpurse.core.money.contract import MONEY
from wattpurse.core.text import kwh_text
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
    """The entities of `meter`, announced once in the life of this object. Its publications have whole topics."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._clock = meter.board.clock
        self._told_ms: int | None = None
        self._to_announce: list | None = None

    def next(self) -> Publication | None:
        """Return the next announcement or state that is due, or None."""
        account = self._meter.ledger.account
        if account is None:
            return None
        if self._to_announce is None:
            self._to_announce = list(range(len(self._entities(account))))
        if self._to_announce:
            return self._announcement(self._entities(account)[self._to_announce.pop(0)])
        now_ms = self._clock.ticks_ms()
        if self._told_ms is not None and self._clock.ticks_diff(now_ms, self._told_ms) < STATE_EVERY_MS:
            return None
        self._told_ms = now_ms
        return Publication(self._topic(mqtt.STATE), json.dumps(self._state(account)).encode(), True)

    def _topic(self, name: str) -> str:
        return mqtt.topic(self._meter.settings.get("meter_number"), name)

    def _entities(self, account: "Account") -> list:
        """Return `(key, component, name, further fields)` of every entity."""
        unit = account.tariff.currency.code
        credit = {"unit_of_meas": unit, "dev_cla": "monetary", "stat_cla": "total"}
        if account.contract.credit_unit != MONEY:
            credit = {"unit_of_meas": "kWh", "dev_cla": "energy", "stat_cla": "total"}
        entities = [("total", "sensor", "Energy", _ENERGY)]
        for place, name in enumerate(account.tariff.rate_names):
            entities.append((f"rate_{place}", "sensor", "Energy " + name, _ENERGY))
        return entities + [
            ("credit", "sensor", "Credit", credit),
            ("days_left", "sensor", "Credit lasts", {"unit_of_meas": "d", "dev_cla": "duration"}),
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
        node = f"wattpurse_{number}"
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
        return Publication(f"{_PREFIX}/{component}/{node}/{key}/config", json.dumps(fields).encode(), True)

    def _state(self, account: "Account") -> dict:
        meter = self._meter
        reason = meter.decide()
        bits = meter.statements.alarms()
        alarms = [text for bit, text in statement.ALARM_TEXTS if bits & bit]
        state = {
            "total": kwh_text(account.registers.total_mwh, _DIGITS),
            "credit": self._credit(account),
            "days_left": meter.supply_desk.days_left(),
            "rate": account.tariff.rate_names[account.rate],
            "supply": "ON" if supply.is_closed(reason) else "OFF",
            "reason": supply.text(reason),
            "alarm": "ON" if alarms else "OFF",
            "alarms": ", ".join(alarms) or "none",
            "power": meter.supply_watch.power_w,
        }
        for place in range(account.tariff.rate_count):
            state[f"rate_{place}"] = kwh_text(account.registers.rate_mwh[place], _DIGITS)
        return state

    def _credit(self, account: "Account") -> str:
        balance = account.credit_register(account.contract.credit_unit).balance
        if account.contract.credit_unit == MONEY:
            return account.tariff.currency.text(balance).split(" ")[0]
        return kwh_text(balance, _DIGITS)
