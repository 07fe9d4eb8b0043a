"""The metering chip at the console: commissioned, chosen, refused, calibrated; and the events about it."""

import unittest

from tests.services.console.clamp_bench import MeasuringBench
from tests.services.console.console_bench import COMMISSION, Bench
from wattpurse.core.money import supply
from wattpurse.core.records import events


class ChipBench(MeasuringBench):
    front_end = "chip"

    def noted(self, code):
        """Return the numbers of the events of one kind, newest first."""
        return [event.number for event in self.meter.events.recent(50) if event.code == code]


class TestChoice(ChipBench):
    def test_a_meter_is_commissioned_with_a_metering_chip(self):
        self.assertTrue(self.answer.startswith("commissioned"), self.answer)
        self.assertEqual(self.meter.ledger.account.impulses, 1_000)
        self.bench.hardware.source.set_load_w(36_000)
        before = self.meter.ledger.account.pulses_total
        self.live(10)
        self.assertTrue(99 <= self.meter.ledger.account.pulses_total - before <= 101)

    def test_a_board_without_the_chip_refuses_it_and_says_why(self):
        bench = Bench()
        bench.meter.stores.test_flash = lambda by_records: ()
        bench.meter.board.build_metering_spi = lambda: None
        self.assertIn("has no metering chip", bench.say(COMMISSION.replace("3200", "chip")))
        bench.commission()
        bench.log_in()
        bench.meter.board.build_metering_spi = lambda: None
        self.assertIn("has no metering chip", bench.say("calibrate chip"))
        self.assertEqual(bench.meter.ledger.account.impulses, 3_200)

    def test_settings_of_another_firmware_keep_supply_off(self):
        self.meter.settings.set("front_end", 9)
        self.bench.restart()
        self.assertEqual(self.meter.decide(), supply.FAULT)

    def test_pulses_of_the_former_meter_are_not_charged_as_those_of_the_chip(self):
        self.bench.say("calibrate 1000")
        self.assertIsNone(self.meter.clamps)
        before = self.meter.ledger.account.pulses_total
        self.bench.say("calibrate chip")
        self.live(2)
        self.assertTrue(self.meter.ledger.account.pulses_total - before <= 1)
        self.assertIn("the clamps measure already", self.bench.say("calibrate chip"))


class TestCommands(ChipBench):
    def test_gain_is_set_and_refused_without_a_measurement(self):
        self.assertIn("measure first", self.bench.say("ct gain L1 1200"))
        self.bench.hardware.source.set_load_w(2_400)
        self.meter.clamps.front_end.begin_measurement()
        self.live(5)
        self.meter.clamps.measurements = self.meter.clamps.front_end.end_measurement()
        self.assertIn("beyond 20 %", self.bench.say("ct gain L1 2400"))
        self.assertIn("L1: gain 1.0", self.bench.say("ct gain L1 1210"))
        self.assertEqual(len(self.noted(events.CLAMPS_SET)), 1)
        self.live(2)
        self.assertTrue(abs(self.meter.clamps.front_end.readings.milliwatts(0) - 1_210_000) < 1_000)

    def test_a_measurement_without_an_answer_is_refused(self):
        self.bench.hardware.clamps.chip.is_connected = False
        self.meter.clamps.front_end.begin_measurement()
        self.live(3)
        with self.assertRaises(ValueError):
            self.meter.clamps.front_end.end_measurement()


class TestEvents(ChipBench):
    def test_resets_and_silence_of_the_chip_are_noted_once(self):
        chip = self.bench.hardware.clamps.chip
        chip.power_up()
        self.live(3)
        self.assertEqual(self.noted(events.METERING_CHIP_RESTORED), [1])
        chip.is_connected = False
        self.live(10)
        chip.is_connected = True
        self.live(5)
        self.assertEqual(len(self.noted(events.METERING_CHIP_LOST)), 1)
        self.assertEqual(len(self.noted(events.METERING_CHIP_BACK)), 1)


if __name__ == "__main__":
    unittest.main()
