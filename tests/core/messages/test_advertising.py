"""The advertisement: meter and alarms for everybody in range."""

import unittest

from wattpurse.core.messages import advertising

LARGEST = 31
LAST_NUMBER = 2**32 - 1


class TestAdvertising(unittest.TestCase):
    def test_the_advertisement_names_meter_and_alarms_and_fits_into_31_bytes(self):
        data = advertising.advertisement(LAST_NUMBER, 0x1F)
        self.assertEqual(len(data), LARGEST)
        self.assertEqual(advertising.read_state(data[-6:]), (advertising.VERSION, LAST_NUMBER, 0x1F))
        self.assertEqual(data[5:21], bytes(reversed(bytes.fromhex(advertising.SERVICE_UUID.replace("-", "")))))

    def test_the_name_of_the_longest_number_fits_too(self):
        data = advertising.scan_response(LAST_NUMBER)
        self.assertTrue(len(data) <= LARGEST)
        self.assertEqual(data[2:], b"Wattpurse 4294967295")

    def test_bytes_of_another_length_are_no_state(self):
        for size in (0, 5, 7):
            self.assertIsNone(advertising.read_state(bytes(size)))


if __name__ == "__main__":
    unittest.main()
