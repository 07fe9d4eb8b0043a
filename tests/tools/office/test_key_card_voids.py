"""Voids of sales on DESFire key cards: in the card folder, with a meter that deducts, and on a real pcscd, torn."""

import dataclasses

import pytest

from boards.host.cards import desfire_chip
from boards.host.cards.desfire_chip import DesfireChip
from boards.host.cards.desfire_ev2 import EV2
from tests.cards.desfire_bench import Numbers, content_of
from tests.tools.meter_bench import card_in_hand
from tests.tools.office.selling_site import EUR, FLOAT, PRICE_OF_KWH, build_site, money, new_shift, request
from tests.tools.readers.conftest import reader  # noqa: F401 for the tests
from tests.tools.readers.pcsc_card import AFTER, BEFORE, DesfireOnReader
from wattpurse.cards import desfire_key_card as layout
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit, sales
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.sale_types import KEY_CARD, SOLD, VOIDED, VOIDING, WRITTEN
from wattpurse_tools.office.voids import void
from wattpurse_tools.record.models import Sale
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.shop import open_shop

PRICE = 15 * EUR
UID = bytes.fromhex("04a1b2c3d4e5f6")


class Till:
    """A till with a DESFire key card at its reader."""

    def __init__(self, office, actor, place, kind="desfire"):
        build_site()
        self.office, self.actor = office, actor
        self.shift = new_shift(office, actor)
        self.shop = open_shop(office.keys, place, actor)
        self.shop.key_cards.new_card("key", kind, KeyCardTerms(PRICE_OF_KWH, 0, 0), 12)
        self.reader = StationReader(self.shop, "key")
        self.uid = self.reader.read().uid

    def request(self):
        return dataclasses.replace(request(self.shift, money(15), meter=0), card=self.uid, carrier=KEY_CARD)

    def sell(self):
        return sales.sell(self.office, self.actor, self.request(), self.reader).sale

    def void(self, sale):
        return void(self.office, self.actor, sale, self.shift.pk, self.reader).sale

    @property
    def content(self):
        return self.shop.key_cards.look(self.shop.cards.read("key")).content

    @property
    def drawer(self):
        return balances.balance(chart.drawer(1, self.shift.pk), "EUR")

    @property
    def credit(self):
        return balances.balance(chart.key_card(self.uid), "EUR")


@pytest.fixture
def till(office, manager, monkeypatch):
    monkeypatch.chdir(office.folder.path)
    return Till(office, manager, office.folder.cards)


def deduct(amount):
    """Deduct from the card in the folder as a meter does."""
    with card_in_hand("key") as card:
        files = card.desfire.applications[layout.APPLICATION].files
        statement = files[layout.STATEMENT_FILE]
        content = content_of(card.desfire)
        after = content.at(content.version + 1, content.spent + amount)
        files[layout.VALUE_FILE].value = layout.value_of(after.loaded, after.spent)
        changed = layout.statement_after(bytes(statement.data), after, 40_000_001)
        statement.data[: len(changed)] = changed
        card.memory[:] = desfire_chip._packed(card.desfire)


def test_a_void_takes_the_money_off_the_card_and_pays_it_back_once(till):
    sale = till.sell()
    assert (sale.state, till.drawer, till.credit) == (WRITTEN, FLOAT + PRICE, PRICE)
    back = till.void(sale)
    sale.refresh_from_db()
    assert (sale.state, back.gross_microunits, back.reverses) == (VOIDED, -PRICE, sale)
    assert (till.content.balance, till.drawer, till.credit) == (0, FLOAT, 0)
    assert till.void(sale) == back
    assert (till.content.balance, till.drawer) == (0, FLOAT)
    assert set(balances.sums_by_unit().values()) == {0}
    assert audit.first_broken() is None
    till.sell()
    assert (till.content.balance, till.credit) == (PRICE, PRICE)


@pytest.mark.parametrize("kind", ("desfire", "ntag216"))
def test_the_page_of_the_receipt_cancels_it_if_the_card_is_a_desfire(office, manager, pages, monkeypatch, kind):
    monkeypatch.chdir(office.folder.path)
    till = Till(office, manager, office.folder.cards, kind)
    sale = till.sell()
    monkeypatch.setattr("wattpurse_tools.pages.views.till_receipt.reader_at", lambda request, place: till.reader)
    pages.log_in("manager")
    pages.get("/till/")
    page = f"/till/receipt/{sale.pk}"
    assert (f"{page}/cancel" in pages.get(page).content.decode()) == (kind == "desfire")
    answer = pages.post(f"{page}/cancel")
    sale.refresh_from_db()
    if kind == "desfire":
        assert (sale.state, till.content.balance, till.drawer) == (VOIDED, 0, FLOAT)
        assert "This sale was cancelled." in pages.get(page).content.decode()
    else:
        assert "a copy of that card could be spent" in answer.content.decode()
        assert (sale.state, till.drawer) == (WRITTEN, FLOAT + PRICE)


def test_a_sale_whose_money_is_partly_used_is_refused_with_the_sums(till):
    sale = till.sell()
    deduct(EUR)
    with pytest.raises(ValueError, match="loaded 15.00 EUR, and 14.00 EUR are left on the card"):
        till.void(sale)
    sale.refresh_from_db()
    assert (sale.state, till.content.balance, till.drawer) == (WRITTEN, 14 * EUR, FLOAT + PRICE)


def test_money_that_is_used_between_two_tries_lets_the_sale_stand(till, monkeypatch):
    sale = till.sell()
    with monkeypatch.context() as patch:
        patch.setattr(till.reader, "take_back", lifted)
        with pytest.raises(OSError, match="not voided yet: the card was lifted"):
            till.void(sale)
    assert Sale.objects.get(pk=sale.pk).state == VOIDING
    deduct(EUR)
    sale.refresh_from_db()
    with pytest.raises(ValueError, match="less money than this sale has loaded; the sale stands"):
        till.void(sale)
    assert (Sale.objects.get(pk=sale.pk).state, till.content.balance) == (WRITTEN, 14 * EUR)


def lifted(mark, amount, is_first):
    raise OSError("the card was lifted")


def test_a_second_void_waits_for_the_first_one_of_the_card(till, monkeypatch):
    first, second = till.sell(), till.sell()
    with monkeypatch.context() as patch:
        patch.setattr(till.reader, "take_back", lifted)
        with pytest.raises(OSError):
            till.void(first)
    with pytest.raises(ValueError, match=f"the void of receipt {first.receipt_number} on this card is not complete"):
        till.void(second)
    first.refresh_from_db()
    till.void(first)
    till.void(second)
    assert (till.content.balance, till.drawer) == (0, FLOAT)


def test_a_sale_that_did_not_reach_the_card_is_written_and_taken_back(till, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(till.reader, "write", lambda: lifted(b"", 0, False))
        sale = till.sell()
    assert (sale.state, till.content.balance) == (SOLD, 0)
    till.void(sale)
    assert (till.content.balance, till.drawer, till.credit) == (0, FLOAT, 0)


def test_a_record_from_a_backup_does_not_pay_a_voided_sale_again(till):
    """Put back a record that does not know of the void, while the card has the mark of the sale."""
    sale = till.sell()
    other = till.sell()
    state = Sale.objects.filter(pk=sale.pk)
    with pytest.raises(RuntimeError), pytest.MonkeyPatch.context() as patch:
        patch.setattr("wattpurse_tools.office.voids._finish", crash)
        till.void(sale)
    state.update(state=WRITTEN)
    sale.refresh_from_db()
    with pytest.raises(ValueError, match="taken back before; the sale stands"):
        till.void(sale)
    assert till.content.balance == PRICE
    till.void(other)
    assert till.content.balance == 0


def crash(*_):
    raise RuntimeError("power cut")


def test_a_void_at_a_real_reader_can_be_torn_at_every_command(office, manager, reader):  # noqa: F811
    """Use an EV2 with a random UID: it is identified before each dialog."""
    chip = DesfireChip(UID, random_bytes=Numbers(5), hardware_version=EV2)
    card = DesfireOnReader(chip)
    reader.lay(card)
    till = Till(office, manager, "pcsc:acr122")
    chip.desfire.has_random_uid = True
    sale = till.sell()
    before = card.apdus
    till.void(sale)
    commands = card.apdus - before
    taken, states = 0, set()
    for number in (*range(1, commands - 15, 4), *range(commands - 15, commands + 1)):
        for moment in (BEFORE, AFTER) if number > commands - 5 else (AFTER,):
            sale = till.sell()
            assert content_of(chip.desfire).balance == PRICE
            card.tear(number, moment)
            with pytest.raises(OSError):
                till.void(sale)
            card.tear(0, None)
            reader.lay(card)
            sale.refresh_from_db()
            states.add(sale.state)
            balance = content_of(chip.desfire).balance
            assert (sale.state, balance) in {(WRITTEN, PRICE), (VOIDING, PRICE), (VOIDING, 0)}
            assert till.drawer == FLOAT + PRICE
            taken += balance == 0
            till.void(sale)
            assert (content_of(chip.desfire).balance, till.drawer, till.credit) == (0, FLOAT, 0)
    assert states == {WRITTEN, VOIDING}
    assert taken == 1  # the answer to the commit was lost
