"""The release: it permits one meter to take one number and one set of keys."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.messages.release import is_release, make_release

KEY = b"meter key of old"
NEW_KEY = b"meter key of new"
SITE_KEY = b"site key 0000001"


class TestRelease(unittest.TestCase):
    def test_a_release_fits_its_meter_number_and_keys_alone(self):
        made = make_release(aes, KEY, 7, NEW_KEY, SITE_KEY)
        self.assertEqual(len(made), 8)
        self.assertTrue(is_release(aes, KEY, made, 7, NEW_KEY, SITE_KEY))
        for other in (
            (NEW_KEY, 7, NEW_KEY, SITE_KEY),
            (KEY, 8, NEW_KEY, SITE_KEY),
            (KEY, 7, KEY, SITE_KEY),
            (KEY, 7, NEW_KEY, KEY),
        ):
            self.assertFalse(is_release(aes, other[0], made, *other[1:]))

    def test_any_flipped_bit_and_any_other_length_are_refused(self):
        made = make_release(aes, KEY, 7, NEW_KEY, SITE_KEY)
        for bit in range(len(made) * 8):
            changed = bytearray(made)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertFalse(is_release(aes, KEY, bytes(changed), 7, NEW_KEY, SITE_KEY))
        for wrong in (b"", made[:7], made + b"\x00"):
            self.assertFalse(is_release(aes, KEY, wrong, 7, NEW_KEY, SITE_KEY))


if __name__ == "__main__":
    unittest.main()
