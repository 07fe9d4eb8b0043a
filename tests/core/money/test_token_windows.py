"""Token numbers with their issuers, and the windows of redeemed numbers against plain sets."""

import unittest

from wattpurse.core.money import token_windows
from wattpurse.core.money.token_windows import COUNT_LIMIT, ISSUERS, OFFICE, WINDOW, WINDOWS, TokenWindows, number_of


def again(windows):
    unpacked, position = TokenWindows.unpack(b"xyz" + windows.pack() + b"z", 3)
    assert position == 3 + len(windows.pack())
    return unpacked


class TestNumbers(unittest.TestCase):
    def test_issuer_and_count_come_back(self):
        for issuer in range(ISSUERS):
            for count in (1, 2, 77, COUNT_LIMIT):
                number = number_of(issuer, count)
                self.assertTrue(0 < number < 1 << 32)
                self.assertEqual((token_windows.issuer_of(number), token_windows.count_of(number)), (issuer, count))
                self.assertEqual(token_windows.parse_number(token_windows.number_text(number)), number)

    def test_numbers_of_the_office_are_plain(self):
        self.assertEqual(token_windows.number_text(number_of(OFFICE, 17)), "17")
        self.assertEqual(token_windows.number_text(number_of(2, 17)), "2/17")

    def test_numbers_that_cannot_be_are_refused(self):
        for issuer, count in ((-1, 1), (ISSUERS, 1), (0, -1), (0, COUNT_LIMIT + 1)):
            with self.assertRaises(ValueError):
                number_of(issuer, count)
        for text in ("", "x", "1/", "/1", "1/x", "-1", "16/1", "1/2/3", str(1 << 28), "0x1"):
            with self.assertRaises(ValueError):
                token_windows.parse_number(text)


class TestWindows(unittest.TestCase):
    def test_each_issuer_against_a_plain_set(self):
        windows = TokenWindows()
        used = [set() for _ in range(WINDOWS)]
        state = 1
        for step in range(3000):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            issuer = (state >> 20) % WINDOWS
            top = max(used[issuer]) if used[issuer] else 0
            count = max(1, top + (state >> 8) % 140 - 100)
            number = number_of(issuer, count)
            expected = count in used[issuer] or count <= top - WINDOW
            self.assertEqual(windows.is_used(number), expected)
            if not expected:
                used[issuer].add(count)
                windows.mark(number)
            with self.assertRaises(ValueError):
                windows.mark(number)
            if step % 100 == 0:
                windows = again(windows)
        self.assertEqual([windows.top(issuer) for issuer in range(WINDOWS)], [max(one) for one in used])

    def test_a_revoked_issuer_stays_revoked_and_makes_room_for_another(self):
        windows = TokenWindows()
        for issuer in range(1, WINDOWS):
            windows.mark(number_of(issuer, 5))
        self.assertFalse(windows.admits(WINDOWS))
        self.assertTrue(windows.admits(OFFICE))
        with self.assertRaises(ValueError):
            windows.mark(number_of(WINDOWS, 1))
        windows.revoke(2)
        windows = again(windows)
        self.assertTrue(windows.is_revoked(2))
        self.assertFalse(windows.admits(2))
        with self.assertRaises(ValueError):
            windows.mark(number_of(2, 6))
        windows.mark(number_of(WINDOWS, 1))
        self.assertEqual(again(windows).issuers(), [1, 3, 4, 5, 6])

    def test_the_office_and_no_issuer_cannot_be_revoked(self):
        for issuer in (OFFICE, ISSUERS, 255):
            with self.assertRaises(ValueError):
                TokenWindows().revoke(issuer)

    def test_all_numbers_up_to_the_start_are_used(self):
        windows = TokenWindows()
        windows.start_after(number_of(3, 70))
        windows = again(windows)
        for count in (1, 6, 7, 69, 70):
            self.assertTrue(windows.is_used(number_of(3, count)), count)
        self.assertFalse(windows.is_used(number_of(3, 71)))
        self.assertFalse(windows.is_used(number_of(0, 1)))

    def test_bytes_that_no_windows_gave_are_refused(self):
        windows = TokenWindows()
        for issuer in range(WINDOWS):
            windows.mark(number_of(issuer, 5))
        packed = windows.pack()
        wrong = [packed[:length] for length in range(len(packed))]
        wrong.append(b"\x01\x00\x00")  # the office is revoked
        wrong.append(packed[:2] + bytes((WINDOWS + 1,)) + packed[3:] + packed[-13:])
        wrong.append(packed[:3] + bytes((ISSUERS,)) + packed[4:])
        wrong.append(b"\x02\x00" + packed[2:])  # issuer 1 is revoked and has a window
        for data in wrong:
            with self.assertRaises(ValueError):
                TokenWindows.unpack(data, 0)


if __name__ == "__main__":
    unittest.main()
