"""An RP2040 board in emulation: the chip runs the real image, and Python serves the parts around it.

    with EmulatedPico("flash.bin", image="firmware.uf2") as pico:
        pico.power_on()
        repl = RawRepl(pico)
        print(repl.execute("print(6 * 7)"))

Time is virtual. It moves only inside the methods that run the board, which also call the callbacks of attached parts.
Two runs with the same inputs are equal to the nanosecond. The flash is a file that outlives the emulation. Times count
from the creation of the object.
"""

import json
import shutil
import struct
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

from wattpurse_tools.emulation.clock import EmulatedClock
from wattpurse_tools.emulation.link import Link, json_payload
from wattpurse_tools.places import ROOT

SERVER = ROOT / "tools" / "emulator" / "server.js"
PIN_COUNT = 30

_RELEASED = -1
_WATCH_POSTED = 1
_WATCH_ASKED = 2


Listener = Callable[[int | None], object]


class SpiBusPart(Protocol):
    """A part on an SPI bus."""

    def exchange(self, byte: int, /) -> int:
        """Take the byte from the chip, and return the byte that is shifted out meanwhile."""
        ...


class I2cBusPart(Protocol):
    """A part on an I2C bus. It sees a transfer step by step, as bytes on the wire."""

    def start(self) -> None:
        """Take a start condition, or a repeated one."""

    def address(self, address: int, reading: bool, /) -> bool:
        """Return True if the part acknowledges this address of seven bits."""
        ...

    def write(self, byte: int, /) -> bool:
        """Take a byte. Return True if the part acknowledges it."""
        ...

    def read(self) -> int:
        """Return a byte."""
        ...

    def stop(self) -> None:
        """Take a stop condition."""


class UartPart(Protocol):
    """A part on a UART. It answers with `EmulatedPico.uart_write`."""

    def receive(self, byte: int, /) -> None:
        """Take a byte from the chip, at the end of its stop bit."""
        ...


def _ignore(_drive: int | None) -> None:
    """Listen to a pin that no part watches."""


class Gpio:
    """The board's end of one pin of the chip: parts drive it, watch it and play pulses on it."""

    def __init__(self, link: Link, pin: int) -> None:
        self._link = link
        self._pin = pin
        self.listener: Listener = _ignore

    def drive(self, level: int | None) -> None:
        """Drive the pin 0 or 1 from outside, or release it (None)."""
        self._link.send(b"D", self._pin, _RELEASED if level is None else level)

    def resistor(self, level: int | None) -> None:
        """Fit a resistor to the supply (1), to ground (0) or none (None)."""
        self._link.send(b"L", self._pin, _RELEASED if level is None else level)

    def watch(self, listener: Listener, *, waits: bool = True) -> None:
        """Call `listener(drive)` when the chip changes its drive of the pin: 0, 1 or None for an input.

        With `waits` the chip waits for the listener at the instruction itself, so that a pin driven by the listener
        has its level at the next instruction. Without `waits` the call comes later, at a fraction of the cost: calls
        keep their order, and `clock.now_us` is the time of the change.
        """
        self.listener = listener
        self._link.send(b"W", self._pin, _WATCH_ASKED if waits else _WATCH_POSTED)

    def pulses(self, period_ns: float, high_ns: float, count: int | None = None, first_ns: float = 0) -> None:
        """Play `count` pulses, or pulses without end. The first one rises at `first_ns` (0: now).

        No edge is reported, so pulses are cheap. They replace the pulses that play now.
        """
        payload = struct.pack("<ddd", -1 if count is None else count, high_ns, period_ns)
        self._link.send(b"P", self._pin, 0, first_ns, payload)

    def stop_pulses(self) -> None:
        """Stop the pulses."""
        self.pulses(1, 1, 0)


class EmulatedPico:
    """The board. `flash` is the file of its flash, made if absent; `image` (bin or UF2) is written there first."""

    def __init__(self, flash: str | Path, image: str | Path | None = None, seed: int = 1) -> None:
        node = shutil.which("node")
        if node is None:
            raise OSError("the emulated board needs Node.js: no `node` on PATH")
        command = [node, SERVER, "--flash", str(flash), "--seed", str(seed)]
        if image is not None:
            command += ["--image", str(image)]
        self._link = Link(command)
        self.clock = EmulatedClock()
        self.pins = [Gpio(self._link, pin) for pin in range(PIN_COUNT)]
        self.powered = False
        self.serial_received = bytearray()
        self.faults: list[str] = []
        self.resets: list[str] = []
        self.run_together: Callable[[float, bool], bool] | None = None  # in place of `run_alone`, for joined boards
        self._spi_parts: dict[int, SpiBusPart] = {}
        self._i2c_parts: dict[int, I2cBusPart] = {}
        self._uart_parts: dict[int, UartPart] = {}
        self._next_question()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the emulation. The file keeps the flash as it is now."""
        self._link.close()

    @property
    def now_us(self) -> int:
        """Microseconds of virtual time since this object was made."""
        return self.clock.now_us

    # Parts

    def attach_spi(self, bus: int, part: SpiBusPart) -> None:
        """Wire `part` to an SPI bus. Its `exchange` is called as the last bit of each byte is shifted.

        The part sees its chip select on a pin of its own.
        """
        self._spi_parts[bus] = part
        self._link.send(b"S", bus, 1)

    def attach_i2c(self, bus: int, part: I2cBusPart) -> None:
        """Wire `part` to an I2C bus. Several chips on one bus are one part that tells them apart by address."""
        self._i2c_parts[bus] = part
        self._link.send(b"I", bus, 1)

    def attach_uart(self, index: int, tx: int, rx: int, part: UartPart) -> None:
        """Wire `part` to a UART, at these GPIO numbers of the chip's transmit and receive pins.

        Bytes pass while the pin has the function of the UART.
        """
        self._uart_parts[index] = part
        self._link.send(b"B", index, tx + (rx << 8))

    def uart_write(self, index: int, data: bytes) -> None:
        """Send bytes to the UART, behind those on their way. Each takes its time on the wire."""
        self._link.send(b"T", index, payload=data)

    def set_adc(self, channel: int, value: int) -> None:
        """Set the reading of an ADC channel: channels 0 to 4, values 0 to 4,095."""
        self._link.send(b"A", channel, value)

    def set_converter(self, codes: array, noise: array) -> None:
        """Set the curve of the ADC, a code for each level, and a table of noise in levels."""
        self._link.send(b"K", payload=codes.tobytes())
        self._link.send(b"N", payload=noise.tobytes())

    def set_signal(
        self, channel: int, rest: float, levels: array, period_ns: float, dither: "tuple[float, float]"
    ) -> None:
        """Set the signal at an ADC channel: `levels` over one period, around `rest`. `dither` is its size and ns."""
        head = struct.pack("<dddd", rest, *dither, period_ns)
        self._link.send(b"V", channel, payload=head + levels.tobytes())

    # Supply and reset

    def power_on(self) -> None:
        """Switch the supply on. RAM holds random values; the flash is unchanged."""
        self._link.send(b"O", 0, 1)
        self.powered = True

    def cut_power(self) -> None:
        """Cut the supply now, between two instructions."""
        self._link.send(b"O", 0, 0)
        self.run_us(0)

    def plan_power_cut(
        self,
        *,
        time_us: int | None = None,
        flash_operations: int | None = None,
        fraction: float = 0.5,
        tear: str = "ordered",
    ) -> None:
        """Plan a cut of the supply at `time_us`, or inside the flash operation that follows `flash_operations` more.

        An operation is one page programmed or one sector (or 64 KiB block) erased. `fraction` is the share of it that
        is done: k / 256 or k / 4,096 breaks it in byte k. The cells then depend on `tear`. "ordered": done up to the
        break, half done at it, not begun after it. "ragged": each bit that had to change did or did not, by chance.
        """
        plan: dict[str, float | str | None] = {"operations": flash_operations, "fraction": fraction, "tear": tear}
        if time_us is not None:
            plan["nanos"] = time_us * 1000
        self._link.send(b"C", payload=json_payload(plan))

    def plan_flash_defect(self, flash_operations: int) -> None:
        """Plan wrong bits, by chance, in the flash operation that follows `flash_operations` more. Supply holds."""
        plan = {"operations": flash_operations, "fraction": 0.5, "tear": "ragged", "survives": True}
        self._link.send(b"C", payload=json_payload(plan))

    def reset(self) -> None:
        """Pull the RUN pin low for a moment: all but RAM and flash starts afresh."""
        self._link.send(b"X")

    # Running

    def run_us(self, duration_us: int) -> bool:
        """Run for `duration_us` of virtual time. Return False if the supply failed; time goes on without it."""
        return self._run(self.clock.now_ns + duration_us * 1000)

    def run_ms(self, duration_ms: int) -> bool:
        """Run for `duration_ms` of virtual time. Return False if the supply failed."""
        return self.run_us(duration_ms * 1000)

    def run_until(self, condition: Callable[[], object], timeout_ms: int, step_us: int = 1000) -> bool:
        """Run until `condition()` holds, checked every `step_us`. Return False after `timeout_ms` or without supply."""
        end_us = self.now_us + timeout_ms * 1000
        while not condition():
            if self.now_us >= end_us or not self.run_us(step_us):
                return bool(condition())
        return True

    # USB serial port

    def serial_write(self, data: bytes) -> None:
        """Send bytes to the board, for its next read."""
        self._link.send(b"U", payload=data)

    def serial_read_until(self, mark: bytes, timeout_ms: int = 5000) -> bytes:
        """Run until the board has written `mark`. Take all bytes up to and with the mark, and return them.

        Raise TimeoutError after `timeout_ms`; its text has the bytes that came.
        """
        end_ns = self.clock.now_ns + timeout_ms * 1_000_000
        while mark not in self.serial_received and self.clock.now_ns < end_ns:
            self._run(end_ns, serial_ends_it=True)
        if mark not in self.serial_received:
            raise TimeoutError(f"no {mark!r} from the board, only {bytes(self.serial_received)!r}")
        end = self.serial_received.index(mark) + len(mark)
        taken = bytes(self.serial_received[:end])
        del self.serial_received[:end]
        return taken

    def serial_read(self, timeout_ms: int) -> bytes:
        """Run until the board has written something, at most `timeout_ms`. Take and return all bytes that came."""
        end_ns = self.clock.now_ns + timeout_ms * 1_000_000
        if not self.serial_received and self.clock.now_ns < end_ns:
            self._run(end_ns, serial_ends_it=True)
        taken = bytes(self.serial_received)
        self.serial_received.clear()
        return taken

    # Looking inside

    def read_flash(self, offset: int, length: int) -> bytes:
        """Return `length` bytes of the flash from `offset` on."""
        self._link.send(b"G", time_ns=offset, payload=struct.pack("<I", length))
        return self._next_of(b"g")

    def write_flash(self, offset: int, data: bytes) -> None:
        """Put bytes into the flash as an external programmer does. The board sees no operation."""
        self._link.send(b"F", time_ns=offset, payload=data)

    def statistics(self) -> dict[str, Any]:
        """Return the counters since the emulation began.

        They are now_ns, idle_ns (core asleep), powered, locked_up (the reason, or None), usb (connected), rising_edges
        by pin, spi_bytes and flash. The counters of the flash are operations, page_programs, sector_erases,
        erases_by_sector, busy_ns, torn_programs and torn_erases (broken by the end of the supply).
        """
        self._link.send(b"Q")
        return json.loads(self._next_of(b"q"))

    # The conversation

    def _run(self, target_ns: float, serial_ends_it: bool = False) -> bool:
        if self.run_together is not None:
            return self.run_together(target_ns, serial_ends_it)
        return self.run_alone(target_ns, serial_ends_it)

    def run_alone(self, target_ns: float, serial_ends_it: bool = False) -> bool:
        """Run to a time, or until the board has written if `serial_ends_it`. Return False if the supply failed."""
        answer = 0
        serial_before = len(self.serial_received)
        while True:
            self._link.send(b"R", serial_ends_it, answer, min(target_ns, self.clock.next_event_ns()))
            kind, index, value, payload = self._next_question()
            answer = 0
            if kind == b"s":
                answer = self._spi_parts[index].exchange(value)
            elif kind == b"e":
                self._drive_changed(index, value)
            elif kind == b"i":
                answer = self._i2c_step(self._i2c_parts[index], payload[0], value)
            self.clock.run_due()
            if kind in (b"t", b"o"):
                heard = serial_ends_it and len(self.serial_received) > serial_before
                if heard or self.clock.now_ns >= target_ns:
                    return self.powered

    def _drive_changed(self, pin: int, value: int) -> None:
        self.pins[pin].listener(None if value == _RELEASED else value)

    def _i2c_step(self, part: I2cBusPart, step: int, value: int) -> int:
        if step == 0:
            part.start()
        elif step == 1:
            return int(part.address(value >> 1, bool(value & 1)))
        elif step == 2:
            return int(part.write(value))
        elif step == 3:
            return part.read()
        else:
            part.stop()
        return 0

    def _next_question(self) -> tuple[bytes, int, int, bytes]:
        """Handle the posted events, and return the next event that the board waits for."""
        while True:
            kind, index, value, time_ns, payload = self._link.receive()
            self.clock.now_ns = time_ns
            kind = bytes((kind,))
            if kind in b"tosie":
                self.powered = kind != b"o"
                return kind, index, value, payload
            self._posted(kind, index, value, payload)

    def _next_of(self, wanted: bytes) -> bytes:
        while True:
            kind, index, value, _, payload = self._link.receive()
            if kind == wanted[0]:
                return payload
            self._posted(bytes((kind,)), index, value, payload)

    def _posted(self, kind: bytes, index: int, value: int, payload: bytes) -> None:
        if kind == b"u":
            self.serial_received += payload
        elif kind == b"b":
            self._uart_parts[index].receive(value)
        elif kind == b"p":
            self._drive_changed(index, value)
        elif kind == b"f":
            self.faults.append(payload.decode())
        elif kind == b"r":
            self.resets.append(payload.decode())
