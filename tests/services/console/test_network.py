"""The network at the console: modem and Wi-Fi are set, shown without passwords, and refused with the reason."""

import json
import unittest

from tests.services.console.console_bench import PIN, Bench
from wattpurse.core.records import events, network_settings
from wattpurse.services.console.secrets import next_is_secret


class TestNetwork(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()
        self.bench.say("login " + PIN)
        self.settings = self.bench.meter.settings

    def test_a_new_meter_has_no_link(self):
        self.assertEqual(self.bench.say("network"), "link  none")

    def test_a_modem_is_chosen_by_its_apn_and_dials_the_usual_number(self):
        self.assertIn("from its next start the meter uses a modem", self.bench.say("network set modem meters.example"))
        self.assertEqual(self.settings.get("link"), network_settings.MODEM)
        modem = network_settings.unpack_modem(self.settings.get("modem"))
        self.assertEqual((modem.apn, modem.number, modem.user), ("meters.example", "*99#", ""))

    def test_number_and_login_are_kept_when_the_apn_changes(self):
        self.bench.say("network set modem one.example")
        self.bench.say("network set number *99***1#")
        self.bench.say("network set login meter s%20cret")
        self.bench.say("network set modem two.example")
        modem = network_settings.unpack_modem(self.settings.get("modem"))
        self.assertEqual(
            (modem.apn, modem.number, modem.user, modem.password), ("two.example", "*99***1#", "meter", "s cret")
        )
        self.bench.say("network set login")
        self.assertEqual(network_settings.unpack_modem(self.settings.get("modem")).user, "")

    def test_wifi_is_chosen_and_the_modem_stays_in_the_meter(self):
        self.bench.say("network set modem one.example")
        self.bench.say("network set wifi caf%c3%a9%20house hush-hush%25")
        self.assertEqual(self.settings.get("link"), network_settings.WIFI)
        wifi = network_settings.unpack_wifi(self.settings.get("wifi"))
        self.assertEqual((wifi.name, wifi.password), ("caf\u00e9 house", "hush-hush%"))
        self.bench.say("network set off")
        self.assertEqual(self.settings.get("link"), network_settings.NONE)
        self.assertIsNotNone(self.settings.get("modem"))

    def test_no_report_and_no_answer_shows_a_password(self):
        answers = [
            self.bench.say("network set modem one.example"),
            self.bench.say("network set login meter hush-hush"),
            self.bench.say("network set wifi house hush-hush"),
            self.bench.say("network"),
            self.bench.say("network --json"),
            self.bench.say("events"),
        ]
        self.assertNotIn("hush", "".join(answers))
        self.assertIn("Wi-Fi password       set", answers[3])
        self.assertTrue(json.loads(answers[4])["has_wifi_password"])

    def test_a_password_is_not_echoed_while_it_is_typed(self):
        for words, is_secret in (
            (["network", "set"], False),
            (["network", "set", "wifi"], False),
            (["network", "set", "wifi", "house"], True),
            (["network", "set", "login", "meter"], True),
        ):
            self.assertEqual(next_is_secret(words), is_secret, words)

    def test_each_change_is_noted(self):
        self.bench.say("network set modem one.example")
        self.bench.say("network set off")
        noted = [event.number for event in self.bench.meter.events.recent(9) if event.code == events.NETWORK_SET]
        self.assertEqual(noted, [network_settings.NONE, network_settings.MODEM])

    def test_what_is_wrong_is_refused_with_the_reason_and_changes_nothing(self):
        for line, why in (
            ("network set", "usage"),
            ("network set fax 1", "usage"),
            ("network set number 5", "set the APN first"),
            ("network set modem a;b", "not allowed"),
            ("network set modem", "usage"),
            ("network set wifi house short", "8 to 63"),
            ("network set wifi 1 2 3", "usage"),
            ("network set wifi %zz 12345678", "hex"),
            ("network set wifi %ff 12345678", "UTF-8"),
            ("network set off now", "usage"),
        ):
            self.assertIn(why, self.bench.say(line))
        self.assertIsNone(self.settings.get("link"))

    def test_a_stranger_changes_nothing(self):
        self.bench.say("logout")
        self.assertIn("needs a login", self.bench.say("network set modem one.example"))

    def test_a_blank_meter_asks_for_its_commissioning_first(self):
        bench = Bench()
        self.assertIn("refused", bench.say("network set modem one.example"))
