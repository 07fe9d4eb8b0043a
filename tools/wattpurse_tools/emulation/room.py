"""A meter and its room reader on two emulated chips, joined by the RS-485 line between their UARTs.

    with EmulatedRoom("room.bin", image) as room:
        pair = JoinedBoards(meter, room)
        meter.power_up()
        room.power_up()
        meter.type_line("reader room")

A method that runs the meter then runs the room reader too, in turns of `slice_us`. A byte reaches the other chip at
most one turn and one byte late, and never early: figures of time are on the safe side.

The transceivers are strict. A byte is lost if its sender does not drive the line until the end of the stop bit, or if
its receiver still drives it. `violations` names each such byte, and each time at which both ends drove the line.
"""

from pathlib import Path
from typing import Self

from boards.host.chips.button import ButtonModel
from boards.host.chips.display import DisplayModel
from boards.host.chips.random_bits import RandomBits
from boards.pico.pins import ROOM_WIRING
from boards.room_reader.pins import GPIO, LINE_UART
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.parts import EmulatedWire, wire_reader

SLICE_US = 80  # shorter than a byte of 115,200 baud: none arrives before it was sent

_METER_UART = 1


class EmulatedRoom:
    """The room reader on an emulated chip with the file `flash`, and the parts around it."""

    def __init__(self, flash: str | Path, image: str | Path | None = None, seed: int = 2) -> None:
        self.pico = EmulatedPico(flash, image, seed)
        clock = self.clock = self.pico.clock
        self.reader, _ = wire_reader(self.pico, GPIO)
        self.display = DisplayModel(self._wire("display_clock"), self._wire("display_data"), clock)
        self.button_wire = self._wire("button")
        self.button = ButtonModel(clock, self.button_wire, RandomBits(seed))
        self.buzzer_wire = self._wire("buzzer", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.pico.close()

    def power_up(self) -> None:
        """Give the board its supply."""
        self.display.power_up()
        self.reader.reset_registers()
        self.pico.power_on()

    def violations(self) -> list[str]:
        """Return every breach of a data sheet, by the processor or at another chip."""
        found = [f"room: {fault}" for fault in self.pico.faults]
        for name, model in (("display", self.display), ("reader", self.reader)):
            found += [f"{name} in the room: {violation}" for violation in model.violations]
        return found

    def _wire(self, signal: str, pull: int = 1) -> EmulatedWire:
        return EmulatedWire(self.pico, GPIO[signal], pull)


class _End:
    """The transceiver at one end of the line. `sent` has `(time in us, byte)` of every byte that it put on the line."""

    def __init__(self, pico: EmulatedPico, uart: int, pins: tuple[int, int, int], name: str) -> None:
        send, receive, drive = pins
        self.sent: list[tuple[int, int]] = []
        self.violations: list[str] = []
        self.drives = False
        self.is_cut = False
        self._pico = pico
        self._uart = uart
        self._name = name
        self._on_line = bytearray()
        pico.pins[receive].resistor(1)
        pico.pins[drive].resistor(0)
        pico.pins[drive].watch(self._drive_changed, waits=False)
        pico.attach_uart(uart, send, receive, self)

    def receive(self, byte: int) -> None:
        """Take a byte from the chip, at the end of its stop bit."""
        if not self.drives:
            self.violations.append(f"{self._name} sent a byte without driving the line")
            return
        self.sent.append((self._pico.now_us, byte))
        if not self.is_cut:
            self._on_line.append(byte)

    def take(self) -> bytes:
        """Return the bytes put on the line since the last call."""
        data = bytes(self._on_line)
        self._on_line.clear()
        return data

    def give(self, data: bytes) -> None:
        """Bring bytes of the other end to the chip."""
        if not data:
            return
        if self.drives:
            self.violations.append(f"{self._name} drove the line while the other end sent")
            return
        self._pico.uart_write(self._uart, data)

    def _drive_changed(self, drive: int | None) -> None:
        self.drives = drive == 1


class JoinedBoards:
    """The line between `meter` and `room`. Time of both goes on together from now on."""

    def __init__(self, meter: EmulatedMeter, room: EmulatedRoom) -> None:
        self.slice_us = SLICE_US
        self._meter = meter.pico
        self._room = room.pico
        send, receive, drive = (row[1] for row in ROOM_WIRING)
        self.meter_end = _End(meter.pico, _METER_UART, (send, receive, drive), "the meter")
        pins = GPIO["line_send"], GPIO["line_receive"], GPIO["line_drive"]
        self.room_end = _End(room.pico, LINE_UART, pins, "the room reader")
        room.pico.run_alone(meter.pico.clock.now_ns)  # the board in the room has no supply yet
        meter.pico.run_together = self._run

    def cut(self, is_cut: bool) -> None:
        """Cut the line, or mend it."""
        self.meter_end.is_cut = self.room_end.is_cut = is_cut

    def violations(self) -> list[str]:
        """Return every byte that was lost at a transceiver."""
        return self.meter_end.violations + self.room_end.violations

    def _run(self, target_ns: float, serial_ends_it: bool) -> bool:
        received = self._meter.serial_received
        before = len(received)
        while True:
            step_ns = min(target_ns, self._meter.clock.now_ns + self.slice_us * 1000)
            powered = self._meter.run_alone(step_ns, serial_ends_it)
            self.room_end.give(self.meter_end.take())
            self._room.run_alone(self._meter.clock.now_ns)
            self.meter_end.give(self.room_end.take())
            if self._meter.clock.now_ns >= target_ns or (serial_ends_it and len(received) > before) or not powered:
                return powered
