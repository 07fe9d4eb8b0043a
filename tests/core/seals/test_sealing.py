"""Sealing: an opened message equals the sealed one, and no other message opens."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.seals import keys
from wattpurse.core.seals.cmac import Derivation
from wattpurse.core.seals.sealing import TAG_SIZE, KeyPair, SealBroken, seal, sealed_size, unseal

PAIR = KeyPair(b"encryption key 1", b"authenticate k 1")
OTHER_ENCRYPTION = KeyPair(b"encryption key 2", PAIR.authentication)
OTHER_AUTHENTICATION = KeyPair(PAIR.encryption, b"authenticate k 2")
HEADER = b"header"
PAYLOAD = b"payload of twenty 20"


class CountingAes:
    """An AES that notes the objects made, which shows if anything was decrypted."""

    def __init__(self):
        self.decrypted = 0

    def __call__(self, *arguments):
        inner = aes(*arguments)
        outer = self

        class Counting:
            encrypt = inner.encrypt

            def decrypt(self, data):
                outer.decrypted += 1
                return inner.decrypt(data)

        return Counting()


class TestSealing(unittest.TestCase):
    def test_opens_to_the_payload_padded_with_zeros(self):
        for length in (1, 15, 16, 17, 32):
            payload = bytes(range(length))
            message = seal(aes, PAIR, HEADER, payload)
            self.assertEqual(len(message), sealed_size(len(HEADER), length))
            opened = unseal(aes, PAIR, len(HEADER), message)
            self.assertEqual(opened, payload + bytes(-length % 16))

    def test_header_is_in_clear_and_payload_is_not(self):
        message = seal(aes, PAIR, HEADER, PAYLOAD)
        self.assertEqual(message[: len(HEADER)], HEADER)
        self.assertEqual(message.find(PAYLOAD[:4]), -1)

    def test_headers_make_equal_payloads_differ(self):
        first = seal(aes, PAIR, b"1", PAYLOAD)
        second = seal(aes, PAIR, b"2", PAYLOAD)
        self.assertNotEqual(first[1:-TAG_SIZE], second[1:-TAG_SIZE])

    def test_any_flipped_bit_is_refused_before_decryption(self):
        message = seal(aes, PAIR, HEADER, PAYLOAD)
        counting = CountingAes()
        for bit in range(len(message) * 8):
            changed = bytearray(message)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertRaises(SealBroken, unseal, counting, PAIR, len(HEADER), bytes(changed))
        self.assertEqual(counting.decrypted, 0)
        unseal(counting, PAIR, len(HEADER), message)
        self.assertEqual(counting.decrypted, 1)

    def test_any_other_length_is_refused(self):
        message = seal(aes, PAIR, HEADER, PAYLOAD)
        for length in range(len(message)):
            self.assertRaises(SealBroken, unseal, aes, PAIR, len(HEADER), message[:length])
        self.assertRaises(SealBroken, unseal, aes, PAIR, len(HEADER), message + b"\x00")
        self.assertRaises(SealBroken, unseal, aes, PAIR, len(HEADER), message + bytes(16))

    def test_blocks_cannot_be_exchanged_or_moved_into_the_header(self):
        message = seal(aes, PAIR, HEADER, PAYLOAD)
        exchanged = message[:6] + message[22:38] + message[6:22] + message[38:]
        self.assertRaises(SealBroken, unseal, aes, PAIR, len(HEADER), exchanged)

    def test_keys_of_another_purpose_do_not_open(self):
        message = seal(aes, PAIR, HEADER, PAYLOAD)
        self.assertRaises(SealBroken, unseal, aes, OTHER_AUTHENTICATION, len(HEADER), message)
        self.assertNotEqual(unseal(aes, OTHER_ENCRYPTION, len(HEADER), message)[: len(PAYLOAD)], PAYLOAD)


class TestKeys(unittest.TestCase):
    def test_every_purpose_meter_and_card_has_its_own_key(self):
        derived = []
        for meter_number in (1, 2, 0x01000000):
            meter = keys.meter_key(aes, b"vending key 0001", meter_number)
            pairs = [keys.token_keys(aes, meter)]
            for uid in (b"\x01\x02\x03\x04", b"\x01\x02\x03\x05", bytes(range(7)), bytes(range(10))):
                pairs.append(keys.statement_keys(aes, keys.statement_key(aes, meter), uid))
                derived.append(keys.service_pass_key(aes, meter, uid))
            derived += (meter, keys.event_key(aes, meter), keys.release_key(aes, meter), keys.statement_key(aes, meter))
            derived += [keys.issuer_key(aes, meter, issuer) for issuer in range(1, 16)]
            for pair in pairs:
                derived += (pair.encryption, pair.authentication)
        for uid in (b"\x01\x02\x03\x04", b"\x01\x02\x03\x05", bytes(range(7)), bytes(range(10))):
            derived += keys.classic_keys(aes, b"site key 0000001", uid)
        self.assertEqual(len(set(derived)), len(derived))

    def test_classic_keys_have_six_bytes(self):
        key_a, key_b = keys.classic_keys(aes, b"site key 0000001", b"\x01\x02\x03\x04")
        self.assertEqual(keys.classic_key_a(Derivation(aes, b"site key 0000001"), b"\x01\x02\x03\x04"), key_a)
        self.assertEqual(len(key_a), keys.CLASSIC_KEY_SIZE)
        self.assertEqual(len(key_b), keys.CLASSIC_KEY_SIZE)


if __name__ == "__main__":
    unittest.main()
