"""The simulated board: chip models on wires, and the devices of `hal` above them, which product code gets.

`Hardware` survives a power cut: the chips, the relay, the flash. `Board` is one life of the processor: each power-up
and each reset makes a new one, with new pins and drivers on the same chips.
"""

from boards.host import umqtt_place
from boards.host.chips.aes import aes
from boards.host.chips.button import ButtonModel
from boards.host.chips.console import ConsoleModel
from boards.host.chips.display import DisplayModel
from boards.host.chips.flash import SECTOR_SIZE, FlashModel
from boards.host.chips.house_clamps import HouseClamps
from boards.host.chips.i2c import I2cBus
from boards.host.chips.keypad import KeyMatrix, Mcp23008Model
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.chips.pin import INPUT, PUSH_PULL, Pin, Wire
from boards.host.chips.power import BoardReset
from boards.host.chips.pulse_source import PulseSource
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.readout_line import ReadoutLineModel
from boards.host.chips.relay import RelayModel
from boards.host.chips.rtc import RtcModel
from boards.host.chips.sensor import SensorModel
from boards.host.chips.watchdog import WatchdogModel
from boards.host.network import HostNetwork
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import Buzzer
from wattpurse.drivers.contact import QUICK_SAMPLES, SLOW_SAMPLES, Contact
from wattpurse.drivers.keypad import ADDRESS as KEYPAD_ADDRESS
from wattpurse.drivers.keypad import ExpanderLines, Keypad
from wattpurse.drivers.led_display import LedDisplay
from wattpurse.drivers.load_switch import LoadSwitch
from wattpurse.drivers.mains_sensor import MainsSensor
from wattpurse.drivers.pulse_counter import PulseCounter
from wattpurse.drivers.rtc_ds3231 import ADDRESS, Ds3231

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.chips.room_line import RoomLineEnd, RoomLineModel
    from boards.host.world.clock import VirtualClock
    from wattpurse import hal
    from wattpurse.core.records.settings import Settings

    def _as_hal_board(board: "Board") -> hal.Board:
        """Let the type checker hold `Board` to the contract."""
        return board


FLASH_SECTORS = 144
IMPULSES_PER_KWH = 1_000


class Hardware:
    """All chips of one meter. `memory` is the flash's content; `seed` decides every random event in the models."""

    def __init__(
        self, clock: "VirtualClock", utc_s: int | None = None, memory: bytearray | None = None, seed: int = 1
    ) -> None:
        self.clock = clock
        self.random_bits = RandomBits(seed)
        self.console = ConsoleModel(clock)
        self.readout_line = ReadoutLineModel(clock)
        if memory is not None:
            memory.extend(b"\xff" * (FLASH_SECTORS * SECTOR_SIZE - len(memory)))  # an older meter had fewer sectors
        self.flash = FlashModel(clock, FLASH_SECTORS, self.random_bits, memory)
        self.reader = Mfrc522Model(clock)
        self.source = PulseSource(clock, IMPULSES_PER_KWH)
        self.clamps = HouseClamps(clock, self.source, seed)
        self.watchdog = WatchdogModel(clock)
        self.i2c = I2cBus(clock)
        self.rtc = RtcModel(clock, utc_s)
        self.i2c.attach(ADDRESS, self.rtc)
        self.keys = KeyMatrix(clock, RandomBits(seed))
        self.expander = Mcp23008Model(self.keys)
        self.i2c.attach(KEYPAD_ADDRESS, self.expander)
        self.display_wires = (Wire(), Wire())
        self.display = DisplayModel(self.display_wires[0], self.display_wires[1], clock)
        self.button_wire = Wire()
        self.button = ButtonModel(clock, self.button_wire, self.random_bits)
        self.buzzer_wire = Wire(pull=0)
        bounces = RandomBits(seed)  # separate, so that the random bits of other models stay the same
        self.sensor_wires = Wire(), Wire(), Wire()
        self.cover, self.magnet, self.reverse_flow = [SensorModel(clock, wire, bounces) for wire in self.sensor_wires]
        self.power_fail_wire = Wire()
        self.power_fail = SensorModel(clock, self.power_fail_wire)
        self.open_coil_wire = Wire(pull=0)
        self.close_coil_wire = Wire(pull=0)
        self.relay = RelayModel(clock, self.open_coil_wire, self.close_coil_wire)
        self.relay.listen(self.source.set_contact)
        self.board = None
        self.bluetooth: hal.BluetoothPort | None = None
        self.room_line: RoomLineModel | None = None

    def power_up(self) -> None:
        """Switch the mains on: every chip gets its supply, and a new life of the processor begins."""
        self.mains_returned()
        self.source.set_contact(self.relay.contact_closed)
        self.rtc.power_restored()
        self.display.power_up()
        self.expander.power_up()
        self.reader.reset_registers()
        self.clamps.mains_back()
        self.start_board()

    def start_board(self) -> None:
        """Start the processor anew. The other chips keep their state."""
        self._stop_board()
        self.clamps.stop()
        self.source.board_powered()
        self.clamps.board_powered()
        self.console.board_started()
        self.readout_line.board_started()
        self.board = Board(self)

    def mains_failed(self) -> None:
        """Let the mains fail while the supply of the board holds: no load draws energy any more."""
        self.power_fail.sense(True)
        self.source.set_mains(False)

    def mains_returned(self) -> None:
        """Let the mains return."""
        self.power_fail.sense(False)
        self.source.set_mains(True)

    def power_lost(self) -> None:
        """End the supply of the board: later actions of the program reach no chip."""
        self.display.power_lost()
        self._stop_board()
        self.reader.power_cut()
        self.rtc.power_lost()
        self.source.set_mains(False)
        self.clamps.stop()

    def violations(self) -> list:
        """Return the violations that the chip models noted."""
        found = []
        for name, model in (
            ("display", self.display),
            ("relay", self.relay),
            ("reader", self.reader),
            ("keypad", self.expander),
        ):
            found += [f"{name}: {violation}" for violation in model.violations]
        found += [f"readout head: {violation}" for violation in self.readout_line.violations]
        if self.clamps.chip is not None:
            found += [f"metering chip: {violation}" for violation in self.clamps.chip.violations]
        return found

    def _stop_board(self) -> None:
        self.watchdog.stop()
        if self.board is not None:
            self.board.disconnect()
            self.board = None


class Board:
    """One life of the processor, with the devices that `hal` asks for."""

    name = "host"
    unique_id = b"simulated"

    def __init__(self, hardware: "Hardware") -> None:
        umqtt_place.make_importable()
        self.clock = hardware.clock
        self._pins = []
        pin = self._pin
        self.flash = hardware.flash
        self.watchdog = hardware.watchdog
        self.console = hardware.console
        self._readout_line = hardware.readout_line
        self.aes = aes
        self.counter = PulseCounter(hardware.clamps.read_pulses, hardware.source.modulus)
        self._clamps = hardware.clamps
        self._i2c = hardware.i2c
        self.build_sampler = hardware.clamps.sampler
        coil_pins = pin(hardware.open_coil_wire, PUSH_PULL), pin(hardware.close_coil_wire, PUSH_PULL)
        self.load_switch = LoadSwitch(*coil_pins, self.clock, self._hold_ms)
        display_pins = pin(hardware.display_wires[0]), pin(hardware.display_wires[1])
        self.display = LedDisplay(*display_pins, self.clock.advance_us)
        self.button = Button(pin(hardware.button_wire, INPUT), self.clock)
        self.buzzer = Buzzer(pin(hardware.buzzer_wire, PUSH_PULL), self.clock)
        cover_pin, magnet_pin, reverse_flow_pin = [pin(wire, INPUT) for wire in hardware.sensor_wires]
        self.cover = Contact(cover_pin, QUICK_SAMPLES)
        self.magnet = Contact(magnet_pin, QUICK_SAMPLES)
        self.reverse_flow = Contact(reverse_flow_pin, SLOW_SAMPLES)
        self.power_fail = MainsSensor(pin(hardware.power_fail_wire, INPUT))
        self.rtc = Ds3231(hardware.i2c)
        chip = hardware.reader
        self.reader = Mfrc522(chip.spi, chip.select, chip.reset, chip.irq, self.clock)
        self._random_bits = hardware.random_bits
        self._hardware = hardware

    def random_bytes(self, count: int) -> bytes:
        """Return bytes from the models' random source, so that a run can be repeated. This board makes no secrets."""
        return bytes([self._random_bits(8) for _ in range(count)])

    def rest(self, has_littered: bool) -> bool:
        """Return False: this board has no memory to tidy up."""
        return False

    def reset(self) -> None:
        """Start the board anew."""
        raise BoardReset("reset")

    def build_metering_spi(self) -> tuple:
        """Return the bus of the metering chip and its chip select. The first call wires the chip up."""
        chip = self._clamps.metering_chip()
        return chip, chip.select

    def build_keypad(self) -> Keypad:
        """Return the keypad, whose expander is on the bus of the clock."""
        return Keypad(ExpanderLines(self._i2c))

    def build_readout_port(self) -> ReadoutLineModel:
        """Return the meter's end of the line to a reader."""
        return self._readout_line

    def build_room_line(self) -> "RoomLineEnd | None":
        """Return the meter's end of the line to a room reader, if the simulated world has one."""
        return None if self._hardware.room_line is None else self._hardware.room_line.end()

    def build_bluetooth(self) -> "hal.BluetoothPort | None":
        """Return the radio, if somebody has put one into the simulated world."""
        return self._hardware.bluetooth

    def build_network(self, _settings: "Settings") -> HostNetwork:
        """Return the computer's own network."""
        return HostNetwork()

    def set_system_clock(self, _utc_s: int) -> None:
        """Do nothing: the clock belongs to the computer."""

    def disconnect(self) -> None:
        """Disconnect all pins: the processor has stopped."""
        for pin in self._pins:
            pin.disconnect()

    def _hold_ms(self, duration_ms: int) -> None:
        self.clock.advance_us(duration_ms * 1000)

    def _pin(self, wire: "Wire", mode: int = 0) -> "Pin":
        pin = Pin(wire, mode)
        self._pins.append(pin)
        return pin
