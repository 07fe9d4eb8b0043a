"""Any sequence of contracts: no change of contract loses credit. The meter is compared with a plain model."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import samples
from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts

DAY_S = 86_400
PRICE_MICROUNITS = 333_333
STANDING_CHARGE_MICROUNITS = 777
PULSE_MWH = 1_000
TARIFF_DATA = samples.flat_tariff(
    version=9, rates=(("ALL", (PRICE_MICROUNITS,), ()),), standing_charge_microunits=STANDING_CHARGE_MICROUNITS
)
PAYS_BY_THE_DAY = (contracts.PrepaidMoney.code, contracts.SettledAccount.code)
PAYS_BY_TARIFF = PAYS_BY_THE_DAY + (contracts.KeyCard.code,)  # with no card in the slot
PAYS_IN_KWH = (contracts.PrepaidEnergy.code, contracts.Dispenser.code)
CODES = tuple(contract.code for contract in contracts.CONTRACTS)

amounts = st.integers(1, 10**9)
durations_s = st.integers(1, 40 * DAY_S)
orders = st.one_of(
    st.tuples(st.just("contract"), st.sampled_from(CODES)),
    st.tuples(st.just("contract"), st.sampled_from(CODES)),
    st.tuples(st.just("money"), amounts),
    st.tuples(st.just("energy"), amounts),
    st.tuples(st.just("days"), durations_s),
    st.tuples(st.just("dispense"), amounts, st.integers(0, 10**8), durations_s),
    st.tuples(st.just("permit"), durations_s),
    st.tuples(st.just("restart")),
)
lives = st.tuples(st.just("live"), st.integers(0, 2 * DAY_S), st.integers(1, 5_000))
steps = st.lists(st.tuples(orders, lives), min_size=5, max_size=15)


class PlainModel:
    """The account as a careful clerk would keep it in a book."""

    def __init__(self, now_s):
        self.now_s = now_s
        self.contract = contracts.PrepaidMoney.code
        self.money_bought = 0
        self.owed = Fraction(0)
        self.energy_bought = self.energy_charged = 0
        self.until_s = {"term_until_s": 0, "dispenser_until_s": 0, "permit_until_s": 0}
        self.daily_limit_mwh = 0
        self.total_mwh = self.day_mwh = 0

    def extend(self, name, duration_s):
        self.until_s[name] = max(self.until_s[name], self.now_s) + duration_s

    def live(self, now_s, energy_mwh):
        days = now_s // DAY_S - self.now_s // DAY_S
        self.now_s = now_s
        if days:
            self.day_mwh = 0
        self.day_mwh += energy_mwh
        self.total_mwh += energy_mwh
        if self.contract in PAYS_BY_TARIFF:
            self.owed += Fraction(energy_mwh * PRICE_MICROUNITS, 10**6)
            self.owed += days * STANDING_CHARGE_MICROUNITS if self.contract in PAYS_BY_THE_DAY else 0
        elif self.contract in PAYS_IN_KWH:
            self.energy_charged += energy_mwh

    def numbers(self):
        return {
            "contract": self.contract,
            "money": (self.money_bought, int(self.owed)),
            "energy": (self.energy_bought, self.energy_charged),
            "until": self.until_s,
            "daily limit": self.daily_limit_mwh,
            "today": self.day_mwh,
            "total": self.total_mwh,
        }


class Subject:
    """The meter and the model side by side; each step goes to both."""

    def __init__(self):
        self.bench = helpers.Bench(impulses=1_000)
        self.sequence = 0
        self._redeem(token.TARIFF, TARIFF_DATA)
        self._pass(1, 0)
        self.model = PlainModel(self.bench.timekeeper.now_s())

    def take(self, step):
        getattr(self, "_" + step[0])(*step[1:])

    def numbers(self):
        account = self.bench.ledger.account
        return {
            "contract": account.contract.code,
            "money": (account.money.bought, account.money.charged),
            "energy": (account.energy.bought, account.energy.charged),
            "until": {name: account.standing[name] for name in self.model.until_s},
            "daily limit": account.terms["daily_limit_mwh"],
            "today": account.day_mwh,
            "total": account.registers.total_mwh,
        }

    def _redeem(self, kind, *fields):
        self.sequence += 1
        sealed = helpers.seal(self.sequence, kind, *fields)
        assert self.bench.teller.redeem(sealed, carrier.CARD) == outcome.ACCEPTED

    def _pass(self, seconds, pulses):
        """Let time pass without energy. All of the energy flows in the last second."""
        self.bench.clock.advance_us(seconds * 1_000_000)
        now_s = self.bench.timekeeper.now_s()
        self.bench.ledger.advance(now_s, 0)
        self.bench.ledger.advance(now_s, pulses)

    def _contract(self, code):
        self._redeem(token.CONTRACT, code)
        self.model.contract = code

    def _money(self, amount):
        self._redeem(token.CREDIT_MONEY, amount)
        self.model.money_bought += amount

    def _energy(self, amount):
        self._redeem(token.CREDIT_ENERGY, amount)
        self.model.energy_bought += amount

    def _days(self, duration_s):
        self._redeem(token.DAYS, duration_s)
        self.model.extend("term_until_s", duration_s)

    def _dispense(self, amount, daily_limit_mwh, duration_s):
        self._redeem(token.DISPENSE, amount, daily_limit_mwh, duration_s)
        self.model.energy_bought += amount
        self.model.daily_limit_mwh = daily_limit_mwh
        self.model.extend("dispenser_until_s", duration_s)

    def _permit(self, duration_s):
        until_s = self.model.until_s["permit_until_s"] + duration_s
        self._redeem(token.PERMIT, until_s)
        self.model.until_s["permit_until_s"] = until_s

    def _live(self, seconds, pulses):
        self._pass(seconds, pulses)
        self.model.live(self.bench.timekeeper.now_s(), pulses * PULSE_MWH)

    def _restart(self):
        self.bench.restart()
        self._pass(0, 0)
        self.model.live(self.bench.timekeeper.now_s(), 0)


@settings(max_examples=60)
@given(steps)
def test_no_change_of_contract_loses_credit(all_steps):
    subject = Subject()
    for order_and_life in all_steps:
        for step in order_and_life:
            subject.take(step)
            assert subject.numbers() == subject.model.numbers(), step
