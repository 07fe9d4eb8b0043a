"""A whole meter around the emulated RP2040: the real image, and each chip model at its pin of the wiring table.

    with EmulatedMeter("flash.bin", image="firmware.bin") as meter:
        meter.power_up()
        meter.commission(4711, (meter_key, site_key), "prepaid-money", "246810", tariff_table)
        meter.insert(card)
        meter.run_for(2)
        print(meter.type_line("status"))

The parts have the names of `boards.host.board.Hardware`; the methods that move them have the names of
`boards.host.world.world.World`. Pulses are real edges at the counter's pin. The program is a closed box: the meter is
observed at its pins, in its flash and on its console.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from boards.host.cards.iso14443a import Card
from boards.host.chips.button import ButtonModel
from boards.host.chips.display import DisplayModel
from boards.host.chips.pulse_source import MICROJOULES_PER_KWH, PulseSource
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.relay import RelayModel
from boards.host.chips.rtc import RtcModel
from boards.host.chips.sensor import SensorModel
from boards.host.world.world import FIRST_S
from boards.pico.pins import GPIO
from wattpurse.drivers.rtc_ds3231 import ADDRESS
from wattpurse_tools.emulation.clock import EmulatedClock
from wattpurse_tools.emulation.emulator import EmulatedPico, Gpio
from wattpurse_tools.emulation.parts import EmulatedWire, I2cRegisterParts, wire_reader

IMPULSES_PER_KWH = 1_000

_LONGEST_PULSE_NS = 30_000_000
_WATT_NS_PER_KWH = 3_600_000_000_000_000
_READY = b"'help' lists the commands"
_QUIET_MS = 100
_STEP_US = 10_000


class PulseTrain(PulseSource):
    """The measuring element at a pin of the chip: each pulse is a rising edge, evenly spaced while the load stays."""

    def __init__(self, clock: EmulatedClock, gpio: Gpio, impulses: int) -> None:
        super().__init__(clock, impulses)
        self._pin_clock = clock
        self._gpio = gpio
        self._play()

    def set_load_w(self, load_w: int) -> None:
        """Change the power that the house draws while it has supply."""
        super().set_load_w(load_w)
        self._play()

    def set_mains(self, on: bool) -> None:
        """Cut or restore the mains."""
        super().set_mains(on)
        self._play()

    def set_contact(self, closed: bool) -> None:
        """Follow the contact of the load switch."""
        super().set_contact(closed)
        self._play()

    def _play(self) -> None:
        """Play pulses at the new rate, from the pulse that is due next."""
        self._gpio.stop_pulses()
        self._gpio.drive(0)
        if self.power_w:
            period_ns = _WATT_NS_PER_KWH / (self.power_w * self._impulses)
            begun = self.energy_uj * self._impulses % MICROJOULES_PER_KWH / MICROJOULES_PER_KWH
            high_ns = min(_LONGEST_PULSE_NS, period_ns / 2)
            self._gpio.pulses(period_ns, high_ns, None, self._pin_clock.now_ns + (1 - begun) * period_ns)


class EmulatedMeter:
    """The chip with the file `flash`, and the parts around it. `image` is a program to write into the flash first.

    `seed` decides all random behaviour. The measuring element gives `impulses` per kWh; `commission` sets the meter to
    the same number.
    """

    def __init__(
        self,
        flash: str | Path,
        image: str | Path | None = None,
        utc_s: int | None = FIRST_S,
        seed: int = 1,
        impulses: int = IMPULSES_PER_KWH,
    ) -> None:
        self.pico = EmulatedPico(flash, image, seed)
        clock = self.clock = self.pico.clock
        self._has_supply = False
        self._seed = seed
        self.rtc = RtcModel(clock, utc_s)
        self.pico.attach_i2c(0, I2cRegisterParts({ADDRESS: self.rtc}))
        self.reader, self.reader_select_wire = wire_reader(self.pico, GPIO)
        self.display_wires = self._wire("display_clock"), self._wire("display_data")
        self.display = DisplayModel(*self.display_wires, clock)
        self.button_wire = self._wire("button")
        self.button = ButtonModel(clock, self.button_wire, RandomBits(seed))
        self.buzzer_wire = self._wire("buzzer", 0)
        self.cover = self._sensor("cover")
        self.magnet = self._sensor("magnet")
        self.reverse_flow = self._sensor("reverse_flow")
        self.open_coil_wire = self._wire("open_coil", 0)
        self.close_coil_wire = self._wire("close_coil", 0)
        self.relay = RelayModel(clock, self.open_coil_wire, self.close_coil_wire)
        self.source = PulseTrain(clock, self.pico.pins[GPIO["pulse"]], impulses)
        self._impulses = impulses
        self.source.set_mains(False)
        self.relay.listen(self.source.set_contact)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the emulation. The file keeps the flash."""
        self.pico.close()

    # Supply

    def power_up(self) -> None:
        """Switch the mains on: every chip gets its supply, and the processor starts when time goes on."""
        self.source.set_mains(True)
        self.rtc.power_restored()
        self.display.power_up()
        self.reader.reset_registers()
        self.pico.power_on()
        self._has_supply = True

    def power_lost(self) -> None:
        """Cut the mains now."""
        self.pico.cut_power()
        self._follow_supply()

    def reset_board(self) -> None:
        """Pull the processor's reset line. The other chips keep their state."""
        self.pico.reset()

    # Time

    def run_for(self, duration_s: float) -> bool:
        """Let time pass. Return False if the supply failed."""
        self.pico.run_us(round(duration_s * 1_000_000))
        return self._follow_supply()

    def run_until(self, condition: Callable[[], object], limit_s: float, step_us: int = _STEP_US) -> bool:
        """Run until `condition()` holds, checked every `step_us`, at most `limit_s`. Return True if it held."""
        came = self.pico.run_until(condition, round(limit_s * 1000), step_us)
        self._follow_supply()
        return came

    # The hand

    def insert(self, card: Card) -> None:
        """Bring a card into the reader's field."""
        self.reader.field.insert(card)

    def remove(self, card: Card | None = None) -> None:
        """Take a card out of the reader's field, or all cards."""
        for held in [card] if card is not None else list(self.reader.field.cards):
            self.reader.field.remove(held)

    def press(self, duration_ms: int = 150) -> None:
        """Press the button for `duration_ms`."""
        self.button.press(duration_ms)

    def type_line(self, line: str, limit_s: float = 30) -> list[str]:
        """Type a line at the service console. Return the lines of the answer. Raise TimeoutError if none comes."""
        received = self.pico.serial_received
        received.clear()
        self.pico.serial_write(line.encode() + b"\r")
        if not self.run_until(lambda: received.count(b"\n") > 1, limit_s):
            raise TimeoutError(f"no answer to {line!r}, only {bytes(received)!r}")
        self._await_quiet(limit_s)
        _, _, answer = received.decode().replace("\r", "").partition("\n")
        received.clear()
        return answer.strip().split("\n")

    def await_console(self, limit_s: float = 10) -> None:
        """Wait until a meter that has just started greets on its console."""
        self.pico.serial_read_until(_READY, round(limit_s * 1000))
        self._await_quiet(limit_s)
        self.pico.serial_received.clear()

    def commission(
        self,
        number: int,
        keys: tuple[bytes, bytes],
        contract: str,
        pin: str,
        tariff: bytes,
    ) -> list[str]:
        """Commission a blank meter at its console, as a technician does, and restart it. Return the answer.

        `keys` are the meter key and the site key. Raise ValueError if the meter refuses.
        """
        words = ["commission", str(number)] + [key.hex() for key in keys]
        answer = self.type_line(" ".join(words + [str(self._impulses), contract, pin, tariff.hex()]))
        if not answer[0].startswith("commissioned"):
            raise ValueError(answer[0])
        self.reset_board()
        self.await_console()
        return answer

    def violations(self) -> list[str]:
        """Return every breach of a data sheet, by the processor or at another chip."""
        found = list(self.pico.faults)
        for name, model in (("display", self.display), ("relay", self.relay), ("reader", self.reader)):
            found += [f"{name}: {violation}" for violation in model.violations]
        return found

    def _wire(self, signal: str, pull: int = 1) -> EmulatedWire:
        return EmulatedWire(self.pico, GPIO[signal], pull)

    def _sensor(self, signal: str) -> SensorModel:
        return SensorModel(self.clock, self._wire(signal), RandomBits(self._seed))

    def _follow_supply(self) -> bool:
        """Cut the supply of every chip if that of the processor failed. Return True while there is supply."""
        if self._has_supply and not self.pico.powered:
            self._has_supply = False
            self.display.power_lost()
            self.reader.power_cut()
            self.rtc.power_lost()
            self.source.set_mains(False)
        return self._has_supply

    def _await_quiet(self, limit_s: float) -> None:
        """Run until the board has written nothing for `_QUIET_MS`."""
        received = self.pico.serial_received
        end_us = self.clock.now_us + round(limit_s * 1_000_000)
        seen = -1
        while seen != len(received) and self.clock.now_us < end_us:
            seen = len(received)
            self.run_for(_QUIET_MS / 1000)
