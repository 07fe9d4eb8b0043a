"""The host's AES against published vectors, with the interface of MicroPython's cryptolib on both Pythons."""

import unittest

from boards.host.chips.aes import aes

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
IV = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
ECB = 1
CBC = 2


class TestVectors(unittest.TestCase):
    def test_fips_197_appendix_c_1(self):
        cipher = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")
        plain = bytes.fromhex("00112233445566778899aabbccddeeff")
        self.assertEqual(aes(IV, ECB).encrypt(plain), cipher)
        self.assertEqual(aes(IV, ECB).decrypt(cipher), plain)

    def test_sp_800_38a_f_2_1(self):
        cipher = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")
        self.assertEqual(aes(KEY, CBC, IV).encrypt(PLAIN), cipher)
        self.assertEqual(aes(KEY, CBC, IV).decrypt(cipher), PLAIN)


class TestShape(unittest.TestCase):
    def test_cbc_goes_on_where_the_last_call_ended(self):
        whole = aes(KEY, CBC, IV).encrypt(PLAIN)
        parts = aes(KEY, CBC, IV)
        self.assertEqual(parts.encrypt(PLAIN[:16]) + parts.encrypt(PLAIN[16:]), whole)

    def test_part_of_a_block_is_refused(self):
        self.assertRaises(ValueError, aes(KEY, ECB).encrypt, PLAIN[:15])
        self.assertRaises(ValueError, aes(KEY, ECB).decrypt, PLAIN[:17])

    def test_one_object_does_not_do_both(self):
        encrypting = aes(KEY, ECB)
        encrypting.encrypt(PLAIN)
        self.assertRaises(ValueError, encrypting.decrypt, PLAIN)
        decrypting = aes(KEY, ECB)
        decrypting.decrypt(PLAIN)
        self.assertRaises(ValueError, decrypting.encrypt, PLAIN)

    def test_wrong_keys_modes_and_ivs_are_refused(self):
        self.assertRaises(ValueError, aes, KEY[:15], ECB)
        self.assertRaises(ValueError, aes, KEY[:8] * 3, ECB)
        self.assertRaises(ValueError, aes, KEY, 7)
        self.assertRaises(ValueError, aes, KEY, CBC)
        self.assertRaises(ValueError, aes, KEY, CBC, IV[:15])


if __name__ == "__main__":
    unittest.main()
