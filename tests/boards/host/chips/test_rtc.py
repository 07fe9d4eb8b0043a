"""The DS3231 model: its calendar, its flags, its battery, register by register."""

import unittest

from boards.host.chips.rtc import RtcModel
from boards.host.world.clock import VirtualClock

NEW_YEARS_EVE_2026 = 1_798_761_590  # 2026-12-31 23:59:50 UTC, a Thursday


class TestRtcModel(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()

    def _read(self, chip, register=0, count=7):
        chip.select(register)
        return bytes([chip.read_byte() for _ in range(count)])

    def _write(self, chip, register, written):
        chip.select(register)
        for value in written:
            chip.write_byte(value)

    def _pass_s(self, seconds):
        self.clock.advance_us(seconds * 1_000_000)

    def test_shows_the_time_it_was_set_to_and_goes_on(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026)
        self.assertEqual(self._read(chip), b"\x50\x59\x23\x04\x31\x12\x26")
        self._pass_s(11)
        self.assertEqual(self._read(chip), b"\x01\x00\x00\x05\x01\x01\x27")
        self.assertEqual(self._read(chip, 0x0F, 1)[0] & 0x80, 0)

    def test_a_new_chip_says_that_it_was_never_set(self):
        chip = RtcModel(self.clock)
        self.assertEqual(self._read(chip, 0x0F, 1)[0] & 0x80, 0x80)
        self.assertEqual(self._read(chip), b"\x00\x00\x00\x01\x01\x01\x00")

    def test_leap_days_and_the_century(self):
        for written, read in (
            (b"\x59\x59\x23\x01\x28\x02\x28", b"\x00\x00\x00\x02\x29\x02\x28"),
            (b"\x59\x59\x23\x01\x28\x02\x27", b"\x00\x00\x00\x02\x01\x03\x27"),
            (b"\x59\x59\x23\x07\x31\x12\x99", b"\x00\x00\x00\x01\x01\x81\x00"),
            (b"\x59\x59\x23\x07\x28\x82\x00", b"\x00\x00\x00\x01\x29\x82\x00"),
        ):
            with self.subTest(written=written):
                chip = RtcModel(self.clock)
                self._write(chip, 0, written)
                self._pass_s(1)
                self.assertEqual(self._read(chip), read)

    def test_twelve_hour_mode(self):
        chip = RtcModel(self.clock)
        self._write(chip, 0, b"\x59\x59\x71\x01\x01\x01\x00")
        self._pass_s(1)
        self.assertEqual(self._read(chip), b"\x00\x00\x52\x02\x02\x01\x00")
        self._write(chip, 0, b"\x59\x59\x52")
        self._pass_s(1)
        self.assertEqual(self._read(chip)[:3], b"\x00\x00\x41")

    def test_writing_the_seconds_restarts_the_countdown(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026)
        self.clock.advance_us(900_000)
        self._write(chip, 0, b"\x10")
        self.clock.advance_us(999_999)
        self.assertEqual(self._read(chip)[0], 0x10)
        self.clock.advance_us(1)
        self.assertEqual(self._read(chip)[0], 0x11)

    def test_drift_adds_up_however_often_it_is_read(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026 + 10, drift_ppm=20)
        for _ in range(100_000 // 50):
            self._pass_s(50)
            self._read(chip)
        self.assertEqual(self._read(chip), b"\x42\x46\x03\x06\x02\x01\x27")  # 100,002 s after midnight

    def test_a_burst_reads_one_instant(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026 + 9)
        chip.select(0)
        seconds = chip.read_byte()
        self._pass_s(1)
        self.assertEqual((seconds, chip.read_byte()), (0x59, 0x59))

    def test_the_stop_flag_can_only_be_cleared(self):
        chip = RtcModel(self.clock)
        self._write(chip, 0x0F, b"\x08")
        self.assertEqual(self._read(chip, 0x0F, 1), b"\x08")
        self._write(chip, 0x0F, b"\x88")
        self.assertEqual(self._read(chip, 0x0F, 1), b"\x08")
        chip.stop_oscillator()
        self.assertEqual(self._read(chip, 0x0F, 1), b"\x88")

    def test_the_battery_keeps_the_time(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026)
        chip.power_lost()
        self.assertFalse(chip.answers())
        self._pass_s(15)
        chip.power_restored()
        self.assertEqual(self._read(chip), b"\x05\x00\x00\x05\x01\x01\x27")
        self.assertEqual(self._read(chip, 0x0F, 1)[0] & 0x80, 0)

    def test_without_battery_the_time_is_gone_and_the_flag_says_so(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026, battery=False)
        chip.power_lost()
        self._pass_s(15)
        chip.power_restored()
        self.assertEqual(self._read(chip), b"\x00\x00\x00\x01\x01\x01\x00")
        self.assertEqual(self._read(chip, 0x0F, 1)[0] & 0x80, 0x80)

    def test_an_oscillator_switched_off_on_battery_stands(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026)
        self._write(chip, 0x0E, b"\x9c")
        chip.power_lost()
        self._pass_s(60)
        chip.power_restored()
        self.assertEqual(self._read(chip)[0], 0x50)
        self.assertEqual(self._read(chip, 0x0F, 1)[0] & 0x80, 0x80)

    def test_nonsense_in_the_registers_stops_the_calendar(self):
        chip = RtcModel(self.clock, NEW_YEARS_EVE_2026)
        chip.corrupt(4, 0x3F)
        self._pass_s(100)
        self.assertEqual(self._read(chip)[4], 0x3F)
        self.assertEqual(self._read(chip)[0], 0x50)


if __name__ == "__main__":
    unittest.main()
