"""The tariff: the binary form of the table, the schedule through the year, and the price by position in the month."""

import binascii
import struct
import unittest

from wattpurse.core.currency import Currency
from wattpurse.core.tariffs import table
from wattpurse.core.tariffs.calendar import Zone, days_from_civil
from wattpurse.core.tariffs.rules import NO_FURTHER_CHARGES, PER_CENT, PER_KWH
from wattpurse.core.tariffs.tariff import ALLOWANCE_BLOCK, TABLE_LIMIT, Tariff

SUNDAY = 6
KWH = 1000000
NIGHT, DAY, PEAK = 0, 1, 2
WINTER_WORKDAY = ((0, NIGHT), (360, DAY), (1020, PEAK), (1230, DAY), (1320, NIGHT))
SUMMER_WORKDAY = ((0, NIGHT), (360, DAY), (1320, NIGHT))
DAY_OF_REST = ((0, NIGHT), (540, DAY), (1260, NIGHT))


def berlin():
    return Zone(60, (3, 5, SUNDAY, 60), (10, 5, SUNDAY, 60), True)


def household_fields():
    fields = {
        "version": 7,
        "activation_s": 1767222000,
        "currency": "EUR",
        "decimals": 2,
        "customer_class": 1,
        "zone": berlin(),
        "standing_charge_microunits": 420000,
        "allowance_mwh": 10 * KWH,
        "rates": (
            ("NIGHT", (218500,), ()),
            ("DAY", (312500, 347500, 398000), (150 * KWH, 300 * KWH)),
            ("PEAK", (422500, 489000), (60 * KWH,)),
        ),
        "day_types": (WINTER_WORKDAY, SUMMER_WORKDAY, DAY_OF_REST),
        "seasons": ((4, 1, (1, 1, 1, 1, 1, 2, 2, 2)), (10, 1, (0, 0, 0, 0, 0, 2, 2, 2))),
        "holidays": ((1, 1, 0), (12, 25, 0), (4, 6, 2026)),
    }
    fields.update(NO_FURTHER_CHARGES)
    return fields


def flat_fields():
    fields = {
        "version": 1,
        "activation_s": 0,
        "currency": "NZD",
        "decimals": 2,
        "customer_class": 0,
        "zone": Zone(0),
        "standing_charge_microunits": 0,
        "allowance_mwh": 0,
        "rates": (("ALL", (250000,), ()),),
        "day_types": (((0, 0),),),
        "seasons": ((1, 1, (0,) * 8),),
        "holidays": (),
    }
    fields.update(NO_FURTHER_CHARGES)
    return fields


def fields_with(**changed):
    fields = household_fields()
    fields.update(changed)
    return fields


def largest_fields():
    """Return fields with every count at its limit, and every price and limit of the greatest length."""
    most_switches = tuple((index * 60, index % 8) for index in range(12))
    prices = tuple((1 << 40) - index for index in range(6))
    limits_mwh = tuple((1 << 47) + index for index in range(5))
    return fields_with(
        rates=tuple((f"RATE-{index}", prices, limits_mwh) for index in range(8)),
        day_types=(most_switches,) * 8,
        seasons=tuple((month, 1, (7,) * 8) for month in range(1, 9)),
        holidays=tuple((1 + index // 28, 1 + index % 28, 0) for index in range(64)),
    )


def reframed(data, body):
    """Return a table with another body under a correct length and checksum."""
    framed = data[:4] + struct.pack("<H", 10 + len(body)) + body
    return framed + struct.pack("<I", binascii.crc32(framed))


def local(year, month, day, hour=0, minute=0, second=0):
    """Return a UTC time from Berlin winter time."""
    return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - 3600


def summer(year, month, day, hour=0, minute=0, second=0):
    return local(year, month, day, hour, minute, second) - 3600


class Table(unittest.TestCase):
    def refusal(self, fields):
        with self.assertRaises(ValueError) as caught:
            table.encode(fields)
        return str(caught.exception)

    def test_the_fields_come_back(self):
        fields = household_fields()
        data = table.encode(fields)
        decoded = table.decode(data)
        for name in fields:
            if name != "zone":
                self.assertEqual(decoded[name], fields[name])
        zone = decoded["zone"]
        self.assertEqual((zone.offset_minutes, zone.start, zone.end), (60, (3, 5, 6, 60), (10, 5, 6, 60)))
        self.assertEqual((zone.in_utc, zone.shift_minutes), (True, 60))
        self.assertEqual(table.encode(decoded), data)

    def test_the_tariff_shows_the_content_of_the_table(self):
        data = table.encode(household_fields())
        tariff = Tariff(data)
        self.assertEqual(tariff.data, data)
        self.assertEqual((tariff.version, tariff.activation_s, tariff.customer_class), (7, 1767222000, 1))
        self.assertEqual(tariff.currency, Currency("EUR", 2))
        self.assertEqual((tariff.rate_count, tariff.rate_names), (3, ("NIGHT", "DAY", "PEAK")))
        self.assertEqual((tariff.standing_charge_microunits, tariff.allowance_mwh), (420000, 10 * KWH))

    def test_a_flat_table_byte_for_byte(self):
        body = b"\x01\x00\x00\x00\x00\x00\x00\x00NZD\x02\x00\x00\x00\x00"
        body += b"\x00\x00\x00\x00\x00\x00\x00\x01\x03ALL\x01\x90\xa1\x0f"
        body += b"\x01\x01\x00\x00\x01\x01\x01\x00\x00\x00\x00\x00"
        expected = b"WPT\x02" + struct.pack("<H", len(body) + 10) + body
        expected += struct.pack("<I", binascii.crc32(expected))
        self.assertEqual(table.encode(flat_fields()), expected)

    def test_zones_west_of_greenwich_and_on_wall_time(self):
        zone = Zone(-210, (3, 2, SUNDAY, 120), (11, 1, SUNDAY, 120), False, 30)
        decoded = table.decode(table.encode(fields_with(zone=zone)))["zone"]
        self.assertEqual((decoded.offset_minutes, decoded.start, decoded.end), (-210, zone.start, zone.end))
        self.assertEqual((decoded.in_utc, decoded.shift_minutes), (False, 30))

    def test_a_table_of_changes_comes_back(self):
        changes = (29_500_000, 120, 29_600_000, -60, 29_600_015, 840)
        decoded = table.decode(table.encode(fields_with(zone=Zone(60, changes=changes))))["zone"]
        self.assertEqual((decoded.offset_minutes, decoded.start, decoded.changes), (60, None, changes))

    def test_levies_fees_and_kinds_of_blocks_come_back(self):
        further = {
            "month_charge_microunits": 4_990_000,
            "minimum_microunits": 10_000_000,
            "demand_microunits_per_kw": 7_250_000,
            "levies": (("EXCISE", PER_KWH, 20_500), ("VAT", PER_CENT, 1_900)),
            "blocks_of_total": True,
            "blocks_by_day": True,
            "free_in_blocks": False,
        }
        decoded = table.decode(table.encode(fields_with(**further)))
        for name in further:
            self.assertEqual(decoded[name], further[name])

    def test_any_flipped_bit_is_refused(self):
        data = table.encode(household_fields())
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(ValueError):
                Tariff(bytes(flipped))

    def test_any_truncation_or_addition_is_refused(self):
        data = table.encode(household_fields())
        for length in range(len(data)):
            with self.assertRaises(ValueError):
                Tariff(data[:length])
        for added in (b"\x00", b"\xff", data):
            with self.assertRaises(ValueError):
                Tariff(data + added)

    def test_a_body_cut_short_or_too_long_is_refused_though_its_checksum_is_right(self):
        data = table.encode(household_fields())
        body = data[6:-4]
        self.assertEqual(reframed(data, body), data)
        for length in range(len(body)):
            with self.assertRaises(ValueError):
                Tariff(reframed(data, body[:length]))
        with self.assertRaises(ValueError):
            Tariff(reframed(data, body + b"\x00"))

    def test_a_body_that_breaks_a_rule_is_refused_though_its_checksum_is_right(self):
        data = table.encode(flat_fields())
        body = data[6:-4]
        start = body.index(b"NZD")
        for at, right, wrong, reason in (
            (0, b"NZD", b"nzd", "currency"),
            (3, b"\x02", b"\x07", "decimals"),
            (5, b"\x00\x00", b"\x49\x03", "zone offset"),
            (7, b"\x00", b"\x04", "daylight"),
            (15, b"\x01", b"\x09", "number of rates"),
            (17, b"ALL", b"A\x7fL", "ASCII"),
            (21, b"\x90\xa1\x0f", b"\x81\x80\x80\x80\x80\x20", "price of ALL"),
            (26, b"\x00\x00", b"\x01\x00", "rate in a day type"),
            (26, b"\x00\x00", b"\x08\x00", "begin at minute 0"),
            (29, b"\x01", b"\x0d", "month of a date"),
            (30, b"\x01", b"\x20", "day of a date"),
            (31, b"\x00", b"\x10", "day type in a season"),
        ):
            at += start
            self.assertEqual(body[at : at + len(right)], right)
            with self.subTest(reason=reason), self.assertRaises(ValueError) as caught:
                Tariff(reframed(data, body[:at] + wrong + body[at + len(right) :]))
            self.assertIn(reason, str(caught.exception))

    def test_an_unknown_format_is_named(self):
        data = table.encode(flat_fields())
        later = data[:3] + b"\x03" + data[4:-4]
        with self.assertRaises(ValueError) as caught:
            Tariff(later + struct.pack("<I", binascii.crc32(later)))
        self.assertIn("format 3", str(caught.exception))

    def test_a_number_written_longer_than_it_needs_is_refused(self):
        data = table.encode(flat_fields())
        body = data[6:-4]
        standing_charge = 8 + 3 + 2 + 3
        self.assertEqual(body[standing_charge], 0)
        for longer in (b"\x80\x00", b"\x80\x80\x80\x80\x80\x80\x80\x00"):
            with self.assertRaises(ValueError):
                Tariff(reframed(data, body[:standing_charge] + longer + body[standing_charge + 1 :]))

    def test_a_table_over_the_limit_gives_the_size_of_its_parts(self):
        reason = self.refusal(largest_fields())
        for part in ("864", "header", "rates", "day types 201", "seasons 49", "holidays 129"):
            self.assertIn(part, reason)

    def test_a_table_at_the_limit_is_taken(self):
        fields = largest_fields()
        limits_mwh = tuple(100 * KWH * (index + 1) for index in range(5))
        prices = (1 << 20,) * 6
        fields["rates"] = tuple((name, prices, limits_mwh) for name, _, _ in fields["rates"])
        data = table.encode(fields)
        self.assertTrue(len(data) <= TABLE_LIMIT)
        self.assertEqual(Tariff(data).rate_names[7], "RATE-7")

    def test_a_broken_rule_is_refused_with_the_reason(self):
        one_rate = (("ALL", (1,), ()),)
        wrong = (
            ({"version": 1 << 32}, "version"),
            ({"activation_s": -1}, "activation"),
            ({"currency": "EU"}, "currency"),
            ({"currency": "eur"}, "currency"),
            ({"decimals": 7}, "decimals"),
            ({"customer_class": 256}, "customer class"),
            ({"standing_charge_microunits": (1 << 40) + 1}, "standing charge"),
            ({"allowance_mwh": 1 << 48}, "allowance"),
            ({"month_charge_microunits": (1 << 40) + 1}, "charge per month"),
            ({"minimum_microunits": -1}, "minimum charge"),
            ({"demand_microunits_per_kw": (1 << 40) + 1}, "maximum demand"),
            ({"levies": (("VAT", PER_CENT, 1),) * 2}, "same name"),
            ({"levies": (("VAT", PER_CENT, 10_001),)}, "value of levy VAT"),
            ({"levies": (("VAT", PER_CENT, 0),)}, "value of levy VAT"),
            ({"levies": (("VAT", 2, 1),)}, "kind of levy VAT"),
            ({"levies": (("EIGHTLNG", PER_KWH, 1),)}, "length of a levy's name"),
            ({"levies": tuple((f"L{number}", PER_KWH, 1) for number in range(5))}, "number of levies"),
            ({"rates": ()}, "number of rates"),
            ({"rates": one_rate}, "rate in a day type"),
            ({"rates": household_fields()["rates"] + (("DAY", (1,), ()),)}, "same name"),
            ({"rates": (("", (1,), ()),)}, "name"),
            ({"rates": (("SEVENTH", (1,), ()),)}, "name"),
            ({"rates": (("\u20ac", (1,), ()),)}, "ASCII"),
            ({"rates": (("ALL", (), ()),)}, "number of prices of ALL"),
            ({"rates": (("ALL", (1,) * 7, (1, 2, 3, 4, 5, 6)),)}, "number of prices of ALL"),
            ({"rates": (("ALL", (1, 2), ()),)}, "one block limit fewer"),
            ({"rates": (("ALL", ((1 << 40) + 1,), ()),)}, "price of ALL"),
            ({"rates": (("ALL", (-1,), ()),)}, "price of ALL"),
            ({"rates": (("ALL", (1, 2), (0,)),)}, "block limit of ALL"),
            ({"rates": (("ALL", (1, 2, 3), (5, 5)),)}, "ascend"),
            ({"day_types": ()}, "number of day types"),
            ({"day_types": ((),) * 3}, "number of switches"),
            ({"day_types": (((1, 0),),) * 3}, "begin at minute 0"),
            ({"day_types": (((0, 0), (1440, 1)),) * 3}, "switch minute"),
            ({"day_types": (((0, 0), (60, 1), (60, 2)),) * 3}, "ascend"),
            ({"day_types": (((0, 3),),) * 3}, "rate in a day type"),
            ({"seasons": ()}, "number of seasons"),
            ({"seasons": ((2, 30, (0,) * 8),)}, "day of a date"),
            ({"seasons": ((13, 1, (0,) * 8),)}, "month of a date"),
            ({"seasons": ((1, 1, (3,) * 8),)}, "day type in a season"),
            ({"seasons": ((1, 1, (0,) * 7),)}, "number of days"),
            ({"seasons": ((4, 1, (0,) * 8), (1, 1, (0,) * 8))}, "ascend"),
            ({"holidays": ((2, 29, 2026),)}, "day of a date"),
            ({"holidays": ((12, 25, 2000),)}, "year of a holiday"),
            ({"holidays": ((12, 25, 0), (12, 25, 0))}, "ascend"),
            ({"holidays": ((1, 1, 0),) * 65}, "number of holidays"),
        )
        for changed, reason in wrong:
            with self.subTest(**changed):
                self.assertIn(reason, self.refusal(fields_with(**changed)))


class Schedule(unittest.TestCase):
    def setUp(self):
        self.tariff = Tariff(table.encode(household_fields()))

    def test_a_workday_in_winter(self):
        day = (2026, 1, 14)
        for hour, minute, rate in (
            (0, 0, NIGHT),
            (5, 59, NIGHT),
            (6, 0, DAY),
            (16, 59, DAY),
            (17, 0, PEAK),
            (20, 29, PEAK),
            (20, 30, DAY),
            (22, 0, NIGHT),
            (23, 59, NIGHT),
        ):
            self.assertEqual(self.tariff.rate_at(local(*day, hour, minute)), rate)

    def test_a_switch_is_exact_to_the_second(self):
        self.assertEqual(self.tariff.rate_at(local(2026, 1, 14, 16, 59, 59)), DAY)
        self.assertEqual(self.tariff.rate_at(local(2026, 1, 14, 17, 0, 0)), PEAK)

    def test_seasons_begin_on_their_day_and_run_over_new_year(self):
        self.assertEqual(self.tariff.rate_at(local(2026, 3, 31, 18) - 3600), PEAK)
        self.assertEqual(self.tariff.rate_at(summer(2026, 4, 1, 18)), DAY)
        self.assertEqual(self.tariff.rate_at(summer(2026, 9, 30, 18)), DAY)
        self.assertEqual(self.tariff.rate_at(summer(2026, 10, 1, 18)), PEAK)
        self.assertEqual(self.tariff.rate_at(local(2026, 12, 31, 18)), PEAK)
        self.assertEqual(self.tariff.rate_at(local(2027, 1, 4, 18)), PEAK)

    def test_weekends_and_holidays_are_days_of_rest(self):
        self.assertEqual(self.tariff.rate_at(local(2026, 1, 17, 8)), NIGHT)
        self.assertEqual(self.tariff.rate_at(local(2026, 1, 18, 18)), DAY)
        self.assertEqual(self.tariff.rate_at(local(2025, 12, 25, 18)), DAY)
        self.assertEqual(self.tariff.rate_at(local(2026, 12, 25, 18)), DAY)
        self.assertEqual(self.tariff.rate_at(local(2026, 12, 24, 18)), PEAK)

    def test_a_holiday_of_one_year_is_a_workday_in_others(self):
        self.assertEqual(self.tariff.rate_at(summer(2026, 4, 6, 8)), NIGHT)
        self.assertEqual(self.tariff.rate_at(summer(2027, 4, 6, 8)), DAY)

    def test_a_season_may_begin_on_a_leap_day(self):
        seasons = ((2, 29, (1,) * 8), (10, 1, (0,) * 8))
        tariff = Tariff(table.encode(fields_with(seasons=seasons)))
        self.assertEqual(tariff.rate_at(local(2028, 2, 28, 18)), PEAK)
        self.assertEqual(tariff.rate_at(local(2028, 2, 29, 18)), DAY)
        self.assertEqual(tariff.rate_at(local(2026, 2, 28, 18)), PEAK)
        self.assertEqual(tariff.rate_at(local(2026, 3, 1, 18)), DAY)

    def test_the_changes_of_a_day_and_its_end(self):
        at_s = local(2026, 1, 14)
        changes = []
        for _ in range(6):
            at_s = self.tariff.next_change_s(at_s)
            changes.append(at_s - local(2026, 1, 14))
        self.assertEqual(changes, [21600, 61200, 73800, 79200, 86400, 86400 + 21600])

    def test_a_change_is_strictly_later(self):
        switch_s = local(2026, 1, 14, 17)
        self.assertEqual(self.tariff.next_change_s(switch_s - 1), switch_s)
        self.assertEqual(self.tariff.next_change_s(switch_s), local(2026, 1, 14, 20, 30))
        self.assertEqual(self.tariff.next_change_s(switch_s + 1), local(2026, 1, 14, 20, 30))

    def test_a_switch_in_the_skipped_hour_comes_right_after_it(self):
        day_types = (((0, NIGHT), (150, DAY)),)
        tariff = Tariff(table.encode(fields_with(day_types=day_types, seasons=((1, 1, (0,) * 8),))))
        gap_s = summer(2026, 3, 29, 3)
        self.assertEqual(tariff.rate_at(gap_s - 1), NIGHT)
        self.assertEqual(tariff.rate_at(gap_s), DAY)
        self.assertEqual(tariff.next_change_s(local(2026, 3, 29, 0, 30)), gap_s)
        self.assertEqual(tariff.next_change_s(gap_s), summer(2026, 3, 30))

    def test_in_the_doubled_hour_the_rate_follows_the_wall(self):
        day_types = (((0, NIGHT), (150, DAY)),)
        tariff = Tariff(table.encode(fields_with(day_types=day_types, seasons=((1, 1, (0,) * 8),))))
        doubled_s = summer(2026, 10, 25, 2)
        rates = [tariff.rate_at(doubled_s + minutes * 60) for minutes in (29, 30, 59, 60, 89, 90)]
        self.assertEqual(rates, [NIGHT, DAY, DAY, NIGHT, NIGHT, DAY])
        changes = []
        at_s = doubled_s
        for _ in range(4):
            at_s = tariff.next_change_s(at_s)
            changes.append((at_s - doubled_s) // 60)
        self.assertEqual(changes, [30, 60, 90, 23 * 60])

    def test_a_flat_tariff_changes_only_with_the_day(self):
        tariff = Tariff(table.encode(flat_fields()))
        self.assertEqual(tariff.rate_at(0), 0)
        self.assertEqual(tariff.next_change_s(0), 86400)
        self.assertEqual(tariff.next_change_s(86399), 86400)


class Price(unittest.TestCase):
    def setUp(self):
        self.tariff = Tariff(table.encode(household_fields()))

    def test_the_allowance_pays_for_the_first_energy_of_any_rate(self):
        for rate in (NIGHT, DAY, PEAK):
            self.assertEqual(self.tariff.price(rate, 0, 0), (ALLOWANCE_BLOCK, 0, 10 * KWH))
        self.assertEqual(self.tariff.price(DAY, 2 * KWH, 9 * KWH), (ALLOWANCE_BLOCK, 0, 1 * KWH))
        self.assertEqual(self.tariff.price(DAY, 0, 10 * KWH - 1), (ALLOWANCE_BLOCK, 0, 1))

    def test_allowance_energy_counts_in_the_rates_block(self):
        self.assertEqual(self.tariff.price(DAY, 10 * KWH, 10 * KWH), (0, 312500, 140 * KWH))

    def test_blocks_end_where_the_rates_month_reaches_their_limit(self):
        self.assertEqual(self.tariff.price(DAY, 150 * KWH - 1, 500 * KWH), (0, 312500, 1))
        self.assertEqual(self.tariff.price(DAY, 150 * KWH, 500 * KWH), (1, 347500, 150 * KWH))
        self.assertEqual(self.tariff.price(DAY, 300 * KWH, 500 * KWH), (2, 398000, None))
        self.assertEqual(self.tariff.price(PEAK, 300 * KWH, 500 * KWH), (1, 489000, None))

    def test_a_single_block_has_no_end(self):
        self.assertEqual(self.tariff.price(NIGHT, 0, 10 * KWH), (0, 218500, None))
        self.assertEqual(self.tariff.price(NIGHT, 1 << 60, 1 << 60), (0, 218500, None))


if __name__ == "__main__":
    unittest.main()
