"""The station on SQLite and on PostgreSQL: sales, statements, receipts, key cards, and sales from several threads."""

import dataclasses
import json
import threading

import pytest
from django.db import connections

from boards.host.cards.images import from_image
from tests.services.desk_bench import METER
from tests.tools.meter_bench import MeterBench
from wattpurse.core import outcome
from wattpurse.core.currency import Currency
from wattpurse_tools.office import counter as counters
from wattpurse_tools.office import learning, refunds, sales
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.refunds import RefundRequest
from wattpurse_tools.office.sale_types import CARD, DIGITS, KEY_CARD, MONEY, SaleRequest, Wish
from wattpurse_tools.record.models import Meter, MonthlyReading, Token
from wattpurse_tools.station.actions import cards, settling, tokens
from wattpurse_tools.station.key_card_terms import parse_terms
from wattpurse_tools.station.order import credit
from wattpurse_tools.station.shop import open_shop
from wattpurse_tools.station.station import NO_CARD, Deal, Station
from wattpurse_tools.vault.interface import ApprovalNeeded

TWENTY = 20_000_000
TILLS, SALES = 3, 4


class Keys:
    """The keys of one meter for its bench."""

    def __init__(self, office, actor):
        self.key_version = office.keys.newest_version
        self._keys = office.keys.meter_keys(actor.ticket, METER, self.key_version, self.key_version)
        self.site_key = self._keys[1]

    def meter_key(self, _number):
        return self._keys[0]


@pytest.fixture
def shop(any_office, manager):
    """Return the shop of a manager, with one meter."""
    opened = open_shop(any_office.keys, any_office.folder.cards, manager)
    opened.station.add_meter(METER, Currency("EUR", 2), "prepaid-money")
    return opened


@pytest.fixture
def meter(any_office, manager, shop):
    return MeterBench(Keys(any_office, manager))


def tap(any_office, meter, name):
    """Bring a card to the meter and put it back. Return the meter's outcomes."""
    path = any_office.folder.cards / f"{name}.json"
    card = from_image(json.loads(path.read_text()))
    outcomes = meter.tap(card)
    path.write_text(json.dumps(card.image()))
    return outcomes


def sell(any_office, manager, reader, carrier):
    """Sell 20.00 on a card, or by digits without a `reader`. Return the sale."""
    seen = None if reader is None else reader.read()
    request = SaleRequest(
        f"sale {carrier}",
        counters.shift_at_counter(any_office, manager).pk,
        0 if carrier == KEY_CARD else METER,
        "" if seen is None else seen.uid,
        carrier,
        Wish(MONEY, quantity=TWENTY),
    )
    return sales.sell(any_office, manager, request, reader)


def test_a_sale_comes_home_with_a_statement_and_is_given_back_once(any_office, manager, shop, meter, second):
    cards.new_customer_card(shop, "anna", "ntag216", METER)
    reader = StationReader(shop, "anna")
    sold = sell(any_office, manager, reader, CARD)
    assert (sold.sale.state, [one.sequence for one in sold.tokens]) == ("written", [1])
    assert tap(any_office, meter, "anna") == [outcome.ACCEPTED]
    assert cards.read(shop, "anna").document["statement"]["balance"] == TWENTY
    assert Meter.objects.get(number=METER).balance == TWENTY
    assert MonthlyReading.objects.filter(meter_id=METER).exists()
    with pytest.raises(ApprovalNeeded) as needed:
        tokens.put_on_card(shop, METER, "refund", ["money", "all"], "anna")
    request = any_office.keys.propose(shop.station.ticket, needed.value.action, needed.value.document, "moves out")
    any_office.keys.approve(second.ticket, request)
    tokens.put_on_card(shop, METER, "refund", ["money", "all"], "anna", Deal(approval=request))
    assert tap(any_office, meter, "anna") == [outcome.ACCEPTED]
    learning.look(reader)
    owed = RefundRequest("refund", counters.shift_at_counter(any_office, manager).pk, METER, (2,))
    assert refunds.refund(any_office, manager, owed, reader).sale.gross_microunits == -TWENTY
    assert settling.settlement(shop, "anna").receipts[0]["settled"] == "paid out, key 1:refund"
    with pytest.raises(ValueError, match="is settled"):
        refunds.refund(any_office, manager, dataclasses.replace(owed, client_key="again"), reader)
    assert any_office.keys.settled(METER) == {2: "paid out, key 1:refund"}


def test_a_key_card_and_limits_of_digits_are_kept(any_office, manager, shop):
    cards.new_key_card(shop, "room", "classic-1k", parse_terms("0.30", "2/day"), 12)
    sell(any_office, manager, StationReader(shop, "room"), KEY_CARD)
    assert cards.read(shop, "room").document["key_card"]["balance"] == TWENTY
    for amount in ("5", "50"):
        assert tokens.digit_limits(shop.station, METER, amount, None, "31")[0] == f"{amount}.00 EUR"
    sold = sell(any_office, manager, None, DIGITS)
    assert [len(one) for one in sold.digits] == [20]
    assert [one.amount for one in sold.tokens] == [TWENTY]


def test_tills_that_sell_to_one_meter_at_once_use_each_number_once(any_office, manager, shop):
    failed = []

    def sell():
        try:
            for _ in range(SALES):
                Station(any_office.keys, manager).issue(METER, NO_CARD, credit("money", TWENTY))
        except Exception as error:  # noqa: BLE001 shown by the assertion
            failed.append(error)
        finally:
            connections.close_all()

    tills = [threading.Thread(target=sell) for _ in range(TILLS)]
    for till in tills:
        till.start()
    for till in tills:
        till.join()
    assert failed == []
    numbers = list(Token.objects.order_by("sequence").values_list("sequence", flat=True))
    assert numbers == list(range(1, TILLS * SALES + 1))
