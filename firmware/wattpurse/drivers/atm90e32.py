"""The metering chip ATM90E32AS over SPI: set up, verified, supervised and read.

Data sheet Atmel-46003 (M90E32AS): "SPI interface", "Register list". A transaction is one register: chip select, sixteen
bits of address (the highest is 1 for a read), sixteen bits of data, the highest bit first, mode 3. The energy comes as
pulses of CF1 into the board's counter. The energy registers are never read: reading clears them, so that a read that
was disturbed would destroy energy.

**Verified.** A chip and its wires stand beside mains that switch. Every register is read until two frames agree: that
also shows an address that was damaged, which LastSPIData does not. Every value written is read back. A value that did
not arrive may stand in another register, so the chip is reset and all is written anew.

**Supervised.** `look` checks that metering is on and that the chip's own check sum has not changed, and some registers
of the configuration, so that each is seen again within some seconds. A chip that a dip of its supply has reset, or that
a disturbance has changed, is configured again. `configure` writes only registers that differ, so a chip that runs
through a restart of the board goes on with its energy.

`read` takes no heap.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.hal import Spi

SOFT_RESET = 0x70
EMM_STATE0 = 0x71
CRC_ERR_STATUS = 0x79
CRC_DIGEST = 0x7A
CFG_REG_ACC_EN = 0x7F
P_MEAN = 0xB1  # phase A, upper half; phase B is one further on, as with all readings
P_MEAN_LSB = 0xC1
U_RMS = 0xD9
I_RMS = 0xDD
FREQUENCY = 0xF8

RESET = 0x789A
UNLOCK = 0x55AA
LOCK = 0x0000
CF1_REVERSED = 1 << 3  # a bit in EMMState0: the newest energy of CF1 was reverse

_READ = 0x80
_TRIES = 4
_SEEN_PER_LOOK = 3


class Atm90e32:
    """One chip on `spi`, behind the chip select `select`. No other device is on this bus.

    `is_ready` is True while the chip has its configuration and meters. `restorations` counts how often a chip that had
    been ready had to be configured again.
    """

    def __init__(self, spi: "Spi", select: "Callable[[int], object]") -> None:
        self.is_ready = False
        self.restorations = 0
        self._spi = spi
        self._select = select
        self._out = bytearray(4)
        self._in = bytearray(4)
        self._wanted: list[tuple[int, int]] = []
        self._next = 0
        self._digest = 0
        self._error = 0

    def set_up(self, wanted: list) -> bool:
        """Write pairs of register and value into the chip. Return False if it does not take them."""
        self._wanted = wanted
        self._next = 0
        self.is_ready = self._configure()
        return self.is_ready

    def look(self) -> bool:
        """Check the chip, and configure it again if it has lost its configuration. Return True if it is ready."""
        if not self.is_ready:
            self.is_ready = self._configure()
        elif not self._is_sound():
            self.is_ready = self._configure()
            self.restorations += 1
        return self.is_ready

    def read(self, register: int) -> int:
        """Return a register, or -1 if the chip does not answer without an error. Takes no heap."""
        value = -1
        for _ in range(2 * _TRIES):
            former = value
            value = self._exchange(register >> 8 | 0x80, register, 0, 0)  # _READ
            if value == former:
                return value
        return -1

    def power(self, leg: int) -> int:
        """Return the mean power register of a leg, 32 bits with sign. Raise OSError if the chip does not answer."""
        upper = self.reading(0xB1 + leg)  # P_MEAN
        for _ in range(_TRIES):
            lower = self.reading(0xC1 + leg)  # P_MEAN_LSB
            again = self.reading(0xB1 + leg)
            if again == upper:  # the chip did not renew it between both halves
                return (upper - 0x10000 if upper & 0x8000 else upper) * 0x10000 + lower
            upper = again
        raise OSError("the power never rests")

    def reading(self, register: int) -> int:
        """Return a register. Raise OSError if the chip does not answer."""
        value = self.read(register)
        if value < 0:
            raise OSError("the metering chip does not answer")
        return value

    def _is_sound(self) -> bool:
        if self.read(0x00) != 1:  # METER_EN: a reset clears it
            return False
        if self.read(CRC_ERR_STATUS) != self._error or self.read(CRC_DIGEST) != self._digest:
            return False
        for _ in range(_SEEN_PER_LOOK):
            register, value = self._wanted[self._next]
            if self.read(register) != value:
                return False
            self._next = (self._next + 1) % len(self._wanted)
        return True

    def _configure(self) -> bool:
        """Write each register that differs, and lock the chip. Return False if one does not keep its value.

        A chip that cannot be read is left alone: it may go on giving pulses.
        """
        if not self._is_present():
            return False
        for _ in range(_TRIES):
            self._write(CFG_REG_ACC_EN, UNLOCK)
            self._write(CFG_REG_ACC_EN, UNLOCK)  # twice, as the other orders: one frame may be torn
            if self._write_all():
                self._write(CFG_REG_ACC_EN, LOCK)
                self._write(CFG_REG_ACC_EN, LOCK)
                self._error = self.read(CRC_ERR_STATUS)
                self._digest = self.read(CRC_DIGEST)
                return self._error >= 0 and self._digest >= 0
            self._write(SOFT_RESET, RESET)
            self._write(SOFT_RESET, RESET)
        return False

    def _is_present(self) -> bool:
        """Return True if the answers are those of a chip, and not those of an open wire or a short circuit."""
        return 0 <= self.read(0x00) <= 1 and (self.read(0x01) > 0 or self.read(0x02) > 0)

    def _write_all(self) -> bool:
        for register, value in self._wanted:
            if self.read(register) != value:
                self._write(register, value)
                if self.read(register) != value:
                    return False
        return True

    def _write(self, register: int, value: int) -> None:
        self._exchange(register >> 8, register, value >> 8, value)

    def _exchange(self, first: int, second: int, third: int, fourth: int) -> int:
        """Send one frame and return the sixteen bits that came during its second half."""
        out, back = self._out, self._in
        out[0] = first
        out[1] = second & 0xFF
        out[2] = third & 0xFF
        out[3] = fourth & 0xFF
        self._select(0)
        self._spi.write_readinto(out, back)
        self._select(1)
        return back[2] << 8 | back[3]


def is_60_hertz(value: int, was: bool) -> bool:
    """Return whether the frequency register (in 0.01 Hz) is that of a 60 Hz system; `was`, if it is neither."""
    if 4_400 < value < 5_400:
        return False
    return True if 5_600 < value < 6_600 else was
