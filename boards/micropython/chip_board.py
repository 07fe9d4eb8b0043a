"""The devices of `hal` on a chip that runs MicroPython: what is the same whatever the chip and its pins."""

import gc
import os
import time

import machine
from cryptolib import aes
from machine import I2C, SPI, Pin

from boards.micropython.clock import Clock
from boards.micropython.console import ConsoleStream
from boards.micropython.pin_signal import PinSignal
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.contact import QUICK_SAMPLES, SLOW_SAMPLES, Contact
from wattpurse.drivers.led_display import LedDisplay
from wattpurse.drivers.load_switch import LoadSwitch
from wattpurse.drivers.rtc_ds3231 import Ds3231

READER_BAUD = 8_000_000  # the RC522 takes 10 MHz; a little less leaves room for the module's wires
RTC_HZ = 400_000
LAST_WORDS_MS = 20
# A collection takes as long whatever there is to collect, and what is allocated next after it takes a little longer.
COLLECT_EVERY_MS = 10_000


class ChipBoard:
    """Everything that `hal` asks for, on the pins of `gpio`: a dict of the signals of a board's wiring table.

    `counter` is running already; `flash` is the ledger's; `watchdog` was not fed yet; `reader_bus` is the number of the
    SPI bus; `hard_interrupts` tells whether the port runs Python in an interrupt; `display_delay_us` see `LedDisplay`;
    `bare_inputs` names the tamper inputs that have a resistor of the board, for the chip has none there.
    """

    def __init__(
        self,
        name: str,
        gpio: dict,
        counter,
        flash,
        watchdog,
        reader_bus: int,
        hard_interrupts: bool,
        display_delay_us,
        bare_inputs: tuple = (),
    ) -> None:
        self.name = name
        self.counter = counter
        self.flash = flash
        self._gpio = gpio
        self.clock = clock = Clock()
        coil_pins = self._output("open_coil", 0), self._output("close_coil", 0)
        self.load_switch = LoadSwitch(*coil_pins, clock, time.sleep_ms)
        self.watchdog = watchdog
        self.console = ConsoleStream()
        display_pins = self._open_drain("display_clock"), self._open_drain("display_data")
        self.display = LedDisplay(*display_pins, display_delay_us)
        self.button = Button(Pin(gpio["button"], Pin.IN, Pin.PULL_UP), clock)
        self.buzzer = Buzzer(self._output("buzzer", 0), clock)
        self._bare_inputs = bare_inputs
        self.cover = Contact(self._loop("cover"), QUICK_SAMPLES)
        self.magnet = Contact(self._loop("magnet"), QUICK_SAMPLES)
        self.reverse_flow = Contact(self._loop("reverse_flow"), SLOW_SAMPLES)
        self.rtc = Ds3231(I2C(0, sda=Pin(gpio["rtc_data"]), scl=Pin(gpio["rtc_clock"]), freq=RTC_HZ))
        self.reader = self._build_reader(reader_bus, hard_interrupts)
        self.aes = aes
        self.random_bytes = os.urandom
        self.unique_id = machine.unique_id()
        self._collected_ms = time.ticks_ms()

    def rest(self, has_littered: bool) -> None:
        """Collect garbage, if much was made or some seconds have passed: else it is done in the middle of something."""
        if has_littered or time.ticks_diff(time.ticks_ms(), self._collected_ms) >= COLLECT_EVERY_MS:
            gc.collect()
            self._collected_ms = time.ticks_ms()

    def reset(self) -> None:
        """Start the board anew, after what was written last has gone out."""
        self.console.flush()
        time.sleep_ms(LAST_WORDS_MS)
        machine.reset()

    def _build_reader(self, bus, hard_interrupts):
        gpio = self._gpio
        sck, mosi, miso = Pin(gpio["reader_clock"]), Pin(gpio["reader_mosi"]), Pin(gpio["reader_miso"])
        spi = SPI(bus, baudrate=READER_BAUD, sck=sck, mosi=mosi, miso=miso)
        irq = PinSignal(Pin(gpio["reader_irq"], Pin.IN), Pin.IRQ_FALLING, hard_interrupts)
        return Mfrc522(spi, self._output("reader_select", 1), self._output("reader_reset", 1), irq, self.clock)

    def _output(self, signal, level):
        return Pin(self._gpio[signal], Pin.OUT, value=level)

    def _loop(self, signal):
        if signal in self._bare_inputs:
            return Pin(self._gpio[signal], Pin.IN)
        return Pin(self._gpio[signal], Pin.IN, Pin.PULL_UP)

    def _open_drain(self, signal):
        return Pin(self._gpio[signal], Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
