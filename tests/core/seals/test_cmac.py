"""CMAC and key diversification against published vectors."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.seals.cmac import cmac, diversify, equal

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)


class TestCmac(unittest.TestCase):
    def test_vectors_of_rfc_4493(self):
        for length, tag in (
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ):
            with self.subTest(length=length):
                self.assertEqual(cmac(aes, KEY, MESSAGE[:length]), bytes.fromhex(tag))

    def test_any_buffer_will_do(self):
        self.assertEqual(cmac(aes, KEY, bytearray(MESSAGE[:40])), cmac(aes, KEY, MESSAGE[:40]))

    def test_padding_is_not_mistaken_for_content(self):
        self.assertNotEqual(cmac(aes, KEY, MESSAGE[:40]), cmac(aes, KEY, MESSAGE[:40] + b"\x80" + bytes(7)))


class TestDiversify(unittest.TestCase):
    def test_vector_of_an10922(self):
        key = bytes.fromhex("00112233445566778899aabbccddeeff")
        data = bytes.fromhex("04782e21801d803042f54e585020416275")
        self.assertEqual(diversify(aes, key, data), bytes.fromhex("a8dd63a3b89d54b37ca802473fda9175"))

    def test_the_longest_data_is_a_block_without_padding(self):
        data = MESSAGE[:31]
        self.assertEqual(diversify(aes, KEY, data), cmac(aes, KEY, b"\x01" + data))

    def test_data_that_does_not_fit_is_refused(self):
        self.assertRaises(ValueError, diversify, aes, KEY, b"")
        self.assertRaises(ValueError, diversify, aes, KEY, MESSAGE[:32])


class TestEqual(unittest.TestCase):
    def test_every_bit_counts(self):
        left = MESSAGE[:8]
        self.assertTrue(equal(left, bytes(left)))
        for bit in range(64):
            right = bytearray(left)
            right[bit // 8] ^= 1 << bit % 8
            self.assertFalse(equal(left, bytes(right)))

    def test_a_prefix_is_not_equal(self):
        self.assertFalse(equal(MESSAGE[:8], MESSAGE[:7]))
        self.assertFalse(equal(b"", MESSAGE[:1]))
        self.assertTrue(equal(b"", b""))


if __name__ == "__main__":
    unittest.main()
