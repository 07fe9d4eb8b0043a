"""Wi-Fi as a link, over a station that is as strict as the ports: reasons in words, and every wait ends."""

import unittest

from boards.host.world.clock import VirtualClock
from boards.micropython.wifi import Wifi
from tests.boards.network_fakes import FakeNetwork
from wattpurse.core.records.network_settings import WifiSettings

LIMIT_MS = 10_000


class TestWifi(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.network = FakeNetwork(self.clock, {"house": "12345678", "open": None})

    def link(self, name="house", password="12345678"):
        return Wifi(self.network, WifiSettings(name, password), self.clock)

    def bring_up(self, link):
        self.clock.run(link.bring_up(LIMIT_MS))

    def reason(self, link):
        begun_us = self.clock.now_us
        try:
            self.bring_up(link)
        except OSError as error:
            self.assertTrue(self.clock.now_us - begun_us <= (LIMIT_MS + 200) * 1000)
            self.assertFalse(link.is_up())
            return str(error)
        self.fail("the link came up")

    def test_a_station_gets_an_address_and_keeps_its_receiver_on(self):
        link = self.link()
        self.bring_up(link)
        self.assertTrue(link.is_up())
        self.assertEqual(self.network.stations[0].options, {"pm": 0})

    def test_an_open_network_needs_no_password(self):
        link = self.link("open", "")
        self.bring_up(link)
        self.assertTrue(link.is_up())

    def test_a_wrong_password_is_told(self):
        self.assertEqual(self.reason(self.link(password="wrong pass")), "Wi-Fi refuses the password")

    def test_a_name_that_nobody_has_is_told(self):
        self.assertEqual(self.reason(self.link("elsewhere")), "no Wi-Fi of this name is in reach")

    def test_an_access_point_that_starts_meanwhile_is_found(self):
        link = self.link("new", "abcdefgh")
        self.clock.call_at_us(4_000_000, lambda: self.network.in_reach.update({"new": "abcdefgh"}))
        self.bring_up(link)
        self.assertTrue(link.is_up())

    def test_a_station_without_an_address_is_not_up(self):
        self.network.gives_address = False
        link = self.link()
        self.assertEqual(self.reason(link), "Wi-Fi gives no address")

    def test_a_link_that_was_taken_down_connects_anew(self):
        link = self.link()
        self.bring_up(link)
        link.take_down()
        self.assertFalse(link.is_up())
        link.take_down()
        self.bring_up(link)
        self.assertTrue(link.is_up())
        self.assertEqual(self.network.stations[0].connects, 2)

    def test_a_connection_that_was_lost_is_made_again(self):
        link = self.link()
        self.bring_up(link)
        self.network.stations[0].disconnect()
        self.assertFalse(link.is_up())
        self.bring_up(link)
        self.assertTrue(link.is_up())
