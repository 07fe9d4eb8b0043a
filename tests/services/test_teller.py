"""The teller: every kind of token has its effect once, from any carrier, torn, forged or cut off."""

import unittest

from boards.host.chips.power import PowerCut
from tests import samples
from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import statement, token
from wattpurse.core.money import account_image, supply
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.contract import PrepaidMoney, SettledAccount
from wattpurse.core.records import events
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.core.tariffs.table import TABLE_LIMIT

CLOCK_S = helpers.START_S + 86_400
TARIFF_DATA = samples.flat_tariff(version=7, activation_s=helpers.START_S + 30 * 86_400)
LOW_CREDIT = 2  # place of low_credit_microunits among the terms
BOUGHT = 3_000_000  # mWh in the meter before any token comes
DAY_S = 86_400
UNTIL_S = helpers.START_S + 9 * DAY_S

# name, kind, fields; a function of the bench that shows the effect, its results before and after
KINDS = (
    ("money", token.CREDIT_MONEY, (5_000_001,), lambda bench: bench.ledger.account.money.bought, 0, 5_000_001),
    ("energy", token.CREDIT_ENERGY, (7_001,), lambda bench: bench.ledger.account.energy.bought, BOUGHT, BOUGHT + 7_001),
    ("contract", token.CONTRACT, (2,), lambda bench: bench.ledger.account.contract.code, 1, 2),
    ("tariff", token.TARIFF, (TARIFF_DATA,), lambda bench: _pending_version(bench), None, 7),
    ("clock", token.CLOCK, (CLOCK_S,), lambda bench: bench.timekeeper.now_s() >= CLOCK_S, False, True),
    ("clear tamper", token.CLEAR_TAMPER, (), lambda bench: bench.settings.get("tamper"), 1, 0),
    ("term", token.TERM, (LOW_CREDIT, 9), lambda bench: _low_credit(bench), 2_000_000, 9),
    ("days", token.DAYS, (3 * DAY_S,), lambda bench: _standing(bench, "term_until_s") > 0, False, True),
    ("dispense", token.DISPENSE, (5, 2, DAY_S), lambda bench: _dispensed(bench), (0, False), (2, True)),
    ("refund", token.REFUND, (1, 0, 9), lambda bench: _receipt(bench), (0, 0), (1, BOUGHT)),
    ("clear", token.CLEAR, (9,), lambda bench: _receipt(bench), (0, 0), (1, BOUGHT)),
    ("tenant", token.TENANT, (77, 9), lambda bench: _standing(bench, "tenant"), 0, 77),
    ("debt", token.DEBT, (500,), lambda bench: _standing(bench, "debt_microunits"), 0, 500),
    ("permit", token.PERMIT, (UNTIL_S,), lambda bench: _standing(bench, "permit_until_s"), 0, UNTIL_S),
    ("switch", token.SWITCH, (1,), lambda bench: _standing(bench, "ordered_open"), 0, 1),
    ("clock back", token.CLOCK_BACK, (helpers.START_S - 1_000,), lambda bench: _is_behind(bench), False, True),
    ("revoke", token.REVOKE, (3,), lambda bench: bench.ledger.account.tokens.is_revoked(3), False, True),
    ("shortage", token.SHORTAGE, (2, UNTIL_S), lambda bench: _standing(bench, "shortage_level"), 0, 2),
)
EVENTS = {
    token.CREDIT_MONEY: 9,
    token.CREDIT_ENERGY: 29,
    token.CONTRACT: events.CONTRACT_CHANGED,
    token.TARIFF: events.TARIFF_SENT,
    token.CLOCK: events.CLOCK_SET,
    token.CLEAR_TAMPER: events.TAMPER_CLEARED,
    token.TERM: events.TERM_CHANGED,
    token.DAYS: 30,
    token.DISPENSE: 31,
    token.REFUND: 32,
    token.CLEAR: 33,
    token.TENANT: 34,
    token.DEBT: 35,
    token.PERMIT: 36,
    token.SWITCH: 37,
    token.SHORTAGE: 38,
    token.REVOKE: 43,
    token.CLOCK_BACK: events.CLOCK_SET,
}


def _is_behind(bench):
    return bench.timekeeper.now_s() < helpers.START_S


def _pending_version(bench):
    pending = bench.ledger.account.pending_tariff
    return pending.version if pending else None


def _low_credit(bench):
    return bench.ledger.account.terms["low_credit_microunits"]


def _standing(bench, name):
    return bench.ledger.account.standing[name]


def _dispensed(bench):
    account = bench.ledger.account
    return account.terms["daily_limit_mwh"], account.standing["dispenser_until_s"] > helpers.START_S


def _receipt(bench):
    return _standing(bench, "receipt_sequence"), _standing(bench, "receipt_mwh")


def _large_tariff(version):
    """Return a tariff table as large as one may be, in force at once."""
    prices = tuple(range(1 << 20, (1 << 20) + 6))
    limits_mwh = tuple(range(1 << 42, (1 << 42) + 5))
    return samples.flat_tariff(
        version=version,
        activation_s=samples.NEW_YEAR_S,
        rates=tuple((name, prices, limits_mwh) for name in ("ALL", "R 1", "R 2", "R 3", "R 4", "R 5", "R 6", "R 7")),
        day_types=tuple(tuple((minute * 60, minute % 8) for minute in range(12)) for _ in range(7)),
        seasons=tuple((1 + index, 1, tuple(range(7)) + (0,)) for index in range(7)),
        holidays=tuple((1 + index // 28, 1 + index % 28, 0) for index in range(60)),
    )


def state_of(bench) -> tuple:
    """Return everything that a token could change."""
    return account_image.pack(bench.ledger.account), bench.settings.get("tamper"), bench.timekeeper.now_s()


def tampered_bench():
    """Return a meter with a latched tamper to clear, and some energy to take back."""
    bench = helpers.Bench()
    bench.settings.set("tamper", 1)
    bench.ledger.change(lambda account: setattr(account.energy, "bought", BOUGHT))
    return bench


class TestEachKind(unittest.TestCase):
    def test_every_kind_is_tried_here_or_with_the_keys(self):
        tried = {row[1] for row in KINDS} | {token.METER_KEY, token.SITE_KEY}
        self.assertEqual(tried, {row[0] for row in token.KINDS})
        self.assertEqual({row[1] for row in KINDS}, set(EVENTS))

    def test_it_has_its_effect_once_across_carriers_and_restarts(self):
        for name, kind, fields, effect, before, after in KINDS:
            with self.subTest(kind=name):
                bench = tampered_bench()
                sealed = helpers.seal(1, kind, *fields)
                self.assertEqual(effect(bench), before)
                self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)
                self.assertEqual(effect(bench), after)
                for by in (carrier.CARD, carrier.CONSOLE, carrier.BLE):
                    self.assertEqual(bench.teller.redeem(sealed, by), outcome.USED)
                bench.restart()
                self.assertEqual(effect(bench), after)
                self.assertEqual(bench.teller.redeem(sealed, carrier.MQTT), outcome.USED)
                self.assertEqual(effect(bench), after)

    def test_it_is_noted_once_with_its_carrier(self):
        for name, kind, fields, _, _, _ in KINDS:
            with self.subTest(kind=name):
                bench = tampered_bench()
                bench.teller.redeem(helpers.seal(1, kind, *fields), carrier.BLE)
                bench.teller.redeem(helpers.seal(1, kind, *fields), carrier.CARD)
                (event,) = bench.events.recent(10)
                self.assertEqual((event.code, event.by), (EVENTS[kind], carrier.BLE))

    def test_a_flipped_bit_anywhere_changes_nothing(self):
        for name, kind, fields, _, _, _ in KINDS:
            with self.subTest(kind=name):
                bench = tampered_bench()
                sealed = helpers.seal(1, kind, *fields)
                before = state_of(bench)
                programs = bench.flash.programs
                for bit in range(len(sealed) * 8):
                    torn = bytearray(sealed)
                    torn[bit // 8] ^= 1 << bit % 8
                    # The meter number is in clear, and a token for another number is not opened at all.
                    expected = outcome.NOT_THIS_METER if 4 <= bit // 8 < 8 else outcome.UNREADABLE
                    self.assertEqual(bench.teller.redeem(bytes(torn), carrier.CARD), expected, bit)
                self.assertEqual(bench.flash.programs, programs)
                before = before[:2] + (bench.timekeeper.now_s(),)
                self.assertEqual(state_of(bench), before)
                self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)

    def test_a_part_of_it_or_more_than_it_cannot_be_read(self):
        bench = tampered_bench()
        for _, kind, fields, _, _, _ in KINDS:
            sealed = helpers.seal(1, kind, *fields)
            for length in range(len(sealed)):
                self.assertEqual(bench.teller.redeem(sealed[:length], carrier.CARD), outcome.UNREADABLE)
            self.assertEqual(bench.teller.redeem(sealed + b"\x00", carrier.CARD), outcome.UNREADABLE)
        self.assertEqual(bench.event_codes(), [])

    def test_another_meters_token_is_refused_and_not_noted(self):
        bench = tampered_bench()
        other = helpers.METER_NUMBER + 1
        for _, kind, fields, effect, before, _ in KINDS:
            sealed = helpers.seal(1, kind, *fields, meter_number=other, meter_key=bytes(16))
            self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.NOT_THIS_METER)
            sealed = helpers.seal(1, kind, *fields, meter_key=bytes(16))
            self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.UNREADABLE)
            self.assertEqual(effect(bench), before)
        self.assertEqual(bench.event_codes(), [])

    def test_a_body_that_does_not_fit_its_kind_is_not_supported_and_changes_nothing(self):
        bench = tampered_bench()
        keys = helpers.keys.token_keys(helpers.aes, helpers.METER_KEY)
        before = state_of(bench)
        bodies = [(kind, b"\x01\x02\x03") for kind in EVENTS] + [
            (0, b""),
            (99, b"\x01"),
            (token.CONTRACT, b"\x63"),
            (token.CONTRACT, b""),
            (token.TARIFF, b""),
            (token.TARIFF, TARIFF_DATA[:-1]),
            (token.TARIFF, TARIFF_DATA[:-1] + b"\x00"),
            token.make(token.TERM, 200, 1),
            token.make(token.TERM, LOW_CREDIT, -1),
            token.make(token.CREDIT_MONEY, 0),
            token.make(token.CREDIT_MONEY, -5),
            token.make(token.CREDIT_ENERGY, 10**15 + 1),
            token.make(token.CLOCK, helpers.START_S + 3_661 * 86_400),
        ]
        for number, (kind, body) in enumerate(bodies):
            sealed = token.seal_token(helpers.aes, keys, 1, helpers.METER_NUMBER, 5 + number, kind, body)
            self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.NOT_SUPPORTED, (kind, body))
            credits_something = token.benefit(kind) in (token.MONEY, token.ENERGY, token.ENERGY_AND_TIME, token.TIME)
            is_credit = credits_something or not token.name(kind)
            again = outcome.NOT_SUPPORTED if is_credit else outcome.USED
            self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), again, (kind, body))
        self.assertEqual(state_of(bench)[1:], before[1:])
        refused = bench.events_of(events.TOKEN_REFUSED) + bench.events_of(events.TOKEN_VOIDED)
        self.assertEqual(refused, [outcome.NOT_SUPPORTED] * len(bodies))


class TestOrder(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()

    def _credit(self, sequence):
        return self.bench.teller.redeem(helpers.seal(sequence, token.CREDIT_MONEY, 1_000), carrier.CARD)

    def test_out_of_order_within_the_window_each_once(self):
        order = [64, 1, 63, 2, 40, 64, 1, 128, 127, 65, 66, 64]
        results = [self._credit(sequence) for sequence in order]
        used = [5, 6, 11]
        for place, result in enumerate(results):
            self.assertEqual(result, outcome.USED if place in used else outcome.ACCEPTED, order[place])
        self.assertEqual(self.bench.ledger.account.money.bought, 9_000)

    def test_too_old_is_taken_for_used(self):
        self.assertEqual(self._credit(100), outcome.ACCEPTED)
        self.assertEqual(self._credit(36), outcome.USED)
        self.assertEqual(self._credit(37), outcome.ACCEPTED)

    def test_sequences_at_the_ends(self):
        self.assertEqual(self._credit(1), outcome.ACCEPTED)
        self.assertEqual(self._credit(0xFFFFFFFF), outcome.ACCEPTED)
        self.assertEqual(self._credit(0xFFFFFFFE), outcome.ACCEPTED)
        self.assertEqual(self._credit(0xFFFFFFFF), outcome.USED)
        self.bench.restart()
        self.assertEqual(self._credit(0xFFFFFFFE), outcome.USED)


class TestLimitsAndAges(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()

    def _redeem(self, sequence, kind, *fields):
        return self.bench.teller.redeem(helpers.seal(sequence, kind, *fields), carrier.CARD)

    def test_over_the_limit_the_token_stays_usable(self):
        self._redeem(1, token.TERM, 0, 10_000)
        self.assertEqual(self._redeem(2, token.CREDIT_MONEY, 10_000), outcome.ACCEPTED)
        before = account_image.pack(self.bench.ledger.account)
        self.assertEqual(self._redeem(3, token.CREDIT_MONEY, 1), outcome.OVER_LIMIT)
        self.assertEqual(account_image.pack(self.bench.ledger.account), before)
        self.assertEqual(self.bench.events_of(events.TOKEN_REFUSED), [outcome.OVER_LIMIT])
        self.bench.ledger.advance(self.bench.timekeeper.now_s(), 1)
        self.assertEqual(self._redeem(3, token.CREDIT_MONEY, 1), outcome.ACCEPTED)
        self.assertEqual(self._redeem(3, token.CREDIT_MONEY, 1), outcome.USED)

    def test_tokens_that_take_turns_in_being_refused_are_noted_once_each(self):
        """Redeem at every look: the card cannot be written, stays on the reader and brings more than one token."""
        self._redeem(1, token.TERM, 0, 10_000)
        for _ in range(10):
            for sequence in range(2, 15):
                self.assertEqual(self._redeem(sequence, token.CREDIT_MONEY, 10_001), outcome.OVER_LIMIT)
        self.assertEqual(self.bench.events_of(events.TOKEN_REFUSED), [outcome.OVER_LIMIT] * 13)

    def test_what_a_debt_takes_does_not_count(self):
        terms = self.bench.ledger.account.terms
        self._redeem(1, token.TERM, 0, 10_000)
        self._redeem(2, token.TERM, terms.place("debt_share_percent"), 30)
        self._redeem(3, token.DEBT, 4_000)
        self.assertEqual(self._redeem(4, token.CREDIT_MONEY, 14_001), outcome.OVER_LIMIT)
        self.assertEqual(self._redeem(4, token.CREDIT_MONEY, 14_000), outcome.ACCEPTED)
        self.assertEqual(self.bench.ledger.account.money.balance, 10_000)

    def test_each_purse_has_its_own_limit(self):
        self._redeem(1, token.TERM, 1, 500)
        self.assertEqual(self._redeem(2, token.CREDIT_ENERGY, 501), outcome.OVER_LIMIT)
        self.assertEqual(self._redeem(3, token.CREDIT_MONEY, 501), outcome.ACCEPTED)
        self.assertEqual(self._redeem(2, token.CREDIT_ENERGY, 501), outcome.OVER_LIMIT)

    def test_no_limit_unless_one_is_set(self):
        self.assertEqual(self._redeem(1, token.CREDIT_MONEY, 10**15), outcome.ACCEPTED)

    def test_tariff_versions_only_go_up(self):
        version = self.bench.ledger.account.tariff.version
        activation_s = helpers.START_S + 1_000
        same = samples.flat_tariff(version=version, activation_s=activation_s)
        self.assertEqual(self._redeem(1, token.TARIFF, same), outcome.OUTDATED)
        self.assertEqual(self._redeem(2, token.TARIFF, TARIFF_DATA), outcome.ACCEPTED)
        lower = samples.flat_tariff(version=6, activation_s=activation_s)
        self.assertEqual(self._redeem(3, token.TARIFF, lower), outcome.OUTDATED)
        self.assertEqual(self._redeem(4, token.TARIFF, TARIFF_DATA), outcome.OUTDATED)
        higher = samples.flat_tariff(version=8, activation_s=activation_s)
        self.assertEqual(self._redeem(5, token.TARIFF, higher), outcome.ACCEPTED)
        self.bench.restart()
        self.bench.ledger.advance(activation_s, 0)
        self.assertEqual(self.bench.ledger.account.tariff.version, 8)

    def test_a_tariff_already_due_takes_over_with_the_next_step(self):
        due = samples.flat_tariff(version=9, activation_s=samples.NEW_YEAR_S, rates=(("DEAR", (900_000,), ()),))
        self.assertEqual(self._redeem(1, token.TARIFF, due), outcome.ACCEPTED)
        self.bench.clock.advance_us(1_000_000)
        self.bench.metering.step()
        self.assertEqual(self.bench.ledger.account.tariff.version, 9)

    def test_the_largest_tariff_fits_beside_the_one_in_force_and_a_full_year(self):
        self.bench.ledger.advance(helpers.START_S + 400 * 86_400, 3_200)
        for version in (50, 51):
            large = _large_tariff(version)
            self.assertTrue(830 <= len(large) <= TABLE_LIMIT, len(large))
            self.assertEqual(self._redeem(version, token.TARIFF, large), outcome.ACCEPTED)
            self.bench.ledger.advance(self.bench.ledger.account.time_s + 1, 0)
            self.bench.restart()
            self.assertEqual(self.bench.ledger.account.tariff.data, large)
        self.assertEqual(self._redeem(52, token.TARIFF, _large_tariff(52)), outcome.ACCEPTED)

    def test_a_tariff_that_charges_demand_is_taken_under_the_account_contract_alone(self):
        due = samples.flat_tariff(version=9, activation_s=samples.NEW_YEAR_S, demand_microunits_per_kw=1)
        self.assertEqual(self._redeem(1, token.TARIFF, due), outcome.NOT_SUPPORTED)
        self.assertIsNone(self.bench.ledger.account.pending_tariff)
        self.assertEqual(self._redeem(2, token.CONTRACT, SettledAccount.code), outcome.ACCEPTED)
        self.assertEqual(self._redeem(3, token.TARIFF, due), outcome.ACCEPTED)
        self.assertEqual(self._redeem(4, token.CONTRACT, PrepaidMoney.code), outcome.NOT_SUPPORTED)

    def test_a_tariff_that_would_lose_a_register_is_refused(self):
        rates = tuple((f"R {number}", (1,), ()) for number in range(8))
        large = samples.flat_tariff(version=9, activation_s=samples.NEW_YEAR_S, rates=rates)
        self.assertEqual(self._redeem(1, token.TARIFF, large), outcome.NOT_SUPPORTED)
        self.assertIsNone(self.bench.ledger.account.pending_tariff)

    def test_a_clock_token_that_waited_is_outdated(self):
        now_s = self.bench.ledger.account.time_s
        for sequence, utc_s in enumerate((now_s - 900, now_s - 1, now_s)):
            self.assertEqual(self._redeem(1 + sequence, token.CLOCK, utc_s), outcome.OUTDATED)
        self.assertEqual(self.bench.timekeeper.now_s(), now_s)
        self.assertEqual(self._redeem(4, token.CLOCK, now_s + 10), outcome.ACCEPTED)
        self.assertEqual(self.bench.ledger.account.time_s, now_s + 10)
        self.assertEqual(self.bench.timekeeper.now_s(), now_s + 10)
        self.bench.restart()
        self.assertEqual(self.bench.timekeeper.now_s(), now_s + 10)

    def test_a_clock_token_sets_a_clock_back_that_is_far_ahead_and_no_paid_day_is_gained(self):
        bench = self.bench
        self._redeem(1, token.DAYS, 3 * DAY_S)
        now_s, until_s = bench.timekeeper.now_s(), _standing(bench, "term_until_s")
        self.assertEqual(self._redeem(2, token.CLOCK, now_s + 40 * DAY_S), outcome.ACCEPTED)
        self.assertEqual(_standing(bench, "term_until_s"), until_s + 40 * DAY_S)
        self.assertEqual(self._redeem(3, token.CLOCK, now_s + DAY_S), outcome.OUTDATED)
        self.assertEqual(self._redeem(4, token.CLOCK_BACK, now_s + DAY_S), outcome.ACCEPTED)
        self.assertEqual(_standing(bench, "term_until_s"), until_s + DAY_S)
        bench.restart()
        self.assertTrue(bench.timekeeper.trusted)
        self.assertEqual((bench.timekeeper.now_s(), bench.ledger.account.time_s), (now_s + DAY_S, now_s + DAY_S))
        self.assertEqual(_standing(bench, "term_until_s"), until_s + DAY_S)

    def test_a_clock_token_that_came_after_a_newer_token_sets_no_clock_back(self):
        now_s = self.bench.timekeeper.now_s()
        self.assertEqual(self._redeem(5, token.CREDIT_MONEY, 1), outcome.ACCEPTED)
        self.assertEqual(self._redeem(4, token.CLOCK_BACK, now_s - 3_600), outcome.OUTDATED)
        self.assertEqual(self._redeem(3, token.CLOCK, now_s + 3_600), outcome.ACCEPTED)

    def test_times_that_no_meter_stores_are_refused_and_change_nothing(self):
        account, now_s = self.bench.ledger.account, self.bench.timekeeper.now_s()
        before = account.standing.changed()
        orders = [(token.CLOCK, utc_s) for utc_s in (0, 1, (1 << 31) - 1, 1 << 31)]
        for utc_s in (LATEST_S + 1, (1 << 32) - 1):
            orders += [(kind, utc_s) for kind in (token.CLOCK, token.PERMIT, token.DAYS)]
        for place, (kind, utc_s) in enumerate(orders):
            self.assertEqual(self._redeem(1 + place, kind, utc_s), outcome.NOT_SUPPORTED, (kind, utc_s))
        self.assertEqual(self._redeem(50, token.DISPENSE, 5, 2, (1 << 32) - 1), outcome.NOT_SUPPORTED)
        self.assertEqual((account.standing.changed(), self.bench.timekeeper.now_s()), (before, now_s))

    def test_a_clock_token_heals_a_clock_that_lost_its_time(self):
        self.bench.rtc.stop_oscillator()
        self.bench.restart()
        self.assertEqual(self.bench.statements.alarms(), statement.ALARM_CLOCK)
        self.assertEqual(self._redeem(1, token.CLOCK, CLOCK_S), outcome.ACCEPTED)
        self.assertEqual(self.bench.statements.alarms(), 0)

    def test_a_clock_chip_that_does_not_answer_leaves_the_meter_with_the_right_time_and_an_alarm(self):
        self.bench.bus.jammed = True
        self.assertEqual(self._redeem(1, token.CLOCK, CLOCK_S), outcome.ACCEPTED)
        self.assertEqual(self.bench.timekeeper.now_s(), CLOCK_S)
        self.bench.timekeeper.follow_chip()
        self.assertEqual(self.bench.statements.alarms() & statement.ALARM_CLOCK, statement.ALARM_CLOCK)

    def test_a_contract_that_changes_keeps_both_credit_registers(self):
        self._redeem(1, token.CREDIT_MONEY, 400_000)
        self._redeem(2, token.CREDIT_ENERGY, 900_000)
        self.bench.ledger.advance(self.bench.timekeeper.now_s(), 320)
        for sequence, code in ((3, contracts.PrepaidEnergy.code), (4, contracts.PrepaidMoney.code)):
            self.assertEqual(self._redeem(sequence, token.CONTRACT, code), outcome.ACCEPTED)
            self.bench.restart()
            account = self.bench.ledger.account
            self.assertEqual(account.contract.code, code)
            self.assertEqual((account.money.bought, account.energy.bought), (400_000, 900_000))
            self.bench.ledger.advance(self.bench.timekeeper.now_s(), 320)
        self.assertEqual((account.money.charged, account.energy.charged), (2 * 25_000, 100_000))
        self.assertEqual(account.registers.total_mwh, 300_000)

    def test_tamper_ends_supply_until_its_token_comes(self):
        self._redeem(1, token.CREDIT_MONEY, 400_000)
        self.bench.settings.set("tamper", 1)
        self.assertEqual(self.bench.decide(), supply.TAMPER)
        self.assertEqual(self.bench.statements.alarms(), statement.ALARM_TAMPER)
        self.assertEqual(self._redeem(2, token.CLEAR_TAMPER), outcome.ACCEPTED)
        self.assertEqual(self.bench.decide(), supply.ON)
        self.bench.settings.set("tamper", 1)
        self.bench.restart()
        self.assertEqual(self.bench.decide(), supply.TAMPER)
        self.assertEqual(self._redeem(2, token.CLEAR_TAMPER), outcome.USED)
        self.assertEqual(self.bench.decide(), supply.TAMPER)

    def test_alarms_tell_of_reader_and_flash(self):
        self.bench.statements.reader_failed = True
        self.assertEqual(self.bench.statements.alarms(), statement.ALARM_READER)
        self.bench.statements.display_failed = True
        self.assertEqual(self.bench.statements.alarms(), statement.ALARM_READER | statement.ALARM_DISPLAY)
        self.bench.statements.display_failed = False
        self.bench.statements.reader_failed = False
        self.bench.flash.faults.bad_sectors.update(range(helpers.SECTORS))
        self._redeem(1, token.CREDIT_MONEY, 1)
        self.assertEqual(self.bench.statements.alarms(), statement.ALARM_FLASH)


class TestFlashFailures(unittest.TestCase):
    LEDGER = range(helpers.LEDGER_RING[0], helpers.LEDGER_RING[0] + 2 * helpers.LEDGER_RING[1])

    def test_a_ledger_that_cannot_be_written_leaves_the_token_usable(self):
        for name, kind, fields, effect, before, after in KINDS:
            with self.subTest(kind=name):
                bench = tampered_bench()
                packed = account_image.pack(bench.ledger.account)
                sealed = helpers.seal(1, kind, *fields)
                bench.flash.faults.bad_sectors.update(self.LEDGER)
                self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.LEDGER_FAILED)
                self.assertEqual(account_image.pack(bench.ledger.account), packed)
                self.assertEqual(effect(bench), before)
                self.assertEqual(bench.events_of(events.TOKEN_REFUSED), [outcome.LEDGER_FAILED])
                bench.flash.faults.bad_sectors.clear()
                self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)
                bench.restart()
                self.assertEqual(effect(bench), after)
                self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.USED)

    def test_a_clock_token_that_the_ledger_refuses_does_no_harm(self):
        bench = helpers.Bench()
        sealed = helpers.seal(1, token.CLOCK, CLOCK_S)
        bench.flash.faults.bad_sectors.update(self.LEDGER)
        self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.LEDGER_FAILED)
        bench.flash.faults.bad_sectors.clear()
        self.assertFalse(bench.timekeeper.now_s() >= CLOCK_S)
        self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)
        self.assertTrue(bench.timekeeper.now_s() >= CLOCK_S)

    def test_a_sector_that_fails_in_one_copy_loses_nothing_and_shows(self):
        """Acknowledge the record after another sector holds it twice."""
        for copy in range(2):
            bench = helpers.Bench()
            first, sectors = helpers.LEDGER_RING
            bench.flash.faults.bad_sectors.add(first + copy * sectors + bench.ledger._journal._index)
            sealed = helpers.seal(1, token.CREDIT_MONEY, 5)
            self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.ACCEPTED)
            self.assertEqual(bench.statements.alarms(), statement.ALARM_FLASH)
            bench.restart()
            self.assertEqual(bench.ledger.account.money.bought, 5)
            self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.USED)

    def test_where_no_sector_has_two_copies_nothing_is_accepted(self):
        bench = helpers.Bench()
        first, sectors = helpers.LEDGER_RING
        bench.flash.faults.bad_sectors.update(range(first + sectors, first + 2 * sectors))
        sealed = helpers.seal(1, token.CREDIT_MONEY, 5)
        self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.LEDGER_FAILED)
        self.assertEqual(bench.statements.alarms(), statement.ALARM_FLASH)
        bench.flash.faults.bad_sectors.clear()
        bench.restart()
        self.assertIn(bench.teller.redeem(sealed, carrier.CARD), (outcome.ACCEPTED, outcome.USED))
        self.assertEqual(bench.ledger.account.money.bought, 5)
        self.assertEqual(bench.statements.alarms(), 0)

    def test_a_record_that_could_not_be_read_back_is_not_written_twice(self):
        for name, kind, fields, effect, _, after in KINDS:
            with self.subTest(kind=name):
                bench = tampered_bench()
                sealed = helpers.seal(1, kind, *fields)
                bench.flash.faults.unreadable = True
                self.assertEqual(bench.teller.redeem(sealed, carrier.CARD), outcome.LEDGER_FAILED)
                bench.flash.faults.unreadable = False
                self.assertIn(bench.teller.redeem(sealed, carrier.CARD), (outcome.ACCEPTED, outcome.OUTDATED))
                bench.restart()
                self.assertEqual(effect(bench), after)

    def test_a_change_that_was_denied_takes_no_later_credit_with_it(self):
        """Check that later state wins, though the snapshot of the denied change is whole in the first copies."""
        bench = helpers.Bench()
        first, sectors = helpers.LEDGER_RING
        bench.flash.faults.bad_sectors.update(range(first + sectors, first + 2 * sectors))
        denied = helpers.seal(1, token.CONTRACT, contracts.PrepaidEnergy.code)
        self.assertEqual(bench.teller.redeem(denied, carrier.CARD), outcome.LEDGER_FAILED)
        bench.flash.faults.bad_sectors.clear()
        credit = helpers.seal(2, token.CREDIT_MONEY, 5)
        self.assertEqual(bench.teller.redeem(credit, carrier.CARD), outcome.ACCEPTED)
        bench.restart()
        self.assertEqual(bench.ledger.account.money.bought, 5)
        self.assertEqual(bench.ledger.account.contract.code, contracts.PrepaidMoney.code)
        self.assertEqual(bench.teller.redeem(denied, carrier.CARD), outcome.ACCEPTED)


class TestPowerCuts(unittest.TestCase):
    """Power fails at every flash operation of every redemption, also where the log is full and has to roll first."""

    def setUp(self):
        bench = tampered_bench()
        self.image = bytes(bench.flash.memory)
        bench.restart()
        erased = sum(bench.flash.erases)
        self.pulses_to_fill = 0
        while sum(bench.flash.erases) == erased:
            self._count(bench, 10)
            self.pulses_to_fill += 10
        self.pulses_to_fill -= 10

    def _count(self, bench, pulses):
        bench.ledger.advance(bench.timekeeper.now_s(), pulses)

    def test_redeemed_with_its_effect_or_neither_and_once_in_the_end(self):
        for name, kind, fields, effect, before, after in KINDS:
            sealed = helpers.seal(1, kind, *fields)
            for pulses in (0, self.pulses_to_fill):
                with self.subTest(kind=name, pulses=pulses):
                    operation = 1
                    while self._cut_at(operation, pulses, sealed, effect, before, after):
                        operation += 1
                    self.assertTrue(operation > 4)

    def _cut_at(self, operation, pulses, sealed, effect, before, after):
        bench = helpers.Bench(self.image, seed=operation)
        self._count(bench, pulses)
        bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            bench.teller.redeem(sealed, carrier.CARD)
        except PowerCut:
            pass
        else:
            return False
        bench.restart()
        redeemed = bench.ledger.account.token_is_used(1)
        self.assertIn(effect(bench), (before, after), operation)
        self.assertEqual(effect(bench) == after, redeemed, operation)
        expected = outcome.USED if redeemed else outcome.ACCEPTED
        self.assertEqual(bench.teller.redeem(sealed, carrier.CONSOLE), expected, operation)
        self.assertEqual(effect(bench), after, operation)
        bench.restart()
        self.assertEqual(effect(bench), after, operation)
        return True


if __name__ == "__main__":
    unittest.main()
