"""Tokens: their layout, and that only the right meter can open them, unchanged."""

import struct
import unittest

from boards.host.chips.aes import aes
from wattpurse.core.messages import token
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import KeyPair, SealBroken, seal

METER = 1002
METER_KEY = keys.meter_key(aes, b"vending key 0001", METER)
PAIR = keys.token_keys(aes, METER_KEY)


def credit(sequence=7, amount=20_000_000):
    return token.seal_token(aes, PAIR, 1, METER, sequence, *token.make(token.CREDIT_MONEY, amount))


class TestLayout(unittest.TestCase):
    def test_a_credit_token_has_36_bytes(self):
        self.assertEqual(len(credit()), 36)
        self.assertEqual(len(credit()), token.CREDIT_TOKEN_SIZE)

    def test_header_tells_meter_sequence_and_size(self):
        self.assertEqual(token.read_header(credit()), (METER, 7, 36))
        long = token.seal_token(aes, PAIR, 1, METER, 8, *token.make(token.TARIFF, bytes(1040)))
        self.assertEqual(token.read_header(long), (METER, 8, len(long)))

    def test_header_tells_the_version_of_the_key(self):
        sealed = token.seal_token(aes, PAIR, 3, METER, 9, *token.make(token.CLEAR, 0))
        self.assertEqual(token.key_version(sealed), 3)

    def test_header_is_read_from_the_first_12_bytes(self):
        self.assertEqual(token.read_header(credit()[:12]), (METER, 7, 36))
        self.assertIsNone(token.read_header(credit()[:11]))

    def test_bytes_that_are_no_header_are_recognised(self):
        self.assertIsNone(token.read_header(bytes(36)))
        self.assertIsNone(token.read_header(b"\xff" * 36))
        for change in ((0, 1), (2, 0), (3, 16)):
            data = bytearray(credit())
            data[change[0]] = change[1]
            self.assertIsNone(token.read_header(bytes(data)))
        self.assertIsNone(token.read_header(struct.pack("<BBBBII", 2, 1, 1, 0, METER, 0) + bytes(24)))


class TestOpening(unittest.TestCase):
    def test_every_kind_comes_back_with_its_numbers(self):
        for kind, fields in (
            (token.CREDIT_MONEY, (20_000_000,)),
            (token.CREDIT_MONEY, (-1,)),
            (token.CREDIT_ENERGY, (12_500_000,)),
            (token.CONTRACT, (2,)),
            (token.CLOCK, (1_800_000_000,)),
            (token.CLEAR_TAMPER, ()),
            (token.TERM, (2, 5_000_000)),
            (token.DAYS, (30 * 86_400,)),
            (token.DISPENSE, (50_000_000, 5_000_000, 864_000)),
            (token.REFUND, (1, 0, 0xFFFFFFFF)),
            (token.CLEAR, (9,)),
            (token.TENANT, (17, 9)),
            (token.DEBT, (-5_000_000,)),
            (token.PERMIT, (1_800_000_000,)),
            (token.SWITCH, (1,)),
            (token.SHORTAGE, (3, 1_800_000_000)),
            (token.REVOKE, (15,)),
            (token.METER_KEY, (2, bytes(range(16)))),
            (token.SITE_KEY, (2, bytes(range(16)))),
        ):
            with self.subTest(kind=kind):
                sealed = token.seal_token(aes, PAIR, 3, METER, 9, *token.make(kind, *fields))
                opened = token.open_token(aes, PAIR, sealed)
                self.assertEqual((opened.sequence, opened.kind), (9, kind))
                self.assertEqual(opened.fields(), fields)

    def test_a_tariff_comes_back_as_its_bytes(self):
        for size in (1, 13, 14, token.BODY_LIMIT):
            table = bytes(index & 0xFF for index in range(size))
            sealed = token.seal_token(aes, PAIR, 1, METER, 10, *token.make(token.TARIFF, table))
            self.assertEqual(token.open_token(aes, PAIR, sealed).body, table)

    def test_a_buffer_from_a_card_will_do(self):
        self.assertEqual(token.open_token(aes, PAIR, bytearray(credit())).fields(), (20_000_000,))

    def test_any_flipped_bit_is_refused(self):
        sealed = credit()
        for bit in range(len(sealed) * 8):
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertRaises(SealBroken, token.open_token, aes, PAIR, bytes(changed))

    def test_any_other_length_is_refused(self):
        sealed = credit()
        for length in range(len(sealed)):
            self.assertRaises(SealBroken, token.open_token, aes, PAIR, sealed[:length])
        self.assertRaises(SealBroken, token.open_token, aes, PAIR, sealed + b"\x00")

    def test_another_meters_keys_do_not_open_it(self):
        other = keys.token_keys(aes, keys.meter_key(aes, b"vending key 0001", METER + 1))
        self.assertRaises(SealBroken, token.open_token, aes, other, credit())

    def test_a_token_of_another_sequence_is_sealed_differently(self):
        self.assertNotEqual(credit(7)[12:], credit(8)[12:])

    def test_a_body_longer_than_its_payload_is_refused(self):
        header = struct.pack("<BBBBII", 1, 1, 1, 0, METER, 5)
        sealed = seal(aes, PAIR, header, struct.pack("<BH", token.CREDIT_MONEY, 14) + bytes(13))
        self.assertRaises(SealBroken, token.open_token, aes, PAIR, sealed)

    def test_a_body_that_does_not_fit_its_kind_gives_no_fields(self):
        self.assertRaises(ValueError, token.Token(1, token.CREDIT_MONEY, bytes(7)).fields)
        self.assertRaises(ValueError, token.Token(1, token.CLEAR_TAMPER, bytes(1)).fields)
        self.assertRaises(ValueError, token.Token(1, token.TARIFF, bytes(8)).fields)
        self.assertRaises(ValueError, token.Token(1, 99, bytes(8)).fields)


class TestRefusals(unittest.TestCase):
    def test_tokens_that_no_meter_accepts_are_not_made(self):
        make = token.make(token.CREDIT_MONEY, 1)
        self.assertRaises(ValueError, token.seal_token, aes, PAIR, 1, METER, 0, *make)
        self.assertRaises(ValueError, token.seal_token, aes, PAIR, 1, METER, 1 << 32, *make)
        self.assertRaises(ValueError, token.seal_token, aes, PAIR, 1, -1, 1, *make)
        self.assertRaises(ValueError, token.seal_token, aes, PAIR, 1, 1 << 32, 1, *make)
        too_long = bytes(token.BODY_LIMIT + 1)
        self.assertRaises(ValueError, token.seal_token, aes, PAIR, 1, METER, 1, token.TARIFF, too_long)

    def test_keys_are_not_interchangeable(self):
        swapped = KeyPair(PAIR.authentication, PAIR.encryption)
        self.assertRaises(SealBroken, token.open_token, aes, swapped, credit())


if __name__ == "__main__":
    unittest.main()
