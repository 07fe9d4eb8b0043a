"""The energy of each leg as numbers of the settings and as a section of the statement."""

import unittest

from wattpurse.core import leg_energy
from wattpurse.core.messages import statement_sections
from wattpurse.core.messages.reader import Reader


class Settings:
    def __init__(self, **values):
        self.values = values

    def get(self, name, default):
        return self.values.get(name, default)


def parsed(settings):
    out, statement = bytearray(), {}
    statement_sections.put_sections(out, [(statement_sections.LEGS, statement_sections._legs(settings))], 100)
    statement_sections.parse_sections(Reader(bytes(out), 0), statement)
    return statement


class TestNumbers(unittest.TestCase):
    def test_two_gigawatt_hours_a_leg_fit_into_a_number_of_the_settings(self):
        for pair in ((0, 0), (1, 0), (0, 1), (2_147_483_647, 2_147_483_647), (12_345_678, 9)):
            number = leg_energy.joined(*pair)
            self.assertTrue(0 <= number < 1 << 63)
            self.assertEqual(leg_energy.split(number), pair)


class TestSection(unittest.TestCase):
    def test_both_directions_of_both_legs_are_in_the_statement(self):
        settings = Settings(leg_imports=leg_energy.joined(1_234_567, 89), leg_exports=leg_energy.joined(0, 4_000))
        legs = [{"import_wh": 1_234_567, "export_wh": 0}, {"import_wh": 89, "export_wh": 4_000}]
        self.assertEqual(parsed(settings), {"legs": legs})

    def test_a_meter_with_one_leg_tells_one(self):
        settings = Settings(leg_imports=leg_energy.joined(500, 0), leg_exports=leg_energy.joined(20, 0))
        self.assertEqual(parsed(settings), {"legs": [{"import_wh": 500, "export_wh": 20}]})

    def test_a_meter_that_counts_pulses_has_no_such_section(self):
        self.assertEqual(parsed(Settings()), {})


if __name__ == "__main__":
    unittest.main()
