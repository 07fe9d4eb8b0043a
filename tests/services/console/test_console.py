"""The console as a whole: rights, and that no input can do harm."""

import asyncio
import unittest

from boards.host.chips.power import BoardReset
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from tests.services.console.console_bench import METER_KEY, METER_NUMBER, PIN, REPORTS, START_S, Bench
from wattpurse.core import carrier
from wattpurse.core.messages import token
from wattpurse.core.money import account_image, contract
from wattpurse.core.records import events
from wattpurse.core.seals.keys import token_keys
from wattpurse.services.console.console import LINE_LIMIT
from wattpurse.services.console.reports import table

CHANGES = (
    "tariff set " + samples.flat_tariff(version=9).hex(),
    "contract set prepaid-energy",
    "clock set 2026-03-01T10:00:00Z",
    "calibrate 1000",
    "terms set low_credit_mwh 1",
    "relay test",
    "supply test 5",
    "reset-tamper",
    "pin 5555",
    "reboot",
    f"erase-ledger {METER_NUMBER}",
    "commission",
)


class TestRights(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()

    def test_reading_is_open(self):
        for line in REPORTS + ("help",):
            self.assertFalse(self.bench.say(line).startswith("refused"), line)

    def test_changing_is_not(self):
        before = account_image.pack(self.bench.meter.ledger.account)
        programs = self.bench.hardware.flash.programs
        for line in CHANGES:
            self.assertIn("needs a login", self.bench.say(line), line)
        self.assertEqual(account_image.pack(self.bench.meter.ledger.account), before)
        self.assertEqual(self.bench.hardware.flash.programs, programs)

    def test_login_and_logout(self):
        self.bench.log_in()
        self.assertEqual(self.bench.say("terms set low_credit_mwh 1"), "low_credit_mwh is 1")
        self.bench.say("logout")
        self.assertIn("needs a login", self.bench.say("terms set low_credit_mwh 2"))
        codes = (events.LOGOUT, events.TERM_CHANGED, events.LOGIN)
        self.assertEqual(self.bench.event_codes(3), [(code, carrier.CONSOLE) for code in codes])

    def test_ten_minutes_of_silence_end_a_login(self):
        self.bench.log_in()
        for _ in range(4):
            self.bench.wait(599)
            self.bench.say("clock")
        self.assertFalse(self.bench.say("pin 4444").startswith("refused"))
        self.bench.wait(601)
        self.assertIn("needs a login", self.bench.say("pin 5555"))

    def test_a_login_does_not_come_back_when_the_ticks_wrap(self):
        self.bench.log_in()
        for _ in range(300):
            self.bench.wait((1 << 30) // 1000 // 300)
            self.bench.meter.timekeeper.now_s()
        self.bench.wait(10)
        self.assertIn("needs a login", self.bench.say("pin 5555"))

    def test_setting_the_clock_neither_ends_nor_prolongs_a_login(self):
        self.bench.hardware.rtc.stop_oscillator()
        self.bench.restart()
        self.bench.log_in()
        self.bench.say("clock set 2026-06-01T10:00:00Z sure")
        self.assertIn("the clock is", self.bench.say("clock set 2026-06-01T10:02:00Z"))
        self.bench.wait(601)
        self.assertIn("needs a login", self.bench.say("clock set 2026-06-01T10:00:00Z"))

    def test_a_service_card_gives_rights_for_some_minutes(self):
        self.bench.meter.console.grant(5)
        self.bench.wait(200)
        self.assertEqual(self.bench.say("terms set low_credit_mwh 7"), "low_credit_mwh is 7")
        self.bench.wait(101)
        self.assertIn("needs a login", self.bench.say("terms set low_credit_mwh 8"))

    def test_logout_ends_a_service_cards_rights(self):
        self.bench.meter.console.grant(5)
        self.bench.say("logout")
        self.assertIn("needs a login", self.bench.say("pin 5555"))

    def test_a_service_card_lets_a_forgotten_pin_be_replaced(self):
        self.bench.meter.console.grant(5)
        self.assertEqual(self.bench.say("pin 5555"), "the PIN is changed")
        self.bench.say("logout")
        self.assertIn("wrong PIN", self.bench.say("login " + PIN))
        self.bench.wait(2)
        self.assertIn("logged in", self.bench.say("login 5555"))

    def test_reboot_says_so_and_resets(self):
        self.bench.log_in()
        with self.assertRaises(BoardReset):
            self.bench.say("reboot")
        self.assertIn("restarts", self.bench.hardware.console.take_output())


class TestLogin(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()

    def _wrong(self):
        return self.bench.say("login 1111")

    def test_the_delay_doubles_up_to_an_hour(self):
        for delay_s in [1 << power for power in range(12)] + [3600, 3600, 3600]:
            self.assertIn(f"possible in {delay_s} s", self._wrong())
            if delay_s > 2:
                self.bench.wait(delay_s - 2)
                self.assertIn("too soon", self.bench.say("login " + PIN))
            self.bench.wait(2)
        self.bench.log_in()
        self.assertIn("possible in 1 s", self._wrong())

    def test_attempts_too_soon_write_nothing(self):
        self._wrong()
        programs = self.bench.hardware.flash.programs
        for _ in range(20):
            self.assertIn("too soon", self._wrong())
        self.assertEqual(self.bench.hardware.flash.programs, programs)

    def test_a_restart_does_not_shorten_the_delay(self):
        for _ in range(6):
            self._wrong()
            self.bench.wait(3600)
        self._wrong()
        self.bench.restart()
        self.assertIn("too soon", self.bench.say("login " + PIN))
        self.bench.wait(64)
        self.bench.log_in()

    def test_a_clock_that_went_back_begins_the_delay_anew(self):
        for _ in range(6):
            self._wrong()
            self.bench.wait(3600)
        self._wrong()
        self.bench.meter.timekeeper.set(START_S - 5 * 86_400)
        self.assertIn("wait 64 s", self.bench.say("login " + PIN))
        self.bench.wait(64)
        self.bench.log_in()

    def test_a_power_cut_between_attempt_and_answer_counts_the_attempt(self):
        compared = []

        def cut_here(settings_get):
            def get(name, default=None):
                if name == "pin_check" and compared:
                    raise BoardReset("cut")
                compared.append(name)
                return settings_get(name, default)

            return get

        self.bench.meter.settings.get = cut_here(self.bench.meter.settings.get)
        with self.assertRaises(BoardReset):
            self._wrong()
        self.bench.restart()
        self.assertEqual(self.bench.meter.settings.get("wrong_pins"), 1)

    def test_other_tasks_run_between_the_writes_of_a_login(self):
        self.bench.log_in()  # the first change after a start rolls
        self.bench.wait(1)
        flash = self.bench.hardware.flash
        programs = [flash.programs]

        async def log_in_beside_another_task():
            login = asyncio.create_task(self.bench.meter.console.answer("login " + PIN))
            while not login.done():
                await self.bench.hardware.board.clock.sleep_ms(0)
                programs.append(flash.programs)
            return await login

        self.assertTrue(self.bench.clock.run(log_in_beside_another_task()).startswith("logged in"))
        longest = max(after - before for before, after in zip(programs, programs[1:]))
        self.assertTrue(programs[-1] - programs[0] > 2 * longest, programs)
        self.assertTrue(longest <= 6, f"more programs in one step than one change of a setting takes: {programs}")

    def test_a_second_login_while_one_is_checked_is_no_further_guess(self):
        answers = []

        async def guess(pin):
            answers.append(await self.bench.meter.console.answer("login " + pin))

        async def guess_at_once():
            await asyncio.gather(guess("1111"), guess(PIN))

        self.bench.clock.run(guess_at_once())
        self.assertEqual(sum("wrong PIN" in answer for answer in answers), 1)
        self.assertEqual(sum("another login is being checked" in answer for answer in answers), 1)
        self.assertEqual(self.bench.meter.settings.get("wrong_pins"), 1)
        self.assertIn("too soon", self.bench.say("login " + PIN))

    def test_wrong_pins_are_in_the_event_log(self):
        self._wrong()
        self.assertEqual(self.bench.event_codes(1), [(events.LOGIN_REFUSED, carrier.CONSOLE)])

    def test_what_is_no_pin_is_no_attempt(self):
        for pin in ("", "123", "123456789", "12a4", "-123"):
            self.assertTrue(self.bench.say("login " + pin).startswith("refused"))
        self.bench.log_in()

    def test_a_pin_is_not_kept_in_clear(self):
        self.assertFalse(PIN.encode() in bytes(self.bench.hardware.flash.memory))

    def test_flash_that_cannot_count_lets_nobody_in(self):
        self.bench.hardware.flash.faults.bad_sectors = set(range(8))
        self.assertTrue(self.bench.say("login " + PIN).startswith("refused"))
        self.assertIn("needs a login", self.bench.say("pin 5555"))


class TestTurns(unittest.TestCase):
    def test_other_tasks_run_between_the_rows_of_a_table(self):
        turns = []

        async def count():
            while True:
                turns.append(None)
                await asyncio.sleep(0)

        async def draw():
            other = asyncio.create_task(count())
            drawn = await table([("row", "1", "20")] * 12, ("name", "value", ""))
            other.cancel()
            return drawn

        drawn = VirtualClock().run(draw())
        self.assertEqual(drawn.split("\n"), ["name  value"] + ["row       1  20"] * 12)
        self.assertTrue(len(turns) >= 12, turns)


class TestLines(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission(samples.day_and_night_tariff())

    def test_a_line_too_long_is_refused_and_dropped(self):
        self.bench.log_in()
        line = "pin 5555" + " " * (LINE_LIMIT - 8)
        self.assertEqual(self.bench.say(line), "the PIN is changed")
        self.assertIn("at most 2200", self.bench.say(line + " "))
        self.assertIn("at most 2200", self.bench.say(None))

    def test_nothing_answers_nothing(self):
        for line in ("", "   ", "\t", "--json"):
            self.assertEqual(self.bench.say(line), "")

    def test_what_was_wrong_is_said_in_one_line(self):
        self.bench.log_in()
        for line, said in (
            ("tarif", "no command 'tarif'"),
            ("tariff sett 00", "takes no arguments"),
            ("tariff set", "usage: tariff set"),
            ("tariff set 5", "in hex"),
            ("tariff set zz", "in hex"),
            ("tariff set 00", "not a tariff table"),
            ("events many", "whole number from 1"),
            ("events 0", "whole number from 1"),
            ("contract set rent", "prepaid-money, prepaid-energy"),
            ("clock set noon", "2026-11-22T10:00:00+01:00"),
            ("clock set 1999-01-01T00:00:00Z", "2026 to 2105"),
            ("clock set 2090-01-01T00:00:00Z", "wattpurse token METER clock"),
            ("calibrate many", "impulses must be"),
            ("calibrate 3200/0", "kWh must be"),
            ("calibrate 0", "impulses must be"),
            ("terms set colour 1", "there are: credit_limit"),
            ("terms set low_credit_mwh -1", "must be from 0"),
            ("keys meter", "takes no arguments"),
            ("erase-ledger", "usage"),
            (f"erase-ledger {METER_NUMBER}", "only an unreadable ledger"),
            ("pin 12", "4 to 8 digits"),
            ("relay test", "supply is off"),
            ("token 00", "cannot be read"),
            ("login --json 1234", "has no --json"),
        ):
            answer = self.bench.say(line)
            self.assertTrue("refused: " in answer or '"error"' in answer, line + ": " + answer)
            self.assertIn(said, answer, line)
            self.assertFalse("\n" in answer, line)

    def test_random_lines_do_no_harm(self):
        random_bits = RandomBits(7)
        words = " ".join(REPORTS + CHANGES + ("help", "login", "logout", "token", "--json")).split()
        account = self.bench.meter.ledger.account
        before = account_image.pack(account)
        for _ in range(1_500):
            parts = []
            for _ in range(random_bits.below(5)):
                if random_bits(2):
                    parts.append(words[random_bits.below(len(words))])
                else:
                    parts.append("".join(chr(random_bits(9)) for _ in range(random_bits.below(30))))
            line = " ".join(parts)
            self.assertIsInstance(self.bench.say(line), str)
        self.assertEqual(account_image.pack(self.bench.meter.ledger.account), before)
        self.assertFalse(self.bench.meter.console.login.allows_changes())

    def test_random_lines_of_someone_logged_in_raise_nothing(self):
        random_bits = RandomBits(8)
        words = " ".join(REPORTS + CHANGES + ("help", "token", "0", "-1", "3200/1", "prepaid-money")).split()
        words = [word for word in words if word != "reboot"]
        self.bench.meter.console.grant(1_000)
        for _ in range(600):
            line = " ".join(words[random_bits.below(len(words))] for _ in range(random_bits.below(4)))
            self.assertIsInstance(self.bench.say(line), str)
        account = self.bench.meter.ledger.account
        self.assertEqual((account.money.bought, account.energy.bought), (0, 0))

    def test_the_running_console_answers_line_after_line(self):
        clock, stream = self.bench.clock, self.bench.hardware.console
        rests = []
        self.bench.meter.board.rest = rests.append
        clock.call_at_us(clock.now_us + 1_000_000, lambda: stream.type_line("identity"))
        clock.call_at_us(clock.now_us + 2_000_000, lambda: stream.type_line("x" * 3_000))
        clock.call_at_us(clock.now_us + 3_000_000, lambda: stream.type_line("\x00\xff\x1b[A"))
        clock.call_at_us(clock.now_us + 4_000_000, lambda: stream.type_line("version --json"))
        clock.call_at_us(clock.now_us + 5_000_000, self._stop)
        with self.assertRaises(BoardReset):
            clock.run(self.bench.meter.console.run())
        output = stream.take_output()
        for said in ("'help' lists", "40123", "at most 2200", "not plain ASCII", '"board": "host"'):
            self.assertIn(said, output)
        self.assertEqual(rests, [True] * 4)

    def test_a_line_that_is_unplugged_is_waited_for(self):
        clock = self.bench.clock
        stream = Unplugged()
        console = self.bench.meter.console
        console._stream = stream
        clock.call_at_us(clock.now_us + 10_500_000, self._stop)
        with self.assertRaises(BoardReset):
            clock.run(console.run())
        self.assertEqual(stream.attempts, 11)

    def _stop(self):
        raise BoardReset("enough")


class Unplugged:
    """A stream whose other end is gone."""

    def __init__(self):
        self.attempts = 0

    async def read_line(self, _limit):
        self.attempts += 1
        raise OSError(5)

    def write(self, _text):
        """Drop the text: nobody hears it."""

    async def make_room(self):
        """Return at once: there is nothing to wait for."""


class TestTokens(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()

    def _token(self, sequence, amount):
        aes = self.bench.hardware.board.aes
        kind, body = token.make(token.CREDIT_MONEY, amount)
        keys = token_keys(aes, METER_KEY)
        return token.seal_token(aes, keys, 0, METER_NUMBER, sequence, kind, body).hex()

    def test_a_token_typed_in_credits_once_without_a_login(self):
        line = "token " + self._token(1, 12_340_000)
        self.assertEqual(self.bench.say(line), "accepted\nmoney 12.34 EUR, energy credit 0.000 kWh")
        self.assertIn("already used", self.bench.say(line))
        account = self.bench.meter.ledger.account
        self.assertEqual(account.credit_register(contract.MONEY).bought, 12_340_000)
        self.assertEqual(self.bench.event_codes(1), [(token.event_code(token.CREDIT_MONEY), carrier.CONSOLE)])

    def test_a_token_with_one_bit_changed_does_nothing(self):
        sealed = self._token(1, 5_000_000)
        last = "%x" % (int(sealed[-1], 16) ^ 1)
        self.assertIn("cannot be read", self.bench.say("token " + sealed[:-1] + last))
        self.assertEqual(self.bench.meter.ledger.account.money.bought, 0)


if __name__ == "__main__":
    unittest.main()
