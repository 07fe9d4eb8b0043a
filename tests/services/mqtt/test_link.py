"""A whole meter and a broker, both in virtual time: messages in both directions, and faults of the network."""

import binascii
import gc
import json
import unittest

from boards.host.world.world import World
from tests.samples import day_and_night_tariff, flat_tariff
from tests.services.mqtt.broker_model import Network
from tests.test_app import METER_KEY, METER_NUMBER, START_S, commission, credit_token
from wattpurse.app import Meter
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement
from wattpurse.core.money.contract import Dispenser, KeyCard, PrepaidEnergy, Term
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.services.mqtt import link as links
from wattpurse.services.mqtt import publisher, session, wire
from wattpurse.services.mqtt.link import Link

MINUTE_S = 60
HOUR_S = 3_600
FIVE = 5_000_000


class _LinkedMeter(Meter):
    network: Network

    def make_link(self):
        self.link = Link(self, _LinkedMeter.network)


def topic(name):
    return mqtt.topic(METER_NUMBER, name)


class Bench:
    last = None

    def __init__(self, *lines):
        if Bench.last is not None:
            Bench.last.world.close()
            Bench.last = None
        gc.collect()
        self.world = World(_LinkedMeter, START_S)
        Bench.last = self
        self.network = _LinkedMeter.network = Network(self.world.clock)
        self.world.run_for(3)
        commission(self.world.meter)
        self.restart()
        self.world.meter.console.grant(60)
        for line in ("mqtt broker 192.0.2.1",) + lines:
            answer = self.world.type_line(line)
            if answer[0].startswith("refused"):
                raise ValueError(answer[0])

    @property
    def link(self):
        return self.world.meter.link

    def restart(self):
        self.world.reset_board()
        self.world.run_for(3)

    def connect(self):
        if not self.world.run_until(lambda: self.link is not None and self.link.state == links.CONNECTED, HOUR_S):
            raise ValueError(self.link.trouble)
        self.world.run_for(5)

    def wait_long(self, duration_s):
        """Let much time pass, in which every task may be late."""
        self.world.allow_lateness(900)
        self.world.run_for(duration_s)
        self.world.allow_lateness(0)

    def await_receipts(self, count, limit_s=MINUTE_S):
        self.world.run_until(lambda: len(self.network.messages("ack")) >= count, limit_s)
        self.world.run_for(2)
        return [json.loads(payload) for payload in self.network.messages("ack")]

    def opened(self, payload):
        number, sealed = mqtt.unwrap_statement(payload)
        aes = self.world.meter.board.aes
        pair = keys.statement_keys(
            aes, keys.statement_key(aes, METER_KEY), carrier.statement_identity(carrier.MQTT, number)
        )
        return number, statement.open_statement(aes, pair, sealed)

    @property
    def bought(self):
        return self.world.account.money.bought


class TestLink(unittest.TestCase):
    def test_a_meter_without_a_broker_imports_and_starts_nothing(self):
        world = World(Meter, START_S)
        world.run_for(3)
        commission(world.meter)
        world.reset_board()
        world.run_for(3)
        self.assertIsNone(world.meter.link)
        self.assertEqual(world.type_line("mqtt")[0].split(), ["broker", "none"])

    def test_a_named_broker_is_found_again_after_a_restart(self):
        bench = Bench()
        bench.connect()
        bench.restart()
        bench.connect()
        self.assertEqual(len(bench.network.connections), 2)
        self.assertEqual(bench.network.messages("link"), [b"online", b"offline", b"online"][0:1] + [b"online"])

    def test_a_token_closes_the_switch_and_is_answered(self):
        bench = Bench()
        bench.connect()
        began_us = bench.world.clock.now_us
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        self.assertTrue(bench.world.run_until(lambda: bench.world.hardware.relay.contact_closed, 10))
        self.assertTrue(bench.world.clock.now_us - began_us < 1_000_000)
        answers = bench.await_receipts(1)
        self.assertEqual((answers[0]["token"], answers[0]["outcome"], answers[0]["redeemed"]), (1, "accepted", True))
        self.assertEqual(bench.network.waiting, [])

    def test_a_repeated_token_is_answered_used_and_credits_nothing(self):
        bench = Bench()
        bench.connect()
        for _ in range(3):
            bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        answers = bench.await_receipts(3)
        self.assertEqual([one["outcome"] for one in answers], ["accepted", "used", "used"])
        self.assertTrue(all([one["redeemed"] for one in answers]))
        self.assertEqual(bench.bought, FIVE)

    def test_a_token_is_kept_by_the_broker_until_its_answer_has_arrived(self):
        bench = Bench()
        bench.connect()
        bench.network.is_silent = True
        bench.network.stream.deliver(topic("token"), b"")
        bench.network.is_silent = False
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        bench.world.run_until(lambda: bench.bought > 0, 10)
        self.assertEqual(len(bench.network.waiting), 1)
        bench.await_receipts(2)
        self.assertEqual(bench.network.waiting, [])

    def test_every_packet_is_one_write(self):
        bench = Bench()
        bench.connect()
        self.assertTrue(len(bench.network.stream.writes) >= 5)
        for data in bench.network.stream.writes:
            length, place, shift = 0, 1, 0
            while True:
                length |= (data[place] & 127) << shift
                shift += 7
                place += 1
                if not data[place - 1] & 128:
                    break
            self.assertEqual(len(data), place + length)

    def test_an_idle_line_is_pinged_and_a_dead_one_given_up(self):
        bench = Bench("mqtt every 1440")
        bench.connect()
        bench.wait_long(20)
        connections = len(bench.network.connections)
        bench.wait_long(3 * session.PING_MS // 1000)
        self.assertTrue(bench.network.stream.pings >= 2)
        self.assertEqual(len(bench.network.connections), connections)
        bench.network.is_silent = True
        limit_s = (session.PING_MS + 2 * session.ANSWER_MS) // 1000
        bench.world.run_until(lambda: bench.link.state != links.CONNECTED, limit_s)
        self.assertEqual((bench.link.state, bench.link.trouble), (links.WAITING, "the broker is silent"))
        bench.network.is_silent = False
        bench.connect()

    def test_a_broker_that_refuses_is_asked_more_and_more_rarely(self):
        bench = Bench()
        bench.network.refuses = True
        bench.wait_long(HOUR_S)
        tries = len(bench.network.connections)
        self.assertTrue(8 <= tries <= 20, tries)
        self.assertEqual(bench.link.trouble, "the broker refuses the connection")

    def test_a_connection_cut_at_many_places_loses_and_doubles_nothing(self):
        bench = Bench()
        sequence = 0
        for place in range(0, 60, 5):
            if bench.link is not None:
                bench.link.failures = 0  # so that the next try comes soon
            bench.network.ends_after = place
            sequence += 1
            bench.network.send(topic("token"), credit_token(bench.world.meter, sequence, FIVE))
            seen = len(bench.network.connections)
            bench.world.run_until(lambda seen=seen: len(bench.network.connections) > seen, HOUR_S)
            bench.world.run_for(1)
        bench.network.ends_after = None
        bench.world.run_until(lambda: not bench.network.waiting, HOUR_S)
        self.assertEqual(bench.network.waiting, [])
        self.assertEqual(bench.bought, sequence * FIVE)
        self.assertEqual(bench.world.starts, 2)

    def test_bytes_that_drip_delay_nothing_but_themselves(self):
        bench = Bench()
        bench.network.drip_ms = 200
        bench.connect()
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        bench.world.run_until(lambda: bench.bought > 0, MINUTE_S // 2)
        self.assertEqual(bench.bought, 0)  # 72 bytes at this speed outlast the deadline of a packet
        bench.network.drip_ms = 50
        bench.link.failures = 0
        bench.world.run_until(lambda: bench.bought > 0, 5 * MINUTE_S)
        self.assertEqual(bench.bought, FIVE)
        self.assertEqual(bench.world.starts, 2)

    def test_a_huge_message_is_thrown_away_and_acknowledged(self):
        bench = Bench()
        bench.connect()
        bench.network.send(topic("token"), bytes(100_000))
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        answers = bench.await_receipts(2)
        self.assertEqual([one["outcome"] for one in answers], ["unreadable", "accepted"])
        self.assertEqual((bench.network.waiting, len(bench.network.connections)), ([], 1))

    def test_a_packet_that_no_broker_sends_ends_the_connection_alone(self):
        bench = Bench()
        for data in (b"\x10\x00", b"\x36\x02ab", b"\x32\x01\x00", b"\x30\x02\xff\xff", b"\xff\xff\xff\xff\xff\xff"):
            bench.connect()
            bench.network.stream.put(data)
            self.assertTrue(bench.world.run_until(lambda: bench.link.state != links.CONNECTED, MINUTE_S), data)
            bench.link.failures = 0
        bench.connect()
        self.assertEqual(bench.world.starts, 2)

    def test_days_without_a_broker_keep_the_newest_statements(self):
        bench = Bench("mqtt every 5")
        bench.network.refuses = True
        bench.wait_long(HOUR_S)
        self.assertEqual(bench.link.publisher.waiting, publisher.WAITING)
        bench.network.refuses = False
        bench.connect()
        bench.world.run_for(MINUTE_S)
        times = [bench.opened(payload)[1]["time_s"] for payload in bench.network.messages("statement")]
        self.assertTrue(len(times) >= publisher.WAITING - 1)
        self.assertEqual(times, sorted(times))
        self.assertTrue(times[0] > START_S + 900)

    def test_no_statement_number_is_used_twice_over_restarts(self):
        bench = Bench("mqtt every 1")
        for _ in range(3):
            bench.connect()
            bench.wait_long(4 * MINUTE_S)
            bench.restart()
        numbers = [bench.opened(payload)[0] for payload in bench.network.messages("statement")]
        self.assertTrue(len(numbers) > 6)
        self.assertEqual(len(set(numbers)), len(numbers))

    def test_a_change_of_supply_sends_a_statement_before_its_time(self):
        bench = Bench("mqtt every 1440")
        bench.connect()
        self.assertEqual(len(bench.network.messages("statement")), 1)
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        bench.wait_long(3 * MINUTE_S)
        newest = bench.opened(bench.network.messages("statement")[-1])[1]
        self.assertEqual(newest["windows"][0][0], 1)

    def test_alarms_are_told_by_name(self):
        bench = Bench()
        bench.connect()
        bench.world.meter.statements.display_failed = True
        bench.world.run_for(MINUTE_S)
        told = [json.loads(payload) for payload in bench.network.messages("alarms")]
        version = bench.world.meter.version
        expected = [{"alarms": names, "firmware": version} for names in ([], ["display"])]
        self.assertEqual((told, bool(version)), (expected, True))

    def test_the_wish_to_identify_shows_once_a_minute(self):
        bench = Bench()
        bench.connect()
        shown = []
        bench.world.meter.display.identify = lambda text, duration_ms: shown.append(text)
        for _ in range(5):
            bench.network.send(topic("identify"), b"PRESS")
        bench.world.run_for(20)
        self.assertEqual(shown, ["HErE"])
        self.assertEqual(bench.network.waiting, [])

    def test_mqtt_off_leaves_the_broker_and_another_name_finds_it_again(self):
        bench = Bench()
        bench.connect()
        self.assertIn("left", bench.world.type_line("mqtt off")[0])
        bench.world.run_for(5)
        self.assertEqual((bench.link.state, bench.network.stream.is_open), (links.OFF, False))
        bench.world.type_line("mqtt broker 192.0.2.2:1884")
        bench.connect()

    def test_a_failed_network_is_hung_up_so_that_a_modem_dials_anew(self):
        bench = Bench()
        hung_up = []
        bench.world.run_for(10)
        bench.link._network.take_down = lambda: hung_up.append(1)
        bench.network.refuses = True
        bench.world.type_line("mqtt broker 192.0.2.3")
        bench.wait_long(5 * MINUTE_S)
        self.assertTrue(hung_up)

    def test_found_and_lost_brokers_are_events_at_most_once_an_hour(self):
        bench = Bench()
        for _ in range(5):
            bench.connect()
            bench.network.stream.close()
            bench.world.run_for(1)
        codes = [event.code for event in bench.world.meter.events.recent(100)]
        self.assertEqual((codes.count(events.BROKER_FOUND), codes.count(events.BROKER_LOST)), (1, 1))

    def test_a_link_without_settings_costs_no_flash(self):
        bench = Bench("mqtt every 1")
        bench.connect()
        bench.wait_long(10 * MINUTE_S)
        before = bench.world.meter.settings.get("mqtt_numbers")
        bench.wait_long(20 * MINUTE_S)
        self.assertEqual(bench.world.meter.settings.get("mqtt_numbers"), before)


class TestHomeAssistant(unittest.TestCase):
    def test_nothing_is_told_in_clear_until_a_technician_allows_it(self):
        bench = Bench()
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        topics = set([one[0].split("/")[-1] for one in bench.network.received])
        self.assertEqual(topics, set(("link", "statement", "alarms")))

    def test_entities_are_announced_and_their_state_follows(self):
        bench = Bench("mqtt home-assistant on")
        bench.connect()
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        bench.wait_long(2 * MINUTE_S)
        configs = [json.loads(payload) for name, payload, _ in bench.network.received if name.endswith("/config")]
        names = [one["name"] for one in configs]
        for name in ("Energy", "Credit", "Credit lasts", "Tariff", "Supply", "Supply reason", "Alarm", "Load"):
            self.assertIn(name, names)
        self.assertEqual(len(set([one["uniq_id"] for one in configs])), len(configs))
        state = json.loads(bench.network.messages("state")[-1])
        self.assertEqual((state["supply"], state["reason"], state["alarm"]), ("ON", "on", "OFF"))
        self.assertTrue(float(state["credit"]) > 4.5)
        for one in configs:
            if "stat_t" in one:
                self.assertIn(one["val_tpl"].split(".")[1].split(" ")[0], state)

    def test_no_entity_can_move_the_load_switch(self):
        bench = Bench("mqtt home-assistant on")
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        commands = [
            (json.loads(payload)["cmd_t"], name.split("/")[1])
            for name, payload, _ in bench.network.received
            if name.endswith("/config") and "cmd_t" in json.loads(payload)
        ]
        self.assertEqual(commands, [(topic("identify"), "button")])

    def test_a_tariff_that_takes_over_is_announced_and_unused_rates_leave(self):
        bench = Bench("mqtt home-assistant on", "tariff set " + day_and_night_tariff().hex())
        bench.connect()
        bench.world.hardware.source.set_load_w(2_000)
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        bench.wait_long(2 * MINUTE_S)
        night, day = self._energy(bench, "NIGHT"), self._energy(bench, "DAY")
        self.assertEqual((night is None, day is None), (False, False))
        used, unused = ("NIGHT", "DAY") if float(night) else ("DAY", "NIGHT")
        bench.world.type_line("tariff set " + flat_tariff(version=3).hex())
        bench.wait_long(2 * MINUTE_S)
        self.assertEqual(sorted(self._rates(bench)), sorted(("Energy ALL", "Energy " + used)))
        self.assertIsNone(self._energy(bench, unused))
        state = self._state(bench)
        parts = [float(self._energy(bench, name)) for name in ("ALL", used)]
        self.assertTrue(parts[0] > 0 and parts[1] > 0)
        self.assertTrue(abs(sum(parts) - float(state["total"])) < 0.002)

    def test_a_rate_keeps_its_identity_when_a_tariff_moves_it(self):
        bench = Bench("mqtt home-assistant on", "tariff set " + day_and_night_tariff().hex())
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        before = self._rates(bench)
        rates = ("DAY", (312_517,), ()), ("NIGHT", (218_509,), ())
        bench.world.type_line("tariff set " + flat_tariff(version=3, rates=rates).hex())
        bench.wait_long(2 * MINUTE_S)
        self.assertEqual(self._rates(bench), before)

    def test_entities_follow_the_contract(self):
        bench = Bench("mqtt home-assistant on")
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        self.assertEqual(self._unit(bench, "credit"), "EUR")
        self.assertNotIn("Contract until", self._names(bench))
        for contract, unit, tells_end in ((PrepaidEnergy, "kWh", False), (Term, None, True), (Dispenser, "kWh", True)):
            bench.world.meter.ledger.change(lambda account, contract=contract: setattr(account, "contract", contract))
            bench.wait_long(2 * MINUTE_S)
            self.assertEqual(self._unit(bench, "credit"), unit)
            self.assertEqual("Contract until" in self._names(bench), tells_end)
            self.assertEqual("until" in self._state(bench), tells_end)
            self.assertEqual("credit" in self._state(bench), unit is not None)

    def test_the_credit_of_a_key_card_is_that_of_the_card(self):
        bench = Bench("mqtt home-assistant on")
        bench.connect()
        bench.network.send(topic("token"), credit_token(bench.world.meter, 1, FIVE))
        bench.world.run_for(5)
        bench.world.meter.ledger.change(lambda account: setattr(account, "contract", KeyCard))
        bench.wait_long(2 * MINUTE_S)
        self.assertEqual(self._state(bench)["credit"], "0.00")

    def test_the_broker_forgets_readings_that_the_technician_stops(self):
        bench = Bench("mqtt home-assistant on")
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        self.assertTrue(self._names(bench))
        answer = bench.world.type_line("mqtt home-assistant off")
        self.assertIn("forgets", answer[0])
        bench.wait_long(2 * MINUTE_S)
        kept = self._kept(bench)
        self.assertEqual(set(kept), set([topic(name) for name in ("link", "statement", "alarms")]))
        count = len(bench.network.received)
        bench.wait_long(2 * MINUTE_S)
        further = [name for name, _, _ in bench.network.received[count:]]
        self.assertEqual([name for name in further if "homeassistant" in name or name.endswith("/state")], [])

    def test_announcements_are_made_anew_after_a_restart_of_the_broker(self):
        bench = Bench("mqtt home-assistant on")
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        names = self._names(bench)
        bench.network.received.clear()
        bench.network.stream.close()
        bench.world.run_for(1)
        bench.connect()
        bench.wait_long(2 * MINUTE_S)
        self.assertEqual(self._names(bench), names)

    def _kept(self, bench):
        """Return the payloads that the broker keeps, by topic: an empty one makes it forget."""
        kept = {}
        for name, payload, retain in bench.network.received:
            if retain and payload:
                kept[name] = payload
            elif retain:
                kept.pop(name, None)
        return kept

    def _configs(self, bench):
        return [json.loads(payload) for name, payload in self._kept(bench).items() if name.endswith("/config")]

    def _names(self, bench):
        return sorted([one["name"] for one in self._configs(bench)])

    def _rates(self, bench):
        """Return the unique identifier of each rate's energy by name."""
        return {one["name"]: one["uniq_id"] for one in self._configs(bench) if one["name"].startswith("Energy ")}

    def _unit(self, bench, key):
        for one in self._configs(bench):
            if one["uniq_id"].endswith("_" + key):
                return one["unit_of_meas"]
        return None

    def _state(self, bench):
        return json.loads(bench.network.messages("state")[-1])

    def _energy(self, bench, name):
        return self._state(bench).get("rate_" + binascii.hexlify(name.encode()).decode())


class TestLimits(unittest.TestCase):
    def test_the_longest_token_fits_into_a_packet(self):
        from wattpurse.core.messages.token import BODY_LIMIT

        self.assertTrue(BODY_LIMIT + 200 <= wire.SIZE_LIMIT)


if __name__ == "__main__":
    unittest.main()
