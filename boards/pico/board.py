"""The meter's devices on a Raspberry Pi Pico or Pico W, see `hal` for what each must offer and `pins` for the wiring."""

import os
import time

import machine
from cryptolib import aes
from machine import I2C, SPI, Pin

from boards.micropython.clock import Clock
from boards.micropython.console import ConsoleStream
from boards.micropython.pin_signal import PinSignal
from boards.micropython.watchdog import Watchdog
from boards.pico import slice_counter, storage
from boards.pico.flash import PicoFlash
from boards.pico.pins import GPIO
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.led_display import LedDisplay
from wattpurse.drivers.load_switch import LoadSwitch
from wattpurse.drivers.pulse_counter import PulseCounter
from wattpurse.drivers.rtc_ds3231 import Ds3231

READER_BAUD = 8_000_000
RTC_HZ = 400_000
LAST_WORDS_MS = 20


class Board:
    """The board with the ledger's ring on `ring_blocks`, a block device. Counting starts before anything else."""

    name = "Raspberry Pi Pico"

    def __init__(self, ring_blocks):
        self.counter = PulseCounter(slice_counter.start_counting(GPIO["pulse"]), slice_counter.MODULUS)
        self.clock = clock = Clock()
        coil_pins = _output("open_coil", 0), _output("close_coil", 0)
        self.load_switch = LoadSwitch(*coil_pins, clock, time.sleep_ms)
        self.watchdog = Watchdog()
        self.flash = PicoFlash(ring_blocks)
        self.console = ConsoleStream()
        self.display = LedDisplay(_open_drain("display_clock"), _open_drain("display_data"))
        self.button = Button(Pin(GPIO["button"], Pin.IN, Pin.PULL_UP), clock)
        self.buzzer = Buzzer(_output("buzzer", 0), clock)
        self.rtc = Ds3231(I2C(0, sda=Pin(GPIO["rtc_data"]), scl=Pin(GPIO["rtc_clock"]), freq=RTC_HZ))
        self.reader = self._build_reader()
        self.aes = aes
        self.random_bytes = os.urandom
        self.unique_id = machine.unique_id()

    def reset(self):
        """Start the board anew, after what was written last has gone out."""
        self.console.flush()
        time.sleep_ms(LAST_WORDS_MS)
        machine.reset()

    def _build_reader(self):
        spi = SPI(
            0,
            baudrate=READER_BAUD,
            sck=Pin(GPIO["reader_clock"]),
            mosi=Pin(GPIO["reader_mosi"]),
            miso=Pin(GPIO["reader_miso"]),
        )
        irq = PinSignal(Pin(GPIO["reader_irq"], Pin.IN, Pin.PULL_UP), Pin.IRQ_FALLING, True)
        return Mfrc522(spi, _output("reader_select", 1), _output("reader_reset", 1), irq, self.clock)


def build_board() -> Board:
    """The devices, on a board whose image reserves the ring's flash (`storage`)."""
    return Board(storage.ring_blocks())


def _output(signal, level):
    return Pin(GPIO[signal], Pin.OUT, value=level)


def _open_drain(signal):
    return Pin(GPIO[signal], Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
