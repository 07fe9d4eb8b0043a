"""The metering chip ATM90E32AS at the clamps of a house, on the level of its registers.

After the data sheet Atmel-46003 (M90E32AS). A frame is one register: sixteen bits of address and sixteen of data while
the chip is selected. A frame of another length has no effect. Configuration registers take a value only after 0x55AA
went into CfgRegAccEn; another value locks them, and the chip takes a check sum of them. A change behind the lock shows
in CRCErrStatus. Energy registers are cleared when they are read.

Energy is exact: power is in whole microwatts, the gains of the registers are rational numbers, and CF1 gives a pulse
whenever the sum of the counted phases, forward or reverse, has reached an impulse. The pulse is high for 80 ms, or for
half of the period if that is shorter. The polynomial of the check sum is this model's own: no program depends on it.

The data sheet does not give the reading at a gain of 1, so `AMP_SCALE` and `VOLT_SCALE` are typical values.
"""

from array import array

from boards.host.chips.random_bits import RandomBits
from boards.host.chips.waves import POINTS, transfer

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.clamps import ClampInputs, LegInputs
    from boards.host.protocols import EventClock

AMP_SCALE = 195_300  # mA for a volt at the input
VOLT_SCALE = 1_953_000  # mV likewise
CYCLES_A_SECOND = 2_048_000
LONGEST_PULSE_US = 80_000

_DEFAULTS = {
    0x01: 0x0210,
    0x02: 0x0654,
    0x05: 0x143F,
    0x06: 0xC000,
    0x07: 0x0001,
    0x08: 0x1000,
    0x09: 0x0400,
    0x0A: 0xFFFF,
    0x0B: 0xC000,
    0x0C: 0x1324,
    0x0D: 0x13EC,
    0x0E: 0x010F,
    0x31: 0x0861,
    0x32: 0xC468,
    0x33: 0x0087,
}
_GAINS = (0x61, 0x62, 0x65, 0x66, 0x69, 0x6A)
_CONFIGURATION = range(0x70)
_ENERGIES = range(0x80, 0x94)
_LAST_SPI_DATA = 0x78
_CRC_ERR_STATUS = 0x79
_CRC_DIGEST = 0x7A
_LOCK = 0x7F
_KEY = 0x55AA
_RESET = 0x70
_RESET_KEY = 0x789A
_CF1_REVERSED = 1 << 3
_KWH_PJ = 3_600_000_000_000_000_000  # a microwatt for a microsecond is a picojoule
_PL_CONSTANT = 450_000_000_000
_IN_SUM = (4, 2, 1)  # bits of MMode0
_ABSOLUTE = 1 << 3
_ONE = 1 << 15
_UNITS = _ONE * _ONE * _ONE  # a product of three gains
_TENTH_CF = 10  # an energy register counts tenths of an impulse


class ChipInputs:
    """The parts in front of the chip: clamps and dividers, as milliamperes and millivolts for a volt at the inputs."""

    def __init__(self, clamp_ma: int = 600_600, divider_mv: int = 1_001_000) -> None:
        self.clamp_ma = clamp_ma
        self.divider_mv = divider_mv


class Atm90e32Model:
    """One chip. L1 of `inputs` is its phase A, L2 its phase B. Call `catch_up` before each change of the inputs.

    `pulses` counts the pulses of CF1. The counter of the board wraps at `modulus`.
    `violations` has everything that the data sheet forbids. `flip_every`, if set, damages one bit in so many frames,
    and `is_connected` is False once its wires were pulled. `stuck`, if set, is all that its output gives.
    """

    modulus = 65_536

    def __init__(self, clock: "EventClock", inputs: "ClampInputs", parts: ChipInputs, seed: int = 1) -> None:
        self.inputs = inputs
        self.parts = parts
        self.pulses = 0
        self.pulse_us = 0  # length of the newest pulse
        self.violations: list[str] = []
        self.is_connected = True
        self.stuck: int | None = None
        self.flip_every = 0
        self.resets = 0
        self.reads: dict[int, int] = {}
        self.select_level = 1
        self._clock = clock
        self._random_bits = RandomBits(seed)
        self._counted_from = 0
        self._frame = bytearray()
        self._answer = 0
        self._seen: dict[int, tuple] = {}
        self.power_up()

    def power_up(self) -> None:
        """Reset all registers, as a return of the supply or a dip of it does. Energy short of a pulse is lost."""
        self.registers = dict.fromkeys(_CONFIGURATION, 0)
        self.registers.update(_DEFAULTS)
        self.registers.update(dict.fromkeys(_GAINS, _ONE))
        self.registers[_LOCK] = 0
        self._last = 0
        self._known_sum: int | None = None
        self._digest = self._check_sum()
        self._rests = [0, 0, 0]  # picojoules of each phase, times _UNITS
        self._sum = 0
        self._is_reversed = False
        self._energies = dict.fromkeys(_ENERGIES, 0)
        self._accounted_us = self._clock.now_us
        self._newest_pulse_us = 0
        self.resets += 1

    def board_powered(self) -> None:
        """Reset the board's counter to 0, as power-up does."""
        self.catch_up()
        self._counted_from = self.pulses

    def read_raw(self) -> int:
        """Return the board's free-running counter of the pulses of CF1."""
        self.catch_up()
        return (self.pulses - self._counted_from) % self.modulus

    def select(self, level: int) -> None:
        """Take the level of the chip select. Its rise ends a frame."""
        if not self.is_connected:
            return
        if self.select_level and not level:
            self._frame = bytearray()
        elif level and not self.select_level and len(self._frame) != 4:
            self.violations.append(f"a frame of {len(self._frame)} bytes")
        self.select_level = level

    def write_readinto(self, data: "bytes | bytearray", values: bytearray) -> None:
        """Send bytes and receive as many at the same time."""
        if len(data) != len(values):
            raise ValueError("buffers must be the same length")
        damaged = self._damaged(len(data))
        for place, byte in enumerate(data):
            answer = self._byte(byte ^ damaged[0][place]) ^ damaged[1][place]
            values[place] = answer if self.stuck is None else self.stuck

    def write(self, data: "bytes | bytearray | memoryview") -> None:
        """Send bytes and drop the answer."""
        self.write_readinto(bytes(data), bytearray(len(data)))

    def disturb(self, register: int, value: int) -> None:
        """Change a configuration register behind the lock, as a disturbance does."""
        self.catch_up()
        self.registers[register] = value
        self._known_sum = None

    def catch_up(self) -> None:
        """Account for the energy up to now."""
        now_us = self._clock.now_us
        elapsed_us = now_us - self._accounted_us
        self._accounted_us = now_us
        if not elapsed_us or not self.registers[0]:
            return
        mode, total = self.registers[0x33], 0
        for phase in range(len(self.inputs.legs)):
            power = self._power(phase)
            if mode & _IN_SUM[phase]:
                total += abs(power) if mode & _ABSOLUTE else power
            self._add_phase(phase, power * elapsed_us)
        self._add_total(total, elapsed_us)

    def power_uw(self, phase: int) -> int:
        """Return the true power behind a clamp, in whole microwatts."""
        leg = self.inputs.legs[phase]
        return round(leg.volts * leg.amps * transfer(leg.volt_wave, leg.amp_wave) * 1_000_000)

    def _byte(self, byte: int) -> int:
        """Take the next byte of a frame and return the byte that goes the other way at the same time."""
        if self.select_level or not self.is_connected:
            return 0xFF if not self.is_connected else self._violate("SPI clocked while the chip is not selected")
        frame = self._frame
        frame.append(byte)
        place = len(frame) - 1
        if place == 1 and frame[0] & 0x80:
            self._answer = self._read((frame[0] & 0x7F) << 8 | frame[1])
        if place < 2 or place > 3:
            return 0
        if frame[0] & 0x80:
            return self._answer >> 8 if place == 2 else self._answer & 0xFF
        if place == 3:
            self._write(frame[0] << 8 | frame[1], frame[2] << 8 | byte)
        return 0

    def _violate(self, words: str) -> int:
        self.violations.append(words)
        return 0

    def _damaged(self, count: int) -> list:
        """Return bits to be turned over, on the way to the chip and back."""
        bits = [bytearray(count), bytearray(count)]
        if self.flip_every and self._random_bits.below(self.flip_every) == 0:
            bits[self._random_bits(1)][self._random_bits.below(count)] |= 1 << self._random_bits(3)
        return bits

    def _read(self, register: int) -> int:
        self.catch_up()
        value = self._value(register)
        self.reads[register] = self.reads.get(register, 0) + 1
        if register in _ENERGIES:
            self._energies[register] = 0
        if register != _LAST_SPI_DATA:
            self._last = value
        return value

    def _write(self, register: int, value: int) -> None:
        self.catch_up()
        self._last = value
        if register == _LOCK:
            self.registers[_LOCK] = value
            if value != _KEY:
                self._digest = self._check_sum()
        elif register == _RESET and value == _RESET_KEY:
            self.power_up()
        elif register in _CONFIGURATION and self.registers[_LOCK] == _KEY:
            self.registers[register] = value
            self._known_sum = None

    def _check_sum(self) -> int:
        """Return a check sum of all configuration registers (CRC-16 with the polynomial 0x1021)."""
        if self._known_sum is not None:
            return self._known_sum
        crc = 0xFFFF
        for register in _CONFIGURATION:
            for byte in (self.registers[register] >> 8, self.registers[register] & 0xFF):
                crc ^= byte << 8
                for _ in range(8):
                    crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        self._known_sum = crc
        return crc

    def _value(self, register: int) -> int:
        phase = (register - 0xB1) & 3
        if register in self.registers:
            return self.registers[register]
        if register == _LAST_SPI_DATA:
            return self._last
        if register == _CRC_ERR_STATUS:
            return int(self.registers[_LOCK] != _KEY and self._check_sum() != self._digest)
        if register == _CRC_DIGEST:
            return self._digest
        if register in _ENERGIES:
            return self._energies[register]
        if register == 0x71:
            return _CF1_REVERSED if self._is_reversed else 0
        if 0xB1 <= register <= 0xB3 or 0xC1 <= register <= 0xC3:
            bits = self._power_register(phase if register < 0xC0 else register - 0xC1)
            return bits >> 16 if register < 0xC0 else bits & 0xFFFF
        return self._rms(register)

    def _rms(self, register: int) -> int:
        if register == 0xF8:
            has_voltage = any(leg.volts > 10 for leg in self.inputs.legs)
            return self.inputs.millihertz // 10 if has_voltage else 0
        if 0xD9 <= register <= 0xDB:
            return self._voltage(register - 0xD9)
        return self._current(register - 0xDD) if 0xDD <= register <= 0xDF else 0

    def _voltage(self, phase: int) -> int:
        if phase >= len(self.inputs.legs):
            return 0
        millivolts = round(self.inputs.legs[phase].volts * 1000)
        gain = self.registers[0x61 + 4 * phase]
        return min(0xFFFF, millivolts * VOLT_SCALE * gain // (self.parts.divider_mv * _ONE * 10))

    def _current(self, phase: int) -> int:
        if phase >= len(self.inputs.legs):
            return 0
        leg = self.inputs.legs[phase]
        if not leg.is_plugged:
            return 0
        milliamperes = round(leg.amps * leg.gain * 1000)
        gain = self.registers[0x62 + 4 * phase]
        return min(0xFFFF, milliamperes * AMP_SCALE * gain // (self.parts.clamp_ma * _ONE))

    def _seen_uw(self, phase: int) -> int:
        """Return the power at the inputs of a phase, with the errors of clamp and divider, in microwatts.

        It is computed anew after a change alone.
        """
        leg, delay = self.inputs.legs[phase], self.registers[0x48 + 2 * phase]
        waves = id(leg.volt_wave), id(leg.amp_wave), self.inputs.millihertz
        state = leg.volts, leg.amps, leg.gain, leg.phase_degrees, leg.pickup, leg.is_plugged, leg.is_reversed
        key = delay, waves, state
        if phase not in self._seen or self._seen[phase][0] != key:
            self._seen[phase] = key, self._at_inputs_uw(phase, leg, delay)
        return self._seen[phase][1]

    def _at_inputs_uw(self, phase: int, leg: "LegInputs", delay: int) -> int:
        if not leg.is_plugged:
            return 0
        power_uw = self.power_uw(phase)
        cycles = -(delay & 0x3FF) if delay & _ONE else delay & 0x3FF
        degrees = leg.phase_degrees - cycles * 360 * self.inputs.millihertz / (1000 * CYCLES_A_SECOND)
        if degrees or leg.gain != 1.0:
            power_uw = round(self._turned_uw(leg, degrees) * leg.gain)
        if leg.is_reversed:
            power_uw = -power_uw
        return power_uw + round(leg.volts * leg.volts * leg.pickup * 1_000_000)

    def _turned_uw(self, leg: "LegInputs", degrees: float) -> float:
        """Return the power of a leg whose current is seen so much too early."""
        points = degrees * POINTS / 360
        whole = int(points // 1)
        shifted = array("h", [leg.amp_wave[(point + whole) % POINTS] for point in range(POINTS)])
        one = transfer(leg.volt_wave, shifted)
        if points == whole:
            return leg.volts * leg.amps * one * 1_000_000
        further = array("h", [leg.amp_wave[(point + whole + 1) % POINTS] for point in range(POINTS)])
        two, part = transfer(leg.volt_wave, further), points - whole
        return leg.volts * leg.amps * (one + (two - one) * part) * 1_000_000

    def _power(self, phase: int) -> int:
        """Return the power that the chip sees on a phase, in microwatts, times _UNITS."""
        registers = self.registers
        gains = registers[0x61 + 4 * phase] * registers[0x62 + 4 * phase]
        gains *= _ONE + _signed(registers[0x47 + 2 * phase], 16)
        scale = AMP_SCALE * VOLT_SCALE, self.parts.clamp_ma * self.parts.divider_mv
        power = self._seen_uw(phase) * gains * scale[0] // scale[1]
        power += _signed(registers[0x41 + 2 * phase], 16) * 320 * _UNITS
        return 0 if abs(power) < registers[0x38] * 320 * _UNITS else power

    def _power_register(self, phase: int) -> int:
        if phase >= len(self.inputs.legs) or not self.registers[0]:
            return 0
        return self._power(phase) // (320 * _UNITS) & 0xFFFFFFFF

    def _impulse(self) -> int:
        """Return the energy of an impulse in picojoules, times _UNITS, as the registers set it."""
        constant = self.registers[0x31] << 16 | self.registers[0x32]
        return max(1, _KWH_PJ * constant * _UNITS // _PL_CONSTANT)

    def _add_phase(self, phase: int, energy: int) -> None:
        self._rests[phase] += energy
        tenth = self._impulse() // _TENTH_CF
        count = abs(self._rests[phase]) // tenth
        if not count:
            return
        base = 0x81 if self._rests[phase] > 0 else 0x85
        self._energies[base + phase] = min(0xFFFF, self._energies[base + phase] + count)
        self._rests[phase] -= count * tenth if self._rests[phase] > 0 else -count * tenth

    def _add_total(self, power: int, elapsed_us: int) -> None:
        """Add to the sum that CF1 shows. Energy of the other direction is subtracted first."""
        if abs(power) < self.registers[0x35] * 320 * _UNITS:
            return
        self._sum += power * elapsed_us
        impulse = self._impulse()
        count = abs(self._sum) // impulse
        if not count:
            return
        self._is_reversed = self._sum < 0
        self._sum -= -count * impulse if self._sum < 0 else count * impulse
        self.pulses += count
        self.pulse_us = min(LONGEST_PULSE_US, impulse // max(1, abs(power)) // 2)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
