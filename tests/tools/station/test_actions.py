"""The station without a command line: actions on plain paths and values.

After each action the record and the cards are read again, independently, and have to agree.
"""

import json
import sqlite3
from contextlib import closing, nullcontext
from datetime import date

import pytest

from boards.host.cards.images import from_image
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from wattpurse.cards import purse
from wattpurse.core import outcome
from wattpurse_tools.commands.station_options import actor_of
from wattpurse_tools.office import counter as counters
from wattpurse_tools.office import learning, refunds, sales
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.refunds import RefundRequest
from wattpurse_tools.office.sale_types import CARD, KEY_CARD, MONEY, NONE, SaleRequest, Wish
from wattpurse_tools.station.actions import cards, meters, reports, settling, tokens, walks
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.key_card_terms import parse_terms
from wattpurse_tools.station.shop import open_shop

OTHER = METER + 1
TWENTY = 20_000_000
NEVER = date(2099, 12, 31)


class Counter:
    """A vending counter in one folder: plain paths, as any program has them."""

    def __init__(self, office):
        self.office = office
        self.cards = office.folder.cards
        for number in (METER, OTHER):
            meters.add(office.station(), number)
        self._sold = 0

    def shop(self, operator_card=None):
        person = None if operator_card else self.office.person
        return nullcontext(open_shop(self.office.vault, self.cards, person, operator_card))

    def station(self):
        return nullcontext(self.office.station())

    def sell(self, name, amount, meter_number=METER, operator_card=None):
        """Sell money on a card, or without a card if it has no name. Return the sale."""
        with self.shop(operator_card) as shop:
            office, actor = Office(self.office.folder, self.office.vault), actor_of(shop)
            reader = StationReader(shop, name) if name else None
            seen = reader.read() if reader else None
            carrier = NONE if seen is None else KEY_CARD if seen.role == KEY_CARD else CARD
            self._sold += 1
            request = SaleRequest(
                f"sale {self._sold}",
                counters.shift_at_counter(office, actor).pk,
                0 if carrier == KEY_CARD else meter_number,
                "" if seen is None else seen.uid,
                carrier,
                Wish(MONEY, quantity=amount),
            )
            return sales.sell(office, actor, request, reader)

    def give_out(self, kind, words, meter_number=METER):
        """Make a token that is on no card, and return it."""
        with self.shop() as shop:
            return tokens.give_out(shop, meter_number, kind, words)

    def refund(self, name, to_meter=0):
        """Pay out the credit that is owed to a card, or move it to another meter. Return the receipt of it."""
        with self.shop() as shop:
            office, actor, reader = Office(self.office.folder, self.office.vault), actor_of(shop), self.reader(name)
            seen = learning.look(reader)
            owed = tuple(one.sequence for one in refunds.owed_receipts(seen, office))
            self._sold += 1
            shift = counters.shift_at_counter(office, actor).pk
            request = RefundRequest(f"refund {self._sold}", shift, seen.meter_number, owed, to_meter)
            return refunds.refund(office, actor, request, reader)

    def reader(self, name):
        """Return the reader with a card on it."""
        return StationReader(open_shop(self.office.vault, self.cards, self.office.person), name)

    def card(self, name):
        return from_image(json.loads((self.cards / f"{name}.json").read_text()))

    def tap(self, meter, name):
        """Bring the card to a meter and put it back. Return the meter's outcomes."""
        card = self.card(name)
        outcomes = meter.tap(card)
        (self.cards / f"{name}.json").write_text(json.dumps(card.image()))
        return outcomes

    def tokens_on(self, name):
        """Return the sealed tokens on a card, read by the meter's own code."""
        box = CardReader(self.office.vault).work(self.card(name), purse.read_orders)
        return [] if box is None else purse.split_tokens(box.content)

    def tokens_recorded_for(self, name):
        """Return the tokens that the record has on a card, by SQL on the closed file."""
        uid = self.card(name).uid.hex()
        with closing(sqlite3.connect(self.office.folder.database)) as database:
            query = "SELECT sealed FROM tokens WHERE card = ? AND state = 'on card' ORDER BY meter_id, sequence"
            return [sealed for (sealed,) in database.execute(query, (uid,))]

    def redeemed(self):
        """Return the redeemed tokens in the record. They stay on their card until it is written again."""
        with closing(sqlite3.connect(self.office.folder.database)) as database:
            return [sealed for (sealed,) in database.execute("SELECT sealed FROM tokens WHERE state = 'redeemed'")]

    def states(self, meter_number=METER):
        """Return the states of all tokens of a meter, oldest first, by SQL on the closed file."""
        with closing(sqlite3.connect(self.office.folder.database)) as database:
            query = "SELECT state FROM tokens WHERE meter_id = ? ORDER BY sequence"
            return [state for (state,) in database.execute(query, (meter_number,))]

    def check(self, *names):
        """Assert that the record and the cards agree."""
        redeemed = self.redeemed()
        for name in names:
            unredeemed = [sealed for sealed in self.tokens_on(name) if sealed not in redeemed]
            assert unredeemed == self.tokens_recorded_for(name), name


@pytest.fixture
def counter(tmp_path):
    with station_office.opened(tmp_path / "office") as office:
        yield Counter(office)


@pytest.fixture
def meter(counter):
    return MeterBench(counter.office)


@pytest.fixture
def anna(counter):
    """Make a customer's card with 20.00 on it."""
    with counter.shop() as shop:
        assert cards.new_customer_card(shop, "anna", "classic-1k", METER) is None
    counter.sell("anna", TWENTY)
    return "anna"


class TestSelling:
    def test_money_is_sold_and_counts_once(self, counter, meter):
        with counter.shop() as shop:
            cards.new_customer_card(shop, "anna", "classic-1k", METER)
        sold = counter.sell("anna", TWENTY)
        (made,) = sold.tokens
        assert (made.meter_id, made.sequence, made.unit, made.amount) == (METER, 1, "money", TWENTY)
        assert (sold.sale.state, sold.sale.receipt_number) == ("written", 1)
        assert counter.states() == ["on card"]
        assert counter.tokens_on("anna") == [bytes(made.sealed)]
        counter.check("anna")
        assert counter.tap(meter, "anna") == [outcome.ACCEPTED]
        assert meter.balance == TWENTY
        with counter.shop() as shop:
            document = cards.read(shop, "anna").document
        assert document["statement"]["balance"] == TWENTY
        assert counter.states() == ["redeemed"]

    @pytest.mark.parametrize(
        ("sell", "reason"),
        [
            (lambda counter: counter.sell("anna", 0), "above zero"),
            (lambda counter: counter.sell("anna", TWENTY, OTHER), f"for meter {METER}"),
            (lambda counter: counter.sell("nobody", TWENTY), "there is no card nobody"),
            (lambda counter: counter.sell(None, TWENTY, 7), "meter 7 is not known"),
            (lambda counter: counter.give_out("wishes", []), "no kind of token"),
            (lambda counter: counter.give_out("days", ["3"], 7), "meter 7 is not known"),
        ],
    )
    def test_refusal_changes_nothing(self, counter, anna, sell, reason):
        before = counter.tokens_on(anna), counter.states()
        with pytest.raises(ValueError, match=reason):
            sell(counter)
        assert (counter.tokens_on(anna), counter.states()) == before
        counter.check(anna)

    def test_any_token_goes_onto_a_card_or_is_given_out(self, counter, anna, meter):
        with counter.shop() as shop:
            on_card = tokens.put_on_card(shop, METER, "clear-tamper", [], anna)
            given_out = tokens.give_out(shop, METER, "shortage", ["2", "2027-01-01T00:00:00+00:00"])
        assert (on_card["words"], given_out["words"]) == (
            "clear tamper",
            "shortage level 2 until 2027-01-01 00:00:00 UTC",
        )
        assert counter.states() == ["on card", "on card", "issued"]
        counter.check(anna)
        assert meter.type(given_out["sealed"].hex()) == outcome.ACCEPTED

    def test_key_card_carries_its_money(self, counter):
        with counter.shop() as shop:
            cards.new_key_card(shop, "room12", "ntag213", parse_terms("0.30", "2/day"), 12)
        for amount in (10_000_000, 5_000_000):
            assert counter.sell("room12", amount).sale.state == "written"
        with counter.shop() as shop:
            content = cards.read(shop, "room12")
        assert content.document["key_card"]["balance"] == 15_000_000
        assert "balance    15.00 EUR: 15.00 EUR loaded" in content.table()
        with closing(sqlite3.connect(counter.office.folder.database)) as database:
            assert database.execute("SELECT loaded FROM key_cards").fetchall() == [(15_000_000,)]
            assert database.execute("SELECT amount FROM key_card_sales").fetchall() == [(10_000_000,), (5_000_000,)]

    def test_required_operator_signs_on_when_the_shop_is_opened(self, counter, anna):
        counter.office.hire(3, ("sell",))
        with counter.shop() as shop:
            cards.new_operator_card(shop, "op", "ntag213", 3, NEVER)
        nobody = open_shop(counter.office.vault, counter.cards)
        with pytest.raises(ValueError, match="--operator CARD"):
            actor_of(nobody)
        assert counter.sell(anna, TWENTY, operator_card="op").sale.operator == 3
        with counter.station() as station:
            assert [sale["operator"] for sale in reports.sales(station)] == [1, 3]


class TestSettling:
    @pytest.fixture
    def given_back(self, counter, anna, meter):
        """Load 20.00 into the meter, use 7.66, and let it give the rest back."""
        counter.tap(meter, anna)
        meter.use_money(7_660_000)
        with counter.shop() as shop:
            cards.read(shop, anna)
            tokens.put_on_card(shop, METER, "refund", ["money", "all"], anna)
        counter.check(anna)
        assert counter.tap(meter, anna) == [outcome.ACCEPTED]
        return anna

    def test_receipt_is_settled_once(self, counter, given_back):
        with counter.shop() as shop:
            owed = settling.settlement(shop, given_back)
        receipt = counter.refund(given_back).sale
        with pytest.raises(ValueError, match="receipt none"):
            counter.refund(given_back)
        assert (receipt.kind, receipt.gross_microunits) == ("refund", -12_340_000)
        with counter.shop() as shop:
            paid = settling.settlement(shop, given_back)
        assert (owed.meter, [receipt["money"] for receipt in owed.receipts]) == (METER, [12_340_000])
        assert (owed.receipts[0]["text"], owed.receipts[0]["settled"]) == ("12.34 EUR", "")
        assert paid.receipts[0]["settled"].startswith("paid out, key ")
        with closing(sqlite3.connect(counter.office.folder.database)) as database:
            settled = database.execute("SELECT money, settled FROM meter_receipts").fetchall()
        assert settled == [(12_340_000, paid.receipts[0]["settled"])]
        counter.check(given_back)

    def test_credit_goes_to_another_meter_once(self, counter, given_back):
        done = counter.refund(given_back, OTHER)
        assert (done.sale.kind, done.sale.meter_number, done.sale.gross_microunits) == ("moved", OTHER, 0)
        assert [(token.amount, token.sequence) for token in done.tokens] == [(12_340_000, 1)]
        assert counter.states(OTHER) == ["on card"]
        assert counter.tokens_on(given_back) == [bytes(done.tokens[0].sealed)]
        counter.check(given_back)
        with pytest.raises(ValueError, match="receipt none"):
            counter.refund(given_back, OTHER)
        other = MeterBench(counter.office, OTHER)
        assert counter.tap(other, given_back) == [outcome.ACCEPTED]
        assert other.balance == 12_340_000
        with closing(sqlite3.connect(counter.office.folder.database)) as database:
            settled = database.execute("SELECT settled FROM meter_receipts").fetchall()
        assert settled[0][0].startswith(f"to meter {OTHER}, key ")

    def test_card_that_is_no_customers(self, counter):
        with counter.shop() as shop:
            walks.new(shop, "round", "ntag216", "short")
            with pytest.raises(ValueError, match="no customer's card"):
                settling.settlement(shop, "round")


class TestCards:
    def test_lost_card_is_replaced_and_its_credit_counts_once(self, counter, anna, meter):
        lost = counter.card(anna)
        with counter.shop() as shop:
            cards.new_customer_card(shop, "bert", "ntag215", METER)
            moved = cards.replace(shop, anna, "bert")
        assert [token["sequence"] for token in moved] == [1]
        assert counter.tokens_on("bert") == [moved[0]["sealed"]]
        assert counter.tokens_recorded_for(anna) == []
        counter.check("bert")
        assert counter.tap(meter, "bert") == [outcome.ACCEPTED]
        meter.tap(lost)
        assert meter.balance == TWENTY

    def test_card_with_credit_is_erased_only_if_it_is_forfeited(self, counter, anna):
        with counter.shop() as shop:
            with pytest.raises(ValueError, match="token 1"):
                cards.erase(shop, anna)
            assert counter.tokens_on(anna) != []
            erased = cards.erase(shop, anna, forfeit=True)
        assert ([token["sequence"] for token in erased.tokens], erased.money) == ([1], None)
        assert counter.tokens_on(anna) == []
        assert counter.states() == ["forfeited"]
        counter.check(anna)

    def test_write_that_failed_is_repaired(self, counter, anna):
        before = (counter.cards / "anna.json").read_text()
        counter.sell(anna, TWENTY)
        (counter.cards / "anna.json").write_text(before)
        assert counter.tokens_on(anna) != counter.tokens_recorded_for(anna)
        with counter.shop() as shop:
            repaired = cards.repair(shop, anna)
        assert ([token["sequence"] for token in repaired.tokens], repaired.money) == ([2], None)
        counter.check(anna)

    def test_card_of_each_role_is_made_and_read(self, counter):
        with counter.shop() as shop:
            cards.new_technician_card(shop, "tech", "ntag213", 7, NEVER)
            cards.new_operator_card(shop, "op", "classic-1k", 1, NEVER)
            meters_on_card = walks.new(shop, "round", "ntag216", "short")
            documents = [cards.read(shop, name).document for name in ("tech", "op", "round")]
        assert [document["card"]["role"] for document in documents] == ["service", "operator", "data"]
        assert documents[0]["service_pass"]["technician"] == 7
        assert documents[1]["operator_pass"]["operator"] == 1
        assert meters_on_card > 1

    @pytest.mark.parametrize(
        ("person", "last_day", "reason"),
        [(-1, NEVER, "from 0 to"), (1 << 32, NEVER, "from 0 to"), (1, date(2020, 1, 1), "lie ahead")],
    )
    def test_wrong_pass_is_not_made(self, counter, person, last_day, reason):
        with counter.shop() as shop, pytest.raises(ValueError, match=reason):
            cards.new_technician_card(shop, "tech", "ntag213", person, last_day)
        assert not (counter.cards / "tech.json").exists()

    def test_rolled_card_has_the_keys_of_its_meter(self, counter, anna, meter):
        assert counter.office.roll() == 2
        with counter.shop() as shop:
            assert cards.rekey(shop, anna) == 1
            tokens.put_on_card(shop, METER, "site-key", [], anna)
        counter.tap(meter, anna)
        with counter.shop() as shop:
            cards.read(shop, anna)
            assert cards.rekey(shop, anna) == 2
        counter.check(anna)


class TestMetersAndWalks:
    def test_meter_is_added_listed_and_given_its_keys(self, counter):
        with counter.station() as station:
            assert meters.add(station, 7).code == "EUR"
            meters.add(station, 8, "prepaid-energy")
            with pytest.raises(ValueError, match="known already"):
                meters.add(station, 7)
            with pytest.raises(ValueError, match="no contract"):
                meters.add(station, 9, "rent")
            listed = {one.number: (one.supplied.contract, one.supplied.unit) for one in meters.summaries(station)}
            keys = meters.keys(station, 7)
        money = ("prepaid-money", "money")
        assert listed == {METER: money, OTHER: money, 7: money, 8: ("prepaid-energy", "energy")}
        assert keys.meter_key == counter.office.meter_key(7)

    def test_numbers_go_on_after_an_older_record_was_restored(self, counter, anna):
        with counter.office.older_record():
            counter.sell(anna, TWENTY)
        assert counter.give_out("clear-tamper", [])["sequence"] == 3

    def test_tokens_of_a_lost_card_are_forfeited(self, counter, anna):
        with counter.station() as station:
            assert [token["sequence"] for token in tokens.outstanding(station, METER)] == [1]
            assert tokens.forfeit(station, METER, [1])[0]["text"] == "20.00 EUR"
            assert tokens.outstanding(station, METER) == []
        assert counter.states() == ["forfeited"]

    def test_walk_takes_tokens_and_brings_statements(self, counter, meter):
        with counter.shop() as shop:
            walks.new(shop, "round", "ntag216", "full")
            counter.sell(None, TWENTY)
            loaded = walks.load(shop, "round")
        assert [token["text"] for token in loaded] == ["20.00 EUR"]
        counter.check("round")
        assert counter.tap(meter, "round") == [outcome.ACCEPTED]
        with counter.shop() as shop:
            brought = walks.read(shop, "round")
            report = reports.meter_report(shop.station)
        assert [(one.meter, one.balance_text) for one in brought] == [(METER, "20.00 EUR")]
        assert (report[0]["sold_money"], report[0]["balance"], report[0]["findings"]) == (TWENTY, TWENTY, "")
        assert counter.states() == ["redeemed"]
