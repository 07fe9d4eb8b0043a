"""The link that the settings choose, over fakes of the ports' modules, and the reasons why there is none."""

import sys
import unittest

from boards.host.world.clock import VirtualClock
from boards.micropython import network_link
from boards.micropython.modem import Modem
from boards.micropython.wifi import Wifi
from tests.boards.chip_fakes import Module, install
from tests.boards.network_fakes import FakeNetwork, FakeUart
from wattpurse.core.records.network_settings import MODEM, WIFI, ModemSettings, WifiSettings

PORT = network_link.ModemPort(2, 17, 16, 8_192)


class TestBuild(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.settings = {"modem": ModemSettings("apn").pack(), "wifi": WifiSettings("house", "12345678").pack()}
        self.opened = []
        self.kept = {name: sys.modules.get(name) for name in ("network", "machine")}
        install("machine", UART=self.open_uart, Pin=lambda number: ("pin", number))

    def tearDown(self):
        for name, module in self.kept.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module

    def open_uart(self, number, *, baudrate, tx, rx, txbuf, rxbuf):
        self.opened.append((number, baudrate, tx, rx, txbuf, rxbuf))
        return FakeUart(self.clock)

    def reason(self, link):
        self.assertFalse(link.is_up())
        link.take_down()
        try:
            self.clock.run(link.bring_up(1_000))
        except OSError as error:
            return str(error)
        self.fail("the link came up")

    def test_a_modem_gets_its_uart_with_buffers_for_all_that_is_in_flight(self):
        install("network", PPP=lambda uart: Module({}))
        self.assertTrue(isinstance(network_link.build(MODEM, self.settings, PORT, self.clock), Modem))
        self.assertEqual(self.opened, [(2, 115_200, ("pin", 17), ("pin", 16), 8_192, 8_192)])

    def test_wifi_is_built_by_its_settings(self):
        network = FakeNetwork(self.clock, {"house": "12345678"})
        install("network", WLAN=network.WLAN, STA_IF=network.STA_IF)
        link = network_link.build(WIFI, self.settings, PORT, self.clock)
        self.assertTrue(isinstance(link, Wifi))
        self.clock.run(link.bring_up(10_000))
        self.assertTrue(link.is_up())

    def test_an_image_without_ppp_and_a_board_without_wifi_say_so(self):
        install("network")
        self.assertIn("no PPP", self.reason(network_link.build(MODEM, self.settings, PORT, self.clock)))
        self.assertIn("no Wi-Fi", self.reason(network_link.build(WIFI, self.settings, PORT, self.clock)))

    def test_a_metering_chip_on_the_pins_of_the_modem_is_told(self):
        install("network", PPP=lambda uart: Module({}))
        self.assertIn("metering chip", self.reason(network_link.build(MODEM, self.settings, None, self.clock)))
        self.assertEqual(self.opened, [])
