"""The coil driver of docs/hardware, as logic made of the netlist, against every program: good, hung and mad.

The model knows levels in steps of a millisecond. The one-shots last as long as their tolerances allow.
"""

import random

import pytest

from wattpurse.drivers.load_switch import PULSE_MS
from wattpurse_tools.hardware import figures, netlist
from wattpurse_tools.hardware.rules import COILS, LONGEST_COIL_MS

OPEN, CLOSE = COILS


class OneShot:
    """A monostable that ignores edges of A while B, its own QN, is low."""

    def __init__(self, part, length_ms):
        self.part = part
        self._length_ms = length_ms
        self._left_ms = 0
        self._last_a = 0

    def step(self, levels):
        """Let a millisecond pass, and set the levels of Q and QN."""
        a = levels.get(self.part.pins["A"], 0)
        is_ready = self._left_ms == 0 or self.part.pins["B"] != self.part.pins["QN"]
        self._left_ms = max(0, self._left_ms - 1)
        if a and not self._last_a and is_ready:
            self._left_ms = self._length_ms
        if not levels["RESET"]:
            self._left_ms = 0
        self._last_a = a
        levels[self.part.pins["Q"]] = int(self._left_ms > 0)
        levels[self.part.pins["QN"]] = int(self._left_ms == 0)


class Driver:
    """The driver of both coils. `milliseconds` has the lengths of the current pulses of each coil so far."""

    def __init__(self, circuit, longest):
        drivers = [figures.coil_driver(circuit, coil) for coil in COILS]
        self.shots = [
            OneShot(one.one_shot, round(figures.one_shot_ms(circuit, one.one_shot)[int(longest)])) for one in drivers
        ]
        self.gates = [one.and_gate for one in drivers]
        self.inverters = [part for part in circuit.parts.values() if part.kind == "schmitt"]
        self.levels = {"RESET": 1}
        self.both = 0
        self.pulses = {coil: [] for coil in COILS}
        self._on = dict.fromkeys(COILS, 0)

    def run(self, milliseconds, open_level, close_level, reset=1):
        """Hold the commands for some time."""
        for _ in range(milliseconds):
            self.levels.update({netlist.net_of(OPEN): open_level, netlist.net_of(CLOSE): close_level, "RESET": reset})
            for shot in self.shots:
                shot.step(self.levels)
            for part in self.inverters:
                if "Y" in part.pins:
                    self.levels[part.pins["Y"]] = 1 - self.levels.get(part.pins["A"], 0)
            on = [all(self.levels.get(net, 0) for pin, net in gate.pins.items() if pin != "Y") for gate in self.gates]
            self.both += on == [True, True]
            for coil, is_on in zip(COILS, on):
                if is_on and not self._on[coil]:
                    self.pulses[coil].append(0)
                if is_on:
                    self.pulses[coil][-1] += 1
                self._on[coil] = is_on


@pytest.fixture(params=[False, True], ids=["short one-shots", "long one-shots"])
def driver(request):
    return Driver(netlist.circuit_of(netlist.read(), "pico"), request.param)


def test_a_pulse_of_the_program_passes_whole(driver):
    driver.run(PULSE_MS, 0, 1)
    driver.run(1000, 0, 0)
    driver.run(PULSE_MS, 1, 0)
    assert driver.pulses == {OPEN: [PULSE_MS], CLOSE: [PULSE_MS]}


def test_a_command_that_stays_high_ends_after_200_ms_at_most(driver):
    driver.run(10_000, 1, 0)
    assert len(driver.pulses[OPEN]) == 1
    assert PULSE_MS < driver.pulses[OPEN][0] <= LONGEST_COIL_MS


def test_both_commands_at_once_drive_neither_coil(driver):
    driver.run(10_000, 1, 1)
    assert driver.pulses == {OPEN: [], CLOSE: []}


def test_an_opening_in_the_middle_of_a_closing_is_whole(driver):
    driver.run(10, 0, 1)
    driver.run(PULSE_MS, 1, 0)
    driver.run(1000, 0, 0)
    assert driver.pulses == {OPEN: [PULSE_MS], CLOSE: [10]}


def test_an_opening_that_begins_anew_is_long_enough(driver):
    driver.run(30, 1, 0)
    driver.run(1, 0, 0)
    driver.run(PULSE_MS, 1, 0)
    assert sum(driver.pulses[OPEN]) >= PULSE_MS
    assert sum(driver.pulses[OPEN]) <= LONGEST_COIL_MS


def test_a_reset_ends_a_pulse_although_the_pin_stays_high(driver):
    driver.run(20, 0, 1)
    driver.run(100, 0, 1, reset=0)
    driver.run(5000, 0, 1)
    assert driver.pulses == {OPEN: [], CLOSE: [20]}


@pytest.mark.parametrize("seed", range(5))
def test_a_mad_program_never_drives_both_coils_and_none_longer_than_200_ms(driver, seed):
    chance = random.Random(seed)
    for _ in range(1000):
        driver.run(chance.randrange(1, 40), chance.randrange(2), chance.randrange(2), int(chance.random() > 0.05))
    assert driver.both == 0
    assert max(driver.pulses[OPEN] + driver.pulses[CLOSE]) <= LONGEST_COIL_MS
    assert len(driver.pulses[OPEN]) > 10


def test_the_model_sees_a_missing_lock_and_a_one_shot_that_can_be_lengthened():
    text = netlist.FILE.read_text(encoding="utf-8")
    planted = text.replace('C = "CLOSE_REST"', 'C = "5V"').replace('C = "OPEN_REST"', 'C = "5V"')
    assert planted != text
    driver = Driver(netlist.circuit_of(netlist.parse(planted, "planted.toml"), "pico"), True)
    driver.levels["5V"] = 1
    driver.run(50, 1, 1)
    assert driver.both > 0
    lengthened = Driver(
        netlist.circuit_of(netlist.parse(text.replace('B = "OPEN_IDLE"', 'B = "5V"'), "p"), "pico"), True
    )
    for _ in range(10):
        lengthened.run(100, 1, 0)
        lengthened.run(1, 0, 0)
    assert sum(lengthened.pulses[OPEN]) > 5 * LONGEST_COIL_MS - 100
