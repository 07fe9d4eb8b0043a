"""Home Assistant with its own MQTT integration, a broker, and simulated meters: entities, states, and the button.

`make test-ha` installs Home Assistant and runs this file. `make test` does not collect it.
"""

import json
import time

import pytest

from boards.host.chips.aes import aes
from tests.home_assistant.core import LOOK_S, HomeAssistant
from tests.samples import day_and_night_tariff, flat_tariff
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement, token
from wattpurse.core.seals import keys
from wattpurse_tools.bench.meter_at_broker import METER_KEY, METER_NUMBER, SITE_KEY, MeterAtBroker
from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.meter_link.broker import Access, Broker

LIMIT_S = 60
SPEED = 20
TWENTY = 20_000_000
LOAD_W = 3_000

ENERGY = {"device_class": "energy", "state_class": "total_increasing", "unit_of_measurement": "kWh"}
SENSORS = {
    "energy": ENERGY,
    "energy_night": ENERGY,
    "energy_day": ENERGY,
    "credit": {"device_class": "monetary", "state_class": "total", "unit_of_measurement": "EUR"},
    "credit_lasts": {"device_class": "duration", "unit_of_measurement": "d"},
    "tariff": {},
    "supply_reason": {},
    "alarms": {},
    "load": {"device_class": "power", "state_class": "measurement", "unit_of_measurement": "W"},
}
BINARY_SENSORS = {"supply": {"device_class": "power"}, "alarm": {"device_class": "problem"}}
# In the meter's JSON by their own names; rates have their names in hex there.
KEYS = {
    "energy": "total",
    "energy_night": "rate_" + b"NIGHT".hex(),
    "energy_day": "rate_" + b"DAY".hex(),
    "credit": "credit",
    "credit_lasts": "days_left",
    "tariff": "rate",
    "supply_reason": "reason",
    "alarms": "alarms",
    "load": "power",
}
LOST_CONNECTION = ("Disconnected from MQTT server", "Failed to connect to MQTT", "Error returned from MQTT server")


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Mosquitto(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture(scope="module")
def home(tmp_path_factory, broker):
    with HomeAssistant(tmp_path_factory.mktemp("home_assistant")) as one:
        one.add_broker(broker.port)
        yield one


class House:
    """A meter at the broker with a number of its own, and Home Assistant, which shows it."""

    numbers = iter(range(METER_NUMBER, METER_NUMBER + 100))

    def __init__(self, home, broker, tmp_path, *lines):
        self.number = next(self.numbers)
        self.broker = Broker(Access(broker.address))
        self.broker.subscribe(self.topic("#"))
        (tmp_path / "tariff").write_text("tariff set " + day_and_night_tariff().hex())
        words = f"mqtt broker {broker.address}", "mqtt home-assistant on", "mqtt every 1", f"--load {LOAD_W}"
        lines = (f"@{tmp_path}/tariff", *words, *lines)
        self.meter = MeterAtBroker(lines, SPEED, self.number, METER_KEY, SITE_KEY)
        self._home = home

    def __enter__(self):
        self.meter.__enter__()
        return self

    def __exit__(self, *error):
        self.broker.close()
        self.meter.__exit__(*error)

    def topic(self, name):
        """Return a topic of this meter."""
        return mqtt.topic(self.number, name)

    def entity(self, name, component="sensor"):
        """Return the identifier that Home Assistant gives an entity."""
        return f"{component}.meter_{self.number}_{name}"

    def forget_messages(self):
        """Forget the messages that have come."""
        for _ in self.broker.messages(LOOK_S):
            pass

    def await_message(self, name, fits=lambda payload: True):
        """Return the payload of the next message on a topic that fits."""
        for one, payload in self.broker.messages(LIMIT_S):
            if one == self.topic(name) and fits(payload):
                return payload
        raise AssertionError(f"no message {name}")

    def send_token(self, sequence, *fields):
        """Send a token, which the meter has to accept."""
        pair = keys.token_keys(aes, METER_KEY)
        data = token.seal_token(aes, pair, 1, self.number, sequence, *token.make(*fields))
        self.broker.publish(self.topic(mqtt.TOKEN), data)
        assert json.loads(self.await_message(mqtt.RECEIPT))["outcome"] == "accepted"

    def statement(self):
        """Return the content of the next statement."""
        number, sealed = mqtt.unwrap_statement(self.await_message(mqtt.STATEMENT))
        identity = carrier.statement_identity(carrier.MQTT, number)
        pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), identity)
        return statement.open_statement(aes, pair, sealed)

    def await_shown(self, name, fits, component="sensor"):
        """Wait until the state of an entity fits, and return it."""
        entity = self.entity(name, component)

        def is_there(states):
            return entity in states and fits(states[entity]["state"])

        return self._home.await_states(is_there, LIMIT_S)[entity]["state"]

    def await_number(self, name, above):
        """Wait until the number that an entity shows is above a limit, and return it."""
        return float(self.await_shown(name, lambda state: state[0].isdigit() and float(state) > above))

    def await_online(self):
        """Wait until Home Assistant shows the first state."""
        self.await_shown("supply_reason", lambda state: state not in ("unavailable", "unknown"))


@pytest.fixture
def at_home(home, broker, tmp_path):
    """Return a function that makes a house. Afterwards Home Assistant must not have complained."""
    yield lambda *lines: House(home, broker, tmp_path, *lines)
    assert home.complaints() == []
    assert home.evaluate("{{ issues() | select('contains', 'mqtt') | list }}") == "[]"


def test_every_entity_has_its_class_and_unit(home, at_home):
    with at_home() as house:
        house.await_online()
        states = home.states()
        wanted = {house.entity(name): attributes for name, attributes in SENSORS.items()}
        wanted.update({house.entity(name, "binary_sensor"): one for name, one in BINARY_SENSORS.items()})
        wanted[house.entity("identify", "button")] = {"device_class": "identify"}
        shown = {name: one["attributes"] for name, one in states.items() if f"meter_{house.number}" in name}
        assert set(shown) == set(wanted)
        for name, attributes in shown.items():
            attributes.pop("friendly_name")
            assert attributes == wanted[name], name
        device = f"device_attr('{house.entity('credit')}', '%s')"
        assert home.evaluate("{{ " + device % "manufacturer" + " }}") == "Wattpurse"
        assert home.evaluate("{{ " + device % "name" + " }}") == f"Meter {house.number}"


def test_states_are_those_that_the_meter_publishes(home, at_home):
    with at_home() as house:
        house.await_online()
        house.send_token(1, token.CREDIT_MONEY, TWENTY)
        house.await_number("energy", 0.2)
        house.forget_messages()
        payload = json.loads(house.await_message(mqtt.STATE, lambda data: json.loads(data)["supply"] == "ON"))
        texts = {name: "unknown" if payload[key] is None else str(payload[key]) for name, key in KEYS.items()}
        house.await_shown("energy", lambda state: state == texts["energy"])
        states = home.states()
        assert {name: states[house.entity(name)]["state"] for name in KEYS} == texts
        assert states[house.entity("supply", "binary_sensor")]["state"] == "on"
        assert states[house.entity("alarm", "binary_sensor")]["state"] == "off"
        assert (texts["supply_reason"], texts["alarms"]) == ("on", "none")
        assert abs(int(texts["load"]) - LOAD_W) < LOAD_W // 10


def test_states_agree_with_the_sealed_statements_before_and_after(at_home):
    with at_home() as house:
        house.await_online()
        house.send_token(1, token.CREDIT_MONEY, TWENTY)
        house.await_number("energy", 0)
        house.forget_messages()
        before = house.statement()
        shown = house.await_number("energy", before["total_mwh"] / 1_000_000)
        credit = house.await_shown("credit", lambda state: True)
        house.statement()
        after = house.statement()
        assert before["total_mwh"] < 1_000_000 * shown <= after["total_mwh"]
        assert before["balance"] >= 1_000_000 * float(credit) >= after["balance"] - 10_000


def test_supply_without_credit_is_off_with_its_reason(at_home):
    with at_home() as house:
        house.await_shown("supply_reason", lambda state: state == "no credit")
        house.await_shown("supply", lambda state: state == "off", "binary_sensor")
        house.await_shown("credit", lambda state: state == "0.00")


def test_a_tariff_that_takes_over_keeps_the_energy_of_earlier_rates(home, at_home):
    with at_home() as house:
        house.await_online()
        house.send_token(1, token.CREDIT_MONEY, TWENTY)
        house.await_number("energy", 0.02)
        rate = house.await_shown("tariff", lambda state: True)
        other = house.entity({"DAY": "energy_night", "NIGHT": "energy_day"}[rate])
        assert home.states()[other]["state"] == "0.000"
        house.send_token(2, token.TARIFF, flat_tariff(version=9))
        home.await_states(lambda states: other not in states)
        now = house.await_number("energy_all", 0.02)
        kept = house.await_number("energy_" + rate.lower(), 0.02)
        total = house.await_number("energy", kept + now - 0.001)
        assert kept < total
        assert house.await_number("energy_" + rate.lower(), 0) == kept


def test_the_button_makes_the_meter_sound(home, at_home):
    with at_home() as house:
        house.await_online()
    assert house.meter.report["beeps"] == 0
    with at_home() as house:
        house.await_online()
        home.press(house.entity("identify", "button"))
        house.await_message(mqtt.IDENTIFY)
        time.sleep(1)
    assert house.meter.report["beeps"] > 0


def test_a_meter_that_loses_power_is_unavailable(at_home):
    with at_home() as house:
        house.await_online()
        house.meter.stop()
        for name in ("credit", "energy", "supply_reason"):
            house.await_shown(name, lambda state: state == "unavailable")
        house.await_shown("identify", lambda state: state == "unavailable", "button")


def test_entities_come_back_when_home_assistant_restarts(home, at_home):
    with at_home() as house:
        house.await_online()
        home.stop()
        home.start()
        house.await_online()


def test_a_meter_without_the_setting_has_no_entity(home, at_home):
    with at_home("mqtt home-assistant off") as house:
        house.await_message(mqtt.STATEMENT)
        time.sleep(2)
        assert not [name for name in home.states() if f"meter_{house.number}" in name]


def test_a_broker_that_restarts_brings_the_entities_back(broker, home, at_home):
    with at_home() as house:
        house.await_online()
        broker.stop()
        house.await_shown("credit", lambda state: state == "unavailable")
        broker.start()
        house.await_online()
        house.await_shown("credit", lambda state: state == "0.00")
        others = [line for line in home.complaints() if not any(words in line for words in LOST_CONNECTION)]
        assert others == []
        home.forget_log()
