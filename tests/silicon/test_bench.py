"""The arithmetic and the report of the bench. No speed is asserted here: `make bench` measures."""

import json
import re
from types import SimpleNamespace

import pytest

from boards.host.world.clock import VirtualClock
from tests.house.places import ROOT
from wattpurse.cards.iso14443 import HLTA, REQA
from wattpurse_tools.bench import figures, network, power, wear
from wattpurse_tools.bench.meter import METER_NUMBER, PIN, Workshop
from wattpurse_tools.bench.tap import Breakdown, Frame, TapObserver
from wattpurse_tools.cli import COMMANDS
from wattpurse_tools.commands import bench

NAMES = [figure.name for figure in figures.FIGURES]


def moment(time_us=0, idle_us=0, flash_us=0, spi_us=0, chip_selects=0):
    counted = {"time_us": time_us, "idle_us": idle_us, "flash_us": flash_us, "spi_us": spi_us}
    return SimpleNamespace(**counted, chip_selects=chip_selects, spi_bytes=0, page_programs=0, erases=0)


class Wire:
    def listen(self, listener):
        self.listener = listener


class MeterOfFrames:
    """The part of a meter that a tap observer uses: an antenna that answers, and constant counters."""

    def __init__(self, answers):
        self.clock = VirtualClock()
        self.reader_select_wire = Wire()
        self.reader = SimpleNamespace(
            field=SimpleNamespace(transmit=lambda data, bits, session: answers.get(data)),
            statistics=SimpleNamespace(chip_selects=0),
        )
        flash = {"busy_ns": 0, "sector_erases": 0, "page_programs": 0}
        counted = {"idle_ns": 0, "flash": flash, "spi_bytes": 0}
        self.pico = SimpleNamespace(statistics=lambda: {"now_ns": self.clock.now_us * 1000, **counted})

    def exchange(self, data, bits, air_us):
        """Send one frame as the driver does: chip select, frame, answer, chip select."""
        self.reader_select_wire.listener(1)
        self.clock.advance_us(air_us)
        self.reader.field.transmit(data, bits, None)
        self.clock.advance_us(5_000)
        self.reader_select_wire.listener(1)


def answer(bits):
    return SimpleNamespace(bits=bits, delay_us=0)


class TestReport:
    def test_every_figure_of_the_specification_has_its_line_and_its_measurement(self):
        measured = [name for _, names in figures.MEASUREMENTS for name in names]
        assert sorted([*measured, *network.NAMES, "image_kb"]) == sorted(NAMES)
        assert len(bench.report({name: 1 for name in NAMES}, figures.FIGURES)) == len(NAMES) == 40

    def test_a_bound_is_kept_on_its_own_side(self):
        most = figures.Figure("most", "ms", figures.AT_MOST, 0, "")
        least = figures.Figure("least", "%", figures.AT_LEAST, 90, "")
        assert most.is_met(0) and not most.is_met(1)
        assert least.is_met(90) and not least.is_met(89.9)
        assert figures.Figure("open", "ms", figures.REPORTED, None, "").is_met(7) is None

    def test_a_line_has_value_unit_bound_and_verdict(self):
        lines = bench.report({"idle_percent": 80.5, "pulses_lost": 0, "image_kb": 90}, figures.FIGURES)
        assert [line.split()[0] for line in lines] == ["pulses_lost", "idle_percent", "image_kb"]
        assert re.match(r"pulses_lost +0 pulses +at most 0 +met ", lines[0])
        assert re.match(r"idle_percent +80.5 % +at least 90 +NOT MET ", lines[1])
        assert re.match(r"image_kb +90 KiB +reported +that", lines[2])

    def test_an_unknown_figure_is_refused(self):
        with pytest.raises(ValueError, match="no figure speed"):
            figures.measure({"speed"}, print)


class TestTap:
    def test_a_breakdown_adds_up(self):
        start, end = moment(), moment(10_000, 4_000, 1_000, 500, chip_selects=10)
        parts = Breakdown(start, end, (5_000, 3_500))
        assert parts.waiting_ms == 0.5
        assert parts.python_during_radio_ms == 1.5
        total_ms = parts.radio_ms + parts.flash_ms + parts.spi_ms + parts.python_ms + parts.waiting_ms
        assert total_ms == parts.total_ms == 10
        assert parts.python_us_per_chip_select == 300

    def test_the_tap_is_from_the_request_that_was_answered_to_the_end_before_sleep(self):
        answers = {b"\x30\x04": answer(144), b"\x30\x05": answer(144)}
        meter = MeterOfFrames(answers)
        observer = TapObserver(meter)
        meter.exchange(REQA, 7, 94)
        answers[REQA] = answer(16)
        for data, bits in ((REQA, 7), (b"\x30\x04", 32), (b"\x30\x05", 32), (HLTA, 32)):
            meter.exchange(data, bits, 400)
        tap = observer.first_tap()
        assert [frame.data for frame in tap.frames] == [REQA, b"\x30\x04", b"\x30\x05"]
        first, whole = tap.first_block(), tap.whole()
        # ISO/IEC 14443-3 at 106 kbit/s: start, parity and end bits included, 91 us before each answer
        assert first.radio_ms == pytest.approx((10 + 39 + 91 / 9.44 * 2 + 20 + 164) * 9.44 / 1000, abs=0.01)
        assert whole.radio_ms > first.radio_ms
        assert whole.total_ms == pytest.approx(3 * 5.4, abs=0.01)

    def test_the_time_between_frames_is_reported_up_to_the_first_read(self):
        answers = {REQA: answer(16), b"\x93\x20": answer(40), b"\x30\x04": answer(144), b"\x30\x05": answer(144)}
        meter = MeterOfFrames(answers)
        observer = TapObserver(meter)
        for data, bits in ((REQA, 7), (b"\x93\x20", 16), (b"\x30\x04", 32), (b"\x30\x05", 32), (HLTA, 32)):
            meter.exchange(data, bits, 400)
        gaps = observer.first_tap().gaps()
        assert [line.split(" behind ")[1] for line in gaps] == ["the request", "anticollision"]
        assert all(4 < float(line.split()[0]) < 5.4 for line in gaps)

    def test_a_tap_without_an_end_is_refused(self):
        observer = TapObserver(MeterOfFrames({}))
        with pytest.raises(ValueError, match="no card"):
            observer.first_tap()
        observer.frames.append(Frame(REQA, 16, 0, 100))
        with pytest.raises(ValueError, match="did not end"):
            observer.first_tap()


class TestWear:
    def test_life_is_erases_over_slots_used(self):
        years, formula = wear.life_years(1_000, 88)
        slots_per_hour = 7_999 / 224 + 2 * 20 / 24
        assert years == pytest.approx(100_000 * 24 * 88 / slots_per_hour / 8_766)
        assert "88.0 slots" in formula
        assert wear.life_years(23_000, 88)[0] < years / 20

    def test_life_by_records_is_erases_times_the_time_of_a_sector(self):
        years, formula = wear.life_years_by_records(60)
        assert years == pytest.approx(100_000 * 24 * 60 / (3_600 * 8_766))
        assert "24 sectors x 60.0 s" in formula

    def test_the_load_profile_outlives_the_ledger(self):
        assert round(wear.profile_life_years()) == round(100_000 * 16 * 112 / (48 * 365.25))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, meter_image):
    return Workshop(tmp_path_factory.mktemp("bench"), meter_image)


class TestMeter:
    def test_the_meter_in_service_has_its_balance_and_its_history(self, workshop):
        with workshop.meter("as-said", impulses=10_000, balance_microunits=7_654_321) as meter:
            account = meter.account()
            assert (account.money.balance, account.impulses) == (7_654_321, 10_000)
            assert len(account.registers.closed_months) == 12
            meter.start()
            status = json.loads(meter.type_line("status --json")[0])
            assert status["meter_number"] == METER_NUMBER
            assert meter.type_line("login " + PIN)[0].startswith("logged in")
            meter.credit(1_000_000)
            assert meter.account().money.balance == 8_654_321
            assert meter.violations() == []

    def test_a_probe_takes_the_place_of_the_meter(self, workshop):
        with workshop.meter("probe") as meter:
            meter.start()
            meter.begin_probe("found = [6 * 7]\nwhile True: pass")
            meter.run_for(10)
            assert meter.end_probe("found") == [42]
            assert meter.pico.resets == []

    def test_every_pulse_of_the_measuring_element_is_in_the_ledger(self, workshop):
        with workshop.meter("pulses") as meter:
            meter.start()
            proven = meter.account().pulses_total
            meter.source.set_load_w(36_000)
            meter.run_for(1.95)
            meter.source.set_load_w(18_000)
            meter.run_for(1)
            meter.source.set_load_w(0)
            meter.run_for(0.5)
            assert meter.pulses_given() == meter.source.pulses_total == 24
            assert meter.account().pulses_total - proven == 24

    def test_a_meter_that_counts_by_records_takes_a_slot_for_each_step(self, workshop):
        with workshop.meter("records", impulses=wear.WORST_STEPS_PER_KWH) as meter:
            wear.count_by_records(meter)
            meter.start()
            meter.run_for(1)
            meter.source.set_load_w(10_000)
            before = [meter.pico.statistics()["flash"]["page_programs"], meter.pulses_given()]
            meter.run_for(2)
            programs = meter.pico.statistics()["flash"]["page_programs"] - before[0]
            steps = meter.pulses_given() - before[1]
            assert steps > 30
            assert abs(programs - 2 * min(steps, 2 * 20)) <= 8

    def test_the_pulses_left_are_counted_until_the_balance_is_spent(self, workshop):
        with workshop.meter("as-said", impulses=1_000, balance_microunits=5_000) as meter:
            pulses = power.pulses_left(meter.account(), 0)
            account = meter.account()
            account.count_pulses(pulses - 1)
            assert account.money.balance > 0
            account.count_pulses(1)
            assert account.money.balance <= 0


def test_the_bench_is_a_target_and_a_command():
    assert "bench:" in (ROOT / "Makefile").read_text()
    assert "bench" in COMMANDS
