"""The kiosk: the office makes the card, the unit sells to two customers, their meters redeem, and the office settles.

Vault, record and cards are the office's own. The unit and the meters run the firmware, with its drivers over chip
models.
"""

import dataclasses

import pytest

from boards.host.cards.images import from_image
from tests.dispenser.kiosk import ISSUER, Bench
from tests.samples import flat_tariff
from tests.tools.meter_bench import MeterBench, card_in_hand
from tests.tools.office.selling_site import PRICE_OF_KWH, build_site
from tests.tools.office.test_real_cards import MeterKeys
from wattpurse.core import outcome
from wattpurse.core.currency import Currency
from wattpurse.core.money.token_windows import number_of
from wattpurse.core.seals import dispenser_keys
from wattpurse.dispenser import system_card
from wattpurse.dispenser.book import BookRefused
from wattpurse.dispenser.unit import Unit
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import approvals, checking, dispensers
from wattpurse_tools.office.dispensers import Wanted
from wattpurse_tools.office.voids import void
from wattpurse_tools.record.models import (
    AuditEntry,
    Dispenser,
    DispenserSale,
    Meter,
    Sale,
    Tariff,
    TariffPlan,
    Token,
)
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.shop import open_shop
from wattpurse_tools.vault.interface import ApprovalNeeded, Refused

HALL = 1002
FLAT = 1003
CREDIT = 50_000
WANTED = Wanted(CREDIT, 90, 20_000)


@dataclasses.dataclass
class Hall:
    """An office with two meters, a unit for both of them, and a card of each customer."""

    office: object
    actor: object
    second: object
    cards: object
    meters: dict
    bench: Bench

    def approved(self, action):
        """Do an action of two persons: propose it, let the second one approve it, and do it."""
        with pytest.raises(ApprovalNeeded) as needed:
            action(None)
        asked = approvals.propose(self.office, self.actor, needed.value, "the kiosk opens")
        approvals.approve(self.office, self.second, asked)
        return action(asked.request)

    def write_card(self, wanted=WANTED, name="kiosk"):
        def write(approval):
            return dispensers.write_card(self.office, self.actor, self.cards, ISSUER, name, wanted, approval)

        return self.approved(write)

    def at_unit(self, name, act):
        """Do something at the unit with a card of the station."""
        with card_in_hand(name) as card:
            return act(card)

    def open_unit(self, name="kiosk"):
        self.at_unit(name, self.bench.open_with)

    def sell(self, name, paid):
        return self.at_unit(name, lambda card: self.bench.sell(card, paid))

    def settle(self, name="kiosk"):
        return dispensers.settle(self.office, self.actor, self.cards, name)

    def findings(self):
        return [str(one) for one in checking.check(self.office, self.actor).findings]


@pytest.fixture
def hall(office, manager, second, monkeypatch):
    build_site()
    monkeypatch.chdir(office.folder.path)
    cards = open_shop(office.keys, office.folder.cards, manager)
    for number, contract in ((HALL, "prepaid-money"), (FLAT, "prepaid-energy")):
        cards.station.add_meter(number, Currency("EUR", 2), contract)
    keys = {number: MeterKeys(office, manager, number) for number in (HALL, FLAT)}
    meters = {number: MeterBench(keys[number], number) for number in (HALL, FLAT)}
    cards.vending.new_customer_card("anna", "classic-1k", HALL)
    cards.vending.new_customer_card("ben", "ntag215", FLAT)
    dispensers.new(office, manager, ISSUER, "hall", 1, [HALL, FLAT])
    made = Hall(office, manager, second, cards, meters, None)
    key = made.approved(lambda approval: dispensers.unit_key(office, manager, ISSUER, approval))
    made.bench = Bench(key=key, site_key=keys[HALL].site_key)
    made.write_card()
    return made


def test_the_story_of_the_kiosk(hall):
    hall.open_unit()
    hall.sell("anna", 2_000)
    hall.sell("ben", 1_000)
    hall.sell("anna", 500)
    assert hall.bench.book.left == CREDIT - 3_500

    energy = 10_000_000 * 1_000_000 // PRICE_OF_KWH
    assert hall.meters[HALL].tap_file("anna") == [outcome.ACCEPTED]
    assert hall.meters[HALL].account.money.balance == 25_000_000

    hall.open_unit()  # the operator reports before going home
    done = hall.settle()
    assert [(one.number, one.meter_number, one.paid) for one in done.sales] == [
        (1, HALL, 2_000),
        (2, FLAT, 1_000),
        (3, HALL, 500),
    ]
    assert (done.dispenser.settled_sale, done.dispenser.settled_sum, done.torn_blocks) == (3, 3_500, 0)
    assert [sale.receipt_number for sale in Sale.objects.order_by("pk")] == [1, 2, 3]
    assert balances.balance(chart.vendor(1), "EUR") == 35_000_000
    assert balances.balance(chart.meter(HALL), "EUR") == 25_000_000
    assert balances.balance(chart.meter(FLAT), chart.MWH) == energy
    assert AuditEntry.objects.filter(action="settle dispenser").count() == 1
    assert hall.findings() == []

    hall.cards.cards.read("anna")  # the statement on the card proves the tokens as redeemed
    states = Token.objects.filter(meter_id=HALL).values_list("sequence", "state")
    assert dict(states) == {number_of(ISSUER, count): orders.REDEEMED for count in (1, 2)}
    assert hall.findings() == []


def test_a_card_that_is_read_again_books_nothing_again(hall):
    hall.open_unit()
    hall.sell("anna", 2_000)
    hall.open_unit()
    assert len(hall.settle().sales) == 1
    assert hall.settle().sales == ()
    assert (Sale.objects.count(), balances.balance(chart.vendor(1), "EUR")) == (1, 20_000_000)


def test_the_next_issue_brings_credit_and_frees_the_room_of_settled_sales(hall):
    hall.open_unit()
    hall.sell("anna", 2_000)
    hall.open_unit()
    with pytest.raises(ValueError, match="not settled"):
        dispensers.write_card(hall.office, hall.actor, hall.cards, ISSUER, "kiosk", WANTED)
    hall.settle()
    issue = hall.write_card(Wanted(10_000, 90, 20_000))
    assert (issue.issue, issue.allowed) == (2, CREDIT + 10_000)
    hall.open_unit()
    assert (hall.bench.book.sales, hall.bench.book.last_sale) == ([], 1)
    assert hall.bench.book.left == CREDIT + 10_000 - 2_000
    hall.sell("ben", 700)
    hall.open_unit()
    (sale,) = hall.settle().sales
    assert (sale.number, sale.count, sale.issue) == (2, 1, 2)
    assert hall.findings() == []


def test_a_new_price_holds_for_the_sales_behind_it(hall):
    from wattpurse_tools.record.models import Price

    hall.open_unit()
    hall.sell("ben", 1_000)
    hall.open_unit()
    hall.settle()
    Price.objects.filter(what="kwh").update(gross_microunits=500_000)
    hall.write_card(Wanted(0, 90, 20_000))
    hall.open_unit()
    hall.sell("ben", 1_000)
    hall.open_unit()
    hall.settle()
    amounts = Token.objects.filter(meter_id=FLAT).order_by("sequence").values_list("amount", flat=True)
    assert list(amounts) == [10_000_000 * 1_000_000 // PRICE_OF_KWH, 20_000_000]
    hall.meters[FLAT].tap_file("ben")
    assert hall.meters[FLAT].account.energy.balance == sum(amounts)
    assert hall.findings() == []


def test_a_new_tariff_rides_to_the_customers_card_at_the_next_sale(hall):
    meter = Meter.objects.get(number=HALL)
    row = Tariff.objects.create(name="new", version=9, table=flat_tariff(version=9), created_s=0)
    TariffPlan.objects.create(meter=meter, tariff=row, from_s=0)
    hall.write_card(Wanted(0, 90, 20_000))
    hall.open_unit()
    hall.sell("anna", 2_000)
    assert len(hall.at_unit("anna", hall.bench.tokens_on)) == 2
    assert hall.meters[HALL].account.pending_tariff is None
    assert hall.meters[HALL].tap_file("anna") == [outcome.ACCEPTED]
    assert hall.meters[HALL].account.pending_tariff.version == 9
    hall.sell("anna", 500)  # the statement proves the tariff as redeemed: it does not ride again
    assert len(hall.at_unit("anna", hall.bench.tokens_on)) == 1
    hall.meters[HALL].tap_file("anna")
    assert hall.meters[HALL].account.money.balance == 25_000_000
    hall.open_unit()
    hall.settle()
    hall.cards.cards.read("anna")
    assert set(Token.objects.filter(meter=meter).values_list("state", flat=True)) == {orders.REDEEMED}
    assert hall.findings() == []


def test_the_office_keeps_a_token_of_the_unit_on_the_card_that_it_writes(hall):
    hall.open_unit()
    hall.sell("anna", 2_000)
    with pytest.raises(ValueError, match="not made"):  # before the sale is at home, the office leaves the card alone
        hall.cards.vending.refuse(hall.cards.cards.read("anna"), [], HALL)
    hall.open_unit()
    hall.settle()
    read = hall.cards.cards.read("anna")
    hall.cards.vending.put(read, orders.credit(orders.MONEY, 5_000_000), HALL)
    assert hall.meters[HALL].tap_file("anna") == [outcome.ACCEPTED]
    assert hall.meters[HALL].account.money.balance == 25_000_000


def test_a_unit_that_used_its_numbers_twice_is_found(hall):
    """Bring old images of flash and system card back: the unit numbers its sales anew, and the office says so."""
    hall.open_unit()
    flash = bytearray(hall.bench.flash.memory)
    with card_in_hand("kiosk") as card:
        image = card.image()
    hall.sell("anna", 2_000)
    hall.open_unit()
    hall.settle()
    hall.bench.flash.memory[:] = flash
    hall.bench.restart()
    with card_in_hand("kiosk") as card:
        card.memory[:] = from_image(image).memory
    hall.open_unit()
    hall.sell("ben", 900)
    hall.open_unit()
    before = Sale.objects.count(), balances.balance(chart.vendor(1), "EUR")
    with pytest.raises(ValueError, match="used its numbers twice"):
        hall.settle()
    assert (Sale.objects.count(), balances.balance(chart.vendor(1), "EUR")) == before


def test_an_old_flash_learns_the_numbers_from_the_cards(hall):
    hall.open_unit()
    flash = bytearray(hall.bench.flash.memory)
    hall.sell("anna", 2_000)
    hall.open_unit()
    hall.sell("anna", 300)  # this one is on the customer's card alone
    hall.bench.flash.memory[:] = flash
    hall.bench.restart()
    hall.open_unit()
    assert hall.bench.book.last_sale == 1
    hall.sell("anna", 400)
    assert hall.meters[HALL].tap_file("anna") == [outcome.ACCEPTED]
    assert hall.meters[HALL].account.money.balance == 27_000_000
    hall.open_unit()
    done = hall.settle()
    assert [(one.number, one.count, one.paid) for one in done.sales] == [(1, 1, 2_000), (2, 3, 400)]
    assert done.unsold == ((HALL, number_of(ISSUER, 2)),)  # the sale over 3.00 that the unit has forgotten


@pytest.mark.parametrize(("place", "value"), [(1, HALL + 50), (2, 0), (3, CREDIT + 1), (0, 2)])
def test_sales_that_cannot_be_are_refused_whole(hall, place, value):
    """Write sales as a thief with the unit's own key can: to another meter, over too much, or with a gap."""
    hall.open_unit()
    facts = [1, HALL, 1, 500, system_card.time_code(hall.bench.unit.record.made_s), 1]
    facts[place] = value
    with card_in_hand("kiosk") as card:
        pair, size = system_card_keys(hall, card), hall.bench.unit.record.size
        block = system_card.seal_sales(pair[0], pair[1], ISSUER, [system_card.CardSale(*facts)])
        hall.bench.on_card(card, lambda memory: system_card.write_block(memory, size, 0, block))
    if place == 2:
        Token.objects.create(meter_id=HALL, sequence=number_of(ISSUER, 0), kind=1, issued_s=0, sealed=b"", state="x")
    with pytest.raises(ValueError, match=f"sale {ISSUER}/"):
        hall.settle()
    assert (Sale.objects.count(), DispenserSale.objects.count()) == (0, 0)


def system_card_keys(hall, card):
    from boards.host.chips.aes import aes

    return aes, dispenser_keys.system_sales_keys(aes, hall.bench.key, card.uid)


def test_a_stolen_unit_is_revoked(hall):
    hall.open_unit()
    hall.sell("anna", 2_000)
    dispensers.revoke(hall.office, hall.actor, ISSUER)
    with pytest.raises(ValueError, match="revoked"):
        hall.write_card()
    read = hall.cards.cards.read("ben")
    from wattpurse.core.messages import token
    from wattpurse_tools.station.order import Order
    from wattpurse_tools.station.station import Deal

    hall.approved(
        lambda approval: hall.cards.vending.put(
            read, Order(token.REVOKE, (ISSUER,), "revoked"), FLAT, Deal(approval=approval)
        )
    )
    hall.meters[FLAT].tap_file("ben")
    hall.sell("ben", 700)
    assert hall.meters[FLAT].tap_file("ben") == [outcome.NOT_ENTITLED]
    assert hall.meters[FLAT].account.energy.balance == 0


def test_the_sale_of_a_unit_is_not_voided(hall):
    hall.open_unit()
    hall.sell("anna", 2_000)
    hall.open_unit()
    hall.settle()
    from tests.tools.office.selling_site import new_shift
    from wattpurse_tools.office.reader import StationReader

    shift = new_shift(hall.office, hall.actor)
    with pytest.raises(ValueError, match="dispensing unit"):
        void(hall.office, hall.actor, Sale.objects.get(), shift.pk, StationReader(hall.cards, "anna"))


def test_another_unit_with_the_card_opens_nothing(hall):
    other = Bench(key=b"another unit key")
    other.unit = Unit(hall.bench.unit._aes, other.book)
    with card_in_hand("kiosk") as card, pytest.raises(BookRefused, match="other unit"):
        other.open_with(card)


def test_the_vault_makes_no_issue_twice_and_no_credit_goes_back(hall):
    one = Dispenser.objects.get()
    made_of, charges = dispensers._products(one.meters)
    record = dispensers._record(hall.office, one, Wanted(0, 90, 100), made_of, charges)
    less = dataclasses.replace(record.credit, allowed=CREDIT - 1)
    for wrong in ({"issue": 1}, {"credit": less}):
        with pytest.raises(Refused, match="issue 1"):
            hall.office.keys.seal_system_card(
                hall.actor.ticket, b"\x04" * 7, dataclasses.replace(record, **wrong), None
            )
