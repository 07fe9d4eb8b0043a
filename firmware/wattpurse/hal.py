"""The contract of a board: the devices that it provides. `boards/*` builds them, and `app` hands them out.

All code outside `boards/` is identical on every board and names no pin. The protocols below exist for type checkers
alone: a meter's image never builds them.
"""

# Type checkers take this name for true. MicroPython has no `typing`, and a meter has no memory to spare for it.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable
    from typing import Protocol, overload

    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.core.records.settings import Settings
    from wattpurse.drivers.button import Button
    from wattpurse.drivers.buzzer import Buzzer
    from wattpurse.drivers.contact import Contact
    from wattpurse.drivers.keypad import Keypad
    from wattpurse.drivers.led_display import LedDisplay
    from wattpurse.drivers.load_switch import LoadSwitch
    from wattpurse.drivers.mains_sensor import MainsSensor
    from wattpurse.drivers.pulse_counter import PulseCounter

    class Clock(Protocol):
        """Ticks as in MicroPython's `time`: they wrap, so two of them are compared by `ticks_diff` alone."""

        def ticks_ms(self) -> int: ...

        def ticks_us(self) -> int: ...

        def ticks_diff(self, __later: int, __earlier: int) -> int: ...

        def ticks_add(self, __ticks: int, __delta: int) -> int: ...

        async def sleep_ms(self, __ms: int) -> None: ...

    class Flash(Protocol):
        """NOR flash: an erase sets a sector of 4 KiB to ones, a program clears bits inside one page of 256 bytes.

        A board that can ask the chip for its JEDEC ID has it as `identification`, an int, as well.
        """

        @property
        def sector_count(self) -> int: ...

        def read(self, __address: int, __buffer: "bytearray | memoryview") -> None: ...

        def program(self, __address: int, __data: "bytes | bytearray | memoryview") -> None: ...

        def erase(self, __sector: int) -> None: ...

    class Sampler(Protocol):
        """A converter that DMA empties into a ring of codes, for clamps. A board without it has None in its place.

        `ring` has `length` halfwords, a power of 2; a frame is `channels` of them, and begins with channel 0.
        `read_raw` returns how many were written, modulo `modulus`, and `note_taken` keeps how many the program has
        taken: `taken` of the next program. After the converter has dropped a sample, `read_raw` returns -1 until
        `restart` begins anew. `add_products` is the function of `ct_kernel`, or a quicker one with the same results.
        """

        length: int
        channels: int
        modulus: int
        taken: int
        add_products: Callable[..., int]

        @property
        def ring(self) -> "memoryview | array[int]": ...

        def read_raw(self) -> int: ...

        def note_taken(self, __raw: int) -> None: ...

        def restart(self) -> None: ...

    class BluetoothPort(Protocol):
        """The radio with the service of `core.messages.advertising`. It has one connection at a time.

        `advertise` returns True once somebody has connected. `read` returns bytes, and b"" if none came in time.
        `read` and `write` raise OSError if the connection is lost, and `write` also if the peer does not take the bytes
        in time. `disconnect` and `stop` raise nothing.
        """

        async def advertise(self, __data: bytes, __scan_response: bytes, __timeout_ms: int) -> bool: ...

        async def read(self, __timeout_ms: int) -> bytes: ...

        async def write(self, __data: bytes, __timeout_ms: int) -> None: ...

        async def disconnect(self) -> None: ...

        async def stop(self) -> None: ...

    class Watchdog(Protocol):
        """Resets the board 8 s after the last `feed`."""

        @property
        def has_reset_board(self) -> bool: ...

        @property
        def is_unexplained(self) -> bool: ...

        def feed(self) -> None: ...

    class ConsolePort(Protocol):
        """The line to the person at the service console."""

        async def read_line(self, __limit: int) -> "str | None": ...

        def write(self, __text: str) -> None: ...

        async def make_room(self) -> None: ...

        def allow_interrupt(self, __is_allowed: bool) -> None: ...

    class AesCipher(Protocol):
        """One key in one mode: it either encrypts or decrypts."""

        def encrypt(self, __data: "bytes | bytearray | memoryview") -> bytes: ...

        def decrypt(self, __data: "bytes | bytearray | memoryview") -> bytes: ...

    class Aes(Protocol):
        """`cryptolib.aes`: mode 1 is ECB, mode 2 is CBC."""

        @overload
        def __call__(self, __key: bytes, __mode: int) -> AesCipher: ...

        @overload
        def __call__(self, __key: bytes, __mode: int, __iv: bytes) -> AesCipher: ...

    class RealTimeClock(Protocol):
        """A clock chip with a battery."""

        def read(self) -> "int | None": ...

        def set(self, __utc_s: int) -> None: ...

    class Pin(Protocol):
        """A pin as in MicroPython's `machine`: a call without a value reads it, a call with a value writes it."""

        @overload
        def __call__(self) -> "int | None": ...

        @overload
        def __call__(self, __level: int) -> object: ...

    class Signal(Protocol):
        """The signal of an edge on an input pin; `wait_ms` returns False if no edge came in time."""

        def clear(self) -> None: ...

        def comes_at_once(self) -> bool: ...

        async def wait_ms(self, __timeout_ms: int) -> bool: ...

    class Spi(Protocol):
        """A bus as MicroPython's `machine.SPI`."""

        def write(self, __data: "bytes | bytearray | memoryview") -> "int | None": ...

        def write_readinto(self, __data: "bytes | bytearray", __buffer: bytearray) -> "int | None": ...

    class I2c(Protocol):
        """A bus as MicroPython's `machine.I2C`, with registers of 8 bits. Raises OSError if no device answers."""

        def readfrom_mem_into(self, __address: int, __register: int, __buffer: bytearray) -> None: ...

        def writeto_mem(self, __address: int, __register: int, __data: "bytes | bytearray | memoryview") -> None: ...

    class ReadoutPort(Protocol):
        """A serial line of seven bits, even parity and one stop bit, to a reader. No call waits.

        `read` fills `buffer` as far as characters have arrived, and returns their number. `write` takes up to 32
        characters if those before have been sent; `is_sent` is True once the line is quiet.
        """

        def set_baud(self, __baud: int) -> None: ...

        def read(self, __buffer: bytearray) -> int: ...

        def write(self, __data: "bytes | bytearray | memoryview") -> None: ...

        def is_sent(self) -> bool: ...

    class RoomLine(Protocol):
        """A line of RS-485 to a room reader, as `cards.reader_link.Line`."""

        async def read(self, __timeout_ms: int) -> bytes: ...

        async def write(self, __data: bytes) -> None: ...

    class Network(Protocol):
        """A way to the broker: Wi-Fi, or a modem over PPP. The board builds it from the settings."""

        def is_up(self) -> bool: ...  # an address is there (not 0.0.0.0)

        async def bring_up(self, __timeout_ms: int) -> None: ...  # raises OSError with the reason when the time is over

        def take_down(self) -> None: ...  # hang up; the next bring_up dials anew

    class Board(Protocol):
        """Every device of `DEVICES`, with its type. Nobody replaces one, so a board may have a narrower type."""

        @property
        def name(self) -> str: ...

        @property
        def unique_id(self) -> bytes: ...

        @property
        def clock(self) -> Clock: ...

        @property
        def counter(self) -> PulseCounter: ...

        def build_sampler(self) -> "Sampler | None": ...

        def build_metering_spi(self) -> "tuple[Spi, Callable[[int], object]] | None": ...

        def build_keypad(self) -> "Keypad | None": ...
        def build_readout_port(self) -> "ReadoutPort | None": ...
        def build_room_line(self) -> "RoomLine | None": ...
        def build_bluetooth(self) -> "BluetoothPort | None": ...
        def build_network(self, __settings: Settings) -> "Network | None": ...

        def set_system_clock(self, __utc_s: int) -> None: ...

        @property
        def load_switch(self) -> LoadSwitch: ...

        @property
        def display(self) -> LedDisplay: ...

        @property
        def button(self) -> Button: ...

        @property
        def buzzer(self) -> Buzzer: ...

        @property
        def cover(self) -> Contact: ...

        @property
        def magnet(self) -> Contact: ...

        @property
        def reverse_flow(self) -> Contact: ...

        @property
        def power_fail(self) -> "MainsSensor | None": ...

        @property
        def rtc(self) -> RealTimeClock: ...

        @property
        def reader(self) -> Mfrc522: ...

        @property
        def flash(self) -> Flash: ...

        @property
        def watchdog(self) -> Watchdog: ...

        @property
        def console(self) -> ConsolePort: ...

        @property
        def aes(self) -> Aes: ...

        def random_bytes(self, __count: int) -> bytes: ...

        def rest(self, __has_littered: bool) -> bool: ...

        def reset(self) -> None: ...


DEVICES = (
    ("name", "name of the board, for people: str"),
    ("unique_id", "identifies this board among all others: bytes"),
    ("clock", "ticks_ms(), ticks_us(), ticks_diff(later, earlier), ticks_add(ticks, delta), async sleep_ms(ms)"),
    ("counter", "drivers.pulse_counter.PulseCounter over a counter that silicon advances"),
    ("build_sampler", "build_sampler() -> the converter of clamps, running, or None if the board has none"),
    (
        "build_metering_spi",
        "build_metering_spi() -> (bus, chip select) of an ATM90E32AS, whose CF1 the counter counts, or None",
    ),
    ("build_keypad", "build_keypad() -> drivers.keypad.Keypad, or None if the board has no lines for one"),
    (
        "build_readout_port",
        "build_readout_port() -> the serial line of a readout head, or None without free pins for it",
    ),
    (
        "build_room_line",
        "build_room_line() -> the line to a room reader, on the pins of the reader, or None if the board has none",
    ),
    (
        "build_bluetooth",
        "build_bluetooth() -> the radio: async advertise, read, write, disconnect, stop; or None if the image has none",
    ),
    ("build_network", "build_network(settings) -> the link of the board to an IP network, or None if it has none"),
    ("set_system_clock", "set_system_clock(utc_s): the time at which TLS checks certificates"),
    ("load_switch", "drivers.load_switch.LoadSwitch, coils off"),
    ("display", "drivers.led_display.LedDisplay"),
    ("button", "drivers.button.Button"),
    ("buzzer", "drivers.buzzer.Buzzer"),
    ("cover", "drivers.contact.Contact of the cover switch, believed quickly"),
    ("magnet", "drivers.contact.Contact of a reed contact that a magnet opens, believed quickly"),
    ("reverse_flow", "drivers.contact.Contact of the output that reports reverse energy flow, believed slowly"),
    ("power_fail", "drivers.mains_sensor.MainsSensor of the input that tells when the mains fail, or None without one"),
    ("rtc", "drivers.rtc_ds3231.Ds3231, or the same read() and set(utc_s)"),
    ("reader", "cards.mfrc522.Mfrc522, before its start"),
    (
        "flash",
        "read(address, buffer), program(address, data) inside 256 bytes, erase(sector), sector_count of 4 KiB"
        "; identification, the JEDEC ID of the chip, if the board can read it",
    ),
    (
        "watchdog",
        "feed(): the board is reset 8 s after the last call; has_reset_board: this start follows such a reset;"
        " is_unexplained: the chip does not tell why it started, which may have been a panic",
    ),
    (
        "console",
        "async read_line(limit) -> str, or None for a line longer than limit; write(text);"
        " async make_room(): let others run until more can be written, OSError if nobody reads;"
        " allow_interrupt(is_allowed): whether Ctrl-C ends the program",
    ),
    ("aes", "as cryptolib.aes: aes(key, mode[, iv]) with encrypt and decrypt; mode 1 ECB, 2 CBC"),
    ("random_bytes", "random_bytes(count) -> bytes that cannot be guessed"),
    (
        "rest",
        "rest(has_littered): nothing is urgent; the board may collect garbage, does if has_littered; True: call again",
    ),
    ("reset", "reset() starts the board anew and does not return"),
)


def check(board: object) -> None:
    """Raise ValueError if the board lacks a device. The message names every missing device and its contract."""
    missing = [f"{name}: {contract}" for name, contract in DEVICES if not hasattr(board, name)]
    if missing:
        raise ValueError("the board lacks " + "; ".join(missing))
