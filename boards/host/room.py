"""The simulated board in the room: chip models on wires, and the program of `services.room_board` on their drivers.

It gets its power from the meter. Its program runs in the meter's event loop, and in the same virtual time.
"""

from boards.host.chips.aes import aes
from boards.host.chips.button import ButtonModel
from boards.host.chips.display import DisplayModel
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.pin import INPUT, PUSH_PULL, Pin, Wire
from boards.host.chips.random_bits import RandomBits
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.room_digits import RoomDigits
from wattpurse.services.room_board import RoomBoard

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.room_line import RoomLineModel
    from boards.host.world.clock import VirtualClock


class StoredKey:
    """The pairing key in the flash of the board."""

    def __init__(self, key: bytes | None = None) -> None:
        self.key = key

    def read(self) -> bytes | None:
        """Return the key, or None if the board was never paired."""
        return self.key

    def write(self, key: bytes) -> None:
        """Keep another key."""
        self.key = bytes(key)


class NoWatchdog:
    """A watchdog that watches nothing: the program of this board is watched by its tests."""

    def feed(self) -> None:
        """Do nothing."""


class RoomHardware:
    """The chips of the board with this identity, and its program on `line`. `program` is that of the newest start."""

    def __init__(
        self, clock: "VirtualClock", line: "RoomLineModel", identity: bytes = b"room no. 1", seed: int = 7
    ) -> None:
        self.clock = clock
        self.line_model = line
        self.identity = identity
        self.random_bits = RandomBits(seed)
        self.reader = Mfrc522Model(clock)
        self.display_wires = Wire(), Wire()
        self.display = DisplayModel(self.display_wires[0], self.display_wires[1], clock)
        self.button_wire = Wire()
        self.button = ButtonModel(clock, self.button_wire, self.random_bits)
        self.buzzer_wire = Wire(pull=0)
        self.pairing = StoredKey()
        self.program: RoomBoard | None = None
        self.board: RoomDevices | None = None

    async def run(self) -> None:
        """Run one life of the processor."""
        self.start()
        if self.program is not None:
            await self.program.run()

    def start(self) -> None:
        """Get power: a new life begins."""
        self.stop()
        self.display.power_up()
        self.reader.reset_registers()
        self.board = RoomDevices(self)
        self.program = RoomBoard(self.board)

    def stop(self) -> None:
        """Lose power."""
        if self.board is not None:
            self.board.disconnect()
            self.board = None
            self.display.power_lost()
            self.reader.power_cut()

    def violations(self) -> list:
        """Return the violations that the chip models noted."""
        found = []
        for name, model in (("display", self.display), ("reader", self.reader)):
            found += [f"{name} in the room: {violation}" for violation in model.violations]
        return found


class RoomDevices:
    """One life of the processor of the board in the room, with the devices that its program asks for."""

    def __init__(self, hardware: RoomHardware) -> None:
        clock = self.clock = hardware.clock
        self.aes = aes
        self.unique_id = hardware.identity
        self.line = hardware.line_model.end()
        self.pairing = hardware.pairing
        self.watchdog = NoWatchdog()
        self.is_held = hardware.button_wire.level == 0
        self._line_model = hardware.line_model
        self._random_bits = hardware.random_bits
        wires = hardware.display_wires
        self._pins = [Pin(wires[0]), Pin(wires[1]), Pin(hardware.button_wire, INPUT)]
        self._pins.append(Pin(hardware.buzzer_wire, PUSH_PULL))
        self.display = RoomDigits(self._pins[0], self._pins[1], clock.advance_us)
        self.button = Button(self._pins[2], clock)
        self.buzzer = Buzzer(self._pins[3], clock)
        chip = hardware.reader
        self.reader = Mfrc522(chip.spi, chip.select, chip.reset, chip.irq, clock)

    def random_bytes(self, count: int) -> bytes:
        """Return bytes from the models' random source."""
        return bytes([self._random_bits(8) for _ in range(count)])

    def disconnect(self) -> None:
        """Disconnect all pins and the line: the processor has stopped."""
        self._line_model.disconnect(self.line)
        for pin in self._pins:
            pin.disconnect()
