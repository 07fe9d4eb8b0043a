"""The desk reader around the emulated RP2040: its real image, with the model of the RC522 at its pins.

    with EmulatedDeskReader("flash.bin", image="firmware.bin") as desk:
        desk.power_up()
        reader = LinkedReader(ReaderLink(desk.line, desk.clock, nonces))
        desk.insert(card)
        desk.run(reader.find_card())

The computer's end of the USB serial port is `line`. Time is virtual, and moves while the computer waits for bytes.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from boards.desk_reader.pins import GPIO
from boards.host.cards.iso14443a import Card
from wattpurse_tools.blocking import Ticks, run_driver
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.parts import wire_reader

Result = TypeVar("Result")

_START_MS = 3_000
_STEP_US = 20_000


class EmulatedLine:
    """The computer's end of the USB serial port: see `wattpurse.cards.reader_link.Line`.

    `fault(data)` returns the bytes that the computer reads in place of those of the board.
    """

    def __init__(self, pico: EmulatedPico) -> None:
        self.fault: Callable[[bytes], bytes] | None = None
        self._pico = pico

    async def read(self, timeout_ms: int) -> bytes:
        """Return bytes of the board, b"" if none come in time."""
        data = self._pico.serial_read(timeout_ms)
        return data if self.fault is None or not data else self.fault(data)

    async def write(self, data: bytes) -> None:
        """Send bytes to the board."""
        self._pico.serial_write(data)


class EmulatedTicks(Ticks):
    """The clock in the time of the emulated board."""

    def __init__(self, pico: EmulatedPico) -> None:
        self._pico = pico

    def ticks_us(self) -> int:
        """Return microseconds."""
        return self._pico.now_us

    async def sleep_ms(self, duration_ms: int) -> None:
        """Let time pass."""
        self._pico.run_ms(duration_ms)


class EmulatedDeskReader:
    """The board with the file `flash`, and the reader chip. `image` is a program to write into the flash first."""

    def __init__(self, flash: str | Path, image: str | Path | None = None, seed: int = 1) -> None:
        self.pico = EmulatedPico(flash, image, seed)
        self.clock = EmulatedTicks(self.pico)
        self.line = EmulatedLine(self.pico)
        self.reader, _ = wire_reader(self.pico, GPIO)
        self.led: list[tuple[int, int | None]] = []
        self.pico.pins[GPIO["led"]].watch(lambda drive: self.led.append((self.pico.now_us, drive)), waits=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the emulation. The file keeps the flash."""
        self.pico.close()

    def power_up(self) -> None:
        """Supply the board from the computer, and wait until its serial port is there."""
        self.reader.reset_registers()
        self.pico.power_on()
        if not self.pico.run_until(lambda: self.pico.statistics()["usb"], _START_MS, _STEP_US):
            raise TimeoutError("the desk reader has no USB serial port")

    def insert(self, card: Card) -> None:
        """Put a card on the reader."""
        self.reader.field.insert(card)

    def remove(self, card: Card) -> None:
        """Take a card away."""
        self.reader.field.remove(card)

    def run(self, step: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine of the computer, whose waits run the board. Return its result."""
        return run_driver(step)

    def violations(self) -> list[str]:
        """Return every breach of a data sheet, by the processor or at the reader chip."""
        return list(self.pico.faults) + [f"reader: {violation}" for violation in self.reader.violations]
