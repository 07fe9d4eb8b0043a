"""A site for the tests of selling: prices with tax, meters of several contracts, a customer, and a card in memory."""

import itertools
from datetime import date

from wattpurse_tools.office.reader import CardSeen, Content
from wattpurse_tools.office.sale_types import CARD, ENERGY, MONEY, SaleRequest, Wish
from wattpurse_tools.office.shifts import open_shift
from wattpurse_tools.record.models import (
    Customer,
    CustomerType,
    Meter,
    Premises,
    Price,
    Sale,
    Shop,
    TaxRate,
    Tenancy,
    Till,
    Token,
)
from wattpurse_tools.station import order as orders

EUR = 1_000_000
KWH = 1_000_000
PRICE_OF_KWH = 300_000
PRICE_OF_DAY = 2_500_000
VAT_PPM = 190_000
FLOAT = 50 * EUR

_keys = itertools.count(1)


class PaperCard:
    """A customer's card in memory at a reader: `tokens` are the numbers on it.

    `breaks` makes the next writes fail. `lost_write` fails after the card has taken the tokens.
    """

    def __init__(self, uid, meter_number, room=400):
        self.uid = uid
        self.name = f"card-{uid}"
        self.meter_number = meter_number
        self.room = room
        self.tokens = set()
        self.redeemed = set()
        self.breaks = 0
        self.lost_write = False
        self.trouble = ""

    def read(self):
        Token.objects.filter(meter_id=self.meter_number, sequence__in=self.redeemed).update(state=orders.REDEEMED)
        content = Content(self.room, frozenset(self.tokens), frozenset(self.redeemed))
        return CardSeen(self.uid, self.name, "ultralight", "customer", self.meter_number, content, self.trouble)

    def write(self):
        rows = Token.objects.filter(card=self.uid, state__in=orders.OUTSTANDING)
        if self.breaks:
            self.breaks -= 1
            if self.lost_write:
                self.tokens = set(rows.values_list("sequence", flat=True))
            raise OSError("the card was lifted")
        self.tokens = set(rows.values_list("sequence", flat=True))
        rows.update(state=orders.ON_CARD)

    def tap(self):
        """Redeem all tokens on it at the meter."""
        self.redeemed |= self.tokens


def build_site():
    """Add prices, meters 1 (money), 2 (kWh), 3 (term), 4 (managed), 5 (dispenser), 6 (key cards), and a tenancy."""
    household = CustomerType.objects.create(name="household")
    vat = TaxRate.objects.create(name="VAT", rate_ppm=VAT_PPM, from_day=date(2020, 1, 1))
    for what, gross in (
        ("money", EUR),
        ("kwh", PRICE_OF_KWH),
        ("day", PRICE_OF_DAY),
        ("permit", 10 * EUR),
    ):
        Price.objects.create(what=what, currency="EUR", gross_microunits=gross, tax=vat, from_s=0)
    names = ("prepaid-money", "prepaid-energy", "term", "managed", "dispenser", "key-card")
    for number, contract in enumerate(names, 1):
        unit = {"prepaid-energy": "energy", "dispenser": "energy"}.get(contract, "money")
        Meter.objects.create(
            number=number,
            currency="EUR",
            decimals=2,
            unit=unit,
            contract=contract,
            key_version=1,
            site_version=1,
        )
    for number in (1, 2):
        customer = Customer.objects.create(
            number=100 + number,
            name=f"Customer {number}",
            customer_type=household,
            created_s=0,
        )
        place = Premises.objects.create(name=f"Flat {number}")
        Tenancy.objects.create(
            premises=place,
            customer=customer,
            meter_number=number,
            from_s=0,
            page_code=f"code-{number}",
        )


def new_shift(office, actor, float_microunits=FLOAT):
    """Open a shift at the first till."""
    return open_shift(office, actor, first_till(), float_microunits)


def first_till():
    """Return till 1 of shop 1."""
    return Till.objects.select_related("shop").get(shop__number=1, number=1)


def first_shop():
    """Return shop 1 as it is now."""
    return Shop.objects.get(number=1)


def request(shift, wish=None, meter=1, card=None, carrier=None, key=None, payment_type="cash"):
    """Return a request to sell 20.00 EUR to meter 1, changed as asked."""
    uid = "" if card is None else card.uid
    return SaleRequest(
        key or f"test-{next(_keys)}",
        shift.pk,
        meter,
        uid,
        carrier or (CARD if card else "none"),
        wish or money(20),
        payment_type,
    )


def money(amount):
    """Return the wish to pay an amount of EUR for credit of money."""
    return Wish(MONEY, gross_microunits=round(amount * EUR))


def energy(kwh):
    """Return the wish to get kWh."""
    return Wish(ENERGY, quantity=round(kwh * KWH))


def receipts():
    """Return the receipt numbers of shop 1, in order."""
    return list(Sale.objects.filter(shop__number=1).order_by("receipt_number").values_list("receipt_number", flat=True))
