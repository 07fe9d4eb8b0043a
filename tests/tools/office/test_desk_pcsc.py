"""A till whose agent has a PC/SC reader: pages of the office, the agent over HTTP, a real pcscd, models of cards."""

import pytest
from django.db import connections

from boards.host.cards.classic import ClassicCard
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from tests.tools.office.selling_site import build_site, first_till
from tests.tools.office.till_bench import agent_at, served, token_of
from tests.tools.readers.conftest import reader  # noqa: F401 for the tests
from tests.tools.readers.pcsc_card import BEFORE, DURING, PcscCard
from wattpurse.cards import purse
from wattpurse_tools.desk.exchange import exchange
from wattpurse_tools.desk.readers import reader_at
from wattpurse_tools.record.models import Sale
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.shop import open_shop

UIDS = {"ntag215": bytes.fromhex("04112233445566"), "classic-1k": bytes.fromhex("a1b2c3d4")}


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Let an agent's question be answered soon, so that it ends soon."""
    monkeypatch.setattr("wattpurse_tools.desk.exchange.POLL_S", 0.2)


@pytest.fixture
def url(office):
    """Return the address of an office with meters and prices."""
    build_site()
    with served(office) as address:
        yield address


def new_card(office, manager, reader, name, kind):  # noqa: F811
    """Make a customer's card of meter 1 on the reader."""
    uid = UIDS[kind]
    reader.lay(PcscCard(ClassicCard(uid) if kind == "classic-1k" else UltralightCard(kind, uid)))
    open_shop(office.keys, "pcsc:", manager).vending.new_customer_card(name, kind, 1)
    connections.close_all()
    return reader.card.card


def tokens_on(office, card):
    box = CardReader(office.keys).work(from_image(card.image()), purse.read_orders)
    return purse.split_tokens(box.content)


def order_of(pages):
    """Read the card, order 20 of money, and return the form of the sale."""
    pages.post("/till/card", {"meter": ""})
    answer = pages.post("/till/amount", {"what": "money", "amount": "20"})
    form = {**dict(answer.context["order_fields"]), "client_key": answer.context["client_key"]}
    return form | {name: answer.context["state"][name] for name in ("card", "meter")}


def begin_shift(pages):
    pages.log_in("cashier")
    pages.get("/till/")
    pages.post("/till/open", {"amount": "0"})


@pytest.mark.parametrize("kind", UIDS)
def test_a_cashier_sells_on_a_card_at_the_agents_reader(office, manager, url, reader, pages, kind):  # noqa: F811
    card = new_card(office, manager, reader, "anna", kind)
    begin_shift(pages)
    with agent_at(url, token_of(manager), reader_at("pcsc:acr122")):
        assert exchange().desk(first_till().pk).takes_frames
        form = order_of(pages)
        assert pages.get("/till/customer").content.decode().count("anna")
        assert "/till/receipt" in pages.post("/till/sell", form).headers["Location"]
    sale = Sale.objects.get()
    assert sale.state == "written"
    assert tokens_on(office, card) == [bytes(one.sealed) for one in sale.tokens.all()]


def test_a_card_lifted_in_a_write_is_owed_and_written_at_the_next_read(office, manager, url, reader, pages):  # noqa: F811
    card = new_card(office, manager, reader, "anna", "ntag215")
    begin_shift(pages)
    with agent_at(url, token_of(manager), reader_at("pcsc:")):
        form = order_of(pages)
        lift_at_write(reader.card)
        pages.post("/till/sell", form)
        assert Sale.objects.get().state == "sold"
        assert tokens_on(office, card) == []
        reader.lay(PcscCard(card))
        pages.post("/till/card", {"meter": ""})
        assert "not on this card yet" in pages.get("/till/customer").content.decode()
        assert pages.post("/till/owed").headers["Location"] == "/till/customer"
    sale = Sale.objects.get()
    assert sale.state == "written"
    assert tokens_on(office, card) == [bytes(one.sealed) for one in sale.tokens.all()]


def lift_at_write(card):
    """Lift a card while it works on its third update from now."""
    transmit, seen = card.transmit, []

    def counted(apdu):
        if apdu[1] == 0xD6:
            seen.append(apdu)
            if len(seen) == 3:
                card.tear(1, DURING)
        return transmit(apdu)

    card.transmit = counted


def test_an_empty_reader_is_told_and_nothing_is_sold(office, manager, url, reader, pages):  # noqa: F811
    card = new_card(office, manager, reader, "anna", "ntag215")
    begin_shift(pages)
    with agent_at(url, token_of(manager), reader_at("pcsc:")):
        form = order_of(pages)
        reader.card.tear(1, BEFORE)
        pages.post("/till/sell", form)
        reader.lift()
        answer = pages.post("/till/card", {"meter": ""})
        assert "no card lies on the reader" in answer.content.decode()
    assert tokens_on(office, card) == []
    assert not Sale.objects.filter(state="written").exists()
