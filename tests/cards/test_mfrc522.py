"""The reader driver: its costs, and that no chip and no card can make it hang."""

import asyncio
import unittest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips import mfrc522_registers as regs
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522, ReaderError
from wattpurse.cards.mfrc522_registers import CONFIGURATION

UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
KEYS = ClassicKeys(TRANSPORT_KEY, TRANSPORT_KEY, write_with_b=False)
# REQA 374 us, anticollision 733, select 1,158, authentication 2,067, read 2,007 at 106 kbit/s.
RADIO_TIME_US = 6340
BOUND_OF_ANY_LOOK_US = 300_000


class ReaderTest(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.clock.run(self.reader.start())

    def put(self, card):
        self.model.field.insert(card)
        self.clock.advance_us(5000)
        return card

    def run_it(self, coroutine):
        """Return the result, within the longest time that anything may take."""
        start_us = self.clock.now_us
        try:
            return self.clock.run(coroutine)
        finally:
            self.assertTrue(self.clock.now_us - start_us < BOUND_OF_ANY_LOOK_US)

    async def answer_to(self, frame, timeout_us):
        self.reader.send(frame, timeout_us, 0)
        return await self.reader.receive(1)

    async def read_first(self):
        identity = await self.reader.find_card()
        if identity is None:
            return None
        memory = await open_card(self.reader, identity, lambda uid: KEYS)
        block = bytearray(16)
        await memory.read(0, block)
        return bytes(block)


class TestLengths(ReaderTest):
    def test_every_read_is_a_multiple_of_four_bytes(self):
        lengths = []
        spi, exchange = self.model.spi, self.model.spi.write_readinto

        def write_readinto(data, values):
            lengths.append(len(values))
            exchange(data, values)

        spi.write_readinto = write_readinto
        self.put(ClassicCard(UID4))
        self.reader.power_down()
        self.run_it(self.reader.power_up())
        self.run_it(self.read_first())
        for length in range(1, 65):
            self.run_it(self.answer_of(length))
        self.assertTrue(len(lengths) > 64)
        self.assertEqual([length for length in lengths if length % 4], [])
        self.assertEqual(self.model.violations, [])

    async def answer_of(self, length):
        self.reader.send(b"\x26", 1000, 0)
        return await self.reader.receive(length)


class TestCost(ReaderTest):
    def test_the_first_block_of_a_classic_costs_few_chip_selects_and_no_time(self):
        card = self.put(ClassicCard(UID4))
        card.memory[64:80] = bytes(range(16))
        self.reader.power_down()
        self.run_it(self.reader.power_up())
        self.model.statistics.reset()
        start_us = self.clock.now_us
        self.assertEqual(self.run_it(self.read_first()), bytes(range(16)))
        self.assertTrue(self.model.statistics.chip_selects <= 31)
        self.assertEqual(self.model.statistics.frames, 6)
        self.assertTrue(self.clock.now_us - start_us <= RADIO_TIME_US)
        self.assertEqual(self.model.violations, [])

    def test_an_empty_look_costs_eleven_chip_selects_and_its_timeout(self):
        for _ in range(2):
            self.model.statistics.reset()
            self.run_it(self.reader.power_up())
            start_us = self.clock.now_us
            self.assertIsNone(self.run_it(self.reader.find_card()))
            self.assertTrue(self.clock.now_us - start_us <= 1200)
            self.reader.power_down()
        self.assertTrue(self.model.statistics.chip_selects <= 11)
        self.assertEqual(self.model.violations, [])

    def test_power_down_switches_the_field_off_and_keeps_the_setup(self):
        self.put(ClassicCard(UID4))
        self.reader.power_down()
        self.assertFalse(self.model.field.on)
        self.clock.advance_us(1_000_000)
        self.run_it(self.reader.power_up())
        self.assertEqual(self.run_it(self.reader.find_card()).uid, UID4)

    def test_a_slow_card_gets_its_time_and_the_timer_its_high_byte(self):
        """Wait 77 ms, as ISO/IEC 14443-4 cards may ask for: more than eight bits of timer."""
        start_us = self.clock.now_us
        self.assertEqual(self.run_it(self.answer_to(b"\xe0\x50", 77_000)), 0)
        self.assertTrue(75_000 <= self.clock.now_us - start_us <= 80_000)
        start_us = self.clock.now_us
        self.assertEqual(self.run_it(self.answer_to(b"\xe0\x50", 1000)), 0)
        self.assertTrue(self.clock.now_us - start_us <= 1500)


class TestFailingChip(ReaderTest):
    def assert_reader_fails(self, coroutine):
        with self.assertRaises(ReaderError):
            self.run_it(coroutine)

    def assert_recovers(self):
        card = self.put(ClassicCard(UID4))
        self.run_it(self.reader.recover())
        self.assertEqual(self.run_it(self.read_first()), bytes(16))
        self.model.field.remove(card)

    def test_no_chip(self):
        for level in (0x00, 0xFF):
            self.model.faults.kill_spi(level)
            self.assert_reader_fails(self.reader.start())
            self.assert_reader_fails(self.reader.power_up())
        self.model.faults.heal_spi()
        self.assert_recovers()

    def test_a_wire_that_breaks_in_the_middle_of_a_look(self):
        """Expect an error: a silent chip must not count as an empty reader."""
        self.model.faults.kill_spi(0x00)
        self.assert_reader_fails(self.reader.find_card())
        self.assert_reader_fails(self.reader.authenticate(b"\x60\x04" + TRANSPORT_KEY + UID4, 5000))

    def test_a_bus_on_which_every_register_reads_the_same(self):
        self.model.read = lambda register: 0x42
        self.assert_reader_fails(self.reader.start())

    def test_chips_of_versions_never_heard_of_are_used(self):
        self.put(ClassicCard(UID4))
        for version in (0x80, 0x15, 0x12, 0x88, 0x92, 0x01, 0xFE):
            self.model.version = version
            self.run_it(self.reader.recover())
            self.assertEqual(self.run_it(self.read_first()), bytes(16))
            self.assertEqual(self.reader.version, version)

    def test_versions_that_a_broken_bus_reads_are_refused(self):
        for version in (0x00, 0xFF):
            self.model.version = version
            self.assert_reader_fails(self.reader.start())

    def test_a_chip_that_is_exchanged_in_operation_is_set_up_anew(self):
        self.model.version = 0x15
        self.model.faults.brown_out()
        self.assert_reader_fails(self.reader.power_up())
        self.assert_recovers()
        self.assertEqual(self.reader.version, 0x15)

    def test_a_chip_that_hangs_at_any_step(self):
        self.put(ClassicCard(UID4))
        self.model.statistics.reset()
        self.run_it(self.read_first())
        for chip_selects in range(1, self.model.statistics.chip_selects):
            self.run_it(self.reader.recover())
            self._hang_after(chip_selects)
            self.assert_reader_fails(self.read_first())
            self.run_it(self.reader.recover())
            self.assertEqual(self.run_it(self.read_first()), bytes(16))

    def _hang_after(self, chip_selects):
        """Make the chip hang at the next frame that it starts after so many chip selects from now."""
        end = self.model.statistics.chip_selects + chip_selects
        begin = self.model.spi.begin

        def count_down():
            begin()
            if self.model.statistics.chip_selects == end:
                self.model.spi.begin = begin
                self.model.faults.hang()

        self.model.spi.begin = count_down

    def test_a_loose_interrupt_wire(self):
        self.model.faults.cut_irq()
        self.assert_reader_fails(self.reader.find_card())
        self.model.faults.cut_irq(False)
        self.assert_recovers()

    def test_a_brown_out_is_noticed_awake_and_asleep(self):
        self.model.faults.brown_out()
        self.clock.advance_us(1000)
        self.assert_reader_fails(self.reader.find_card())
        self.run_it(self.reader.recover())
        self.reader.power_down()
        self.model.faults.brown_out()
        self.clock.advance_us(1000)
        self.assert_reader_fails(self.reader.power_up())
        self.assert_recovers()

    def test_a_look_that_was_cancelled_leaves_nothing_behind(self):
        self.put(ClassicCard(UID4))

        async def cancel_after(duration_us):
            task = asyncio.create_task(self.read_first())
            await self.clock.sleep_ms(0)
            self.clock.advance_us(duration_us)
            await self.clock.sleep_ms(1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            return await self.reader.find_card(wake=True)

        for duration_us in range(0, 6000, 300):
            self.assertEqual(self.run_it(cancel_after(duration_us)).uid, UID4)
            self.assertEqual(self.model.violations, [])
            self.run_it(self.reader.recover())


class TestLostRegisters(ReaderTest):
    """A spike flips one bit of a register, and the chip goes on answering."""

    def setUp(self):
        super().setUp()
        self.card = self.put(ClassicCard(UID4))

    def restarts_in_a_look(self):
        """Look as the card desk does, read the card, and return how often the chip had to be restarted."""
        restarts = 0
        try:
            self.run_it(self.reader.power_up())
        except ReaderError:
            restarts = 1
            self.run_it(self.reader.recover())
        self.assertEqual(self.run_it(self.read_first()), bytes(16))
        self.reader.power_down()
        return restarts

    def test_any_bit_of_any_register_that_flips_between_two_looks(self):
        self.reader.power_down()
        for register in range(64):
            for bit in range(8):
                self.model.faults.flip(register, bit)
                self.restarts_in_a_look()

    def test_any_bit_of_any_register_that_flips_while_the_field_is_on(self):
        for register in range(64):
            for bit in range(8):
                self.reader.power_down()
                self.run_it(self.reader.power_up())
                self.model.faults.flip(register, bit)
                self.reader.power_down()
                self.restarts_in_a_look()

    def test_every_bit_that_the_driver_sets_is_compared(self):
        self.reader.power_down()
        for register, _, bits in CONFIGURATION:
            for bit in range(8):
                if bits >> bit & 1:
                    self.model.faults.flip(register, bit)
                    self.assertEqual((register, bit, self.restarts_in_a_look()), (register, bit, 1))

    def test_a_chip_that_has_lost_nothing_is_never_restarted(self):
        self.reader.power_down()
        for _ in range(3):
            self.assertEqual(self.restarts_in_a_look(), 0)
        self.assertEqual(self.model.violations, [])

    def test_a_cipher_that_stays_engaged(self):
        """Lose the write that ends the cipher: the driver takes it for ended, and no card understands the chip."""
        self.run_it(self.read_first())
        write = self.model.write
        self.model.write = lambda register, value: None if register == regs.STATUS2 else write(register, value)
        self.reader.end_crypto()
        self.model.write = write
        self.reader.power_down()
        self.assertEqual(self.restarts_in_a_look(), 1)
        self.assertEqual(self.restarts_in_a_look(), 0)

    def test_a_chip_that_does_not_keep_a_bit_that_matters_is_refused(self):
        for register, value, bits in CONFIGURATION:
            bit = [place for place in range(8) if bits >> place & 1][0]
            self.setUp()
            self.model.faults.stick(register, bit, 1 - (value >> bit & 1))
            with self.assertRaises(ReaderError):
                self.run_it(self.reader.recover())

    def test_a_compatible_chip_may_have_reset_values_and_reserved_bits_of_its_own(self):
        reset = self.model.reset_registers

        def reset_otherwise():
            reset()
            self.model.registers[0x19] = 0x6D
            self.model.registers[0x29] = 0x11

        self.model.reset_registers = reset_otherwise
        self.model.faults.stick(regs.MODE, 6, 1)
        self.model.faults.stick(regs.TX_MODE, 0, 1)
        self.run_it(self.reader.recover())
        self.reader.power_down()
        for _ in range(3):
            self.assertEqual(self.restarts_in_a_look(), 0)


class TestFailingCards(ReaderTest):
    """At each of its frames a tap may lose the card or an answer; the reader goes on and finds the card again."""

    def assert_fails_and_goes_on(self, card, plan):
        self.put(card)
        frames = self.model.field.frames
        self.run_it(self.read_first())
        frames = self.model.field.frames - frames
        for frame in range(1, frames + 1):
            self.run_it(self.reader.recover())
            plan(frame)
            try:
                outcome = self.run_it(self.read_first())
            except CardError as error:
                outcome = error.reason
            self.assertIn(outcome, (None, "silent", "refused", "garbled"))
            if card not in self.model.field.cards:
                self.put(card)
            self.assertEqual(self.run_it(self.reader.find_card(wake=True)).uid, card.uid)
        self.assertEqual(self.model.violations, [])

    def test_lifted(self):
        self.assert_fails_and_goes_on(ClassicCard(UID7), self.model.faults.lift)

    def test_lifted_in_the_middle_of_an_answer(self):
        card = UltralightCard("ntag213", UID7)
        self.put(card)
        for delay_us in range(0, 5750, 250):
            self.run_it(self.reader.find_card(wake=True))
            self.clock.call_at_us(self.clock.now_us + delay_us, lambda: self.model.field.remove(card))
            with self.assertRaises(CardError):
                self.run_it(self.reader.exchange(b"\x3a\x04\x12", 60, 5000))
            self.run_it(self.clock.sleep_ms(10))
            self.put(card)

    def test_silent(self):
        self.assert_fails_and_goes_on(ClassicCard(UID7), self.model.faults.silence)

    def test_damaged_on_the_way_to_the_card(self):
        self.assert_fails_and_goes_on(
            ClassicCard(UID7), lambda frame: self.model.faults.flip_to_card(frame, (1, 2) if frame > 1 else (1,))
        )

    def test_an_answer_that_is_too_long_is_not_taken(self):
        self.put(UltralightCard("ntag213", UID7))
        self.run_it(self.reader.find_card())
        with self.assertRaises(CardError):
            self.run_it(self.reader.exchange(b"\x30\x04", 8, 5000))
        self.assertEqual(len(self.run_it(self.reader.exchange(b"\x30\x04", 16, 5000))), 16)

    def test_an_answer_longer_than_the_fifo_is_not_taken(self):
        self.put(UltralightCard("ntag213", UID7))
        self.run_it(self.reader.find_card())
        with self.assertRaises(CardError):
            self.run_it(self.reader.exchange(b"\x3a\x04\x14", 64, 5000))


if __name__ == "__main__":
    unittest.main()
