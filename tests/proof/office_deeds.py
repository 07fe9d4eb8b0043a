"""The deeds of a process of an office: sales, credit taken out, receipts paid, shifts. A seed names the deeds."""

import random as randoms
from datetime import date

from tests.office_of_tests import MANAGER, PINS, SECOND
from wattpurse_tools.office import refunds, sales, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.reader import CardSeen, Content
from wattpurse_tools.office.sale_types import CARD, DIGITS, MONEY, SaleRequest, Wish
from wattpurse_tools.record.models import Card, Meter, MeterReceipt, Price, ShortLimit, TaxRate, Till, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.vault.interface import ApprovalNeeded

METERS = (40_001_001, 40_001_002, 40_001_003)

_UNIT = 1_000_000
_FLOAT = 500 * _UNIT
_AMOUNTS = (5, 10, 20, 50)


class PaperCard:
    """The card of a meter's customer, at a reader of the process. Its content is that of the record."""

    def __init__(self, meter_number):
        self.uid = f"04{meter_number:012x}"
        self._meter_number = meter_number

    def read(self):
        """Return the card."""
        numbers = self._rows().values_list("sequence", flat=True)
        content = Content(100_000, frozenset(numbers))
        return CardSeen(self.uid, f"card-{self._meter_number}", "ntag216", "customer", self._meter_number, content)

    def write(self):
        """Write the tokens of the record."""
        self._rows().update(state=orders.ON_CARD)

    def _rows(self):
        return Token.objects.filter(card=self.uid, state__in=orders.OUTSTANDING)


def build_site():
    """Add prices, and the meters with a card each."""
    vat = TaxRate.objects.create(name="VAT", rate_ppm=190_000, from_day=date(2020, 1, 1))
    Price.objects.create(what="money", currency="EUR", gross_microunits=_UNIT, tax=vat, from_s=0)
    for number in METERS:
        Meter.objects.create(
            number=number,
            currency="EUR",
            decimals=2,
            unit="money",
            contract="prepaid-money",
            key_version=1,
            site_version=1,
        )
        ShortLimit.objects.create(meter_id=number, name="short_token_limit_microunits", value=100 * _UNIT)
        card = PaperCard(number)
        Card.objects.create(uid=card.uid, name=f"card-{number}", meter_number=number, role="customer", kind="ntag216")


class Deeds:
    """A process with the secrets of two managers. Refusals are part of its life."""

    def __init__(self, office):
        self._office = office

    def act(self, seed, turn, number):
        """Do the deeds of a seed. Each has a key of its own, so that a repetition is the same deed."""
        random = randoms.Random(seed)
        for place in range(number):
            key = f"{seed}-{turn}-{place}"
            deed = random.choice((*[self._sell] * 7, *[self._take_out] * 2, *[self._refund] * 3, self._change_shift))
            meter, amount, way = random.choice(METERS), random.choice(_AMOUNTS), random.random()
            try:
                deed(key, meter, amount, way)
            except (ValueError, OSError):
                continue

    def _sell(self, key, meter, amount, way):
        card = PaperCard(meter) if way < 0.6 else None
        uid, carrier = ("", DIGITS) if card is None else (card.uid, CARD)
        wish = Wish(MONEY, gross_microunits=amount * _UNIT)
        manager = self._signed_on(MANAGER)
        sales.sell(self._office, manager, SaleRequest(key, self._shift(manager), meter, uid, carrier, wish), card)

    def _take_out(self, _key, meter, amount, way):
        manager, asked = self._signed_on(MANAGER), amount * _UNIT // 5 if way < 0.7 else 0
        self._by_two(
            manager,
            lambda approval: refunds.take_out(self._office, manager, MONEY, asked, PaperCard(meter), approval),
        )

    def _refund(self, key, meter, _amount, way):
        manager, other = self._signed_on(MANAGER), METERS[0] if meter != METERS[0] else METERS[1]
        numbers = MeterReceipt.objects.filter(meter_id=meter, settled="", doubt="").values_list("sequence", flat=True)
        chosen = tuple(numbers.order_by("sequence")[:1])
        if not chosen:
            return
        target = other if way < 0.4 else 0
        key = f"refund-{meter}-{chosen[0]}"
        request = refunds.RefundRequest(key, self._shift(manager), meter, chosen, target)
        refunds.refund(self._office, manager, request, PaperCard(meter))

    def _change_shift(self, _key, _meter, _amount, _way):
        manager = self._signed_on(MANAGER)
        shift = shifts.open_shift_at(self._till())
        if shift is None:
            return
        if shift.counted_microunits is None:
            shifts.count_cash(self._office, manager, shift, _FLOAT)
        shifts.close_shift(self._office, manager, shift)

    def _by_two(self, manager, deed):
        try:
            deed(None)
        except ApprovalNeeded as needed:
            keys = self._office.keys
            request = keys.propose(manager.ticket, needed.action, needed.document, "a case of the proof")
            keys.approve(self._signed_on(SECOND).ticket, request)
            deed(request)

    def _shift(self, manager):
        shift = shifts.open_shift_at(self._till())
        return (shift or shifts.open_shift(self._office, manager, self._till(), _FLOAT)).pk

    def _till(self):
        return Till.objects.select_related("shop").get(shop__number=1, number=1)

    def _signed_on(self, operator):
        session = self._office.keys.sign_on(operator, PINS[operator])
        return Actor.of(session)
