"""The service pass: it opens unchanged, with the key of its own card only."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.messages.service_pass import SIZE, make_pass, open_pass
from wattpurse.core.seals.keys import service_pass_key
from wattpurse.core.seals.sealing import SealBroken

KEY = service_pass_key(aes, b"site key 0000001", b"\x01\x02\x03\x04")


class TestServicePass(unittest.TestCase):
    def test_tells_technician_and_expiry(self):
        made = make_pass(aes, KEY, 7, 1_800_000_000)
        self.assertEqual(len(made), SIZE)
        self.assertEqual(open_pass(aes, KEY, made), (7, 1_800_000_000))

    def test_any_flipped_bit_is_refused(self):
        made = make_pass(aes, KEY, 7, 1_800_000_000)
        for bit in range(len(made) * 8):
            changed = bytearray(made)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertRaises(SealBroken, open_pass, aes, KEY, bytes(changed))

    def test_any_other_length_is_refused(self):
        made = make_pass(aes, KEY, 7, 1_800_000_000)
        for length in range(len(made)):
            self.assertRaises(SealBroken, open_pass, aes, KEY, made[:length])
        self.assertRaises(SealBroken, open_pass, aes, KEY, made + b"\x00")

    def test_another_cards_key_does_not_open_it(self):
        other = service_pass_key(aes, b"site key 0000001", b"\x01\x02\x03\x05")
        self.assertRaises(SealBroken, open_pass, aes, other, make_pass(aes, KEY, 7, 1_800_000_000))


if __name__ == "__main__":
    unittest.main()
