"""MFRC522 chip model on its SPI wires: registers, FIFO, timer, interrupt pin, power-down, and radio time.

Written from the MFRC522 data sheet, revision 3.9, whose clause numbers are quoted. Drivers run above it unchanged. If a
driver breaks a rule of the data sheet, the model fails as the chip would and notes the breach in `violations`. Not
modelled: speeds above 106 kbit/s, RxMultiple, RxNoErr, gated timer, self-test, analog settings beyond 100 % ASK.
"""

from boards.host.cards.field import Field
from boards.host.chips import mfrc522_registers as regs
from boards.host.chips.mfrc522_faults import Faults
from boards.host.chips.mfrc522_radio import Radio
from boards.host.chips.mfrc522_timer import Timer
from boards.host.chips.mfrc522_wires import Reset, Select, Spi

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import EventClock


FIFO_SIZE = 64
# Crystal start-up and 1,024 clocks, after power-down and after the supply came (clauses 8.6.2 and 8.8.2); the crystal's
# part depends on the crystal.
WAKE_UP_US = 300

# ModeReg CRCPreset (clause 9.3.2.2).
_CRC_PRESETS = (0x0000, 0x6363, 0xA671, 0xFFFF)


class Statistics:
    """Counts of a driver's work: `chip_selects`, `spi_bytes`, and reader `frames` on air."""

    def __init__(self) -> None:
        self.chip_selects = 0
        self.spi_bytes = 0
        self.frames = 0

    def reset(self) -> None:
        """Count from zero."""
        self.__init__()


class Mfrc522Model:
    """One chip with its antenna. `spi`, `select`, `reset` and `irq` are the driver's side of the wires.

    `irq` is the signal of falling edges of the IRQ pin. `irq_level` is the level of the pin, and `on_irq(level)`, if
    set, is called at each of its edges. `field` holds the cards; `faults` plans faults. `version` is VersionReg from
    the next reset on.
    """

    def __init__(self, clock: "EventClock") -> None:
        self.clock = clock
        self.field = Field(clock)
        self.statistics = Statistics()
        self.violations = []
        self.version = regs.RESET_VALUES[regs.VERSION]
        self.registers = bytearray(64)
        self.fifo = bytearray()
        self.spi = Spi(self)
        self.select = Select(self)
        self.reset = Reset(self)
        self.irq = clock.signal()
        self.irq_level = 1
        self.on_irq: Callable[[int], object] | None = None
        self.faults = Faults(self)
        self.timer = Timer(self)
        self.radio = Radio(self)
        self._awake_from_us = 0
        self.reset_registers()

    def power_cut(self) -> None:
        """Cut the supply: the field goes off, the registers are lost, a write on a card is torn."""
        self.reset_registers()
        self.spi.end()

    def reset_registers(self) -> None:
        """Reset by the supply or the reset pin: the oscillator starts anew, and the chip needs its start-up time."""
        self._awake_from_us = self.clock.now_us + WAKE_UP_US
        self._set_reset_values()

    def follow_registers(self) -> None:
        """Let field and IRQ pin follow registers that a fault has changed."""
        self._update_field()
        self.update_irq_pin()

    def read(self, register: int) -> int:
        """Return one register as the SPI interface reads it."""
        if register == regs.FIFO_DATA:
            return (self.read_fifo(1) or b"\x00")[0]
        if register == regs.FIFO_LEVEL:
            return len(self.fifo)
        if register == regs.COMMAND:
            return self.registers[regs.COMMAND] | (0 if self._is_awake() else regs.POWER_DOWN)
        if register == regs.STATUS1:
            return self._status1()
        if register in (regs.T_COUNTER_HIGH, regs.T_COUNTER_LOW):
            count = self.timer.count()
            return count >> 8 if register == regs.T_COUNTER_HIGH else count & 0xFF
        return self.registers[register]

    def write(self, register: int, value: int) -> None:
        """Set one register as the SPI interface does."""
        if self.reset.level == 0:
            return self.violation("written while in reset")
        if register == regs.COMMAND:
            return self._write_command(value)
        if not self._is_awake():
            return self.violation(f"register {register:02x} written while the oscillator is off")
        if register == regs.FIFO_DATA:
            self._write_fifo(value)
        elif register == regs.FIFO_LEVEL:
            if value & 0x80:
                self.fifo = bytearray()
                self.registers[regs.ERROR] &= 0xFF - regs.ERROR_OVERFLOW
        elif register in (regs.COM_IRQ, regs.DIV_IRQ):
            self._write_irq(register, value)
        elif register == regs.BIT_FRAMING:
            self.registers[regs.BIT_FRAMING] = value & 0x77
            if value & 0x80:
                self.radio.start_send()
        elif register == regs.STATUS2:
            self._write_status2(value)
        elif register == regs.CONTROL:
            self._write_control(value)
        elif register == regs.COLL:
            value = self.faults.kept(register, value)
            self.registers[regs.COLL] = self.registers[regs.COLL] & 0x7F | value & 0x80
        elif register in regs.READ_ONLY:
            self.violation(f"register {register:02x} is read-only")
        else:
            self._store(register, value)

    def violation(self, text: str) -> None:
        """Note a breach of the data sheet."""
        self.violations.append(text)

    def raise_irq(self, bits: int) -> None:
        """Set bits of ComIrqReg."""
        self.registers[regs.COM_IRQ] |= bits
        self.update_irq_pin()

    def set_error(self, bits: int) -> None:
        """Set bits of ErrorReg, and with them ErrIRq."""
        self.registers[regs.ERROR] |= bits
        if bits:
            self.raise_irq(regs.IRQ_ERROR)

    def end_command(self) -> None:
        """End a command: the chip goes to Idle and sets IdleIRq."""
        self.registers[regs.COMMAND] &= 0xF0
        self.raise_irq(regs.IRQ_IDLE)

    def take_fifo(self) -> bytes:
        """Empty the FIFO and return its content."""
        content = bytes(self.fifo)
        self.fifo = bytearray()
        self._update_alerts()
        return content

    def fill_fifo(self, data: bytes) -> None:
        """Append received bytes. Bytes that do not fit are lost (BufferOvfl)."""
        room = FIFO_SIZE - len(self.fifo)
        self.fifo.extend(data[:room])
        if len(data) > room:
            self.set_error(regs.ERROR_OVERFLOW)
        self._update_alerts()

    def read_fifo(self, count: int) -> bytes:
        """Take up to `count` bytes out of the FIFO, as so many reads do."""
        found = bytes(self.fifo[:count])
        if found:
            before = self.fifo
            self.fifo = before[1:]
            self._update_alerts()  # each alert stays: the first read and the last one tell all
            if count > 1:
                self.fifo = before[len(found) :]
                self._update_alerts()
        return found

    def write_fifo(self, data: "bytes | bytearray | memoryview", start: int) -> bool:
        """Append the bytes from `start`, as so many writes do. Return False if one of them would not just be taken."""
        is_free = self._is_awake() and not self.radio.forbids_fifo_writes()
        if not is_free or len(self.fifo) + len(data) - start > FIFO_SIZE:
            return False
        if self.registers[regs.COMMAND] & 0x0F == regs.CALC_CRC:
            return False
        self.fifo.append(data[start])
        self._update_alerts()
        self.fifo.extend(data[start + 1 :])
        self._update_alerts()
        return True

    def crc_preset(self) -> int:
        """Return the start value of the CRC coprocessor."""
        return _CRC_PRESETS[self.registers[regs.MODE] & 3]

    def update_irq_pin(self) -> None:
        """Drive the IRQ pin from the requests that are enabled (clause 9.3.1.3)."""
        pending = self._irq_pending()
        level = (0 if pending else 1) if self.registers[regs.COM_I_EN] & 0x80 else (1 if pending else 0)
        if level == self.irq_level:
            return
        self.irq_level = level
        if self.faults.irq_cut:
            return
        if self.on_irq is not None:
            self.on_irq(level)
        if level == 0:
            self.irq.fire()

    def _irq_pending(self) -> int:
        com = self.registers[regs.COM_IRQ] & self.registers[regs.COM_I_EN] & 0x7F
        div = self.registers[regs.DIV_IRQ] & self.registers[regs.DIV_I_EN] & 0x14
        return com or div

    def _is_awake(self) -> bool:
        return self.clock.now_us >= self._awake_from_us and not self.registers[regs.COMMAND] & regs.POWER_DOWN

    def _write_command(self, value: int) -> None:
        if self.faults.hung:
            return
        command = value & 0x0F
        was_down = self.registers[regs.COMMAND] & regs.POWER_DOWN
        if value & regs.POWER_DOWN:
            self.radio.stop()
            self.timer.stop()
            self.registers[regs.COMMAND] = value & 0x3F
            self._update_field()
            return
        if was_down:
            self._awake_from_us = self.clock.now_us + WAKE_UP_US
            self.registers[regs.COMMAND] = value & 0x20
            self._update_field()
            if command != regs.IDLE:
                self.violation(f"command {command:x} while waking up")
            return
        if self.clock.now_us < self._awake_from_us:
            if command != regs.IDLE:
                self.violation(f"command {command:x} while waking up")
            return
        self.radio.stop()
        self.registers[regs.COMMAND] = value & 0x3F
        if command == regs.SOFT_RESET:
            self._set_reset_values()
        elif command != regs.IDLE:
            self.registers[regs.ERROR] = 0
            self._begin(command)

    def _set_reset_values(self) -> None:
        """Set all registers to their reset values (clause 9.2).

        SoftReset does this and ends by itself (clause 10.3.1.10). The oscillator goes on meanwhile, so the start-up
        time of clause 8.8.2 does not apply.
        """
        for register in range(64):
            self.registers[register] = regs.RESET_VALUES.get(register, 0)
        self.registers[regs.VERSION] = self.version
        self.fifo = bytearray()
        self.radio.stop()
        self.radio.session = None
        self.timer.stop()
        self.follow_registers()

    def _begin(self, command: int) -> None:
        if command == regs.MF_AUTHENT:
            self.radio.start_authentication()
        elif command == regs.CALC_CRC:
            self.registers[regs.CRC_RESULT_HIGH] = self.crc_preset() >> 8
            self.registers[regs.CRC_RESULT_LOW] = self.crc_preset() & 0xFF
            self._calculate_crc()
        elif command != regs.TRANSCEIVE:
            self.violation(f"command {command:x} is not modelled")
            self.end_command()

    def _calculate_crc(self) -> None:
        preset = self.registers[regs.CRC_RESULT_HIGH] << 8 | self.registers[regs.CRC_RESULT_LOW]
        low, high = self.radio.crc(self.take_fifo(), preset)
        self.registers[regs.CRC_RESULT_LOW], self.registers[regs.CRC_RESULT_HIGH] = low, high
        self.registers[regs.DIV_IRQ] |= regs.DIV_IRQ_CRC
        self.update_irq_pin()

    def _write_irq(self, register: int, value: int) -> None:
        """Set the marked bits if bit 7 is 1, clear them if it is 0 (Set1, Set2; clauses 9.3.1.5 and 9.3.1.6)."""
        marked = value & 0x7F
        if value & 0x80:
            self.registers[register] |= marked
        else:
            self.registers[register] &= 0xFF - marked
        self.update_irq_pin()

    def _write_status2(self, value: int) -> None:
        """Write Status2Reg. Software can only clear MFCrypto1On (clause 9.3.1.9)."""
        self.registers[regs.STATUS2] = value & 0xC0 | self.registers[regs.STATUS2] & value & 0x08
        if not self.registers[regs.STATUS2] & 0x08:
            self.radio.session = None

    def _write_control(self, value: int) -> None:
        if value & 0x80:
            self.timer.stop()
        if value & 0x40:
            self.timer.start()

    def _store(self, register: int, value: int) -> None:
        self.registers[register] = self.faults.kept(register, value)
        if register == regs.TX_CONTROL:
            self._update_field()
        elif register in (regs.COM_I_EN, regs.DIV_I_EN):
            self.update_irq_pin()
        elif register == regs.WATER_LEVEL:
            self._update_alerts()

    def _update_field(self) -> None:
        drivers_on = self.registers[regs.TX_CONTROL] & 0x03 == 0x03
        self.field.switch(drivers_on and not self.registers[regs.COMMAND] & regs.POWER_DOWN)

    def _write_fifo(self, value: int) -> None:
        if self.radio.forbids_fifo_writes():
            self.violation("FIFO written during a frame")
            return self.set_error(regs.ERROR_WRITE)
        if len(self.fifo) == FIFO_SIZE:
            self.violation("FIFO overflow")
            return self.set_error(regs.ERROR_OVERFLOW)
        self.fifo.append(value)
        self._update_alerts()
        if self.registers[regs.COMMAND] & 0x0F == regs.CALC_CRC:
            self._calculate_crc()

    def _update_alerts(self) -> None:
        if FIFO_SIZE - len(self.fifo) <= self.registers[regs.WATER_LEVEL]:
            self.raise_irq(regs.IRQ_HIGH_ALERT)
        if len(self.fifo) <= self.registers[regs.WATER_LEVEL]:
            self.raise_irq(regs.IRQ_LOW_ALERT)

    def _status1(self) -> int:
        level = self.registers[regs.WATER_LEVEL]
        value = 0x20 if self.registers[regs.DIV_IRQ] & regs.DIV_IRQ_CRC else 0
        value |= 0x10 if self._irq_pending() else 0
        value |= 0x08 if self.timer.is_running() else 0
        value |= 0x02 if FIFO_SIZE - len(self.fifo) <= level else 0
        return value | (0x01 if len(self.fifo) <= level else 0)
