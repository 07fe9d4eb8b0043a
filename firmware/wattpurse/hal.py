"""The contract of a board: the devices that it provides. `boards/*` builds them, and `app` hands them out.

All code outside `boards/` is identical on every board and names no pin. The protocols below exist for type checkers
alone: a meter's image never builds them. Two leading underscores mark a positional parameter (MicroPython has no `/`).
"""

# Type checkers take this name for true. MicroPython has no `typing`, and a meter has no memory to spare for it.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Protocol

    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.drivers.button import Button
    from wattpurse.drivers.buzzer import Buzzer
    from wattpurse.drivers.contact import Contact
    from wattpurse.drivers.led_display import LedDisplay
    from wattpurse.drivers.load_switch import LoadSwitch
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

    class Watchdog(Protocol):
        """Resets the board 8 s after the last `feed`."""

        @property
        def has_reset_board(self) -> bool: ...

        def feed(self) -> None: ...

    class ConsolePort(Protocol):
        """The line to the person at the service console."""

        async def read_line(self, __limit: int) -> "str | None": ...

        def write(self, __text: str) -> None: ...

        async def make_room(self) -> None: ...

    class AesCipher(Protocol):
        """One key in one mode: it either encrypts or decrypts."""

        def encrypt(self, __data: "bytes | bytearray | memoryview") -> bytes: ...

        def decrypt(self, __data: "bytes | bytearray | memoryview") -> bytes: ...

    class Aes(Protocol):
        """`cryptolib.aes`: mode 1 is ECB, mode 2 is CBC."""

        def __call__(self, __key: bytes, __mode: int, __iv: "bytes | None" = None) -> AesCipher: ...

    class RealTimeClock(Protocol):
        """A clock chip with a battery."""

        def read(self) -> "int | None": ...

        def set(self, __utc_s: int) -> None: ...

    class Pin(Protocol):
        """A pin as in MicroPython's `machine`: called without a value it reads, with a value it writes."""

        def __call__(self, __level: "int | None" = None) -> "int | None": ...

    class Board(Protocol):
        """Every device of `DEVICES`, with its type."""

        name: str
        unique_id: bytes
        clock: Clock
        counter: PulseCounter
        load_switch: LoadSwitch
        display: LedDisplay
        button: Button
        buzzer: Buzzer
        cover: Contact
        magnet: Contact
        reverse_flow: Contact
        rtc: RealTimeClock
        reader: Mfrc522
        flash: Flash
        watchdog: Watchdog
        console: ConsolePort
        aes: Aes

        def random_bytes(self, __count: int) -> bytes: ...

        def rest(self, __has_littered: bool) -> None: ...

        def reset(self) -> None: ...


DEVICES = (
    ("name", "what the board is, for people: str"),
    ("unique_id", "what tells this board from every other: bytes"),
    ("clock", "ticks_ms(), ticks_us(), ticks_diff(later, earlier), ticks_add(ticks, delta), async sleep_ms(ms)"),
    ("counter", "drivers.pulse_counter.PulseCounter over a counter that silicon advances"),
    ("load_switch", "drivers.load_switch.LoadSwitch, coils off"),
    ("display", "drivers.led_display.LedDisplay"),
    ("button", "drivers.button.Button"),
    ("buzzer", "drivers.buzzer.Buzzer"),
    ("cover", "drivers.contact.Contact of the cover's switch, believed quickly"),
    ("magnet", "drivers.contact.Contact of a reed contact that a magnet opens, believed quickly"),
    ("reverse_flow", "drivers.contact.Contact of the output that says energy flows backwards, believed slowly"),
    ("rtc", "drivers.rtc_ds3231.Ds3231, or the same read() and set(utc_s)"),
    ("reader", "cards.mfrc522.Mfrc522, not started"),
    (
        "flash",
        "read(address, buffer), program(address, data) inside 256 bytes, erase(sector), sector_count of 4 KiB"
        "; identification, the chip's JEDEC ID, where it can be asked",
    ),
    ("watchdog", "feed(): 8 s after the last the board is reset; has_reset_board: it was, before this start"),
    (
        "console",
        "async read_line(limit) -> str, or None for a line longer than limit; write(text);"
        " async make_room(): others run until more can be written, OSError if nobody reads",
    ),
    ("aes", "as cryptolib.aes: aes(key, mode[, iv]) with encrypt and decrypt; mode 1 ECB, 2 CBC"),
    ("random_bytes", "random_bytes(count) -> bytes that cannot be guessed"),
    ("rest", "rest(has_littered): nothing is urgent; the board may tidy up its memory, and does if much is left there"),
    ("reset", "reset() starts the board anew and does not return"),
)


def check(board) -> None:
    """Raises ValueError that names every device the board lacks, with what it must offer."""
    missing = [f"{name}: {contract}" for name, contract in DEVICES if not hasattr(board, name)]
    if missing:
        raise ValueError("the board lacks " + "; ".join(missing))
