"""TM1637 LED driver with a 6-digit display. It decodes its two wires (Titan Micro Electronics data sheet, V2.4).

The model is strict. It notes each breach of the data sheet in `violations`, garbles the display memory, and ignores the
rest of the transfer. A stop inside a byte does no harm: the chip drops the byte. A stop right after a start ends the
transfer. Set-up and hold times below a microsecond are not modelled.
"""

from boards.host.chips.pin import Pin

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.pin import Wire
    from boards.host.protocols import EventClock


DIGITS = 6
SHORTEST_EDGE_US = 2  # 250 kHz
MODULE_EDGE_US = 10  # modules with a capacitor of 10 nF at each line, and pull-ups of 1 kOhm
PULSE_WIDTHS_OF_16 = (1, 2, 4, 10, 11, 12, 13, 14)

_IDLE = 0
_RECEIVING = 1
_ACKNOWLEDGING = 2
_IGNORING = 3

_GARBLE = 0x5A


class DisplayModel:
    """The chip and the digits on it.

    `grid_order[position]` is the chip's address of the digit at that position, counted from the left. With a `clock`
    the model checks the speed of the wire: `edge_us` is the shortest time from one edge of its clock to the next that
    arrives. While `connected` is False the chip's joints are broken: it shows its memory
    and ignores its wires. `transfers` counts the well-formed transfers since power-up.
    """

    def __init__(
        self,
        clock_wire: "Wire",
        data_wire: "Wire",
        clock: "EventClock | None" = None,
        grid_order: tuple = (2, 1, 0, 5, 4, 3),
        edge_us: int = MODULE_EDGE_US,
    ) -> None:
        self.violations = []
        self.connected = True
        self.memory = bytearray(DIGITS)
        self._clock_wire = clock_wire
        self._data_wire = data_wire
        self._data_pin = Pin(data_wire)
        self._clock = clock
        self.grid_order = grid_order
        self.edge_us = edge_us
        self.power_up()
        clock_wire.listen(self._clock_changed)
        data_wire.listen(self._data_changed)

    def power_up(self) -> None:
        """Start the chip with its supply: the display is off and its memory has arbitrary content."""
        for address in range(DIGITS):
            self.memory[address] = (0xA5 + address * 0x35) & 0xFF
        self.is_on = False
        self.brightness = 0
        self.transfers = 0
        self._fixed_address = False
        self._takes_data = False
        self._expects_command = False
        self._address = 0
        self._bits = 0
        self._byte = 0
        self._last_edge_us = None
        self._phase = _IDLE
        self._powered = True

    def power_lost(self) -> None:
        """Stop the chip with its supply: it is dark, ignores its wires, and drives none of them."""
        self._powered = False
        self.is_on = False
        self._data_pin(1)

    def segments(self) -> bytes:
        """Return the lit segments from the left, a byte per digit (bit 0 segment a to bit 6 g, bit 7 the point)."""
        if not self.is_on:
            return bytes(DIGITS)
        return bytes([self.memory[address] for address in self.grid_order])

    def picture(self) -> str:
        """Return three lines of text that look like the display; a point follows its digit."""
        lines = ["", "", ""]
        for shape in self.segments():
            lines[0] += " " + ("_" if shape & 0x01 else " ") + "  "
            lines[1] += ("|" if shape & 0x20 else " ") + ("_" if shape & 0x40 else " ") + ("|" if shape & 0x02 else " ")
            lines[1] += " "
            lines[2] += ("|" if shape & 0x10 else " ") + ("_" if shape & 0x08 else " ") + ("|" if shape & 0x04 else " ")
            lines[2] += "." if shape & 0x80 else " "
        return "\n".join(lines)

    def _hears(self) -> bool:
        return self.connected and self._powered

    def _violate(self, what: str) -> None:
        """Note a breach of the protocol, garble the memory, and ignore the wires until the next start."""
        self.violations.append(what)
        for address in range(DIGITS):
            self.memory[address] ^= _GARBLE
        self._data_pin(1)
        self._phase = _IGNORING

    def _data_changed(self, level: int) -> None:
        """Take a falling edge as a start and a rising edge as a stop, while the clock is high."""
        if not self._hears() or not self._clock_wire.level:
            return
        if level:
            self._stop()
        else:
            self._start()

    def _start(self) -> None:
        if self._phase in (_RECEIVING, _ACKNOWLEDGING):
            self._violate("data fell while the clock was high inside a transfer")
            return
        self._phase = _RECEIVING
        self._bits = 0
        self._byte = 0
        self._expects_command = True
        self._takes_data = False
        self._last_edge_us = None

    def _stop(self) -> None:
        if self._phase == _ACKNOWLEDGING or (self._phase == _RECEIVING and self._bits > 1):
            self.violations.append("data rose while the clock was high inside a byte")
        elif self._phase == _RECEIVING and self._bits:
            self.transfers += 1
        self._phase = _IDLE

    def _clock_changed(self, level: int) -> None:
        if not self._hears() or self._phase in (_IDLE, _IGNORING):
            return
        self._check_speed()
        if level:
            if self._phase == _RECEIVING:
                self._byte |= self._data_wire.level << self._bits
                self._bits += 1
                if self._bits > 8:
                    self._violate("a ninth bit without an acknowledge")
        elif self._phase == _RECEIVING and self._bits == 8:
            self._take_byte(self._byte)
            if self._phase == _RECEIVING:
                self._phase = _ACKNOWLEDGING
                self._data_pin(0)
        elif self._phase == _ACKNOWLEDGING:
            self._phase = _RECEIVING
            self._bits = 0
            self._byte = 0
            self._data_pin(1)

    def _check_speed(self) -> None:
        if self._clock is None:
            return
        now_us = self._clock.now_us
        if self._last_edge_us is not None and now_us - self._last_edge_us < self.edge_us:
            self._violate(f"an edge of the clock within {self.edge_us} us of the last")
        self._last_edge_us = now_us

    def _take_byte(self, byte: int) -> None:
        if not self._expects_command:
            self._take_data(byte)
            return
        self._expects_command = False
        kind = byte >> 6
        if kind == 1:
            self._set_data_mode(byte)
        elif kind == 2:
            self._set_display(byte)
        elif kind == 3:
            self._set_address(byte)
        else:
            self._violate(f"not a command: 0x{byte:02x}")

    def _set_data_mode(self, byte: int) -> None:
        if byte & 0x3B:
            self._violate(f"data command for keys, test or nothing: 0x{byte:02x}")
        else:
            self._fixed_address = bool(byte & 0x04)

    def _set_display(self, byte: int) -> None:
        if byte & 0x30:
            self._violate(f"display command with bits that must be 0: 0x{byte:02x}")
        else:
            self.is_on = bool(byte & 0x08)
            self.brightness = byte & 0x07

    def _set_address(self, byte: int) -> None:
        if byte & 0x3F >= DIGITS:
            self._violate(f"address outside the display: 0x{byte:02x}")
        else:
            self._address = byte & 0x3F
            self._takes_data = True

    def _take_data(self, byte: int) -> None:
        if not self._takes_data:
            self._violate("data after a command that takes none")
        elif self._address >= DIGITS:
            self._violate("data past the last digit")
        else:
            self.memory[self._address] = byte
            if self._fixed_address:
                self._takes_data = False
            else:
                self._address += 1
