"""The settings of modem and Wi-Fi: values that they take, values that they refuse, and their form in flash."""

import unittest

from wattpurse.core.records.network_settings import ModemSettings, WifiSettings, unpack_modem, unpack_wifi


class TestNetworkSettings(unittest.TestCase):
    def refused(self, made, *values, **named):
        with self.assertRaises(ValueError):
            made(*values, **named)

    def test_they_come_back_from_flash_as_they_were(self):
        modem = unpack_modem(ModemSettings("meters.example", "*99***1#", "user", "pass word%").pack())
        self.assertEqual(
            (modem.apn, modem.number, modem.user, modem.password), ("meters.example", "*99***1#", "user", "pass word%")
        )
        wifi = unpack_wifi(WifiSettings("caf\u00e9", "12345678").pack())
        self.assertEqual((wifi.name, wifi.password), ("caf\u00e9", "12345678"))
        self.assertEqual(unpack_wifi(WifiSettings("open").pack()).password, "")

    def test_the_longest_ones_fit_into_a_setting(self):
        self.assertTrue(len(ModemSettings("a" * 63, "1" * 20, "u" * 48, "p" * 48).pack()) <= 255)
        self.assertTrue(len(WifiSettings("n" * 32, "p" * 63).pack()) <= 255)

    def test_an_apn_cannot_smuggle_a_command_to_the_modem(self):
        for apn in ("", 'x"', "a b", "x\r", "x;+CPWROFF", "a" * 64):
            self.refused(ModemSettings, apn)
        for number in ("", "*99#;", "12 3", "ATH"):
            self.refused(ModemSettings, "apn", number)

    def test_a_password_of_another_length_than_wifi_allows_is_refused(self):
        self.refused(WifiSettings, "house", "1234567")
        self.refused(WifiSettings, "house", "1" * 64)
        self.refused(WifiSettings, "n" * 33)
        self.refused(WifiSettings, "")
        self.refused(WifiSettings, "a\0b")

    def test_another_version_and_damage_are_refused(self):
        self.refused(unpack_modem, b"\x02apn\0*99#\0\0")
        self.refused(unpack_modem, b"\x01apn\0*99#\0")
        self.refused(unpack_wifi, b"")
