"""Fakes of the MicroPython ports' modules. Where a port does not check its arguments, they are as strict as the chip.

`install(name, **contents)` makes a module that an import of that name finds.
"""

import sys

SECTOR = 4096
PAGE = 256

PWM_BASE = 0x40050000
SLICE_BYTES = 0x14
SLICES = 8
SCRATCH = range(0x4005800C, 0x4005802C, 4)


class Module:
    """A module of the port with the given contents."""

    def __init__(self, contents):
        for name in contents:
            setattr(self, name, contents[name])


def install(name, **contents):
    """Make `import name` find these contents from now on."""
    sys.modules[name] = Module(contents)


class NorDevice:
    """Block device on NOR flash: the common part of ports/rp2/rp2_flash.c and ports/esp32/esp32_partition.c."""

    def __init__(self, sectors):
        self.memory = bytearray(b"\xff" * (sectors * SECTOR))

    def readblocks(self, block, buffer, offset=0):
        start = block * SECTOR + offset
        self._inside(start, len(buffer))
        buffer[:] = self.memory[start : start + len(buffer)]

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.memory) // SECTOR
        if operation == 5:
            return SECTOR
        if operation == 6:
            self._erase(argument * SECTOR, SECTOR)
            return 0
        return None

    def _erase(self, start, length):
        if start % SECTOR or length % SECTOR:
            raise AssertionError("erased in parts of a sector")
        self._inside(start, length)
        self.memory[start : start + length] = b"\xff" * length

    def _clear_bits(self, start, data):
        self._inside(start, len(data))
        for index in range(len(data)):
            self.memory[start + index] &= data[index]

    def _inside(self, start, length):
        if start < 0 or start + length > len(self.memory):
            raise AssertionError("outside the device: on the chip this changes other memory")


class Rp2Flash(NorDevice):
    """rp2.Flash: it writes whole aligned pages, from RAM. Without an offset it erases the range first."""

    def writeblocks(self, block, buffer, offset=None):
        start = block * SECTOR + (offset or 0)
        if not isinstance(buffer, bytearray):
            raise AssertionError("programmed from memory that may be flash: the chip locks up")
        if offset is None:
            self._erase(start, len(buffer))
        if start % PAGE or len(buffer) % PAGE:
            raise AssertionError("programmed in parts of a page: flash_range_program takes whole ones")
        self._clear_bits(start, buffer)


class Esp32Partition(NorDevice):
    """esp32.Partition: it writes any length to any address. Errors of ESP-IDF become OSError."""

    TYPE_DATA = 1
    partitions = {}

    def __init__(self, sectors, address=0x200000):
        super().__init__(sectors)
        self.address = address

    def info(self):
        """Return type, subtype, address, size, label and encryption."""
        return self.TYPE_DATA, 0x81, self.address, len(self.memory), "vfs", False

    @classmethod
    def find(cls, type=0, subtype=0xFF, label=None, block_size=4096):
        if type != cls.TYPE_DATA:
            return []
        return [cls.partitions[label]] if label in cls.partitions else []

    def writeblocks(self, block, buffer, offset=None):
        start = block * SECTOR + (offset or 0)
        if offset is None:
            self._erase(start, len(buffer))
        self._clear_bits(start, buffer)

    def _inside(self, start, length):
        if start < 0 or start + length > len(self.memory):
            raise OSError(-0x104, "ESP_ERR_INVALID_SIZE")


class PwmRegisters:
    """machine.mem32 of the PWM block (RP2040 data sheet, 4.5.3), the pins that reach it, and the watchdog's scratch
    registers (4.7.6).

    `driven` has every pin that the block has driven at some moment.
    """

    CONTROL, DIVIDER, COUNTER, COMPARE, TOP = 0x00, 0x04, 0x08, 0x0C, 0x10

    def __init__(self):
        self.slices = [{0x00: 0, 0x04: 1 << 4, 0x08: 0, 0x0C: 0, 0x10: 0xFFFF} for _ in range(SLICES)]
        self.pwm_pins = set()
        self.driven = set()
        self.scratch = dict.fromkeys(SCRATCH, 0)

    def __getitem__(self, address):
        registers, register = self._find(address)
        return registers[register]

    def __setitem__(self, address, value):
        registers, register = self._find(address)
        registers[register] = value
        self.note_driven()

    def soft_reset(self):
        """Disable every slice and keep all other state, as MicroPython's machine_pwm_deinit_all."""
        for registers in self.slices:
            registers[self.CONTROL] &= ~1

    def note_driven(self):
        """Note every driven pin: all but those of a B whose edges or level are counted (4.5.2.5)."""
        for gpio in self.pwm_pins:
            if gpio % 2 == 0 or self.slices[gpio // 2 % SLICES][self.CONTROL] >> 4 & 3 == 0:
                self.driven.add(gpio)

    def rising_edge(self, gpio):
        """Count a rising level at a pin, as the slice does."""
        registers = self.slices[gpio // 2 % SLICES]
        control = registers[self.CONTROL]
        counts_edges = gpio % 2 == 1 and control & 1 and control >> 4 & 3 == 2
        if gpio in self.pwm_pins and counts_edges and registers[self.DIVIDER] == 1 << 4:
            is_last = registers[self.COUNTER] == registers[self.TOP]
            registers[self.COUNTER] = 0 if is_last else registers[self.COUNTER] + 1

    def _find(self, address):
        if address in self.scratch:
            return self.scratch, address
        index, register = divmod(address - PWM_BASE, SLICE_BYTES)
        if not 0 <= index < SLICES or register not in self.slices[0]:
            raise AssertionError(f"no register of a slice at {address:#x}")
        return self.slices[index], register


def pin_class(registers):
    """Connect a pin to the PWM block, or to nothing, as the pin's function says."""

    class Pin:
        IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
        PULL_UP, PULL_DOWN = 1, 2
        ALT_SIO, ALT_PWM = 5, 4

        def __init__(self, gpio, mode=-1, pull=None, value=None, alt=ALT_SIO):
            registers.pwm_pins.discard(gpio)
            if mode == self.ALT and alt == self.ALT_PWM:
                registers.pwm_pins.add(gpio)
                registers.note_driven()

    return Pin
