"""The content of a key card: sealed for one card, and opened unchanged with its keys only."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.money import key_card
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

SITE_KEY = b"site key 0000001"
UID = b"\x04\x55\x66\x77\x11\x99\xaa"
PAIR = keys.key_card_keys(aes, SITE_KEY, UID)
NAMES = ("version", "loaded", "spent", "price", "allowance_mwh", "period", "period_number", "used_mwh", "user")


def fields(content):
    return [getattr(content, name) for name in NAMES]


class TestSealing(unittest.TestCase):
    def test_every_number_comes_back(self):
        for values in (
            (1, 0, 0, 0, 0, key_card.NO_ALLOWANCE, 0, 0, 0),
            (2**32 - 1, 2**47 - 1, 2**47 - 2, key_card.BY_TARIFF, 2**32 - 1, key_card.MONTH, 65_535, 2**32 - 2, 9),
            (70_000, 10**7, 123_456, 300_000, 2_000_000, key_card.DAY, 20_454, 1_999_999, 12),
        ):
            data = key_card.seal_content(aes, PAIR, CardContent(*values[:4], values[4:8], values[8]))
            self.assertEqual((len(data), key_card.read_version(data)), (key_card.SIZE, values[0]))
            self.assertEqual(fields(key_card.open_content(aes, PAIR, data)), list(values))

    def test_another_card_site_or_byte_does_not_open(self):
        data = key_card.seal_content(aes, PAIR, CardContent(3, 10, 4, 5, (6, 0, 0, 0), 9))
        for pair in (keys.key_card_keys(aes, SITE_KEY, UID[:-1] + b"\x00"), keys.key_card_keys(aes, bytes(16), UID)):
            with self.assertRaises(SealBroken):
                key_card.open_content(aes, pair, data)
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 0x10
            with self.assertRaises(SealBroken):
                key_card.open_content(aes, PAIR, changed)

    def test_bytes_that_are_no_record_have_no_version(self):
        data = key_card.seal_content(aes, PAIR, CardContent(3, 10, 4, 5, (6, 0, 0, 0), 9))
        for other in (b"", data[:-1], b"\x53" + data[1:], data[:1] + b"\x04" + data[2:], bytes(48)):
            self.assertIsNone(key_card.read_version(other))

    def test_its_keys_are_of_no_other_purpose(self):
        others = (keys.service_pass_key(aes, SITE_KEY, UID), keys.classic_keys(aes, SITE_KEY, UID)[0])
        self.assertNotIn(PAIR.encryption, others + (PAIR.authentication,))


if __name__ == "__main__":
    unittest.main()
