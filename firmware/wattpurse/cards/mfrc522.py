"""MFRC522 card reader chip on SPI: send one frame, receive one frame. The processor sleeps while the radio works.

The chip adds and checks CRC_A, its timer ends every wait for a card, and its interrupt pin (active low) wakes the task.
A frame costs four writes and one read: status, error, level and data come in a single burst. A card that fails raises
`iso14443.CardError`. A chip that fails raises `ReaderError`, after which `recover` restarts it. A chip may lose the bit
of a register and go on answering, so each `power_up` compares all registers that matter, in a single burst too.

Clause numbers are those of the MFRC522 data sheet, revision 3.9.
"""

from wattpurse.cards import iso14443
from wattpurse.cards.mfrc522_registers import (
    ALL_IRQ,
    BIT_FRAMING,
    COLL,
    COLLISION_POSITION,
    COLLISION_POSITION_INVALID,
    COM_IRQ,
    COMMAND,
    CONFIGURATION,
    CONTROL,
    CRC_ENABLED,
    CRYPTO1_ON,
    ERROR,
    ERROR_COLLISION,
    ERROR_OTHER,
    ERROR_OVERFLOW,
    FIFO_DATA,
    FIFO_LEVEL,
    FLUSH,
    IDLE,
    IDLE_IRQ,
    LEFT_ALONE,
    MF_AUTHENT,
    POWER_DOWN,
    RX_IRQ,
    RX_LAST_BITS,
    RX_MODE,
    START_SEND,
    STATUS2,
    T_RELOAD_HIGH,
    T_RELOAD_LOW,
    TIMER_IRQ,
    TIMER_TICK_US,
    TRANSCEIVE,
    TX_MODE,
    VALUES_AFTER_COLLISION,
    VERSION,
)

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wattpurse.hal import Clock, Pin, Signal, Spi

_RESET_MS = 2
_START_UP_MS = 5
# The crystal starts within a millisecond; a card may need 5 ms of field before it answers (ISO/IEC 14443-3, 5.2.2).
_FIELD_SETTLING_MS = 6
# Time on air of the slowest frame of 64 bytes, and the delay of a busy loop, on top of the chip's own timeout.
_OUTER_MARGIN_MS = 50

_WRITE_FIFO = bytes((FIFO_DATA << 1,))
_CLEAR_ALL_IRQ = bytes((COM_IRQ << 1, ALL_IRQ))
_START_TRANSCEIVE = bytes((COMMAND << 1, TRANSCEIVE))
_START_MF_AUTHENT = bytes((COMMAND << 1, MF_AUTHENT))
_READ_MF_AUTHENT = bytes((0x80 | COM_IRQ << 1, 0x80 | ERROR << 1, 0x80 | STATUS2 << 1, 0))
# A read of another length may wait for ever on an ESP32: ESP-IDF then copies through memory that it may not get, and
# MicroPython waits for the end of a transfer that never began (ports/esp32/machine_hw_spi.c).
_READ_MULTIPLE = 4
_STATUS_REGISTERS = (COM_IRQ, ERROR, FIFO_LEVEL, CONTROL)
_REPLY_START = 1 + len(_STATUS_REGISTERS)
_FIFO_SIZE = 64
# The chip checks and drops the two bytes of CRC_A, which pass through the FIFO.
LONGEST_BLOCK = _FIFO_SIZE - 2

# The registers that `power_up` compares, and the places of some in the burst. A value follows its address.
_WATCHED = (COMMAND, STATUS2, VERSION) + tuple([row[0] for row in CONFIGURATION]) + LEFT_ALONE
_COMMAND_AT = 1
_STATUS2_AT = 2
_VERSION_AT = 3
_FIRST_CONFIGURED_AT = 4
_TX_MODE_AT = 4
_RX_MODE_AT = 5
_T_RELOAD_HIGH_AT = 6
_T_RELOAD_LOW_AT = 7
_COLL_AT = 8
# Chips with the register set of the MFRC522 have many versions. These two are read from a bus without a chip.
_NO_VERSION = (0x00, 0xFF)


class ReaderError(OSError):
    """The reader chip does not answer as an MFRC522 does."""


class Mfrc522:
    """One reader chip.

    `spi` is like machine.SPI (mode 0, up to 10 MHz). `select` and `reset` are active-low output pins. `irq` is the
    signal of the falling edge of the chip's IRQ pin. `clock` gives `sleep_ms`. `version` is the chip's VersionReg (0x91
    and 0x92 are of NXP), None until a chip has answered.
    """

    def __init__(self, spi: "Spi", select: "Pin", reset: "Pin", irq: "Signal", clock: "Clock") -> None:
        self._spi = spi
        self._select = select
        self._reset = reset
        self._irq = irq
        self._clock = clock
        self._register = bytearray(2)
        self._framing = bytearray((BIT_FRAMING << 1, 0))
        self._authent_values = bytearray(4)
        self._bursts = {}
        self._patience_ms = 0
        self._read_watched_addresses = _addresses_of(_WATCHED)
        self._watched = bytearray(len(self._read_watched_addresses))
        self._expected = bytearray(len(self._read_watched_addresses))
        self._forget()
        self.version = None
        self.reply = b""
        self.reply_bits = 0
        self.garbled = False
        self._collided = False

    def _forget(self) -> None:
        """Forget the state of the chip: after a reset it has an empty FIFO, and the values of CONFIGURATION."""
        self._crc_transmit = False
        self._crc_receive = False
        self._timeout_us = 0
        self._crypto = False
        self._unclean = False

    async def start(self) -> None:
        """Reset the chip by its pin and set it up with the field on.

        Raises ReaderError if no chip answers, or if it does not keep its setup.
        """
        self._select(1)
        self._reset(0)
        await self._clock.sleep_ms(_RESET_MS)
        self._reset(1)
        await self._clock.sleep_ms(_START_UP_MS)
        self._forget()
        if self._read(VERSION) in _NO_VERSION:
            raise ReaderError("no reader chip")
        for register, value, _ in CONFIGURATION:
            self._write(register, value)
        await self._clock.sleep_ms(_FIELD_SETTLING_MS)
        self._learn_setup()

    async def recover(self) -> None:
        """Restart a chip that hangs: it loses all its state, and cards in the field start from idle."""
        await self.start()

    def power_down(self) -> None:
        """Enter soft power-down (clause 8.6.2): oscillator and field off, registers kept."""
        self._write(COMMAND, POWER_DOWN)

    async def power_up(self) -> None:
        """Leave soft power-down and wait until cards in the field are ready.

        Raises ReaderError if the chip is asleep, is another one, or has lost its setup.
        """
        self._write(COMMAND, IDLE)
        await self._clock.sleep_ms(_FIELD_SETTLING_MS)
        if self._crypto:
            self.end_crypto()
        self._read_watched()
        if self._watched != self._expected:
            raise ReaderError("not ready")

    def find_card(
        self, wake: bool = False, prepare: "Callable[[bytes], None] | None" = None
    ) -> "Awaitable[iso14443.CardIdentity | None]":
        """Look once for a card and select it, see `iso14443.find`: `prepare(uid)` is called when its UID is known.

        Raises CardError or ReaderError.
        """
        self.end_crypto()
        return iso14443.find(self, wake, prepare)

    async def select_again(self, identity: iso14443.CardIdentity) -> None:
        """Select a card already known, in any state. Raises CardError if it is gone, or ReaderError."""
        self.end_crypto()
        await iso14443.select_again(self, identity)

    async def halt(self) -> None:
        """Put the selected card to sleep, so that another one can be found. Raises CardError or ReaderError."""
        await iso14443.halt(self)
        self.end_crypto()

    def use_crc(self, transmit: bool, receive: bool) -> None:
        """Let the chip append CRC_A to frames and check and remove it from answers, or not (TxModeReg, RxModeReg)."""
        if transmit is not self._crc_transmit:
            self._write(TX_MODE, CRC_ENABLED if transmit else 0)
            self._expected[_TX_MODE_AT] ^= CRC_ENABLED
            self._crc_transmit = transmit
        if receive is not self._crc_receive:
            self._write(RX_MODE, CRC_ENABLED if receive else 0)
            self._expected[_RX_MODE_AT] ^= CRC_ENABLED
            self._crc_receive = receive

    async def exchange(self, frame: bytes, reply_length: int, timeout_us: int) -> bytes | memoryview:
        """Send a frame with CRC_A. Return the whole-byte, CRC-checked answer of exactly `reply_length` bytes.

        The view is good until the next frame. Raises CardError ("silent", "refused" for a four-bit NAK, "garbled"), or
        ReaderError.
        """
        if not self._crc_transmit or not self._crc_receive:
            self.use_crc(True, True)
        self.send(frame, timeout_us, 0)
        count = await self.receive(reply_length)
        if not self._unclean and not self.reply_bits:
            return self.reply
        if not count:
            raise iso14443.CardError("silent")
        raise iso14443.CardError("refused" if count == 1 and self.reply_bits == 4 else "garbled")

    async def exchange_block(
        self, frame: bytes, timeout_us: int, meanwhile: "Callable[[], object] | None"
    ) -> bytes | memoryview:
        """Send a frame with CRC_A. Return the whole-byte, CRC-checked answer of at most LONGEST_BLOCK bytes.

        `meanwhile()` is called while the frame is on the air. It must not raise. The view is good until the next frame.
        Raises CardError ("silent", "garbled"), or ReaderError.
        """
        if not self._crc_transmit or not self._crc_receive:
            self.use_crc(True, True)
        self.send(frame, timeout_us, 0)
        if meanwhile is not None:
            meanwhile()
        count = await self.receive(LONGEST_BLOCK)
        if not count:
            raise iso14443.CardError("silent")
        if self.garbled or self._collided or self.reply_bits or count > LONGEST_BLOCK:
            raise iso14443.CardError("garbled")
        self._unclean = False
        return self.reply

    async def acknowledged(self, frame: bytes, timeout_us: int) -> None:
        """Send a frame with CRC_A that is answered by a four-bit ACK. Raises CardError for a NAK, or ReaderError."""
        if not self._crc_transmit or self._crc_receive:
            self.use_crc(True, False)
        self.send(frame, timeout_us, 0)
        count = await self.receive(1)
        if not count:
            raise iso14443.CardError("silent")
        if self._unclean or self.reply_bits != 4:
            raise iso14443.CardError("garbled")
        if self.reply[0] & 0x0F != iso14443.ACK:
            raise iso14443.CardError("refused")

    def send(self, frame: bytes, timeout_us: int, framing: int) -> None:
        """Begin to send `frame`, to be answered within `timeout_us`. Meanwhile the processor is free for other work.

        `framing` is BitFramingReg: the number of bits to send of the last byte, and in bits 6 to 4 the position of the
        first received bit.
        """
        if timeout_us != self._timeout_us:
            self._set_timeout(timeout_us)
        self._fill_fifo(frame)
        self._framing[1] = START_SEND | framing
        select, write = self._select, self._spi.write
        select(0)
        write(_START_TRANSCEIVE)
        select(1)
        select(0)
        write(self._framing)
        select(1)

    async def receive(self, reply_length: int) -> int:
        """Wait for the answer to the frame that was sent. Return the number of bytes received, 0 for silence.

        The answer is in `reply` (up to `reply_length` bytes), `reply_bits` (of its last byte; 0: all), `garbled` (CRC,
        parity, framing) and `collision_bit`. Raises ReaderError if the chip gives no interrupt.
        """
        if not self._irq.comes_at_once() and not await self._irq.wait_ms(self._patience_ms):
            return self._interrupted()
        addresses, reply, data = self._bursts.get(reply_length) or self._new_burst(reply_length)
        self._select(0)
        self._spi.write_readinto(addresses, reply)
        self._select(1)
        if not reply[1] & (RX_IRQ | TIMER_IRQ):
            raise ReaderError("interrupt without a cause")
        error = reply[2]
        count = reply[3] if reply[1] & RX_IRQ else 0
        self._collided = error & ERROR_COLLISION != 0
        self.garbled = error & ERROR_OTHER != 0
        self.reply_bits = reply[4] & RX_LAST_BITS
        self.reply = data if count >= reply_length else data[:count]
        self._unclean = error != 0 or count != reply_length
        return count

    def _interrupted(self) -> int:
        """Stop an answer that is longer than any frame: the fault of a card. Raise ReaderError if there is none.

        The chip gives its interrupt at the end of an answer, so a card that sends without end would look like a chip
        that hangs.
        """
        if not self._read(ERROR) & ERROR_OVERFLOW:
            raise ReaderError("no interrupt")
        self._collided = False
        self.garbled = True
        self.reply, self.reply_bits = b"", 0
        return _FIFO_SIZE

    async def authenticate(self, frame: bytes, timeout_us: int) -> None:
        """Run MFAuthent (clause 10.3.1.9) with `frame`: command 0x60 or 0x61, block, six key bytes, four UID bytes.

        Afterwards frames are encrypted, until `end_crypto`. Raises CardError ("refused") if the card does not accept
        the key or is gone, which the chip cannot tell apart, or ReaderError.
        """
        if timeout_us != self._timeout_us:
            self._set_timeout(timeout_us)
        self._fill_fifo(frame)
        self._send(_START_MF_AUTHENT)
        self._crypto = True
        if not self._irq.comes_at_once() and not await self._irq.wait_ms(self._patience_ms):
            raise ReaderError("no interrupt")
        values = self._authent_values
        self._send_and_read(_READ_MF_AUTHENT, values)
        if not values[1] & (IDLE_IRQ | TIMER_IRQ):
            raise ReaderError("interrupt without a cause")
        if not values[1] & IDLE_IRQ or values[2] or not values[3] & CRYPTO1_ON:
            raise iso14443.CardError("refused")
        self._unclean = False

    def end_crypto(self) -> None:
        """Return to plain frames. The card that was authenticated has to be selected again."""
        if self._crypto:
            self._write(STATUS2, 0)
            self._crypto = False

    def collision_bit(self) -> int | None:
        """Return the first bit of the last answer in which cards differed, or None.

        The bit is counted from bit 0 of `reply`.
        """
        if not self._collided:
            return None
        value = self._read(COLL)
        if value & COLLISION_POSITION_INVALID:
            return _FIFO_SIZE * 8
        return ((value & COLLISION_POSITION) - 1) & COLLISION_POSITION  # 0 stands for the 32nd bit

    def _set_timeout(self, timeout_us: int) -> None:
        """Set the timer reload value. The timer counts from the end of the frame sent."""
        ticks = timeout_us // TIMER_TICK_US
        if ticks >> 8 != self._timeout_us // TIMER_TICK_US >> 8:
            self._write(T_RELOAD_HIGH, ticks >> 8)
            self._expected[_T_RELOAD_HIGH_AT] = ticks >> 8
        self._write(T_RELOAD_LOW, ticks & 0xFF)
        self._expected[_T_RELOAD_LOW_AT] = ticks & 0xFF
        self._timeout_us = timeout_us
        self._patience_ms = timeout_us // 1000 + _OUTER_MARGIN_MS

    def _fill_fifo(self, frame: bytes | bytearray | memoryview) -> None:
        """Put a frame into the FIFO. Flush it first if the last frame did not end as it should."""
        if self._unclean:
            self._write(COMMAND, IDLE)
            self._write(FIFO_LEVEL, FLUSH)
        self._unclean = True  # until exactly the expected answer has come
        select, write = self._select, self._spi.write
        select(0)
        write(_WRITE_FIFO + frame)
        select(1)
        select(0)
        write(_CLEAR_ALL_IRQ)
        select(1)
        self._irq.clear()

    def _learn_setup(self) -> None:
        """Remember the registers as the chip shows them after its setup.

        A compatible chip may show reserved bits and reset values of its own. Raises ReaderError if the chip is asleep
        or does not keep the bits that matter.
        """
        self._read_watched()
        values = self._watched
        if values[_COMMAND_AT] or values[_STATUS2_AT] or values[_VERSION_AT] in _NO_VERSION:
            raise ReaderError("not ready")
        for place, (_, value, bits) in enumerate(CONFIGURATION, _FIRST_CONFIGURED_AT):
            if (values[place] ^ value) & bits:
                raise ReaderError("the chip does not keep its setup")
        self._expected[:] = values
        self.version = values[_VERSION_AT]

    def _read_watched(self) -> None:
        """Read the watched registers. Bits that the chip changes by itself are read as 0."""
        values = self._watched
        self._send_and_read(self._read_watched_addresses, values)
        values[0] = 0
        values[_COMMAND_AT] &= POWER_DOWN
        values[_STATUS2_AT] &= CRYPTO1_ON
        values[_COLL_AT] &= VALUES_AFTER_COLLISION

    def _new_burst(self, reply_length: int) -> tuple:
        """Make addresses, buffer and view of the data, to read status and `reply_length` FIFO bytes at once.

        Clause 8.1.2.1 has the form of the addresses.
        """
        registers = _STATUS_REGISTERS + (FIFO_DATA,) * reply_length
        addresses = _addresses_of(registers)
        reply = bytearray(len(addresses))
        data = memoryview(reply)[_REPLY_START : _REPLY_START + reply_length]
        self._bursts[reply_length] = burst = (addresses, reply, data)
        return burst

    def _write(self, register: int, value: int) -> None:
        self._register[0] = register << 1
        self._register[1] = value
        self._send(self._register)

    def _read(self, register: int) -> int:
        addresses = _addresses_of((register,))
        values = bytearray(len(addresses))
        self._send_and_read(addresses, values)
        return values[1]

    def _send(self, data: bytes | bytearray) -> None:
        self._select(0)
        self._spi.write(data)
        self._select(1)

    def _send_and_read(self, data: bytes | bytearray, values: bytearray) -> None:
        self._select(0)
        self._spi.write_readinto(data, values)
        self._select(1)


def _addresses_of(registers: tuple) -> bytes:
    """Return the bytes that read `registers` in one burst. Reads of the version fill it up to a multiple of four."""
    fill = -(len(registers) + 1) % _READ_MULTIPLE
    return bytes([0x80 | register << 1 for register in registers + (VERSION,) * fill] + [0])
