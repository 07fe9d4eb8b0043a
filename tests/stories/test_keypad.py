"""A customer at the keypad: a number from a receipt, typed with mistakes, in the middle of a power cut, and guessed."""

from boards.host.chips.aes import aes
from boards.host.chips.flash import SECTOR_ERASE_US
from boards.host.chips.keypad import PRESS_EVERY_MS
from tests.stories.story import ContractStory
from tests.stories.whole_meter import METER, METER_KEY
from wattpurse.core.messages import short_token, token
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.drivers.keypad import ADDRESS

EURO = 1_000_000
TWO_ERASES_US = 2 * SECTOR_ERASE_US + 20_000  # and the records behind them
OPENED = "short_token_limit_microunits"


def digits_of(count, amount=5 * EURO):
    pair = keys.short_token_keys(aes, keys.issuer_key(aes, METER_KEY, 0))
    return short_token.seal_digits(aes, pair, METER, count, token.CREDIT_MONEY, amount, 0)


def guess(number):
    digits = f"{number * 7_919 + 1:019d}"
    return digits + short_token.check_digit(digits)


class KeypadStory(ContractStory):
    """The technician has switched the keypad on, and lets tokens of up to 20 euros be typed."""

    load_w = 0

    def setUp(self):
        super().setUp()
        answer = self.technician(f"terms set {OPENED} {20 * EURO}", "keypad on")
        self.assertIn("next start", answer)
        self.world.reset_board()
        self.assertTrue(self.world.run_until(lambda: self.world.account is not None, 10))
        self.world.run_for(3)

    def press_keys(self, keys_pressed):
        """Press keys one after the other, quickly."""
        for key in keys_pressed:
            self.world.hardware.keys.press(key, 90)
            self.world.run_for(1 if key == "#" else 0.15)

    def codes(self):
        return [event.code for event in self.world.meter.events.recent(30)]


class TestACustomer(KeypadStory):
    def test_types_the_number_of_a_receipt_and_has_light(self):
        self.assertFalse(self.is_lit())
        self.press_keys(digits_of(1) + "#")
        self.assertTrue(self.is_shown("C  5.00"))
        self.assertEqual(self.account.money.bought, 5 * EURO)
        self.world.run_for(5)
        self.assertTrue(self.is_lit())

    def test_sees_each_group_and_its_place(self):
        self.press_keys("123")
        self.assertTrue(self.is_shown("1-123_", 1))
        self.press_keys("45")
        self.assertTrue(self.is_shown("2-5___", 1))
        self.press_keys("**")
        self.assertTrue(self.is_shown("1-123_", 1))
        self.press_keys("***")
        self.assertTrue(self.is_shown("C  0.00"))

    def test_corrects_a_mistake_that_the_meter_has_found(self):
        digits = digits_of(1)
        wrong = digits[:18] + str((int(digits[18]) + 1) % 10) + digits[19]
        self.press_keys(wrong + "#")
        self.assertTrue(self.is_shown("E 44", 1))
        self.assertTrue(self.is_shown("5-" + wrong[16:]))
        self.press_keys("**" + digits[18:] + "#")
        self.assertTrue(self.is_shown("C  5.00"))
        self.assertEqual(self.account.money.bought, 5 * EURO)
        self.assertNotIn(events.DIGITS_REFUSED, self.codes())

    def test_goes_away_and_the_next_customer_begins_anew(self):
        self.press_keys("123")
        self.world.run_for(61)
        self.assertTrue(self.is_shown("C  0.00"))
        self.press_keys(digits_of(1) + "#")
        self.assertEqual(self.account.money.bought, 5 * EURO)

    def test_types_more_than_twenty_digits(self):
        self.press_keys(digits_of(1) + "7#")
        self.assertEqual(self.account.money.bought, 5 * EURO)

    def test_types_the_same_number_twice_and_then_brings_it_on_a_card(self):
        self.press_keys(digits_of(1) + "#" + digits_of(1) + "#")
        self.assertTrue(self.is_shown("E 21", 1))
        self.sequence = 0
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 5 * EURO)))
        self.assertEqual(self.account.money.bought, 5 * EURO)

    def test_has_no_light_by_a_number_above_the_term(self):
        self.press_keys(digits_of(1, 21 * EURO) + "#")
        self.assertTrue(self.is_shown("E 46", 1))
        self.assertEqual(self.account.money.bought, 0)

    def test_a_power_cut_in_the_entry_loses_the_entry_alone(self):
        self.press_keys(digits_of(1)[:12])
        self.outage(30)
        self.press_keys(digits_of(1) + "#")
        self.assertTrue(self.is_shown("C  5.00"))
        self.assertEqual(self.account.money.bought, 5 * EURO)

    def test_a_power_cut_while_the_token_is_redeemed_credits_it_once(self):
        for count in range(1, 5):
            self.press_keys(digits_of(count))
            self.world.hardware.keys.press("#", 90)
            self.world.cut_mains(self.world.clock.now_us + 41_000 + 3_000 * count)
            self.world.run_for(1)
            self.world.restore_mains()
            self.assertTrue(self.world.run_until(lambda: self.world.account is not None, 10))
            self.world.run_for(4)
            self.press_keys(digits_of(count) + "#")
            self.world.run_for(1)
            self.assertEqual(self.account.money.bought, 5 * EURO * count)

    def test_types_while_the_meter_erases_two_sectors_at_once(self):
        clock = self.world.clock
        self.world.run_for(2)  # the first records of the start erase as well
        for phase_ms in range(0, PRESS_EVERY_MS, 10):
            clock.call_at_us(clock.now_us + phase_ms * 1_000, lambda: clock.advance_us(TWO_ERASES_US))
            for key in "7755":
                self.world.hardware.keys.press(key)
                self.world.run_for(PRESS_EVERY_MS / 1000)
            self.assertTrue(self.is_shown("1-7755", 1), phase_ms)
            self.press_keys("****")


class TestAThief(KeypadStory):
    def test_guesses_and_waits_longer_after_each_also_over_a_restart(self):
        for attempt in range(5):
            self.press_keys(guess(attempt) + "#")
            self.assertTrue(self.is_shown("E 23", 1), attempt)
            self.world.run_for(1 << attempt)
        self.press_keys(guess(9) + "#")
        self.outage(2)
        self.press_keys(digits_of(1) + "#")
        self.assertEqual(self.account.money.bought, 0)
        self.assertEqual(self.codes().count(events.DIGITS_REFUSED), 1)
        self.world.run_for(32)
        self.press_keys("#")
        self.assertTrue(self.is_shown("C  5.00"))

    def test_does_not_keep_a_customer_with_a_card_from_light(self):
        for attempt in range(4):
            self.press_keys(guess(attempt) + "#")
            self.world.run_for(1 << attempt)
        self.sequence = 6
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 5 * EURO)))
        self.assertEqual(self.account.money.bought, 5 * EURO)


class TestTheKeypad(KeypadStory):
    def test_that_is_torn_off_is_noted_once_and_comes_back(self):
        bus = self.world.hardware.i2c
        chip = self.world.hardware.expander
        bus.detach(ADDRESS)
        self.world.run_for(20)
        self.assertEqual(self.codes().count(events.KEYPAD_LOST), 1)
        bus.attach(ADDRESS, chip)
        self.world.run_for(3)
        self.assertEqual(self.codes().count(events.KEYPAD_BACK), 1)
        self.press_keys(digits_of(1) + "#")
        self.assertEqual(self.account.money.bought, 5 * EURO)
        self.assertIn("keypad", self.type("topups"))

    def test_that_is_missing_cannot_be_switched_on(self):
        self.world.hardware.i2c.detach(ADDRESS)
        self.type("login 135790")
        answer = "\n".join(self.world.type_line("keypad on"))
        self.assertIn("does not answer", answer)
        self.assertIn("on|off", "\n".join(self.world.type_line("keypad maybe")))

    def test_that_is_switched_off_is_not_read(self):
        self.technician("keypad off")
        self.world.reset_board()
        self.world.run_for(5)
        self.press_keys(digits_of(1) + "#")
        self.assertEqual(self.account.money.bought, 0)
