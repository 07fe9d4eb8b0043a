"""The radio part of the MFRC522 model: frames, their time on air at 106 kbit/s, and MFAuthent.

One bit takes 128 carrier periods, 9.44 us. A reader's frame has a start bit, a parity bit after each whole byte and two
bit times of end; a card's has one. A card answers 1,236 carrier periods, 91 us, after the end of a frame (ISO/IEC
14443-3, 6.2.1.1).
"""

from boards.host.cards.iso14443a import crc_a
from boards.host.chips import mfrc522_registers as regs

_FRAME_DELAY_US = 91
_FIRST_BITS = 5  # after these the timer stops (TModeReg TAuto)


def _bit_times_us(bits):
    return bits * 128 * 100 // 1356


def reader_frame_us(bits: int) -> int:
    """Time on air of a reader's frame of so many data bits."""
    return _bit_times_us(bits + bits // 8 + 3)


def card_frame_us(bits: int) -> int:
    """Time on air of a card's frame of so many data bits."""
    return _bit_times_us(bits + bits // 8 + 2)


class Radio:
    """What the chip does with its antenna. `session` is the cipher session it shares with a card, or None."""

    def __init__(self, chip) -> None:
        self._chip = chip
        self._epoch = 0
        self._sending = False
        self._secret = None
        self.session = None

    def crc(self, data: bytes, preset: int) -> tuple:
        """CRC coprocessor: low and high byte."""
        return tuple(crc_a(data, preset))

    def stop(self) -> None:
        """The command that used the radio is over."""
        self._epoch += 1
        self._sending = False
        self._secret = None

    def forbids_fifo_writes(self) -> bool:
        """A write to the FIFO now would be a WrErr (clause 9.3.1.7)."""
        return self._sending or self._secret is not None

    def start_send(self):
        """StartSend: the FIFO's content goes out."""
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
        """MFAuthent: command, block, key and UID bytes from the FIFO (clause 10.3.1.9)."""
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

    def _send(self, data, bits, then) -> None:
        """Put a frame on air; `then(reception)` when the answer has arrived, if one does."""
        chip = self._chip
        if not chip.field.on:
            return  # TxWaitRF: nothing goes out without a field
        chip.statistics.frames += 1
        self._epoch += 1
        self._sending = True
        epoch = self._epoch
        chip.clock.call_at_us(chip.clock.now_us + reader_frame_us(bits), lambda: self._sent(epoch, data, bits, then))

    def _sent(self, epoch, data, bits, then) -> None:
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
        reception = chip.field.transmit(data, bits, self.session)
        if reception is None:
            return
        start_us = chip.clock.now_us + _FRAME_DELAY_US + reception.delay_us
        chip.clock.call_at_us(start_us + _bit_times_us(_FIRST_BITS), lambda: self._first_bits(epoch, reception))
        chip.clock.call_at_us(start_us + card_frame_us(reception.bits), lambda: self._arrived(epoch, reception, then))

    def _first_bits(self, epoch, reception) -> None:
        if epoch != self._epoch or reception.sender not in self._chip.field.cards:
            return
        reception.begun = True
        if self._chip.registers[regs.T_MODE] & regs.T_AUTO:
            self._chip.timer.stop()

    def _arrived(self, epoch, reception, then) -> None:
        if epoch != self._epoch or not reception.begun:
            return
        if reception.sender not in self._chip.field.cards:
            reception.break_off()
        then(reception)

    def _received(self, reception) -> None:
        """Put an answer where the driver finds it."""
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

    def _note_collision(self, value, collision, align):
        """CollReg (clause 9.3.1.15); with ValuesAfterColl at 0 what follows the collision is received as 0."""
        registers = self._chip.registers
        position = collision + align + 1
        keeps = registers[regs.COLL] & regs.VALUES_AFTER_COLLISION
        registers[regs.COLL] = keeps | (position & 0x1F if position <= 32 else regs.COLLISION_POSITION_NOT_VALID)
        return value if keeps else value & ((1 << collision) - 1)

    def _challenged(self, reception):
        """The card's nonce is here; the reader's proof follows."""
        if reception.bits != 32 or reception.parity_error:
            return self._protocol_error()
        self._send(self._secret, 64, self._authenticated)
        return None

    def _authenticated(self, reception):
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
