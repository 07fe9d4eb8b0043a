"""Stories of a tariff that follows another: rates, blocks and sums keep their names on the meter."""

import unittest

from tests import samples
from tests.stories.whole_meter import Station, commissioned_world, sealed, sealed_credit
from wattpurse.core.messages import token
from wattpurse.core.tariffs.calendar import DAY_S, days_from_civil
from wattpurse.core.tariffs.rules import PER_CENT

DAY = ("DAY", (300_000, 500_000), (100 * samples.KWH,))
NIGHT = ("NIGHT", (200_000,), ())
NOON_S = days_from_civil(2026, 6, 15) * DAY_S + 12 * 3600
MIDNIGHT_S = NOON_S + 12 * 3600


def tariff(version, rates):
    """Return a table that has DAY from 6 to 22 o'clock UTC, and its rates in this order."""
    day, night = rates.index(DAY), rates.index(NIGHT)
    return samples.flat_tariff(
        version=version,
        activation_s=0 if version == 1 else MIDNIGHT_S,
        rates=rates,
        day_types=(((0, night), (360, day), (1320, night)),),
        levies=(("VAT", PER_CENT, 1_900),),
    )


class TestTariffChanges(unittest.TestCase):
    def registers(self):
        """Return kWh and kWh of this month by rate, as the console shows them."""
        rows = [line.split() for line in self.world.type_line("registers")]
        return {row[0]: row[1:] for row in rows if row and row[0] in ("DAY", "NIGHT", "VAT", "SPARE", "total")}

    def test_a_rate_keeps_its_register_when_the_next_tariff_lists_it_elsewhere(self):
        self.world = commissioned_world(begin_s=NOON_S, load_w=9_000, tariff=tariff(1, (DAY, NIGHT)))
        self.world.run_for(3)
        following = tariff(2, (("SPARE", (900_000,), ()), NIGHT, DAY))
        for order in (sealed_credit(1, 90_000_000), sealed(2, token.TARIFF, following)):
            card = Station().customer_card("classic-1k", order)
            self.world.insert(card)
            self.world.run_for(4)
            self.world.remove(card)
            self.world.run_for(2)
        self.world.allow_lateness(900)
        self.world.run_for(MIDNIGHT_S - 60 - self.world.now_s())
        self.world.allow_lateness(0)
        before = self.registers()
        self.world.run_for(120)
        after = self.registers()
        self.assertEqual(self.world.account.tariff.version, 2)
        self.assertEqual(after["DAY"], before["DAY"])
        self.assertTrue(float(after["NIGHT"][0]) > float(before["NIGHT"][0]) > 17)
        self.assertEqual(after["SPARE"], ["0.000", "0.000"])
        self.assertTrue(float(after["VAT"][0]) > float(before["VAT"][0]) > 5)
        self.world.close()


if __name__ == "__main__":
    unittest.main()
