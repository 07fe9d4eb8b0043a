"""Random sales, retries, failed writes, voids, refunds and shifts, held against plain lists."""

import shutil
import tempfile
from pathlib import Path

from django.db import connections
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests import office_of_tests
from tests.office_of_tests import MANAGER, PASSPHRASE, PINS, SECOND
from tests.tools.office.selling_site import EUR, PaperCard, build_site, first_shop, first_till, money
from wattpurse.core.money.key_card import card_number
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import approvals, refunds, sales, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.refunds import RefundRequest
from wattpurse_tools.office.sale_types import CARD, SaleRequest
from wattpurse_tools.office.voids import void
from wattpurse_tools.record.models import MeterReceipt, Sale
from wattpurse_tools.record.office_folder import open_record
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import ApprovalNeeded

_FIRST_RECEIPT = 1000


class Selling(RuleBasedStateMachine):
    """A till with one card, against lists of sales, voids, refunds and counts."""

    template = None

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp(prefix="wp-machine-"))
        folder = office_of_tests.copy_office(self.template, self.path / "office")
        open_record(folder)
        self.vault = Vault.open(folder.vault, PASSPHRASE)
        self.office = Office(folder, self.vault)
        self.actor, self.second = self._sign_on(MANAGER), self._sign_on(SECOND)
        build_site()
        self.card = PaperCard("04aa", 1)
        self.asked = []  # (request, pk of the sale)
        self.voided, self.redeemed = set(), set()
        self.paid_back = []
        self.unsettled = {}
        self.drawer = 0
        self.vendor = 0
        self.difference = 0
        self.receipts = 0
        self.shift = None

    def _sign_on(self, operator):
        session = self.vault.sign_on(operator, PINS[operator])
        return Actor.of(session)

    def teardown(self):
        self.vault.close()
        connections.close_all()
        shutil.rmtree(self.path)

    @precondition(lambda self: self.shift is None)
    @rule(amount=st.integers(0, 100))
    def open(self, amount):
        self.shift = shifts.open_shift(self.office, self.actor, first_till(), amount * EUR)
        self.drawer = amount * EUR
        self.vendor -= amount * EUR

    @precondition(lambda self: self.shift is not None)
    @rule(difference=st.sampled_from([0, 0, -EUR, 2 * EUR]))
    def close(self, difference):
        counted = max(0, self.drawer + difference)
        report = shifts.count_cash(self.office, self.actor, self.shift, counted)
        assert report.cash.expected_microunits == self.drawer
        shifts.close_shift(self.office, self.actor, self.shift)
        self.difference += self.drawer - counted
        self.vendor += counted
        self.drawer, self.shift = 0, None

    @precondition(lambda self: self.shift is not None)
    @rule(amount=st.integers(1, 50), breaks=st.booleans(), is_lost=st.booleans())
    def sell(self, amount, breaks, is_lost):
        self.card.breaks, self.card.lost_write = int(breaks), is_lost
        request = SaleRequest(f"k{len(self.asked)}", self.shift.pk, 1, self.card.uid, CARD, money(amount))
        try:
            made = sales.sell(self.office, self.actor, request, self.card)
        except ValueError as error:
            assert "no room" in str(error)
            return
        finally:
            self.card.breaks = 0
        assert bool(made.trouble) == breaks
        self.asked.append((request, made.sale.pk))
        self.drawer += amount * EUR
        self.receipts += 1

    @precondition(lambda self: self.asked)
    @rule(place=st.integers(0, 1 << 20))
    def retry(self, place):
        request, sale = self.asked[place % len(self.asked)]
        again = sales.sell(self.office, self.actor, request, self.card)
        assert (again.sale.pk, again.is_repeat) == (sale, True)

    @rule()
    def write_owed(self):
        sales.write_owed(self.office, self.actor, self.card)
        assert sales.owed_to_card(self.card.uid) == []

    @rule()
    def tap(self):
        self.card.tap()
        for _, sale in self.asked:
            numbers = set(Sale.objects.get(pk=sale).tokens.values_list("sequence", flat=True))
            if numbers <= self.card.redeemed:
                self.redeemed.add(sale)

    @precondition(lambda self: self.asked and self.shift is not None)
    @rule(place=st.integers(0, 1 << 20), breaks=st.booleans())
    def void(self, place, breaks):
        request, pk = self.asked[place % len(self.asked)]
        sale = Sale.objects.get(pk=pk)
        self.card.breaks, self.card.lost_write = int(breaks), False
        try:
            self._by_two(lambda approval: void(self.office, self.actor, sale, self.shift.pk, self.card, approval))
        except ValueError as error:
            assert pk in self.redeemed, error
            return
        except OSError:
            assert breaks
            return
        finally:
            self.card.breaks = 0
        assert pk not in self.redeemed
        if pk not in self.voided:
            self.voided.add(pk)
            self.drawer -= request.wish.gross_microunits
            self.receipts += 1

    @rule(amount=st.integers(1, 20))
    def give_back(self, amount):
        """Let a statement tell a receipt."""
        sequence = _FIRST_RECEIPT + len(self.paid_back) + len(self.unsettled)
        MeterReceipt.objects.create(
            meter_id=1,
            sequence=sequence,
            money=amount * EUR,
            energy=0,
            debt=0,
            term_s=0,
            card=card_number(bytes.fromhex(self.card.uid)),
            told_s=1,
        )
        self.unsettled[sequence] = amount * EUR

    @precondition(lambda self: self.shift is not None and (self.unsettled or self.paid_back))
    @rule(place=st.integers(0, 1 << 20))
    def refund(self, place):
        known = [*self.unsettled, *(sequence for sequence, _ in self.paid_back)]
        sequence = known[place % len(known)]
        key = f"refund-{sequence}-{len(self.paid_back)}"

        def pay(approval):
            numbers = () if approval is None else (approval,)
            request = RefundRequest(key, self.shift.pk, 1, (sequence,), approvals=numbers)
            return refunds.refund(self.office, self.actor, request, self.card)

        try:
            self._by_two(pay)
        except ValueError as error:
            assert sequence not in self.unsettled, error
            return
        amount = self.unsettled.pop(sequence)
        self.paid_back.append((sequence, amount))
        self.drawer -= amount
        self.receipts += 1

    @rule(amount=st.integers(1, 50), slip=st.integers(0, 5))
    def deposit(self, amount, slip):
        reference = f"slip {slip} {amount}"
        before = balances.balance(chart.bank(chart.DEPOSIT), "EUR")
        shifts.deposit(self.office, self.actor, first_shop(), amount * EUR, reference)
        self.vendor -= balances.balance(chart.bank(chart.DEPOSIT), "EUR") - before

    def _by_two(self, action):
        try:
            return action(None)
        except ApprovalNeeded as needed:
            asked = approvals.propose(self.office, self.actor, needed, "asked for")
            approvals.approve(self.office, self.second, asked)
            return action(asked.request)

    @invariant()
    def the_books_are_those_of_the_lists(self):
        booked = balances.balances("")
        assert set(balances.sums_by_unit().values()) <= {0}
        drawer = 0 if self.shift is None else booked.get((chart.drawer(1, self.shift.pk), "EUR"), 0)
        assert drawer == self.drawer
        assert booked.get((chart.vendor(1), "EUR"), 0) == self.vendor
        assert booked.get((chart.difference(1), "EUR"), 0) == self.difference
        sold = sum(one.wish.gross_microunits for one, pk in self.asked if pk not in self.voided)
        assert -booked.get((chart.issued(chart.SALE), "EUR"), 0) == sold
        paid_back = sum(amount for _, amount in self.paid_back)
        assert booked.get((chart.issued(chart.PAID_BACK), "EUR"), 0) == paid_back
        numbers = list(Sale.objects.order_by("receipt_number").values_list("receipt_number", flat=True))
        assert numbers == list(range(1, self.receipts + 1))

    @invariant()
    def the_card_has_what_is_sold_and_nothing_else(self):
        live = {pk for _, pk in self.asked} - self.voided
        on_card = set(Sale.objects.filter(tokens__sequence__in=self.card.tokens).values_list("pk", flat=True))
        assert on_card <= live


def test_the_books_agree_with_plain_lists_whatever_happens(office_template, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    Selling.template = office_template
    run_state_machine_as_test(Selling, settings=settings(max_examples=5, stateful_step_count=16, deadline=None))
    connections.close_all()
