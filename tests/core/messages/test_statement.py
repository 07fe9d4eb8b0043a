"""The statement: its content is read back as it was composed, for every room on a card."""

import struct
import unittest

from boards.host.chips.aes import aes
from tests.samples import KWH, NEW_YEAR_S, day_and_night_tariff, flat_tariff, new_account
from wattpurse.core.messages import statement
from wattpurse.core.messages.statement_sections import size_of, totals_of
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import standing, supply
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.core.tariffs.calendar import month_index
from wattpurse.core.tariffs.tariff import Tariff

METER = 1002
UID = b"\x04\x55\x66\x77\x88\x99\xaa"
PAIR = keys.statement_keys(aes, keys.statement_key(aes, b"the meter's key!"), UID)
PLENTY = 4000
HEAD_ONLY = statement.HEAD_SIZE


def busy_account(months=14, contract=contracts.PrepaidMoney):
    """Return an account with two rates that is some months old, the first of which are forgotten already."""
    account = new_account(day_and_night_tariff(), contract)
    account.money.bought = 500_000_000
    account.energy.bought = 700 * KWH
    account.mark_token(3)
    account.mark_token(5)
    for month in range(months):
        account.registers.enter_month(account.registers.month.index + 1)
        account.rate = month % 2
        account.consume((100 + month) * KWH + 999)
    account.registers.add_charge(-1_500_000)
    return account


def eight_rates():
    return flat_tariff(rates=tuple((f"RATE {number}", (1,), ()) for number in range(8)))


def composed(account, capacity, alarms=0):
    payload = statement.compose(account, alarms, NEW_YEAR_S, capacity)
    return payload, statement.parse(payload)


class TestMonthCodes(unittest.TestCase):
    def setUp(self):
        self.codes = statement.MonthCodes()

    def assert_kept_codes_are_right(self, account):
        for capacity in (HEAD_ONLY, 96, 144, 192, PLENTY):
            kept = statement.compose(account, 0, NEW_YEAR_S, capacity, month_codes=self.codes)
            self.assertEqual(kept, statement.compose(account, 0, NEW_YEAR_S, capacity))

    def test_a_month_that_closes_moves_the_others(self):
        account = busy_account(3)
        for _ in range(14):
            account.consume(5 * KWH)
            self.assert_kept_codes_are_right(account)
            account.registers.enter_month(account.registers.month.index + 1)
            self.assert_kept_codes_are_right(account)

    def test_a_tariff_that_puts_the_rates_into_another_order_codes_them_anew(self):
        account = busy_account()
        self.assert_kept_codes_are_right(account)
        names = account.tariff.rate_names
        turned = flat_tariff(rates=tuple((name, (1,), ()) for name in reversed(names)))
        account.pending_tariff = Tariff(turned)
        account.activate_pending()
        self.assert_kept_codes_are_right(account)

    def test_another_account_has_codes_of_its_own(self):
        self.assert_kept_codes_are_right(busy_account())
        self.assert_kept_codes_are_right(busy_account(5))


class TestHead(unittest.TestCase):
    def test_tells_the_essentials_in_32_bytes(self):
        account = busy_account()
        alarms = statement.ALARM_CLOCK | statement.ALARM_READER
        payload, parsed = composed(account, HEAD_ONLY, alarms)
        self.assertEqual(len(payload), 32)
        self.assertEqual(parsed["time_s"], NEW_YEAR_S)
        self.assertEqual(parsed["balance"], account.money.balance)
        self.assertEqual(parsed["total_mwh"], account.registers.total_mwh)
        self.assertEqual((parsed["windows"][0][0], parsed["windows"][0][1]), (5, 0b101))
        self.assertEqual(parsed["contract"], contracts.PrepaidMoney.code)
        self.assertEqual(parsed["unit"], "money")
        self.assertEqual(parsed["alarms"], ["clock", "reader"])
        self.assertFalse("months" in parsed)

    def test_balance_is_that_of_the_contracts_unit(self):
        account = busy_account(contract=contracts.PrepaidEnergy)
        _, parsed = composed(account, HEAD_ONLY)
        self.assertEqual(parsed["balance"], account.energy.balance)
        self.assertEqual(parsed["unit"], "energy")

    def test_a_balance_below_zero_and_a_register_beyond_32_bits(self):
        account = new_account()
        account.registers.add_energy(0, (1 << 48) - 1)
        account.money.charged = 1 << 40
        account.tokens.start_after(70)
        _, parsed = composed(account, HEAD_ONLY)
        self.assertEqual(parsed["balance"], -(1 << 40))
        self.assertEqual(parsed["total_mwh"], (1 << 48) - 1)
        self.assertEqual(parsed["windows"][0][1], (1 << 64) - 1)


class TestFurther(unittest.TestCase):
    def test_everything_where_there_is_room(self):
        account = busy_account()
        payload, parsed = composed(account, PLENTY)
        self.assertEqual(parsed["other_balance"], account.energy.balance)
        self.assertEqual((parsed["bought"], parsed["charged"]), (account.money.bought, account.money.charged))
        self.assertEqual(parsed["tariff_version"], account.tariff.version)
        self.assertEqual(parsed["rate_mwh"], account.registers.rate_mwh[:2])
        expected = [account.registers.month] + account.registers.closed_months
        self.assertEqual(len(expected), 13)
        self.assertEqual([month["index"] for month in parsed["months"]], [month.index for month in expected])
        self.assertEqual(parsed["months"][0]["index"], month_index(account.day) + 14)
        for month, original in zip(parsed["months"], expected):
            self.assertEqual(month["charge_microunits"], original.charge_microunits)
            self.assertEqual(month["rate_wh"], [mwh // 1000 for mwh in original.rate_mwh[:2]])
            self.assertEqual(month["total_wh"], sum(month["rate_wh"]))

    def test_a_smaller_card_keeps_months_before_details(self):
        account = busy_account()
        whole = len(composed(account, PLENTY)[0])
        details = []
        for capacity in range(whole, HEAD_ONLY - 1, -1):
            payload, parsed = composed(account, capacity)
            self.assertLessEqual(len(payload), capacity)
            months = parsed.get("months")
            count = -1 if months is None else len(months)
            first = months[0] if months else {}
            details.append((count, "rate_wh" in first, "charge_microunits" in first))
        self.assertEqual(details[0], (13, True, True))
        self.assertIn((13, False, True), details)
        self.assertIn((13, False, False), details)
        self.assertEqual(details[-1], (-1, False, False))
        counts = [count for count, _, _ in details]
        self.assertEqual(counts, sorted(counts, reverse=True))

    def test_twelve_closed_months_fit_the_largest_statements(self):
        account = busy_account()
        self.assertEqual(len(composed(account, 192)[1]["months"]), 13)
        self.assertEqual(len(composed(account, 224)[1]["months"]), 13)

    def test_a_new_meter_has_one_month(self):
        _, parsed = composed(new_account(), PLENTY)
        self.assertEqual([month["total_wh"] for month in parsed["months"]], [0])

    def test_closed_months_may_stay_unread(self):
        for months in (0, 1, 5, 14):
            for capacity in (HEAD_ONLY, 64, 96, 128, 144, 192, PLENTY):
                payload, whole = composed(busy_account(months), capacity)
                found = statement.parse(payload, False)
                code = found.pop("closed_months_code", None)
                told = whole.get("months", [])
                self.assertEqual(code is None, len(told) < 2)
                if code is not None:
                    self.assertTrue(code in payload)
                    self.assertEqual(found["months"][0], told[0])
                    self.assertEqual([one["index"] for one in found["months"]], [one["index"] for one in told])
                    found["months"] = told
                self.assertEqual(found, whole)

    def test_unread_months_that_end_early_are_refused(self):
        payload, _ = composed(busy_account(), PLENTY)
        code = statement.parse(payload, False)["closed_months_code"]
        end = payload.index(code) + len(code)
        self.assertRaises(SealBroken, statement.parse, payload[: end - 1], False)

    def test_padding_behind_the_payload_does_no_harm(self):
        payload, parsed = composed(busy_account(), PLENTY)
        self.assertEqual(statement.parse(payload + bytes(15)), parsed)

    def test_payloads_that_end_early_are_refused(self):
        account = busy_account()
        payload, _ = composed(account, PLENTY)
        end_of_months = len(payload) - size_of(totals_of(account))
        for length in list(range(end_of_months)) + list(range(end_of_months + 1, len(payload))):
            self.assertRaises(SealBroken, statement.parse, payload[:length])

    def test_a_number_that_does_not_end_is_refused(self):
        payload, _ = composed(busy_account(), PLENTY)
        self.assertRaises(SealBroken, statement.parse, payload[:HEAD_ONLY] + b"\xff" * 20)

    def test_an_unknown_contract_is_refused(self):
        payload = bytearray(composed(new_account(), HEAD_ONLY)[0])
        payload[30] = 0x0F
        self.assertRaises(ValueError, statement.parse, bytes(payload))


class TestReceiptAndStanding(unittest.TestCase):
    RECEIPT = {
        "sequence": 70_000,
        "money": -12_340_000,
        "energy": 5 * KWH,
        "debt": 7_000_000,
        "term_s": 0,
        "tenant": 16,
        "card": 0xDEADBEEF,
    }

    def account(self):
        account = busy_account()
        account.standing.set("receipt_sequence", 70_000)
        account.standing.set("receipt_microunits", -12_340_000)
        account.standing.set("receipt_mwh", 5 * KWH)
        account.standing.set("receipt_debt_microunits", 7_000_000)
        account.standing.set("receipt_tenant", 16)
        account.standing.set("receipt_card", 0xDEADBEEF)
        account.standing.set("tenant", 17)
        account.standing.set("term_until_s", NEW_YEAR_S + 86_400)
        return account

    def test_the_receipt_and_the_standing(self):
        _, parsed = composed(self.account(), PLENTY)
        self.assertEqual(parsed["receipt"], self.RECEIPT)
        self.assertEqual(parsed["standing"], {"term_until_s": NEW_YEAR_S + 86_400, "tenant": 17})

    def test_a_meter_that_never_gave_anything_back_tells_no_receipt(self):
        _, parsed = composed(busy_account(), PLENTY)
        self.assertFalse("receipt" in parsed or "standing" in parsed)

    def test_the_receipt_comes_before_months(self):
        account = self.account()
        receipts = []
        for capacity in range(HEAD_ONLY, 400):
            payload, parsed = composed(account, capacity)
            self.assertLessEqual(len(payload), capacity)
            receipts.append(parsed.get("receipt"))
        first = receipts.index(self.RECEIPT)
        self.assertEqual(receipts, [None] * first + [self.RECEIPT] * (len(receipts) - first))
        self.assertLess(first, 80)

    def test_a_receipt_always_finds_room_on_an_ntag215(self):
        account = new_account(eight_rates())
        account.registers.rate_mwh = [1 << 44] * 8
        account.money.bought = account.energy.bought = 1 << 60
        for name in ("receipt_microunits", "receipt_mwh", "receipt_debt_microunits"):
            account.standing.set(name, 10**15)
        for name in ("receipt_sequence", "receipt_term_s", "receipt_card"):
            account.standing.set(name, (1 << 32) - 1)
        account.standing.set("receipt_tenant", (1 << 24) - 1)
        account.mark_token((1 << 28) - 1)
        payload, parsed = composed(account, 112)
        self.assertLessEqual(len(payload), 112)
        self.assertEqual(set(parsed["receipt"].values()), {10**15, (1 << 32) - 1, (1 << 24) - 1})
        self.assertEqual(parsed["bought"], 1 << 60)
        self.assertFalse("months" in parsed)

    def test_where_the_meter_stands_comes_before_months_and_why_supply_is_off_too(self):
        account = self.account()
        for capacity in (112, 192):
            payload = statement.compose(account, 0, NEW_YEAR_S, capacity, (), supply.EXPIRED)
            parsed = statement.parse(payload)
            self.assertLessEqual(len(payload), capacity)
            self.assertEqual(parsed["standing"], {"term_until_s": NEW_YEAR_S + 86_400, "tenant": 17})
            self.assertEqual(parsed["supply_reason"], supply.EXPIRED)
            self.assertTrue(len(parsed["months"]) >= 1)

    def test_an_unknown_reason_is_left_out(self):
        self.assertFalse("supply_reason" in composed(self.account(), PLENTY)[1])

    def test_numbers_of_a_newer_meter_are_left_out(self):
        payload, _ = composed(busy_account(), PLENTY)
        parsed = statement.parse(payload + bytes((5, 4, 200, 2, standing.names().index("tenant"), 34)))
        self.assertEqual(parsed["standing"], {"tenant": 17})


class TestSealed(unittest.TestCase):
    def seal(self, capacity=PLENTY, number=7):
        payload = statement.compose(busy_account(), 0, NEW_YEAR_S, capacity)
        return statement.seal_statement(aes, PAIR, number, METER, payload)

    def test_opens_with_number_and_meter(self):
        for capacity, size in ((32, 48), (112, 128), (192, 208)):
            sealed = self.seal(capacity)
            self.assertLessEqual(len(sealed), size)
            self.assertEqual(statement.read_header(sealed), (7, METER, len(sealed)))
            parsed = statement.open_statement(aes, PAIR, sealed)
            self.assertEqual((parsed["number"], parsed["meter_number"]), (7, METER))
            self.assertTrue(statement.is_authentic(aes, PAIR, bytearray(sealed + b"\xa5")))
            self.assertEqual(parsed["balance"], busy_account().money.balance)

    def test_bytes_after_it_on_a_card_do_not_matter(self):
        sealed = self.seal()
        self.assertEqual(
            statement.open_statement(aes, PAIR, bytearray(sealed + b"\xa5" * 30)),
            statement.open_statement(aes, PAIR, sealed),
        )

    def test_the_number_wraps(self):
        self.assertEqual(statement.read_header(self.seal(number=0x10000 + 3))[0], 3)

    def test_any_flipped_bit_is_refused(self):
        sealed = self.seal(HEAD_ONLY)
        for bit in range(len(sealed) * 8):
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            self.assertRaises(SealBroken, statement.open_statement, aes, PAIR, bytes(changed))
            self.assertFalse(statement.is_authentic(aes, PAIR, bytes(changed)))

    def test_a_statement_cut_short_is_refused(self):
        sealed = self.seal(HEAD_ONLY)
        for length in range(len(sealed)):
            self.assertRaises(SealBroken, statement.open_statement, aes, PAIR, sealed[:length])
            self.assertFalse(statement.is_authentic(aes, PAIR, sealed[:length]))

    def test_it_is_for_one_card(self):
        other = keys.statement_keys(aes, keys.statement_key(aes, b"the meter's key!"), UID[:6] + b"\xab")
        self.assertRaises(SealBroken, statement.open_statement, aes, other, self.seal())

    def test_bytes_that_are_no_header_are_recognised(self):
        self.assertIsNone(statement.read_header(bytes(48)))
        self.assertIsNone(statement.read_header(b"\xff" * 48))
        self.assertIsNone(statement.read_header(self.seal()[:7]))
        self.assertIsNone(statement.read_header(struct.pack("<BBHI", statement.MARK, 1, 7, METER)))


if __name__ == "__main__":
    unittest.main()
