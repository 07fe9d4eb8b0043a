"""The MFRC522 model against its data sheet, from the SPI side."""

import unittest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.chips import mfrc522_registers as regs
from boards.host.chips.mfrc522 import FIFO_SIZE, WAKE_UP_US, Mfrc522Model
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock

UID = b"\x11\x22\x33\x44"


class ModelTest(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.clock.advance_us(WAKE_UP_US)

    def write(self, register, *values):
        self.model.select(0)
        self.model.spi.write(bytes((register << 1,) + values))
        self.model.select(1)

    def read(self, *registers):
        addresses = bytes([0x80 | register << 1 for register in registers] + [0])
        values = bytearray(len(addresses))
        self.model.select(0)
        self.model.spi.write_readinto(addresses, values)
        self.model.select(1)
        return values[1] if len(registers) == 1 else bytes(values[1:])

    def field_on(self):
        """Set the chip up as a driver does, with a timer of 1 ms, and give cards 5 ms to start."""
        self.write(regs.TX_ASK, regs.FORCE_100_ASK)
        self.write(regs.MODE, 0x3D)
        self.write(regs.T_MODE, 0x80)
        self.write(regs.T_PRESCALER, 169)
        self.write(regs.T_RELOAD_LOW, 39)
        self.write(regs.TX_CONTROL, 0x83)
        self.clock.advance_us(5000)

    def transceive(self, data, last_bits=0, rx_align=0):
        """Send, wait long enough for any answer, and return the ComIrqReg bits and the FIFO's content."""
        self.write(regs.COMMAND, regs.IDLE)
        self.write(regs.FIFO_LEVEL, 0x80)
        self.write(regs.FIFO_DATA, *data)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.COMMAND, regs.TRANSCEIVE)
        self.write(regs.BIT_FRAMING, 0x80 | rx_align << 4 | last_bits)
        self.clock.advance_us(5000)
        flags = self.read(regs.COM_IRQ)
        count = self.read(regs.FIFO_LEVEL)
        return flags, bytes([self.read(regs.FIFO_DATA) for _ in range(count)])


class TestWires(ModelTest):
    def test_one_burst_reads_different_registers(self):
        self.assertEqual(self.read(regs.VERSION, regs.MODE, regs.TX_CONTROL), b"\x92\x3f\x80")

    def test_data_after_a_write_address_goes_to_one_register(self):
        self.write(regs.FIFO_DATA, 1, 2, 3)
        self.assertEqual(self.read(regs.FIFO_LEVEL), 3)
        self.assertEqual(self.read(regs.FIFO_DATA, regs.FIFO_DATA, regs.FIFO_DATA), b"\x01\x02\x03")

    def test_an_unselected_chip_ignores_the_bus(self):
        self.model.spi.write(bytes((regs.MODE << 1, 0x00)))
        self.assertEqual(self.read(regs.MODE), 0x3F)
        self.assertEqual(len(self.model.violations), 2)

    def test_the_lowest_address_bit_must_be_0(self):
        self.model.select(0)
        self.model.spi.write(bytes((regs.MODE << 1 | 1, 0x3D)))
        self.model.select(1)
        self.assertEqual(len(self.model.violations), 1)

    def test_chip_selects_are_counted(self):
        self.model.statistics.reset()
        self.read(regs.VERSION, regs.MODE)
        self.write(regs.MODE, 0x3D)
        self.assertEqual(self.model.statistics.chip_selects, 2)
        self.assertEqual(self.model.statistics.spi_bytes, 5)


class TestBursts(ModelTest):
    """A row of FIFO bytes in one burst has the same effects as the bytes one by one."""

    def test_any_traffic_leaves_two_chips_in_the_same_state(self):
        bits = RandomBits(5)
        for _ in range(40):
            whole, single = OneChip(True), OneChip(False)
            for _ in range(30):
                self._act(bits, whole, single)
                self.assertEqual(whole.state(), single.state())

    def _act(self, bits, whole, single):
        way = bits(3)
        if way < 3:
            data = bytes([regs.FIFO_DATA << 1] + [bits(8) for _ in range(bits(7) % 80)])
        elif way < 5:
            setting = (
                (regs.WATER_LEVEL, bits(6)),
                (regs.COM_I_EN, bits(8)),
                (regs.COM_IRQ, bits(7)),
                (regs.COMMAND, (regs.IDLE, regs.CALC_CRC, regs.TRANSCEIVE, regs.POWER_DOWN)[bits(2)]),
                (regs.FIFO_LEVEL, 0x80),
            )[bits(3) % 5]
            data = bytes((setting[0] << 1, setting[1]))
        else:
            count = bits(7) % 80
            other = 0x80 | regs.FIFO_LEVEL << 1
            addresses = bytes([0x80 | regs.FIFO_DATA << 1 if bits(4) else other for _ in range(count)]) + b"\0"
            return self.assertEqual(whole.read(addresses), single.read(addresses))
        whole.write(data)
        single.write(data)

    def test_a_dead_bus_and_a_chip_in_reset_give_the_same_bytes(self):
        for break_it in (lambda model: model.reset(0), lambda model: setattr(model.faults, "spi_dead", 0xFF)):
            whole, single = OneChip(True), OneChip(False)
            for chip in (whole, single):
                chip.write(bytes((regs.FIFO_DATA << 1, 1, 2, 3)))
                break_it(chip.model)
            addresses = bytes((0x80 | regs.FIFO_DATA << 1,) * 3 + (0,))
            self.assertEqual(whole.read(addresses), single.read(addresses))
            self.assertEqual(whole.state(), single.state())


class OneChip:
    """A chip that takes bursts as the driver sends them, or byte by byte."""

    def __init__(self, takes_bursts):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.clock.advance_us(WAKE_UP_US)
        self.levels = []
        self.model.on_irq = self.levels.append
        self._takes_bursts = takes_bursts

    def write(self, data):
        self.model.select(0)
        if self._takes_bursts:
            self.model.spi.write(data)
        else:
            for byte in data:
                self.model.spi.write(bytes((byte,)))
        self.model.select(1)

    def read(self, addresses):
        """Return the answer to a burst, whose length an ESP32 can read."""
        addresses += bytes(-len(addresses) % 4)
        values = bytearray(len(addresses))
        self.model.select(0)
        if self._takes_bursts:
            self.model.spi.write_readinto(addresses, values)
        else:
            for place in range(len(addresses)):
                one = bytearray(1)
                self.model.spi.write_readinto(addresses[place : place + 1], one)
                values[place] = one[0]
        self.model.select(1)
        return values

    def state(self):
        model = self.model
        counts = model.statistics.spi_bytes, model.statistics.chip_selects
        registers = [model.registers[one] for one in range(64)]
        return registers, bytes(model.fifo), model.irq_level, self.levels, model.violations, counts


class TestRegisters(ModelTest):
    def test_bit_7_of_an_interrupt_write_sets_or_clears(self):
        self.write(regs.COM_IRQ, 0x7F)
        self.assertEqual(self.read(regs.COM_IRQ), 0x00)
        self.write(regs.COM_IRQ, 0x80 | regs.IRQ_RX | regs.IRQ_TX)
        self.assertEqual(self.read(regs.COM_IRQ), regs.IRQ_RX | regs.IRQ_TX)
        self.write(regs.COM_IRQ, regs.IRQ_TX)
        self.assertEqual(self.read(regs.COM_IRQ), regs.IRQ_RX)

    def test_a_full_fifo_overflows(self):
        self.write(regs.FIFO_DATA, *range(FIFO_SIZE))
        self.assertEqual(self.read(regs.ERROR), 0)
        self.write(regs.FIFO_DATA, 0xEE)
        self.assertEqual(self.read(regs.ERROR), regs.ERROR_OVERFLOW)
        self.assertEqual(self.read(regs.FIFO_LEVEL), FIFO_SIZE)
        self.write(regs.FIFO_LEVEL, 0x80)
        self.assertEqual(self.read(regs.FIFO_LEVEL, regs.ERROR), b"\x00\x00")

    def test_water_level_alerts(self):
        self.write(regs.WATER_LEVEL, 4)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.FIFO_DATA, *range(59))
        self.assertEqual(self.read(regs.STATUS1) & 0x03, 0)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.FIFO_DATA, 0)
        self.assertEqual(self.read(regs.COM_IRQ), regs.IRQ_HIGH_ALERT)

    def test_the_interrupt_pin_is_inverted_only_if_asked(self):
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.COM_I_EN, regs.IRQ_RX)
        self.assertEqual(self.model.irq_level, 0)
        self.write(regs.COM_IRQ, 0x80 | regs.IRQ_RX)
        self.assertEqual(self.model.irq_level, 1)
        self.write(regs.COM_I_EN, 0x80 | regs.IRQ_RX)
        self.assertEqual(self.model.irq_level, 0)
        self.write(regs.COM_IRQ, regs.IRQ_RX)
        self.assertEqual(self.model.irq_level, 1)

    def test_crypto_can_be_ended_by_software_but_not_begun(self):
        self.write(regs.STATUS2, regs.CRYPTO1_ON)
        self.assertEqual(self.read(regs.STATUS2), 0)

    def test_the_crc_coprocessor_knows_the_examples_of_annex_b(self):
        self.write(regs.MODE, 0x3D)
        for data, expected in ((b"\x00\x00", b"\xa0\x1e"), (b"\x12\x34", b"\x26\xcf")):
            self.write(regs.COMMAND, regs.IDLE)
            self.write(regs.FIFO_LEVEL, 0x80)
            self.write(regs.FIFO_DATA, *data)
            self.write(regs.COMMAND, regs.CALC_CRC)
            self.assertEqual(self.read(regs.CRC_RESULT_LOW, regs.CRC_RESULT_HIGH), expected)


class TestTimer(ModelTest):
    def test_it_runs_out_after_prescaler_times_reload(self):
        self.write(regs.T_PRESCALER, 169)  # 25 us
        self.write(regs.T_RELOAD_LOW, 39)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.CONTROL, 0x40)
        self.clock.advance_us(990)
        self.assertEqual(self.read(regs.COM_IRQ, regs.STATUS1)[0], 0)
        self.assertTrue(self.read(regs.STATUS1) & 0x08)
        self.clock.advance_us(20)
        self.assertEqual(self.read(regs.COM_IRQ), regs.IRQ_TIMER)

    def test_it_can_be_stopped(self):
        self.write(regs.T_RELOAD_LOW, 39)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.CONTROL, 0x40)
        self.write(regs.CONTROL, 0x80)
        self.clock.advance_us(1_000_000)
        self.assertEqual(self.read(regs.COM_IRQ), 0)


class TestReadLengths(ModelTest):
    def test_a_read_that_may_wait_for_ever_on_an_esp32_is_noted(self):
        self.model.select(0)
        self.model.spi.write_readinto(bytes(6), bytearray(6))
        self.assertEqual(len(self.model.violations), 1)


class TestPower(ModelTest):
    def test_soft_power_down_keeps_registers_and_hears_only_the_command(self):
        self.write(regs.T_RELOAD_LOW, 77)
        self.write(regs.COMMAND, regs.POWER_DOWN)
        self.write(regs.T_RELOAD_LOW, 1)
        self.assertEqual(len(self.model.violations), 1)
        self.write(regs.COMMAND, regs.IDLE)
        self.assertTrue(self.read(regs.COMMAND) & regs.POWER_DOWN)
        self.clock.advance_us(WAKE_UP_US)
        self.assertFalse(self.read(regs.COMMAND) & regs.POWER_DOWN)
        self.assertEqual(self.read(regs.T_RELOAD_LOW), 77)

    def test_soft_reset_and_reset_pin_give_power_on_values(self):
        for reset in (self._soft_reset, self._pulse_reset):
            self.write(regs.MODE, 0x3D)
            self.write(regs.TX_CONTROL, 0x83)
            reset()
            self.clock.advance_us(WAKE_UP_US)
            self.assertEqual(self.read(regs.MODE, regs.TX_CONTROL), b"\x3f\x80")
            self.assertFalse(self.model.field.on)

    def test_soft_reset_leaves_the_oscillator_running_so_a_driver_may_configure_at_once(self):
        setup = ((regs.T_MODE, 0x80), (regs.T_PRESCALER, 0xA9), (regs.TX_ASK, 0x40), (regs.MODE, 0x3D))
        self.write(regs.TX_CONTROL, 0x83)
        self._soft_reset()
        self.assertFalse(self.model.field.on)
        for register, value in setup:
            self.clock.advance_us(20)
            self.write(register, value)
        self.assertEqual([(register, self.read(register)) for register, _ in setup], list(setup))
        self.assertEqual(self.model.violations, [])

    def test_supply_and_reset_pin_start_the_oscillator_anew(self):
        for reset in (self._pulse_reset, self.model.power_cut):
            reset()
            self.clock.advance_us(20)
            self.write(regs.TX_ASK, 0x40)
            self.assertEqual(self.model.registers[regs.TX_ASK], 0)
            self.clock.advance_us(WAKE_UP_US)

    def _soft_reset(self):
        self.write(regs.COMMAND, regs.SOFT_RESET)

    def _pulse_reset(self):
        self.model.reset(0)
        self.assertEqual(self.read(regs.VERSION), 0)
        self.model.reset(1)

    def test_the_field_needs_both_drivers(self):
        self.write(regs.TX_CONTROL, 0x81)
        self.assertFalse(self.model.field.on)
        self.write(regs.TX_CONTROL, 0x83)
        self.assertTrue(self.model.field.on)
        self.write(regs.COMMAND, regs.POWER_DOWN)
        self.assertFalse(self.model.field.on)


class TestRadio(ModelTest):
    def setUp(self):
        super().setUp()
        self.card = ClassicCard(UID)
        self.model.field.insert(self.card)
        self.field_on()

    def test_a_request_takes_its_time_on_air(self):
        self.write(regs.FIFO_DATA, 0x26)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.COMMAND, regs.TRANSCEIVE)
        self.write(regs.BIT_FRAMING, 0x87)
        self.clock.advance_us(90)
        self.assertFalse(self.read(regs.COM_IRQ) & regs.IRQ_TX)
        self.clock.advance_us(10)
        self.assertTrue(self.read(regs.COM_IRQ) & regs.IRQ_TX)
        self.clock.advance_us(260)
        self.assertFalse(self.read(regs.COM_IRQ) & regs.IRQ_RX)
        self.clock.advance_us(20)
        self.assertTrue(self.read(regs.COM_IRQ) & regs.IRQ_RX)
        self.clock.advance_us(5000)
        self.assertFalse(self.read(regs.COM_IRQ) & regs.IRQ_TIMER)

    def test_the_timer_ends_the_wait_for_a_card_that_is_not_there(self):
        self.model.field.remove(self.card)
        flags, answer = self.transceive(b"\x26", 7)
        self.assertTrue(flags & regs.IRQ_TIMER)
        self.assertFalse(flags & regs.IRQ_RX)
        self.assertEqual(answer, b"")

    def test_a_whole_byte_is_no_request(self):
        flags, _ = self.transceive(b"\x26")
        self.assertFalse(flags & regs.IRQ_RX)

    def test_cards_need_full_modulation(self):
        self.write(regs.TX_ASK, 0)
        flags, _ = self.transceive(b"\x26", 7)
        self.assertFalse(flags & regs.IRQ_RX)

    def test_cards_need_5_ms_of_field(self):
        self.write(regs.TX_CONTROL, 0x80)
        self.write(regs.TX_CONTROL, 0x83)
        self.clock.advance_us(4000)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.FIFO_DATA, 0x26)
        self.write(regs.COMMAND, regs.TRANSCEIVE)
        self.write(regs.BIT_FRAMING, 0x87)
        self.clock.advance_us(2000)
        self.assertFalse(self.read(regs.COM_IRQ) & regs.IRQ_RX)

    def test_nothing_goes_out_without_a_field_or_a_command(self):
        self.write(regs.BIT_FRAMING, 0x87)
        self.assertEqual(len(self.model.violations), 1)
        self.write(regs.TX_CONTROL, 0x80)
        flags, _ = self.transceive(b"\x26", 7)
        self.assertEqual(flags & (regs.IRQ_TX | regs.IRQ_RX | regs.IRQ_TIMER), 0)

    def test_the_crc_is_the_chips_only_if_asked(self):
        self.transceive(b"\x26", 7)
        select = b"\x93\x70" + UID + bytes((0x11 ^ 0x22 ^ 0x33 ^ 0x44,))
        self.assertEqual(self.transceive(select)[1], b"")
        self.transceive(b"\x26", 7)
        self.write(regs.TX_MODE, 0x80)
        self.assertEqual(self.transceive(select)[1], b"\x08\xb6\xdd")
        self.write(regs.RX_MODE, 0x80)
        self.assertEqual(self.transceive(b"\x60\x04")[1], b"\x01\x20")  # a nonce ends without CRC
        self.assertTrue(self.read(regs.ERROR) & regs.ERROR_CRC)

    def test_a_damaged_answer_is_reported(self):
        self.model.faults.flip_from_card(1, (3,))
        self.transceive(b"\x26", 7)
        self.assertTrue(self.read(regs.ERROR) & regs.ERROR_PARITY)

    def test_a_collision_is_reported_by_its_first_bit(self):
        other = ClassicCard(b"\x11\x22\x13\x44")
        self.model.field.insert(other)
        self.clock.advance_us(5000)
        self.write(regs.COLL, 0x00)
        self.transceive(b"\x26", 7)
        self.assertFalse(self.read(regs.ERROR) & regs.ERROR_COLLISION)
        _, answer = self.transceive(b"\x93\x20")
        self.assertEqual(answer, b"\x11\x22\x13\x00\x00")
        self.assertTrue(self.read(regs.ERROR) & regs.ERROR_COLLISION)
        self.assertEqual(self.read(regs.COLL), 22)  # 0x33 and 0x13 differ in the 22nd bit
        _, answer = self.transceive(b"\x93\x46\x11\x22\x33", 6, 6)
        self.assertEqual(answer, b"\x00\x44\x44")
        self.assertEqual(self.read(regs.CONTROL) & 0x07, 0)


class TestAuthentication(ModelTest):
    def setUp(self):
        super().setUp()
        self.card = ClassicCard(UID)
        self.model.field.insert(self.card)
        self.field_on()
        self.transceive(b"\x26", 7)
        self.write(regs.TX_MODE, 0x80)
        self.transceive(b"\x93\x70" + UID + bytes((0x11 ^ 0x22 ^ 0x33 ^ 0x44,)))

    def authenticate(self, content):
        self.write(regs.COMMAND, regs.IDLE)
        self.write(regs.FIFO_LEVEL, 0x80)
        self.write(regs.FIFO_DATA, *content)
        self.write(regs.COM_IRQ, 0x7F)
        self.write(regs.COMMAND, regs.MF_AUTHENT)
        self.clock.advance_us(5000)
        return self.read(regs.COM_IRQ)

    def test_the_right_key_ends_in_idle_and_crypto_on(self):
        flags = self.authenticate(b"\x60\x04" + TRANSPORT_KEY + UID)
        self.assertTrue(flags & regs.IRQ_IDLE)
        self.assertFalse(flags & (regs.IRQ_RX | regs.IRQ_TX))
        self.assertTrue(self.read(regs.STATUS2) & regs.CRYPTO1_ON)
        self.assertEqual(self.read(regs.COMMAND) & 0x0F, regs.IDLE)

    def test_a_wrong_key_or_uid_is_only_ended_by_the_timer(self):
        for content in (b"\x60\x04" + bytes(6) + UID, b"\x60\x04" + TRANSPORT_KEY + bytes(4)):
            self.setUp()
            flags = self.authenticate(content)
            self.assertTrue(flags & regs.IRQ_TIMER)
            self.assertFalse(flags & regs.IRQ_IDLE)
            self.assertFalse(self.read(regs.STATUS2) & regs.CRYPTO1_ON)

    def test_a_short_frame_in_the_fifo_is_no_authentication(self):
        self.authenticate(b"\x60\x04" + TRANSPORT_KEY)
        self.assertEqual(len(self.model.violations), 1)

    def test_ended_crypto_leaves_the_card_unreachable(self):
        self.authenticate(b"\x60\x04" + TRANSPORT_KEY + UID)
        self.assertEqual(len(self.transceive(b"\x30\x04")[1]), 18)
        self.write(regs.STATUS2, 0)
        self.assertEqual(self.transceive(b"\x30\x04")[1], b"")


if __name__ == "__main__":
    unittest.main()
