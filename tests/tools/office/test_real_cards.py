"""Selling with cards of the card folder and a meter of the firmware: sale, void, refund, key card, and the books."""

import dataclasses

import pytest

from tests.services.desk_bench import METER
from tests.tools.meter_bench import MeterBench, card_in_hand
from tests.tools.office.selling_site import EUR, FLOAT, PRICE_OF_KWH, build_site, money, new_shift, request
from wattpurse.core import outcome
from wattpurse.core.currency import Currency
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import approvals, refunds, sales, shop_day
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.refunds import RefundRequest
from wattpurse_tools.office.sale_types import KEY_CARD, MONEY, VOIDED, WRITTEN, Wish
from wattpurse_tools.office.voids import void
from wattpurse_tools.record.models import Customer, Premises, Tenancy, Token
from wattpurse_tools.station.shop import open_shop
from wattpurse_tools.vault.interface import ApprovalNeeded

OTHER = METER + 1


class MeterKeys:
    """The keys that commissioning brings into a meter."""

    def __init__(self, office, actor, number):
        self.key_version = office.keys.newest_version
        self._meter, self.site_key = office.keys.meter_keys(actor.ticket, number, self.key_version, self.key_version)

    def meter_key(self, _number):
        return self._meter


@dataclasses.dataclass
class Place:
    """An office with a meter in hand, a card for it, and a person at the till."""

    office: object
    actor: object
    second: object
    shift: object
    meter: MeterBench
    other: MeterBench
    reader: StationReader

    @property
    def uid(self):
        return self.reader.read().uid

    def request(self, wish=None, **facts):
        asked = request(self.shift, wish or money(20), meter=METER, **facts)
        return dataclasses.replace(asked, card=self.uid, carrier="card")

    def sell(self, wish=None):
        return sales.sell(self.office, self.actor, self.request(wish), self.reader)

    def approved(self, action):
        """Do an action of two persons: propose it, let the second one approve it, and do it."""
        with pytest.raises(ApprovalNeeded) as needed:
            action(None)
        asked = approvals.propose(self.office, self.actor, needed.value, "the customer moves")
        approvals.approve(self.office, self.second, asked)
        return action(asked.request)


@pytest.fixture
def place(office, manager, second, monkeypatch):
    build_site()
    monkeypatch.chdir(office.folder.path)
    shop = open_shop(office.keys, office.folder.cards, manager)
    for number in (METER, OTHER):
        shop.station.add_meter(number, Currency("EUR", 2), "prepaid-money")
    meters = [MeterBench(MeterKeys(office, manager, number), number) for number in (METER, OTHER)]
    customer = Customer.objects.get(number=101)
    Tenancy.objects.create(
        premises=Premises.objects.create(name="Berth 7"),
        customer=customer,
        meter_number=METER,
        from_s=0,
        page_code="berth",
    )
    shop.vending.new_customer_card("anna", "classic-1k", METER)
    return Place(office, manager, second, new_shift(office, manager), *meters, StationReader(shop, "anna"))


def test_what_was_sold_is_in_the_meter_after_a_tap(place):
    made = place.sell()
    assert (made.sale.state, made.trouble) == (WRITTEN, "")
    assert place.meter.tap_file("anna") == [outcome.ACCEPTED]
    assert place.meter.account.money.balance == 20 * EUR
    seen = place.reader.read()
    assert seen.content.redeemed == {made.tokens[0].sequence}
    assert sales.person_at(METER).balance == 20 * EUR


def test_a_voided_sale_never_reaches_the_meter(place):
    made = place.sell()
    void(place.office, place.actor, made.sale, place.shift.pk, place.reader)
    made.sale.refresh_from_db()
    assert made.sale.state == VOIDED
    assert place.meter.tap_file("anna") != [outcome.ACCEPTED]
    assert place.meter.account.money.balance == 0
    assert balances.balance(chart.drawer(1, place.shift.pk), "EUR") == FLOAT


def test_a_sale_that_was_tapped_is_not_voided(place):
    made = place.sell()
    place.meter.tap_file("anna")
    with pytest.raises(ValueError, match="redeemed"):
        void(place.office, place.actor, made.sale, place.shift.pk, place.reader)


def test_a_copied_card_redeems_a_voided_sale_and_raises_the_alarm(place):
    import shutil

    made = place.sell()
    shutil.copy("cards/anna.json", "copy.json")
    void(place.office, place.actor, made.sale, place.shift.pk, place.reader)
    shutil.copy("copy.json", "cards/anna.json")
    assert place.meter.tap_file("anna") == [outcome.ACCEPTED]
    sales.quote(place.office, place.actor, place.request(), place.reader)
    made.sale.refresh_from_db()
    assert made.sale.state == "redeemed after void"


def test_credit_that_a_meter_gave_back_is_paid_out_once(place):
    place.sell()
    place.meter.tap_file("anna")
    place.meter.use_money(7_660_000)
    taken = place.approved(
        lambda approval: refunds.take_out(place.office, place.actor, MONEY, 0, place.reader, approval)
    )
    assert place.meter.tap_file("anna") == [outcome.ACCEPTED]
    seen = place.reader.read()
    (receipt,) = refunds.owed_receipts(seen, place.office)
    assert (receipt.money, receipt.doubt) == (12_340_000, "")
    asked = RefundRequest("refund-1", place.shift.pk, METER, (taken.sequence,))
    paid = refunds.refund(place.office, place.actor, asked, place.reader)
    assert paid.sale.gross_microunits == -12_340_000
    assert paid.sale.tax_microunits == -1_970_000
    again = refunds.refund(place.office, place.actor, asked, place.reader)
    assert (again.sale, again.is_repeat) == (paid.sale, True)
    with pytest.raises(ValueError, match="not owed to this card, or is settled"):
        refunds.refund(place.office, place.actor, dataclasses.replace(asked, client_key="refund-2"), place.reader)
    assert balances.balance(chart.drawer(1, place.shift.pk), "EUR") == FLOAT + 20 * EUR - 12_340_000
    assert balances.balance(chart.owed(METER), "EUR") == 0
    assert balances.balance(chart.meter(METER), "EUR") == 7_660_000
    assert set(balances.sums_by_unit().values()) == {0}
    told = shop_day.reconcile(place.office, place.actor)["EUR"]
    assert (told.bought, told.returned, told.charged) == (20 * EUR, 12_340_000, 7_660_000)
    assert (told.balance, told.difference) == (0, 0)


def test_a_refund_after_a_crash_behind_the_vaults_mark_is_paid_by_its_own_retry_alone(place):
    place.sell()
    place.meter.tap_file("anna")
    taken = place.approved(
        lambda approval: refunds.take_out(place.office, place.actor, MONEY, 0, place.reader, approval)
    )
    place.meter.tap_file("anna")
    asked = RefundRequest("refund-1", place.shift.pk, METER, (taken.sequence,))
    place.office.keys.settle(place.actor.ticket, METER, taken.sequence, "paid out, key 1:refund-1")
    with pytest.raises(ValueError, match="settled"):
        refunds.refund(place.office, place.actor, dataclasses.replace(asked, client_key="refund-2"), place.reader)
    assert refunds.refund(place.office, place.actor, asked, place.reader).sale.gross_microunits == -20 * EUR


def test_credit_moves_to_another_meter_with_its_ledger(place):
    place.sell()
    place.meter.tap_file("anna")
    place.meter.use_money(7_660_000)
    taken = place.approved(
        lambda approval: refunds.take_out(place.office, place.actor, MONEY, 0, place.reader, approval)
    )
    place.meter.tap_file("anna")
    asked = RefundRequest("move-1", place.shift.pk, METER, (taken.sequence,), OTHER)
    moved = refunds.refund(place.office, place.actor, asked, place.reader)
    assert (moved.sale.kind, moved.sale.gross_microunits, moved.sale.state) == ("moved", 0, WRITTEN)
    assert place.other.tap_file("anna") == [outcome.ACCEPTED]
    assert place.other.account.money.balance == 12_340_000
    assert balances.balance(chart.meter(OTHER), "EUR") == 12_340_000
    assert balances.balance(chart.owed(METER), "EUR") == 0
    place.reader.read()
    assert shop_day.reconcile(place.office, place.actor)["EUR"].difference == 0


def test_a_receipt_in_doubt_is_paid_when_two_persons_have_looked_at_it(place):
    place.sell()
    place.meter.tap_file("anna")
    taken = place.approved(
        lambda approval: refunds.take_out(place.office, place.actor, MONEY, 5 * EUR, place.reader, approval)
    )
    place.meter.tap_file("anna")
    place.reader.read()
    receipt = refunds.owed_receipts(place.reader.read(), place.office)[0]
    type(receipt).objects.filter(pk=receipt.pk).update(doubt="the sums do not agree")

    def pay(approval):
        asked = RefundRequest("r", place.shift.pk, METER, (taken.sequence,), approvals=(approval,) if approval else ())
        return refunds.refund(place.office, place.actor, asked, place.reader)

    assert place.approved(pay).sale.gross_microunits == -5 * EUR


def test_a_free_issue_needs_two_persons_and_costs_nothing(place):
    asked = place.request(Wish(MONEY, quantity=3 * EUR))

    def give(approval):
        return sales.free_issue(place.office, place.actor, asked, "lost in a fault", place.reader, approval)

    made = place.approved(give)
    assert (made.sale.kind, made.sale.gross_microunits, made.tokens[0].amount) == ("free", 0, 3 * EUR)
    assert balances.balance(chart.issued(chart.FREE), "EUR") == -3 * EUR
    assert give(None).is_repeat
    assert Token.objects.count() == 1


def test_a_key_card_is_loaded_and_its_credit_is_in_the_ledger(place, monkeypatch):
    from wattpurse_tools.station.key_card_terms import KeyCardTerms

    shop = open_shop(place.office.keys, place.office.folder.cards, place.actor)
    shop.key_cards.new_card("key", "ntag216", KeyCardTerms(PRICE_OF_KWH, 0, 0), 12)
    reader = StationReader(shop, "key")
    uid = reader.read().uid
    asked = dataclasses.replace(request(place.shift, money(15), meter=0), card=uid, carrier=KEY_CARD)
    assert sales.quote(place.office, place.actor, asked, reader).gross_microunits == 15 * EUR
    made = sales.sell(place.office, place.actor, asked, reader)
    assert (made.sale.state, made.trouble) == (WRITTEN, "")
    assert sales.sell(place.office, place.actor, asked, reader).is_repeat
    assert shop.key_cards.look(shop.cards.read("key")).content.loaded == 15 * EUR
    assert balances.balance(chart.key_card(uid), "EUR") == 15 * EUR
    with card_in_hand("key") as card:
        assert card.uid.hex() == uid


def test_a_sale_on_a_key_card_is_not_voided_because_a_copy_could_be_spent(place):
    from wattpurse_tools.station.key_card_terms import KeyCardTerms

    shop = open_shop(place.office.keys, place.office.folder.cards, place.actor)
    shop.key_cards.new_card("key", "ntag216", KeyCardTerms(PRICE_OF_KWH, 0, 0), 12)
    reader = StationReader(shop, "key")
    asked = dataclasses.replace(request(place.shift, money(15), meter=0), card=reader.read().uid, carrier=KEY_CARD)
    made = sales.sell(place.office, place.actor, asked, reader)
    with pytest.raises(ValueError, match="a copy of that card could be spent"):
        void(place.office, place.actor, made.sale, place.shift.pk, reader)
    assert shop.key_cards.look(shop.cards.read("key")).content.balance == 15 * EUR
