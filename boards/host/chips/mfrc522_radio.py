"""The radio part of the MFRC522 model: frames, their time on air at 106 kbit/s, and MFAuthent.

One bit takes 128 carrier periods, 9.44 us. A reader's frame has a start bit, a parity bit after each whole byte and two
bit times of end; a card's has one. A card answers 1,236 carrier periods, 91 us, after the end of a frame (ISO/IEC
14443-3, 6.2.1.1).
"""

from boards.host.cards.iso14443a import crc_a
from boards.host.chips import mfrc522_registers as regs

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.cards.field import Reception
    from boards.host.chips.mfrc522 import Mfrc522Model


FRAME_DELAY_US = 91
_FIRST_BITS = 5  # after these the timer stops (TModeReg TAuto)
# The cipher of a chip whose MFCrypto1On is set without an authentication: no card has it.
_CIPHER_OF_NO_CARD = "no card's cipher"


def _bit_times_us(bits: int) -> int:
    return bits * 128 * 100 // 1356


def reader_frame_us(bits: int) -> int:
    """Return the time on air of a reader's frame with `bits` data bits."""
    return _bit_times_us(bits + bits // 8 + 3)


def card_frame_us(bits: int) -> int:
    """Return the time on air of a card's frame with `bits` data bits."""
    return _bit_times_us(bits + bits // 8 + 2)


class Radio:
    """The antenna's side of the chip. `session` is the cipher session that it shares with a card, or None."""

    def __init__(self, chip: "Mfrc522Model") -> None:
        self._chip = chip
        self._epoch = 0
        self._sending = False
        self._secret: bytes | None = None
        self.session = None

    def crc(self, data: bytes, preset: int) -> tuple:
        """Return low and high byte of the CRC coprocessor's result."""
        return tuple(crc_a(data, preset))

    def stop(self) -> None:
        """End the command that uses the radio."""
        self._epoch += 1
        self._sending = False
        self._secret = None

    def forbids_fifo_writes(self) -> bool:
        """Return True if a write to the FIFO now would be a WrErr (clause 9.3.1.7)."""
        return self._sending or self._secret is not None

    def start_send(self) -> None:
        """Send the FIFO's content (StartSend)."""
        chip = self._chip
        registers = chip.registers
        if chip.faults.hung:
            return None
        if registers[regs.COMMAND] & 0x0F != regs.TRANSCEIVE:
            return chip.violation("StartSend without Transceive")
        data = chip.take_fifo()
        if not data:
            return chip.violation("StartSend with an empty FIFO")
        registers[regs.ERROR] = 0
        last_bits = registers[regs.BIT_FRAMING] & regs.TX_LAST_BITS
        bits = len(data) * 8 - (8 - last_bits if last_bits else 0)
        if registers[regs.TX_MODE] & regs.CRC_ENABLED:
            if last_bits:
                chip.violation("CRC behind a partial byte")
            data += crc_a(data, chip.crc_preset())
            bits += 16
        self._send(data, bits, self._received)
        return None

    def start_authentication(self) -> None:
        """Authenticate with command, block, key and UID bytes from the FIFO (MFAuthent, clause 10.3.1.9)."""
        chip = self._chip
        content = chip.take_fifo()
        if len(content) != 12:
            chip.violation(f"MFAuthent with {len(content)} bytes in the FIFO")
            return
        if chip.faults.hung:
            return
        self._secret = content[2:]
        command = content[:2]
        self._send(command + crc_a(command), 32, self._challenged)

    def _send(self, data: bytes, bits: int, then: "Callable[[Reception], None]") -> None:
        """Send a frame. Call `then(reception)` when an answer has arrived."""
        chip = self._chip
        if not chip.field.on:
            return  # TxWaitRF: nothing goes out without a field
        chip.statistics.frames += 1
        self._epoch += 1
        self._sending = True
        epoch = self._epoch
        chip.clock.call_at_us(chip.clock.now_us + reader_frame_us(bits), lambda: self._sent(epoch, data, bits, then))

    def _sent(self, epoch: int, data: bytes, bits: int, then: "Callable[[Reception], None]") -> None:
        if epoch != self._epoch:
            return
        chip = self._chip
        self._sending = False
        if self._secret is None:
            chip.raise_irq(regs.IRQ_TX)
        if chip.registers[regs.T_MODE] & regs.T_AUTO:
            chip.timer.start()
        if chip.registers[regs.TX_ASK] & regs.FORCE_100_ASK == 0:
            return  # without 100 % ASK no type A card hears anything
        reception = chip.field.transmit(data, bits, self._cipher())
        if reception is None:
            return
        start_us = chip.clock.now_us + FRAME_DELAY_US + reception.delay_us
        chip.clock.call_at_us(start_us + _bit_times_us(_FIRST_BITS), lambda: self._first_bits(epoch, reception))
        chip.clock.call_at_us(start_us + card_frame_us(reception.bits), lambda: self._arrived(epoch, reception, then))

    def _cipher(self) -> object | None:
        """Return the session in which the chip sends, None for plain frames."""
        if self.session is None and self._secret is None and self._chip.registers[regs.STATUS2] & regs.CRYPTO1_ON:
            return _CIPHER_OF_NO_CARD
        return self.session

    def _first_bits(self, epoch: int, reception: "Reception") -> None:
        if epoch != self._epoch or reception.sender not in self._chip.field.cards:
            return
        reception.begun = True
        if self._chip.registers[regs.T_MODE] & regs.T_AUTO:
            self._chip.timer.stop()

    def _arrived(self, epoch: int, reception: "Reception", then: "Callable[[Reception], None]") -> None:
        if epoch != self._epoch or not reception.begun:
            return
        if reception.sender not in self._chip.field.cards:
            reception.break_off()
        then(reception)

    def _received(self, reception: "Reception") -> None:
        """Put an answer and its errors into FIFO and registers."""
        chip = self._chip
        registers = chip.registers
        align = registers[regs.BIT_FRAMING] >> 4 & 0x07
        value, bits = reception.value, reception.bits
        errors = regs.ERROR_PARITY if reception.parity_error else 0
        if reception.collision is not None:
            errors |= regs.ERROR_COLLISION
            value = self._note_collision(value, reception.collision, align)
        content = value.to_bytes((bits + 7) // 8, "little")
        if registers[regs.RX_MODE] & regs.CRC_ENABLED:
            if bits % 8 or bits < 24 or crc_a(content[:-2], chip.crc_preset()) != content[-2:]:
                errors |= regs.ERROR_CRC
            if bits >= 24:
                content = content[:-2]
                bits -= 16
        if align:
            bits += align
            content = (value << align).to_bytes((bits + 7) // 8, "little")
        registers[regs.CONTROL] = registers[regs.CONTROL] & 0xF8 | bits % 8
        chip.fill_fifo(content)
        chip.set_error(errors)
        chip.raise_irq(regs.IRQ_RX)

    def _note_collision(self, value: int, collision: int, align: int) -> int:
        """Set CollReg and return the value; ValuesAfterColl 0 clears bits after the collision (clause 9.3.1.15)."""
        registers = self._chip.registers
        position = collision + align + 1
        keeps = registers[regs.COLL] & regs.VALUES_AFTER_COLLISION
        registers[regs.COLL] = keeps | (position & 0x1F if position <= 32 else regs.COLLISION_POSITION_NOT_VALID)
        return value if keeps else value & ((1 << collision) - 1)

    def _challenged(self, reception: "Reception") -> None:
        """Send the reader's proof after the card's nonce."""
        if self._secret is None or reception.bits != 32 or reception.parity_error:
            return self._protocol_error()
        self._send(self._secret, 64, self._authenticated)
        return None

    def _authenticated(self, reception: "Reception") -> None:
        if reception.bits != 32 or reception.parity_error:
            return self._protocol_error()
        self.session = reception.sender.session
        self._secret = None
        self._chip.registers[regs.STATUS2] |= regs.CRYPTO1_ON
        self._chip.end_command()
        return None

    def _protocol_error(self) -> None:
        self._secret = None
        self._chip.set_error(regs.ERROR_PROTOCOL)
        self._chip.end_command()
