"""The common parts of stories of one meter: a meter commissioned for a contract, cards, a console, and time."""

import unittest

from boards.host.world.world import QUIET_LATENESS_MS
from tests.stories.whole_meter import PIN, Station, commissioned_world, sealed
from wattpurse.drivers.segments import render

_START_LIMIT_S = 10
_PULSE_MWH = 1_000


class ContractStory(unittest.TestCase):
    """A technician has commissioned the meter for `contract`. In no story is a chip driven against its data sheet."""

    contract = "prepaid-money"
    load_w = 2_000
    tariff = None

    def setUp(self):
        self.station = Station()
        self.world = commissioned_world(self.contract, self.load_w, tariff=self.tariff)
        self.sequence = 0
        self.world.run_for(3)

    def tearDown(self):
        self.assertEqual(self.world.hardware.violations(), [])
        self.world.close()

    @property
    def account(self):
        return self.world.account

    def seal(self, kind, *fields) -> bytes:
        """Return the station's next token for the meter."""
        self.sequence += 1
        return sealed(self.sequence, kind, *fields, tenant=self.account.standing["tenant"])

    def new_card(self, *tokens, kind="classic-1k"):
        """Return a customer's card with these sealed tokens."""
        return self.station.customer_card(kind, b"".join(tokens))

    def tap(self, card):
        """Put the card on the reader for some seconds, and return its statement."""
        self.world.insert(card)
        self.world.run_for(3)
        self.world.remove(card)
        self.world.run_for(2)
        return self.station.statement(card)

    def type(self, line) -> str:
        """Return the console's answer, which is no refusal."""
        answer = "\n".join(self.world.type_line(line))
        self.assertFalse(answer.startswith("refused"), answer)
        return answer

    def technician(self, *lines) -> str:
        """Return the console's answer to somebody with the PIN."""
        self.type("login " + PIN)
        answers = [self.type(line) for line in lines]
        self.type("logout")
        return "\n".join(answers)

    def is_lit(self) -> bool:
        """Return True if there is supply."""
        return self.world.hardware.relay.contact_closed

    def is_shown(self, text, within_s=5) -> bool:
        """Return True if the display comes to show `text`."""
        return self.world.run_until(lambda: self.world.hardware.display.segments() == bytes(render(text)), within_s)

    def reason(self) -> int:
        """Return the reason of supply."""
        return self.world.meter.switching.reason

    def press(self):
        """Press the button, and let some seconds pass."""
        self.world.press()
        self.world.run_for(3)

    def quiet(self, duration_s):
        """Let time pass in larger steps, because nobody does anything."""
        self.world.allow_lateness(QUIET_LATENESS_MS)
        self.world.run_for(duration_s)
        self.world.allow_lateness(0)
        self.world.run_for(2)

    def outage(self, duration_s):
        """Cut the mains for so long."""
        self.world.cut_mains()
        self.world.run_for(duration_s)
        self.world.restore_mains()
        self.assertTrue(self.world.run_until(lambda: self.world.account is not None, _START_LIMIT_S))
        self.world.run_for(2)

    def outage_until(self, utc_s):
        """Let the mains come back some seconds before `utc_s`."""
        self.outage(utc_s - self.world.now_s() - 2)

    def assert_all_energy_is_registered(self):
        """Check that all energy is registered, but for an incomplete pulse and a second around each power cut."""
        self.world.run_for(1)
        missing_mwh = self.world.hardware.source.energy_mwh - self.account.registers.total_mwh
        second_mwh = self.load_w * 1_000 // 3_600
        self.assertTrue(0 <= missing_mwh <= _PULSE_MWH + self.world.power_cuts * (_PULSE_MWH + second_mwh), missing_mwh)
