"""Protocols of the simulated board, for type checkers alone: no program imports this module.

Two boards use the chip models: the simulated board of this package and the emulated chip of the host tools.
"""

# Type checkers take this name for true. MicroPython has no `typing`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from boards.host.cards.iso14443a import Card
    from boards.host.chips.mfrc522 import Mfrc522Model
    from boards.host.chips.pin import Wire
    from boards.host.chips.relay import RelayModel
    from boards.host.chips.rtc import RtcModel
    from boards.host.world.household import Household
    from wattpurse.core.money.account import Account
    from wattpurse.core.tariffs.calendar import Zone

    # A card's answer: data, bits, and the delay in microseconds after the usual 91 us. None is silence.
    Answer = tuple[bytes, int, int] | None
    RandomSource = Callable[[int], int]  # so many random bits

    class Interrupt(Protocol):
        """An interrupt line as a chip model and a waiting task see it."""

        def fire(self) -> None: ...

        def clear(self) -> None: ...

        def comes_at_once(self) -> bool: ...

        async def wait_ms(self, __timeout_ms: int) -> bool: ...

    class EventClock(Protocol):
        """Time for a chip model that only plans events."""

        generation: int  # changes when the program is abandoned: its tasks must not be woken any more

        @property
        def now_us(self) -> int: ...

        def call_at_us(self, __time_us: int, __callback: "Callable[[], object]") -> None: ...

        def signal(self) -> Interrupt: ...

    class TaskClock(EventClock, Protocol):
        """Time for a device that tasks wait at."""

        async def sleep_ms(self, __ms: int) -> None: ...

    class ChargedClock(EventClock, Protocol):
        """Time for a chip model that holds the processor while it works."""

        def advance_us(self, __duration_us: int) -> None: ...

    class EventLoopCore(Protocol):
        """MicroPython's module `asyncio.core`, as far as the virtual clock uses it."""

        cur_task: object
        _task_queue: "TaskQueue"
        _io_queue: object

        def run_until_complete(self, __task: object) -> object: ...

    class TaskQueue(Protocol):
        """MicroPython's queue of tasks that are ready or sleep."""

        def peek(self) -> object: ...

    class Driver(Protocol):
        """One end on a wire: 0 and 1 drive it, None leaves it alone."""

        drives: "int | None"

    class RegisterDevice(Protocol):
        """A chip on the I2C bus."""

        def answers(self) -> bool: ...

        def select(self, __register: int) -> None: ...

        def read_byte(self) -> int: ...

        def write_byte(self, __value: int) -> None: ...

    class Source(Protocol):
        """The measured house, for a screen and a folder."""

        load_w: int

        @property
        def power_w(self) -> int: ...

        @property
        def energy_uj(self) -> int: ...

        @property
        def energy_mwh(self) -> int: ...

        def set_load_w(self, __load_w: int) -> None: ...

        def restore_energy_uj(self, __energy_uj: int) -> None: ...

    class LitDisplay(Protocol):
        """The digits of a meter."""

        def segments(self) -> bytes: ...

    class Sensor(Protocol):
        """A tamper sensor."""

        senses: bool

        def sense(self, __senses: bool) -> None: ...

    class Keys(Protocol):
        """The keypad of a meter."""

        def press(self, __key: str, __duration_ms: int = ...) -> None: ...

    class ConsoleLine(Protocol):
        """The technician's end of the service console."""

        def type_line(self, __line: str) -> None: ...

        def take_output(self) -> str: ...

    class StoredFlash(Protocol):
        """The flash, for a folder that keeps it in a file."""

        memory: bytearray
        erases: list[int]
        programs: int

    class Chips(Protocol):
        """The chips of a meter, simulated or around the emulated chip. The latter keeps its flash in a file itself."""

        @property
        def source(self) -> Source: ...

        @property
        def relay(self) -> RelayModel: ...

        @property
        def rtc(self) -> RtcModel: ...

        @property
        def reader(self) -> Mfrc522Model: ...

        @property
        def display(self) -> LitDisplay: ...

        @property
        def cover(self) -> Sensor: ...

        @property
        def magnet(self) -> Sensor: ...

        @property
        def reverse_flow(self) -> Sensor: ...

        @property
        def buzzer_wire(self) -> Wire: ...

        @property
        def open_coil_wire(self) -> Wire: ...

        @property
        def close_coil_wire(self) -> Wire: ...

        @property
        def keys(self) -> "Keys | None": ...

        @property
        def console(self) -> ConsoleLine: ...

        @property
        def flash(self) -> "StoredFlash | None": ...

    class EventLog(Protocol):
        """The newest events of a meter."""

        def recent(self, __count: int) -> list: ...

    class KnownProgram(Protocol):
        """A meter's program, for a screen."""

        @property
        def events(self) -> EventLog: ...

        def decide(self) -> int: ...

    class LiveWorld(Protocol):
        """A world with one meter that a person sees and handles: `World`, or the emulated one of the host tools."""

        title: str
        zone: Zone
        mains_on: bool
        pace: "Callable[[int], int] | None"

        @property
        def clock(self) -> EventClock: ...

        @property
        def hardware(self) -> Chips: ...

        @property
        def household(self) -> Household: ...

        @property
        def meter(self) -> "KnownProgram | None": ...

        @property
        def account(self) -> "Account | None": ...

        def now_s(self) -> int: ...

        def run_until(self, __condition: "Callable[[], object]", __limit_s: int) -> bool: ...

        def allow_lateness(self, __limit_ms: int) -> None: ...

        def insert(self, __card: Card) -> None: ...

        def remove(self, __card: "Card | None" = None) -> None: ...

        def press(self, __duration_ms: int) -> None: ...

        def cut_mains(self) -> None: ...

        def restore_mains(self) -> None: ...

        def reset_board(self) -> None: ...

        def type_line(self, __line: str) -> list: ...
