"""Stories of the station with whole meters: each runs the real commands, and the real firmware over simulated chips."""

# ruff: noqa: F811 fixtures

import json
from pathlib import Path

import pytest

from boards.host.cards.images import from_image
from boards.host.world.world import World
from tests.samples import flat_tariff
from tests.tools import station_office
from tests.tools.shop import METER, open_station, shop, wattpurse  # noqa: F401
from wattpurse import app
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import SignOnNeeded

NEIGHBOUR = METER + 1
CELLAR = METER + 2
PIN = "135790"
TWENTY = 20_000_000
TAP_S = 3


class House:
    """A whole meter in its house, commissioned with the station's keys."""

    def __init__(self, number, load_w=0, contract="prepaid-money"):
        keys = station_office.current()
        self.world = World(app.Meter)
        self.load(load_w)
        words = ("commission", str(number), keys.meter_key(number).hex(), keys.site_key.hex(), "1000", contract, PIN)
        answer = self.world.type_line(" ".join(words + (flat_tariff().hex(),)))
        assert answer[0].startswith("commissioned"), answer
        self.world.reset_board()
        assert self.world.run_until(lambda: self.world.account is not None, 10)

    @property
    def account(self):
        return self.world.account

    @property
    def has_supply(self):
        return self.world.hardware.relay.contact_closed

    def load(self, watts):
        self.world.household.constant_w = watts
        self.world.household.update()

    def tap(self, name):
        """Hold the card of that name to the reader for a moment."""
        card = self._card(name)
        self.world.insert(card)
        self.world.run_for(TAP_S)
        self._take_away(name, card)

    def tap_and_lose_power(self, name, operation):
        """Cut the mains in a flash operation of the tap, and restore them when the card is gone.

        Return False if the tap has fewer operations.
        """
        faults = self.world.hardware.flash.faults
        card = self._card(name)
        faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        self.world.insert(card)
        was_cut = self.world.run_until(lambda: not self.world.mains_on, TAP_S)
        faults.operations_to_cut = None
        self._take_away(name, card)
        if was_cut:
            self.world.restore_mains()
            assert self.world.run_until(lambda: self.world.account is not None, 5)
        return was_cut

    def tap_and_tear(self, name, after_s):
        """Pull the card away after a time."""
        card = self._card(name)
        self.world.insert(card)
        self.world.run_for(after_s)
        self._take_away(name, card)

    def _card(self, name):
        return from_image(json.loads(Path(f"cards/{name}.json").read_text()))

    def _take_away(self, name, card):
        self.world.remove(card)
        self.world.run_for(1)
        Path(f"cards/{name}.json").write_text(json.dumps(card.image()))


@pytest.fixture
def house():
    """Return a function that makes a house. All houses are closed at the end."""
    made = []

    def make(*arguments, **options):
        made.append(House(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.world.close()


def test_cashier_sells_with_an_operators_card_and_the_customer_has_supply(wattpurse, house, monkeypatch):
    home = house(METER, load_w=1_000)
    home.world.run_for(5)
    assert not home.has_supply
    station_office.current().hire(3, ("sell",))
    wattpurse("card new cashier --kind ntag213 --operator 3 --expires 2099-12-31")
    wattpurse(f"card new anna --kind classic-1k --meter {METER}")

    def nobody(_vault):
        raise SignOnNeeded("nobody")

    monkeypatch.setattr(Vault, "sign_on_as_user", nobody)
    assert "--operator CARD" in wattpurse.refusal("card topup anna --amount 20")
    wattpurse("card topup anna --amount 20 --operator cashier")
    home.tap("anna")
    home.world.run_for(5)
    assert home.has_supply
    assert wattpurse("station sales").endswith("20.00 EUR  on card  by operator 3")
    wattpurse("card read anna")
    assert wattpurse("station sales").endswith("20.00 EUR  redeemed  by operator 3")


def test_tenant_moves_and_the_remaining_credit_follows_once_even_if_the_card_was_copied(wattpurse, house):
    old_home, new_home = house(METER, load_w=20_000), house(NEIGHBOUR)
    wattpurse(f"meter add {NEIGHBOUR}")
    wattpurse(f"card new anna --kind classic-1k --meter {METER}")
    wattpurse("card topup anna --amount 20")
    old_home.tap("anna")
    old_home.world.run_for(15 * 60)
    old_home.load(0)
    old_home.tap("anna")
    wattpurse("card read anna")
    left = old_home.account.money.balance
    assert 0 < left < TWENTY
    wattpurse(f"token {METER} tenant 2 --card anna")
    Path("cards/clone.json").write_text(Path("cards/anna.json").read_text())
    old_home.tap("anna")
    old_home.tap("clone")
    assert old_home.account.money.balance == 0
    assert old_home.account.standing["tenant"] == 2
    wattpurse(f"card transfer anna --to {NEIGHBOUR}")
    wattpurse.refusal(f"card transfer clone --to {NEIGHBOUR}")
    wattpurse.refusal("card settle clone --paid")
    Path("cards/clone.json").write_text(Path("cards/anna.json").read_text())
    for name in ("clone", "anna", "clone"):
        new_home.tap(name)
    assert new_home.account.money.bought == left
    assert new_home.has_supply
    wattpurse("card read anna")
    assert "LOOK INTO THIS" not in wattpurse("station report")


def test_walk_to_three_meters_without_a_network(wattpurse, house):
    numbers = (METER, NEIGHBOUR, CELLAR)
    houses = [house(number, load_w=500) for number in numbers]
    wattpurse(f"meter add {NEIGHBOUR}")
    wattpurse(f"meter add {CELLAR}")
    wattpurse("walk new round --kind ntag216")
    for number in numbers:
        wattpurse(f"token {number} money 20 --hex")
    wattpurse("walk load round")
    houses[0].tap("round")
    for after_ms in range(20, 420, 80):
        houses[1].tap_and_tear("round", after_ms / 1000)
    houses[1].tap("round")
    houses[2].tap("round")
    for one in houses:
        one.world.run_for(5)
        assert one.has_supply
        assert one.account.money.bought == TWENTY
    lines = wattpurse("walk read round").splitlines()
    seen = sorted(line.split("  ")[0] for line in lines if "balance" in line)
    assert seen == [f"meter {number}" for number in numbers]
    report = json.loads(wattpurse("station report --json"))
    assert [row["balance"] for row in report] == [one.account.money.bought for one in houses]
    assert [row["outstanding"] for row in report] == [0, 0, 0]


def test_site_gets_new_keys_while_power_fails_at_every_step(wattpurse, house):
    home = house(METER, load_w=100)
    wattpurse(f"card new anna --kind classic-1k --meter {METER}")
    wattpurse("card new tech --kind classic-1k --service --technician 7 --expires 2099-12-31")
    wattpurse("card topup anna --amount 20")
    station_office.current().roll()
    cuts = 0
    for words in (f"token {METER} meter-key --card", f"token {METER} site-key --card", "card topup --amount 20"):
        wattpurse(f"{words} anna")
        operation = 1
        while home.tap_and_lose_power("anna", operation):
            operation += 1
            cuts += 1
        wattpurse("card read anna")
        wattpurse("card rekey anna")
        home.world.meter.console.login.end()
        home.tap("tech")
        assert home.world.meter.console.login.allows_changes
    assert cuts > 10
    assert home.account.money.bought == 2 * TWENTY
    keys = station_office.current()
    settings = home.world.meter.settings
    assert settings.get("meter_key") == keys.meter_key(METER)
    assert settings.get("site_key") == keys.site_key
    assert wattpurse("card rekey tech").endswith("version 2")
    wattpurse("card topup anna --amount 20")
    home.tap("anna")
    assert home.account.money.bought == 3 * TWENTY
    assert wattpurse.read("anna")["statement"]["bought"] == 3 * TWENTY
    with open_station() as station:
        assert station.outstanding_of_meter(METER) == []
