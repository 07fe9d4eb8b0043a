"""The modem as a link, over a model of a modem: each hindrance has its words, and every wait ends."""

import unittest

from boards.host.chips import modem as model
from boards.host.world.clock import VirtualClock
from boards.micropython.modem import Modem
from boards.micropython.ppp import EspPpp, LwipPpp
from tests.boards.network_fakes import FakeEspPpp, FakeLwipPpp, FakeUart
from wattpurse.core.records.network_settings import ModemSettings

LIMIT_MS = 30_000


class ModemTest(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.uart = FakeUart(self.clock)
        self.modem = self.uart.modem
        self.settings = ModemSettings("meters.example")
        self.build()

    def build(self, addresses=("10.0.0.5",)):
        self.ppp = FakeLwipPpp(self.clock, self.uart, addresses)
        self.link = Modem(self.uart, LwipPpp(self.ppp), self.settings, self.clock)

    def bring_up(self, limit_ms=LIMIT_MS):
        self.clock.run(self.link.bring_up(limit_ms))

    def reason(self, limit_ms=LIMIT_MS):
        """Return why the link does not come up. It must say so when the time is over, and no later."""
        begun_us = self.clock.now_us
        try:
            self.bring_up(limit_ms)
        except OSError as error:
            self.assertTrue((self.clock.now_us - begun_us) // 1000 <= limit_ms + 200)
            return str(error)
        self.fail("the link came up")


class TestDialling(ModemTest):
    def test_a_modem_with_a_registered_sim_is_dialled_and_gets_an_address(self):
        self.assertFalse(self.link.is_up())
        self.bring_up()
        self.assertTrue(self.link.is_up())
        self.assertEqual(self.modem.apn, "meters.example")
        self.assertEqual(self.modem.commands[-1], "ATD*99#")
        self.assertTrue(self.clock.now_us < 1_500_000)

    def test_a_link_that_is_up_is_not_dialled_again(self):
        self.bring_up()
        commands = len(self.modem.commands)
        self.bring_up()
        self.assertEqual(len(self.modem.commands), commands)

    def test_a_login_is_handed_to_ppp_and_its_absence_too(self):
        self.bring_up()
        self.assertEqual(self.ppp.logins, [(0, None, None)])
        self.setUp()
        self.settings = ModemSettings("meters.example", user="meter", password="secret")
        self.build()
        self.bring_up()
        self.assertEqual(self.ppp.logins, [(1, "meter", "secret")])

    def test_another_number_is_dialled_if_the_settings_name_one(self):
        self.settings = ModemSettings("meters.example", "*99***1#")
        self.build()
        self.bring_up()
        self.assertEqual(self.modem.commands[-1], "ATD*99***1#")

    def test_the_first_bytes_of_ppp_behind_the_connection_are_left_to_ppp(self):
        self.modem.on_carrier = lambda is_there: is_there and self.modem.give(b"\x7e\xff")
        self.ppp.connect = lambda **_: (
            self.assertEqual(self.uart.read(10), b"\x7e\xff") or setattr(self.ppp, "_state", 4)
        )
        self.ppp.ifconfig = lambda: ("10.0.0.9", "", "", "")
        self.bring_up()

    def test_a_sim_that_is_busy_and_a_network_that_is_searched_are_waited_for(self):
        self.modem.sim = 14
        self.modem.registration = model.SEARCHING
        self.clock.call_at_us(3_000_000, lambda: setattr(self.modem, "sim", model.READY))
        self.clock.call_at_us(9_000_000, lambda: setattr(self.modem, "registration", model.ROAMING))
        self.bring_up()
        self.assertTrue(9_000_000 < self.clock.now_us < 12_000_000)


class TestReasons(ModemTest):
    def test_a_modem_without_supply_is_told(self):
        self.modem.has_supply = False
        self.assertTrue("check its supply" in self.reason())

    def test_a_modem_without_a_sim_is_told_at_once(self):
        self.modem.sim = model.NO_SIM_ERROR
        self.assertEqual(self.reason(), "no SIM in the modem")
        self.assertTrue(self.clock.now_us < 1_000_000)

    def test_a_sim_that_asks_for_its_pin_is_told_and_no_pin_is_tried(self):
        self.modem.sim = "SIM PIN"
        self.assertTrue("asks for its PIN" in self.reason())
        self.assertFalse([command for command in self.modem.commands if command.startswith("AT+CPIN=")])

    def test_a_blocked_sim_is_told(self):
        self.modem.sim = "SIM PUK"
        self.assertTrue("PUK" in self.reason())

    def test_a_modem_that_hears_no_network_is_told_from_one_that_is_not_taken(self):
        self.modem.registration = model.SEARCHING
        self.modem.signal = 99
        self.assertTrue("antenna" in self.reason())
        self.modem.signal = 17
        self.assertTrue("not registered" in self.reason())
        self.modem.registration = model.DENIED
        self.assertTrue("refuses the SIM" in self.reason())

    def test_no_carrier_and_a_busy_number_are_told(self):
        self.modem.dial_answer = "NO CARRIER"
        self.assertEqual(self.reason(), "the modem found no carrier")
        self.modem.dial_answer = "BUSY"
        self.assertEqual(self.reason(), "the number is busy")

    def test_a_line_without_an_address_is_not_up(self):
        self.build(("0.0.0.0",))
        self.assertTrue("APN" in self.reason())
        self.assertTrue(self.ppp.isconnected())
        self.assertFalse(self.link.is_up())

    def test_a_modem_that_falls_silent_at_any_command_ends_the_attempt_in_time(self):
        for command in ("AT", "ATH", "ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CEREG?", "AT+CGDCONT", "ATD*99#"):
            self.setUp()
            obey = self.modem._obey
            self.modem._obey = lambda asked, bad=command, obey=obey: None if asked.startswith(bad) else obey(asked)
            self.assertTrue(self.reason())


class TestEnds(ModemTest):
    def test_a_dropped_carrier_is_dialled_anew_after_take_down(self):
        self.bring_up()
        self.modem.drop_carrier()
        self.assertTrue(self.link.is_up(), "PPP has not noticed yet")
        self.link.take_down()
        self.assertFalse(self.link.is_up())
        self.bring_up()
        self.assertTrue(self.link.is_up())
        self.assertEqual(self.modem.commands.count("ATD*99#"), 2)

    def test_a_dead_line_is_hung_up_by_the_escape_and_dialled_anew(self):
        self.bring_up()
        self.modem.is_dead = True
        self.link.take_down()
        self.bring_up()
        self.assertTrue(self.link.is_up())
        self.assertEqual(self.modem.commands.count("ATD*99#"), 2)

    def test_a_meter_that_starts_while_the_modem_still_carries_data_hangs_up_first(self):
        self.modem.carries_data = True
        self.bring_up()
        self.assertTrue(self.link.is_up())
        self.assertEqual(self.modem.commands.count("ATD*99#"), 1)

    def test_a_failed_attempt_does_not_spoil_the_next_one(self):
        self.modem.dial_answer = "NO CARRIER"
        self.reason()
        self.modem.dial_answer = "CONNECT"
        self.bring_up()
        self.assertTrue(self.link.is_up())


class TestEspPpp(unittest.TestCase):
    def test_it_connects_again_after_each_end(self):
        ppp = FakeEspPpp()
        line = EspPpp(ppp)
        for user, expected in (("", (0, None, None)), ("meter", (1, "meter", "secret"))):
            self.assertFalse(line.has_address())
            self.assertTrue(line.is_over())
            line.start(user, "secret" if user else "")
            self.assertTrue(line.has_address())
            self.assertFalse(line.is_over())
            self.assertEqual(ppp.calls[-1], expected)
            line.stop()
