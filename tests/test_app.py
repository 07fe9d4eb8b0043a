"""The whole meter on the simulated board: its start from every state of its flash, and that it fails safe."""

import unittest

from boards.host.board import Hardware
from boards.host.chips.power import PowerCut
from boards.host.world.clock import VirtualClock
from boards.host.world.world import World
from tests import samples
from wattpurse import stores
from wattpurse.app import Meter
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import statement, token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.supervisor import FAULT_HUNG, FAULT_UNEXPLAINED

START_S = samples.NEW_YEAR_S + 40 * 86_400
METER_NUMBER = 40_123
METER_KEY = bytes(range(16))
SETTINGS = (
    ("meter_number", METER_NUMBER),
    ("key_version", 1),
    ("meter_key", METER_KEY),
    ("site_key", bytes(range(100, 116))),
)
SECTOR = 4_096


def commission(meter):
    meter.commission(SETTINGS, samples.flat_tariff(), 1_000, 1, contracts.PrepaidMoney)


def sectors_of(ring):
    return range(ring[0], ring[0] + 2 * ring[1])


def credit_token(meter, sequence, amount):
    return token.seal_token(
        meter.board.aes,
        keys.token_keys(meter.board.aes, METER_KEY),
        1,
        METER_NUMBER,
        sequence,
        *token.make(token.CREDIT_MONEY, amount),
    )


def buy(meter, sequence, amount):
    return meter.teller.redeem(credit_token(meter, sequence, amount), carrier.CONSOLE)


class _Link:
    """A network service as one file in services/ would have it: it takes the parts it needs, and offers `run`."""

    IDENTITY = carrier.statement_identity(carrier.MQTT)

    def __init__(self, statements, teller, clock):
        self.inbox = []
        self.sent = []
        self._statements = statements
        self._teller = teller
        self._clock = clock

    async def run(self):
        while True:
            for sealed in self.inbox:
                self._teller.redeem(sealed, carrier.MQTT)
            self.inbox.clear()
            self.sent.append(self._statements.seal(self._statements.keys(self.IDENTITY), len(self.sent), 256))
            await self._clock.sleep_ms(1_000)


class _LinkedMeter(Meter):
    """A meter with one service more, added in one line."""

    def _add_tasks(self, supervisor):
        super()._add_tasks(supervisor)
        self.link = _Link(self.statements, self.teller, self.board.clock)
        supervisor.add("link", self.link.run)


class TestAFurtherService(unittest.TestCase):
    def test_it_redeems_tokens_and_sends_statements_beside_all_others(self):
        world = World(_LinkedMeter, START_S)
        world.run_for(3)
        commission(world.meter)
        world.reset_board()
        world.run_for(3)
        meter = world.meter
        meter.link.inbox.append(credit_token(meter, 1, 5_000_000))
        world.run_for(3)
        pair = keys.statement_keys(meter.board.aes, keys.statement_key(meter.board.aes, METER_KEY), _Link.IDENTITY)
        opened = statement.open_statement(meter.board.aes, pair, meter.link.sent[-1])
        self.assertEqual((opened["meter_number"], opened["windows"][0][0]), (METER_NUMBER, 1))
        self.assertTrue(4_900_000 < opened["balance"] <= 5_000_000)
        self.assertTrue(world.hardware.relay.contact_closed)


class TestLives(unittest.TestCase):
    def setUp(self):
        self.world = World(Meter, START_S)
        self.relay = self.world.hardware.relay

    def _commissioned(self):
        self.world.run_for(3)
        commission(self.world.meter)
        self._restart()

    def _restart(self):
        self.world.reset_board()
        self.world.run_for(3)

    def test_a_blank_meter_gives_no_supply_and_waits(self):
        self.world.run_for(5)
        self.assertEqual(self.world.meter.fault, supply.NOT_COMMISSIONED)
        self.assertEqual(self.world.meter.switching.reason, supply.NOT_COMMISSIONED)
        self.assertFalse(self.relay.contact_closed)
        self.assertEqual(self.world.hardware.flash.programs, 0)
        self.world.run_for(3_600)
        self.assertEqual(self.world.starts, 1)

    def test_commissioned_credited_and_used_up(self):
        self._commissioned()
        meter = self.world.meter
        self.assertEqual(meter.fault, supply.ON)
        self.assertEqual(meter.switching.reason, supply.NO_CREDIT)
        self.assertEqual(buy(meter, 1, 4_000), outcome.ACCEPTED)
        self.world.run_for(3)
        self.assertTrue(self.relay.contact_closed)
        with self.assertRaises(ValueError):
            commission(meter)
        self.assertTrue(self.world.run_until(lambda: not self.relay.contact_closed, 6 * 3_600))
        money = meter.ledger.account.money
        self.assertEqual(money.bought, money.charged + money.balance)
        self.assertTrue(-1_000 <= money.balance <= 0, money.balance)
        self.assertEqual(self.world.starts, 2)
        self.assertEqual(self.world.hardware.violations(), [])

    def test_a_power_cut_leaves_everything_as_it_was(self):
        self._commissioned()
        buy(self.world.meter, 1, 10_000_000)
        self.world.run_for(600)
        before = self.world.account.money.bought, self.world.account.pulses_total
        self.world.cut_mains()
        self.world.run_for(7_200)
        self.world.restore_mains()
        self.world.run_for(3)
        account = self.world.account
        self.assertEqual(account.money.bought, before[0])
        self.assertTrue(before[1] <= account.pulses_total <= before[1] + 2)
        self.assertTrue(self.relay.contact_closed)
        self.assertEqual(buy(self.world.meter, 1, 10_000_000), outcome.USED)
        self.assertTrue(abs(self.world.meter.timekeeper.now_s() - self.world.now_s()) <= 1)

    def test_a_clock_that_lost_its_time_is_told(self):
        self._commissioned()
        self.world.hardware.rtc.stop_oscillator()
        self._restart()
        meter = self.world.meter
        self.assertFalse(meter.timekeeper.trusted)
        self.assertEqual(meter.statements.alarms(), statement.ALARM_CLOCK)
        self.assertIn(events.CLOCK_DOUBTED, [event.code for event in meter.events.recent(3)])

    def test_a_ledger_that_fails_in_service_opens_the_switch_and_resets(self):
        self._commissioned()
        buy(self.world.meter, 1, 10_000_000)
        self.world.run_for(60)
        self.assertTrue(self.relay.contact_closed)
        self.world.hardware.flash.faults.bad_sectors.update(sectors_of(stores.LEDGER_RING))
        self.assertTrue(self.world.run_until(lambda: self.world.starts == 3, 3_600))
        self.assertFalse(self.relay.contact_closed)
        self.world.run_for(10)
        self.assertEqual(self.world.meter.fault, supply.LEDGER_UNREADABLE)
        self.assertEqual(self.world.meter.switching.reason, supply.LEDGER_UNREADABLE)
        self.assertFalse(self.relay.contact_closed)

        self.world.hardware.flash.faults.bad_sectors.clear()
        self._restart()
        self.assertEqual(self.world.meter.fault, supply.ON)
        self.assertEqual(self.world.account.money.bought, 10_000_000)
        self.assertTrue(self.relay.contact_closed)
        self.assertIn(events.FAULT, [event.code for event in self.world.meter.events.recent(20)])

    def test_a_task_that_holds_the_processor_ends_in_a_reset_and_in_the_log(self):
        self._commissioned()
        self.world.meter.stores.prepare = lambda: self.world.clock.advance_us(20_000_000)
        self.assertTrue(self.world.run_until(lambda: self.world.starts == 3, 30))
        self._restart()
        faults = [event.number for event in self.world.meter.events.recent(20) if event.code == events.FAULT]
        self.assertEqual(faults, [FAULT_HUNG])
        self.assertFalse(self.relay.contact_closed)
        self.assertEqual(self.world.hardware.violations(), [])

    def test_a_start_of_a_cause_that_the_chip_does_not_tell_is_in_the_log(self):
        self._commissioned()
        self.world.hardware.watchdog.is_unexplained = True
        self._restart()
        faults = [event.number for event in self.world.meter.events.recent(20) if event.code == events.FAULT]
        self.assertEqual(faults, [FAULT_UNEXPLAINED])

    def test_a_start_that_raises_opens_the_switch_and_rests_before_it_tries_again(self):
        self._commissioned()
        buy(self.world.meter, 1, 10_000_000)
        self.world.run_for(3)
        self.assertTrue(self.relay.contact_closed)
        start, Meter.start = Meter.start, self._start_that_raises
        try:
            self.world.reset_board()
            self.world.run_for(30)
            self.assertFalse(self.relay.contact_closed)
            starts = self.world.starts
            self.world.run_for(600)
            self.assertTrue(self.world.starts - starts <= 11)
        finally:
            Meter.start = start
        self.world.run_for(120)
        self.assertTrue(self.relay.contact_closed)

    def _start_that_raises(self):
        raise MemoryError("no memory")

    def test_flash_that_does_not_answer_is_said_and_nothing_is_formatted(self):
        self._commissioned()
        buy(self.world.meter, 1, 10_000_000)
        self.world.run_for(1)
        flash = self.world.hardware.flash
        flash.faults.unreadable = True
        memory = bytes(flash.memory)
        self._restart()
        self.assertEqual(self.world.meter.fault, supply.LEDGER_UNREADABLE)
        self.assertFalse(self.relay.contact_closed)
        self.world.run_for(600)
        self.assertTrue(bytes(flash.memory) == memory)
        flash.faults.unreadable = False
        self._restart()
        self.assertEqual(self.world.account.money.bought, 10_000_000)

    def test_a_destroyed_ledger_is_never_formatted_by_itself(self):
        self._commissioned()
        flash = self.world.hardware.flash
        for sector in sectors_of(stores.LEDGER_RING):
            flash.memory[sector * SECTOR : sector * SECTOR + 512] = bytes(512)
        memory = bytes(flash.memory[stores.LEDGER_RING[0] * SECTOR :])
        self._restart()
        self.world.run_for(600)
        self.assertEqual(self.world.meter.fault, supply.LEDGER_UNREADABLE)
        self.assertTrue(bytes(flash.memory[stores.LEDGER_RING[0] * SECTOR :]) == memory)
        self.assertFalse(self.relay.contact_closed)
        with self.assertRaises(ValueError):
            commission(self.world.meter)

    def test_settings_that_cannot_be_read_end_supply(self):
        self._commissioned()
        flash = self.world.hardware.flash
        for sector in sectors_of(stores.SETTINGS_RING):
            flash.memory[sector * SECTOR : (sector + 1) * SECTOR] = bytes(SECTOR)
        self._restart()
        self.assertEqual(self.world.meter.fault, supply.LEDGER_UNREADABLE)
        self.assertFalse(self.relay.contact_closed)

    def test_an_event_log_that_cannot_be_read_ends_nothing(self):
        self._commissioned()
        flash = self.world.hardware.flash
        for sector in sectors_of(stores.EVENTS_RING):
            flash.memory[sector * SECTOR : (sector + 1) * SECTOR] = bytes(SECTOR)
        self._restart()
        meter = self.world.meter
        self.assertEqual(meter.fault, supply.ON)
        self.assertEqual(meter.statements.alarms(), statement.ALARM_FLASH)
        self.assertEqual(buy(meter, 1, 10_000_000), outcome.ACCEPTED)
        self.world.run_for(5)
        self.assertTrue(self.relay.contact_closed)


class TestCommissioning(unittest.TestCase):
    def test_no_coil_is_under_current_while_flash_is_erased(self):
        world = World(Meter, START_S)
        hardware = world.hardware
        self.assertTrue(world.run_until(lambda: hardware.open_coil_wire.level, 3))
        commission(world.meter)
        world.run_for(3)
        self.assertEqual(hardware.violations(), [])
        self.assertFalse(hardware.relay.contact_closed)

    def _started(self, hardware):
        hardware.start_board()
        meter = Meter(hardware.board)
        meter.start()
        return meter

    def test_power_cut_at_every_operation_leaves_a_blank_meter_or_a_whole_one(self):
        operation = 1
        while self._cut_at(operation):
            operation += 1
        self.assertTrue(operation > 20, operation)

    def _cut_at(self, operation):
        hardware = Hardware(VirtualClock(), START_S, seed=operation)
        hardware.power_up()
        meter = self._started(hardware)
        hardware.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            commission(meter)
        except PowerCut:
            pass
        else:
            return False
        meter = self._started(hardware)
        if meter.fault == supply.NOT_COMMISSIONED:
            commission(meter)
            meter = self._started(hardware)
        self.assertEqual(meter.fault, supply.ON, operation)
        self.assertEqual(buy(meter, 1, 5), outcome.ACCEPTED, operation)
        return True

    def test_a_thousand_starts_without_energy_wear_no_sector_more_than_the_documents_say(self):
        hardware = Hardware(VirtualClock(), START_S)
        hardware.power_up()
        commission(self._started(hardware))
        meter = self._started(hardware)
        self.assertEqual(buy(meter, 1, 5_000_000), outcome.ACCEPTED)
        self._started(hardware)
        before = list(hardware.flash.erases)
        for _ in range(1_000):
            meter = self._started(hardware)
            for _ in range(10):
                meter.metering.step()
                meter.stores.prepare()
            meter.events.note(events.SUPPLY, carrier.METER, meter.timekeeper.now_s(), meter.supply_desk.judge())
        worn = [after - earlier for earlier, after in zip(before, hardware.flash.erases)]
        self.assertEqual(sum(worn[sector] for sector in sectors_of(stores.LEDGER_RING)), 0)
        self.assertEqual(sum(worn[sector] for sector in sectors_of(stores.SETTINGS_RING)), 0)
        self.assertTrue(max(worn) <= 2, worn)

    def test_records_are_asked_in_turn_to_erase_ahead_and_no_write_has_to_erase(self):
        hardware = Hardware(VirtualClock(), START_S)
        hardware.power_up()
        commission(self._started(hardware))
        meter, erases = self._started(hardware), hardware.flash.erases
        now_s = meter.timekeeper.now_s()
        for number in range(400):
            before = sum(erases)
            meter.events.note(events.LOGIN, carrier.CONSOLE, now_s, number)
            meter.top_ups.note(token.CREDIT_MONEY, number, carrier.CONSOLE, now_s)
            self.assertEqual(sum(erases), before, number)
            for _ in range(5):
                before = sum(erases)
                meter.stores.prepare()
                self.assertTrue(sum(erases) - before <= 1, number)
        self.assertTrue(sum(erases[sector] for sector in sectors_of(stores.EVENTS_RING)) >= 4, "the log never rolled")

    def test_numbers_that_were_given_up_outlast_a_power_cut(self):
        """Check that the old number's tokens never count again, after a cut anywhere in a new commissioning."""
        hardware = Hardware(VirtualClock(), START_S)
        hardware.power_up()
        commission(self._started(hardware))
        for sector in sectors_of(stores.LEDGER_RING):
            hardware.flash.memory[sector * SECTOR : sector * SECTOR + 512] = bytes(512)
        self._started(hardware).erase_ledger()
        memory = bytes(hardware.flash.memory)
        operation = 1
        while self._anew_cut_at(operation, memory):
            operation += 1
        self.assertTrue(operation > 8, operation)

    def _anew_cut_at(self, operation, memory):
        hardware = Hardware(VirtualClock(), START_S, bytearray(memory), operation)
        hardware.power_up()
        meter = self._started(hardware)
        with self.assertRaises(ValueError):
            commission(meter)
        hardware.flash.faults.plan_cut(operation, operation * 331 % 1001)
        other = (("meter_number", METER_NUMBER + 1),) + SETTINGS[1:]
        try:
            meter.commission(other, samples.flat_tariff(), 1_000, 1, contracts.PrepaidMoney)
        except PowerCut:
            with self.assertRaises(ValueError):
                commission(self._started(hardware))
            return True
        return False

    def test_a_ledger_that_is_being_erased_never_comes_back_as_an_older_one(self):
        hardware = Hardware(VirtualClock(), START_S)
        hardware.power_up()
        commission(self._started(hardware))
        for sequence in (1, 2, 3):
            self.assertEqual(buy(self._started(hardware), sequence, 5), outcome.ACCEPTED)
        first, sectors = stores.LEDGER_RING
        newest = max(range(sectors), key=lambda index: self._sequence(hardware, first + index))
        for copy in (0, 1):
            hardware.flash.memory[(first + newest + copy * sectors) * SECTOR + 40] ^= 1
        memory = bytes(hardware.flash.memory)
        for operation in range(1, 2 * sectors + 8):
            self._erasing_cut_at(operation, memory)

    def _sequence(self, hardware, sector):
        header = hardware.flash.memory[sector * SECTOR : sector * SECTOR + 12]
        return int.from_bytes(header[8:12], "little") if header[:4] == b"WPJ1" else -1

    def _erasing_cut_at(self, operation, memory):
        hardware = Hardware(VirtualClock(), START_S, bytearray(memory), operation)
        hardware.power_up()
        meter = self._started(hardware)
        self.assertEqual(meter.fault, supply.LEDGER_UNREADABLE)
        hardware.flash.faults.plan_cut(operation, operation * 331 % 1001)
        try:
            meter.erase_ledger()
        except PowerCut:
            pass
        again = self._started(hardware)
        self.assertIsNone(again.ledger.account)
        if again.fault == supply.LEDGER_UNREADABLE:
            again.erase_ledger()
        with self.assertRaises(ValueError):
            commission(self._started(hardware))

    def test_a_tariff_or_calibration_that_cannot_be_leaves_the_flash_blank(self):
        hardware = Hardware(VirtualClock(), START_S)
        hardware.power_up()
        meter = self._started(hardware)
        for tariff_data, impulses in ((b"", 1_000), (samples.flat_tariff(), 0)):
            with self.assertRaises(ValueError):
                meter.commission(SETTINGS, tariff_data, impulses, 1, contracts.PrepaidMoney)
        self.assertEqual(hardware.flash.programs, 0)


if __name__ == "__main__":
    unittest.main()
