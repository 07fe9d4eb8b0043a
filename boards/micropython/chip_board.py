"""The devices of `hal` on a chip that runs MicroPython: the part that is the same for every chip and wiring."""

import gc
import os
import time
from array import array

import machine
from cryptolib import aes
from machine import I2C, SPI, Pin

from boards.micropython.clock import Clock
from boards.micropython.console import ConsoleStream
from boards.micropython.pin_signal import PinSignal
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.core.tariffs.calendar import DAY_S, civil_from_days
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.contact import QUICK_SAMPLES, SLOW_SAMPLES, Contact
from wattpurse.drivers.led_display import LedDisplay
from wattpurse.drivers.load_switch import LoadSwitch
from wattpurse.drivers.mains_sensor import MainsSensor
from wattpurse.drivers.rtc_ds3231 import Ds3231

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.micropython.shared_pins import SharedPins
    from wattpurse.core.records.settings import Settings
    from wattpurse.drivers.keypad import Keypad
    from wattpurse.drivers.pulse_counter import PulseCounter
    from wattpurse.hal import Aes, BluetoothPort, Flash, Network, ReadoutPort, RoomLine, Sampler, Watchdog

READER_BAUD = 8_000_000  # the RC522 takes 10 MHz; the margin is for the module's wires
RTC_HZ = 400_000
METERING_BAUD = 500_000
LAST_OUTPUT_MS = 20
# A collection takes the same time for little and for much garbage, and slows the next allocations a little. Between two
# collections there must be memory for the garbage of a tap: a collection amid a tap holds up all tasks for 20 ms.
COLLECT_EVERY_MS = 3_000

# A filling takes 1 KiB until the next collection. These leave room for a tap.
_BLOCK_BYTES = 16
_FLOATS = 64
_MOST_FILLINGS = 16


class ChipTraits:
    """Properties of a chip and of its MicroPython port.

    `reader_bus` is the number of the reader's SPI bus. `has_hard_interrupts` is True if the port runs Python in an
    interrupt. `display_delay_us` and `display_order` are those of `LedDisplay`. `bare_inputs` names the inputs
    whose pins have no pull-up of the chip; the board has a resistor there. `note_reset` is called before the board
    resets itself, for chips that do not tell such a reset from a panic. `metering_spi` has the number of the SPI bus of
    a metering chip, and the GPIO numbers of its wires by signal. It is None if there is no room for such a chip.
    A board sets `readout_uart` and `modem_port`: the number of the UART of a readout head or a modem, and its wiring,
    first the sending wire, then the receiving one; for the modem also the bytes of each buffer of the UART. `room_line`
    has the same of the line to a room reader, and third the wire that enables its driver.
    """

    def __init__(
        self,
        reader_bus: int,
        has_hard_interrupts: bool,
        display_delay_us: "Callable[[int], object]",
        display_order: tuple,
        bare_inputs: tuple = (),
        note_reset: "Callable[[], None] | None" = None,
        metering_spi: "tuple[int, dict[str, int]] | None" = None,
    ) -> None:
        self.reader_bus = reader_bus
        self.has_hard_interrupts = has_hard_interrupts
        self.display_delay_us = display_delay_us
        self.display_order = display_order
        self.bare_inputs = bare_inputs
        self.note_reset = note_reset
        self.metering_spi = metering_spi
        self.readout_uart: tuple[int, tuple] | None = None
        self.modem_port: tuple[int, tuple, int] | None = None
        self.room_line: tuple[int, tuple] | None = None


def _fill_holes(floats: array) -> None:
    """Fill the single free blocks between the objects that live long, so that the next allocations are quick.

    An allocation of several blocks looks for room from the place behind the last allocation of one block (`gc_alloc` in
    MicroPython's py/gc.c). A collection sets that place to the begin of the heap: until it has moved on, each
    allocation takes up to 0.4 ms. Each float takes one block.
    """
    for _ in range(_MOST_FILLINGS):
        before = id(object())
        max(floats)
        if id(object()) - before == (len(floats) + 1) * _BLOCK_BYTES:
            return


def _gpio(wiring: tuple) -> "list[int]":
    """Return the GPIO numbers of a wiring table. A table of literals takes no memory, and a dict of numbers would."""
    return [row[1] for row in wiring]


class ChipBoard:
    """All devices of `hal`, on the pins of `gpio`: the GPIO numbers by signal of the board's wiring table.

    `counter` is running already, `flash` is the ledger's, and `watchdog` was not fed yet. `build_sampler()` returns the
    converter for clamps, or None.
    """

    def __init__(
        self,
        name: str,
        gpio: "dict[str, int]",
        counter: "PulseCounter",
        flash: "Flash",
        watchdog: "Watchdog",
        traits: ChipTraits,
        build_sampler: "Callable[[], Sampler | None]",
    ) -> None:
        self.name = name
        self.counter = counter
        self.flash = flash
        self.build_sampler = build_sampler
        self._gpio = gpio
        self._traits = traits
        self.clock = clock = Clock()
        coil_pins = self._output("open_coil", 0), self._output("close_coil", 0)
        self.load_switch = LoadSwitch(*coil_pins, clock, time.sleep_ms)
        self.watchdog = watchdog
        self.console = ConsoleStream()
        display_pins = self._open_drain("display_clock"), self._open_drain("display_data")
        self.display = LedDisplay(*display_pins, traits.display_delay_us, traits.display_order)
        self.button = Button(Pin(gpio["button"], Pin.IN, Pin.PULL_UP), clock)
        self.buzzer = Buzzer(self._output("buzzer", 0), clock)
        self._bare_inputs = traits.bare_inputs
        self._note_reset = traits.note_reset
        self.cover = Contact(self._loop("cover"), QUICK_SAMPLES)
        self.magnet = Contact(self._loop("magnet"), QUICK_SAMPLES)
        self.reverse_flow = Contact(self._loop("reverse_flow"), SLOW_SAMPLES)
        self.power_fail = MainsSensor(self._loop("power_fail"))
        self._i2c = I2C(0, sda=Pin(gpio["rtc_data"]), scl=Pin(gpio["rtc_clock"]), freq=RTC_HZ)
        self.rtc = Ds3231(self._i2c)
        self.reader = self._build_reader(traits)
        # The stubs take an IV that is missing, but not one that is None; cryptolib takes both.
        self.aes: Aes = aes  # pyright: ignore[reportAttributeAccessIssue]
        self.random_bytes = os.urandom
        self.unique_id = machine.unique_id()
        self._collected_ms = time.ticks_ms()
        self._has_holes = False
        self._floats = array("f", range(_FLOATS))
        self._shared_pins: SharedPins | None = None  # no start without such a device loads the module

    def build_metering_spi(self) -> "tuple[SPI, Pin] | None":
        """Return bus and chip select of a metering chip, or None if the board has no pins for it. Its mode is 3."""
        if self._traits.metering_spi is None:
            return None
        bus, gpio = self._traits.metering_spi
        if not self._take_pins("metering chip", list(gpio.values())):
            return None
        select = Pin(gpio["metering_select"], Pin.OUT, value=1)
        sck, mosi, miso = Pin(gpio["metering_clock"]), Pin(gpio["metering_mosi"]), Pin(gpio["metering_miso"])
        return SPI(bus, baudrate=METERING_BAUD, polarity=1, phase=1, sck=sck, mosi=mosi, miso=miso), select

    def build_keypad(self) -> "Keypad":
        """Return the keypad, on an expander on the bus of the clock, or on the pins that the wiring table names."""
        from wattpurse.drivers.keypad import ExpanderLines, Keypad, PinLines

        if "keypad_row_1" not in self._gpio:
            return Keypad(ExpanderLines(self._i2c))
        rows = [self._open_drain(f"keypad_row_{number}") for number in (1, 2, 3, 4)]
        columns = [self._loop(f"keypad_column_{number}") for number in (1, 2, 3)]
        return Keypad(PinLines(tuple(rows), tuple(columns)))

    def build_readout_port(self) -> "ReadoutPort | None":
        """Return the serial line of a readout head, or None if no pins are free for it."""
        if self._traits.readout_uart is None:
            return None
        number, wiring = self._traits.readout_uart
        send, receive = _gpio(wiring)
        if not self._take_pins("readout head", [send, receive]):
            return None
        from boards.micropython.readout_port import UartReadoutPort

        return UartReadoutPort(number, Pin(send), Pin(receive))

    def build_room_line(self) -> "RoomLine | None":
        """Return the line to a room reader, on the pins of the board's own reader. None: no line, or another image."""
        if self._traits.room_line is None:
            return None
        try:  # only the image for a room reader freezes this module, so it cannot be a plain import
            module = __import__("boards.micropython.rs485", None, None, ("Rs485Line",))
        except ImportError:
            return None
        number, wiring = self._traits.room_line
        send, receive, drive = _gpio(wiring)
        return module.Rs485Line(number, Pin(send), Pin(receive, Pin.IN, Pin.PULL_UP), Pin(drive, Pin.OUT, value=0))

    def _take_pins(self, owner: str, gpio: "list[int]") -> bool:
        """Return True if these pins are the owner's from now on."""
        if self._shared_pins is None:
            from boards.micropython.shared_pins import SharedPins

            self._shared_pins = SharedPins()
        return self._shared_pins.take(owner, gpio)

    def build_bluetooth(self) -> "BluetoothPort | None":
        """Return the radio, or None if the image has none."""
        try:  # only the images with a radio freeze this module, so it cannot be a plain import
            module = __import__("boards.micropython.ble", None, None, ("AiobleRadio",))
        except ImportError:
            return None
        return module.AiobleRadio(self.clock)

    def build_network(self, settings: "Settings") -> "Network | None":
        """Return the link that the settings choose, or None without one."""
        link = settings.get("link", 0)
        if not link or self._traits.modem_port is None:
            return None
        from boards.micropython import network_link  # a meter without a network does not need it

        uart, wiring, buffer_bytes = self._traits.modem_port
        send, receive = _gpio(wiring)
        port = None
        if link == network_link.MODEM and self._take_pins("modem", [send, receive]):
            port = network_link.ModemPort(uart, send, receive, buffer_bytes)
        return network_link.build(link, settings, port, self.clock)

    def set_system_clock(self, utc_s: int) -> None:
        """Set the clock of MicroPython, which begins anew with each start."""
        days, second = divmod(utc_s, DAY_S)
        year, month, day = civil_from_days(days)
        weekday = (days + 3) % 7  # 1970 began on a Thursday
        machine.RTC().datetime((year, month, day, weekday, second // 3600, second // 60 % 60, second % 60, 0))

    def rest(self, has_littered: bool) -> bool:
        """Collect garbage at a quiet time, if there is much of it or some seconds have passed since the last time.

        Return True after a collection: the next call fills the holes that it leaves, after other tasks have worked.
        """
        collects = has_littered or time.ticks_diff(time.ticks_ms(), self._collected_ms) >= COLLECT_EVERY_MS
        if collects:
            gc.collect()
            self._collected_ms = time.ticks_ms()
        elif self._has_holes:
            _fill_holes(self._floats)
        self._has_holes = collects
        self._floats = array("f", range(_FLOATS))
        return collects

    def reset(self) -> None:
        """Send the rest of the console's output, then start the board anew."""
        self.console.flush()
        time.sleep_ms(LAST_OUTPUT_MS)
        if self._note_reset is not None:
            self._note_reset()
        machine.reset()

    def _build_reader(self, traits: ChipTraits) -> Mfrc522:
        gpio = self._gpio
        sck, mosi, miso = Pin(gpio["reader_clock"]), Pin(gpio["reader_mosi"]), Pin(gpio["reader_miso"])
        spi = SPI(traits.reader_bus, baudrate=READER_BAUD, sck=sck, mosi=mosi, miso=miso)
        irq = PinSignal(Pin(gpio["reader_irq"], Pin.IN), Pin.IRQ_FALLING, traits.has_hard_interrupts)
        return Mfrc522(spi, self._output("reader_select", 1), self._output("reader_reset", 1), irq, self.clock)

    def _output(self, signal: str, level: int) -> Pin:
        return Pin(self._gpio[signal], Pin.OUT, value=level)

    def _loop(self, signal: str) -> Pin:
        if signal in self._bare_inputs:
            return Pin(self._gpio[signal], Pin.IN)
        return Pin(self._gpio[signal], Pin.IN, Pin.PULL_UP)

    def _open_drain(self, signal: str) -> Pin:
        return Pin(self._gpio[signal], Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
