"""The Bluetooth service: tokens and statements over connections that break, and peers that mean no good."""

import asyncio
import unittest
from binascii import crc32

from boards.host.chips.aes import aes
from tests.services import helpers
from tests.services.bluetooth_port import Phone, ScriptedPort
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import advertising, frames, statement, token
from wattpurse.core.seals import keys
from wattpurse.services import bluetooth
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers

CREDIT = helpers.seal(1, token.CREDIT_MONEY, 5_000_000)
LONG = helpers.seal(2, token.TARIFF, bytes(900))  # authentic, and no tariff


def begin(data, sequence=1):
    return frames.frame(frames.BEGIN, sequence, 0, frames.begin(frames.TOKEN, data))


def part(data, start, end, sequence=2):
    return frames.frame(frames.PART, sequence, start, data[start:end])


def delivery(data):
    """Return the frames that deliver a token."""
    limit = frames.PAYLOAD_LIMIT
    return [begin(data)] + [part(data, at, at + limit) for at in range(0, len(data), limit)]


ASK = frames.frame(frames.BEGIN, 9, 0, frames.begin(frames.STATEMENT))


def outcomes_of(phone):
    """Return the outcomes in the answers that the phone got."""
    return [frames.read_result(payload)[1] for kind, _, _, payload in phone.answers() if kind == frames.RESULT]


class TestBluetooth(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self.bench.settings.set(bluetooth.SETTING, 1)
        self.shown = []
        self._build()

    def _build(self):
        bench = self.bench
        self.port = ScriptedPort(bench.clock)
        self.service = Bluetooth(
            port=self.port,
            stores=bench.stores,
            clock=bench.clock,
            teller=bench.teller,
            statements=bench.statements,
            numbers=StatementNumbers(bench.settings, "bluetooth_numbers"),
            show_outcome=self.shown.append,
        )

    def _serve(self, *phones, for_ms=400_000):
        """Let the phones come one after the other."""
        self.port.phones = list(phones)

        async def story():
            task = asyncio.create_task(self.service.run())
            await self.bench.clock.sleep_ms(for_ms)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

        self.bench.clock.run(story())
        self.assertEqual(self.port.phones, [])

    @property
    def _bought(self):
        return self.bench.ledger.account.money.bought

    def _fetch_all(self, phone_words=()):
        """Let a phone take the whole statement, and return it as the station opens it, with its number."""
        phone = Phone(*phone_words, ASK)
        for offset in range(0, 1_100, frames.PAYLOAD_LIMIT):
            phone.words.append(lambda offset=offset: frames.frame(frames.FETCH, 5, offset, self._wanted(phone)))
        self._serve(phone)
        content = b"".join(payload for kind, _, _, payload in phone.answers() if kind == frames.DATA)
        size, check = [frames.read_result(payload) for kind, _, _, payload in phone.answers() if kind == frames.RESULT][
            -1
        ][2:]
        self.assertEqual((len(content), crc32(content)), (size, check))
        number, sealed = frames.split_number(content)
        return number, self._opened(number, sealed)

    def _wanted(self, phone):
        results = [frames.read_result(payload) for kind, _, _, payload in phone.answers() if kind == frames.RESULT]
        return frames.fetch(results[-1][3])

    def _opened(self, number, sealed):
        pair = keys.statement_keys(
            aes, keys.statement_key(aes, helpers.METER_KEY), carrier.statement_identity(carrier.BLE, number)
        )
        return statement.open_statement(aes, pair, sealed)

    def test_a_token_is_redeemed_shown_and_acknowledged_with_its_outcome(self):
        phone = Phone(*delivery(CREDIT))
        self._serve(phone)
        self.assertEqual(self._bought, 5_000_000)
        self.assertEqual(phone.answers()[0][:3], (frames.HAVE, 1, 0))
        self.assertEqual((outcomes_of(phone), self.shown), ([outcome.ACCEPTED], [outcome.ACCEPTED]))

    def test_a_token_whose_answer_was_lost_comes_again_and_counts_once(self):
        phone = Phone(*delivery(CREDIT))
        self._serve(Phone(*delivery(CREDIT), deaf=True), Phone(*delivery(CREDIT)), phone)
        self.assertEqual((self._bought, outcomes_of(phone)), (5_000_000, [outcome.ACCEPTED]))

    def test_a_token_whose_answer_was_lost_with_the_power_is_known_as_redeemed(self):
        self._serve(Phone(*delivery(CREDIT)))
        self.bench.restart()
        self._build()
        phone = Phone(*delivery(CREDIT))
        self._serve(phone)
        self.assertEqual((self._bought, outcomes_of(phone)), (5_000_000, [outcome.NO_NEWS]))

    def test_a_long_token_goes_on_where_the_connection_was_lost(self):
        words = delivery(LONG)
        second = Phone(begin(LONG), *words[3:])
        self._serve(Phone(*words[:3]), second)
        self.assertEqual(second.answers()[0][:3], (frames.HAVE, 1, 2 * frames.PAYLOAD_LIMIT))
        self.assertEqual(outcomes_of(second), [outcome.NOT_SUPPORTED])

    def test_two_minutes_after_a_lost_connection_the_phone_begins_anew(self):
        words = delivery(LONG)
        self._serve(Phone(*words[:3]))
        second = Phone(begin(LONG))
        self._serve(second)
        self.assertEqual(second.answers()[0][2], 0)

    def test_a_part_that_comes_twice_is_answered_twice_and_taken_once(self):
        words = delivery(LONG)
        phone = Phone(words[0], words[1], words[1], *words[2:])
        self._serve(phone)
        self.assertEqual([answer[2] for answer in phone.answers()[1:3]], [frames.PAYLOAD_LIMIT] * 2)
        self.assertEqual(outcomes_of(phone), [outcome.NOT_SUPPORTED])

    def test_a_silent_phone_is_sent_away_and_the_next_one_is_served(self):
        silent, phone = Phone(stays=True), Phone(*delivery(CREDIT))
        self._serve(silent, phone)
        self.assertTrue(silent.was_sent_away)
        self.assertEqual(outcomes_of(phone), [outcome.ACCEPTED])

    def test_a_phone_that_dribbles_bytes_is_sent_away(self):
        dribbling = Phone(*[CREDIT[:1]] * 5_000)
        self._serve(dribbling)
        self.assertTrue(dribbling.was_sent_away)

    def test_nobody_holds_the_meter_by_talking(self):
        talking = Phone(*[begin(CREDIT)] * 20_000)
        self._serve(talking)
        self.assertTrue(talking.was_sent_away)

    def test_noise_ends_a_visit_and_is_shown_nowhere(self):
        events_before = self.bench.event_codes()
        noise = Phone(*[b"W" + bytes(200)] * 50, stays=True)
        self._serve(noise)
        self.assertTrue(noise.was_sent_away and len(noise.words) > 30)
        self.assertEqual((self.shown, self.bench.event_codes()), ([], events_before))

    def test_forged_and_overheard_tokens_are_refused_and_shown_nowhere(self):
        forged = CREDIT[:-1] + bytes((CREDIT[-1] ^ 1,))
        self._serve(Phone(*delivery(CREDIT)))
        foreign = helpers.seal(3, token.CREDIT_MONEY, 1, meter_number=7)
        phone = Phone(*delivery(forged), *delivery(foreign), *delivery(CREDIT))
        self.shown.clear()
        self._serve(phone)
        self.assertEqual(outcomes_of(phone), [outcome.UNREADABLE, outcome.NOT_THIS_METER, outcome.ACCEPTED])
        self.assertEqual((self.shown, self._bought), ([], 5_000_000))

    def test_a_stranger_who_tries_many_tokens_is_sent_away(self):
        words = []
        for number in range(30):
            words += delivery(bytes((number,)) * 36)
        stranger = Phone(*words)
        self._serve(stranger)
        self.assertTrue(stranger.was_sent_away and len(outcomes_of(stranger)) < 12)

    def test_a_content_that_did_not_arrive_unchanged_is_refused(self):
        phone = Phone(begin(CREDIT), frames.frame(frames.PART, 2, 0, bytes(len(CREDIT))))
        self._serve(phone)
        self.assertEqual(phone.answers()[-1][3], bytes((frames.BROKEN,)))

    def test_requests_that_no_phone_makes_are_refused(self):
        phone = Phone(
            frames.frame(frames.DATA, 1),
            frames.frame(frames.BEGIN, 2, 0, b"?"),
            frames.frame(frames.BEGIN, 3, 0, frames.begin(9, b"x")),
            frames.frame(frames.BEGIN, 4, 0, frames.begin(frames.TOKEN, bytes(frames.CONTENT_LIMIT + 1))),
            frames.frame(frames.BEGIN, 5, 0, frames.begin(frames.TOKEN)),
            frames.frame(frames.PART, 6, 0, b"x"),
            frames.frame(frames.FETCH, 7, 0, b"?"),
            frames.frame(frames.FETCH, 8, 0, frames.fetch(1)),
        )
        self._serve(phone)
        reasons = [payload[0] for kind, _, _, payload in phone.answers() if kind == frames.REFUSED]
        one, long, gone = frames.NOT_UNDERSTOOD, frames.TOO_LONG, frames.GONE
        self.assertEqual(reasons, [one, one, one, long, long, gone, one, gone])

    def test_the_statement_is_sealed_for_the_station(self):
        self._serve(Phone(*delivery(CREDIT)))
        _, found = self._fetch_all()
        self.assertEqual((found["meter_number"], found["balance"]), (helpers.METER_NUMBER, 5_000_000))

    def test_a_statement_asked_for_again_is_the_same_until_a_token_comes(self):
        phone = Phone(ASK, ASK, *delivery(CREDIT), ASK)
        self._serve(phone)
        checks = [frames.read_result(payload)[3] for kind, _, _, payload in phone.answers() if kind == frames.RESULT]
        self.assertEqual(checks[0], checks[1])
        self.assertNotEqual(checks[0], checks[3])

    def test_a_statement_goes_on_after_a_lost_connection(self):
        first = Phone(ASK)
        second = Phone(lambda: frames.frame(frames.FETCH, 5, 10, self._wanted(first)))
        self._serve(first, second)
        self.assertEqual(second.answers()[0][:3], (frames.DATA, 5, 10))

    def test_no_statement_shares_its_number_with_another_also_after_a_restart(self):
        numbers = []
        for _ in range(3):
            numbers.append(self._fetch_all()[0])
            self.bench.clock.advance_us(10_000_000)
            numbers.append(self._fetch_all()[0])
            self.bench.restart()
            self._build()
        self.assertEqual(len(set(numbers)), 6)

    def test_a_flash_that_refuses_to_reserve_numbers_refuses_the_statement(self):
        class WornOut:
            def take(self):
                raise OSError("worn out")

        self.service._numbers = WornOut()
        phone = Phone(ASK)
        self._serve(phone)
        self.assertEqual(phone.answers()[0][3], bytes((frames.NOT_NOW,)))

    def test_the_advertisement_follows_the_alarms_and_names_no_person(self):
        self._serve()
        self.bench.settings.set("tamper", 1)
        self._serve()
        states = [advertising.read_state(data[-6:]) for data, _ in self.port.advertised]
        self.assertEqual(states[0], (advertising.VERSION, helpers.METER_NUMBER, 0))
        self.assertEqual(states[-1], (advertising.VERSION, helpers.METER_NUMBER, statement.ALARM_TAMPER))
        self.assertEqual(self.port.advertised[0][1][2:], b"Wattpurse 40001234")

    def test_turned_off_it_advertises_nothing_and_turned_on_it_serves(self):
        self.bench.settings.set(bluetooth.SETTING, 0)
        self._serve(for_ms=20_000)
        self.assertEqual(self.port.advertised, [])
        self.assertTrue(self.port.stops > 0)
        self.bench.settings.set(bluetooth.SETTING, 1)
        self._serve(Phone(*delivery(CREDIT)))
        self.assertEqual(self._bought, 5_000_000)


if __name__ == "__main__":
    unittest.main()
