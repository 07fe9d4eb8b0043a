"""The receipt of a sale, from the record."""

from django.urls import NoReverseMatch, reverse

from wattpurse_tools.office.sale_types import CARD, KEY_CARD, REDEEMED_AFTER_VOID, SOLD, VOIDED, VOIDING, Sold
from wattpurse_tools.pages.receipts.document import Bill, Buyer, Head, Place, Receipt, Tokens
from wattpurse_tools.record.models import Sale

SALES = ("shop", "till", "customer", "tenancy__premises", "reverses")


def receipt_of(made: Sold, decimals: int, base_url: str) -> Receipt:
    """Return the receipt of a sale. `base_url` is the address of the pages, for the customer's page."""
    sale = made.sale
    reverses = None if sale.reverses is None else sale.reverses.receipt_number
    return Receipt(
        Head(sale.receipt_number, sale.time_s, sale.operator, reverses),
        _place(sale),
        _buyer(sale, base_url),
        Bill(made.lines, sale.currency, decimals, sale.gross_microunits, sale.payment_type),
        Tokens(
            made.digits,
            is_owed=sale.carrier in (CARD, KEY_CARD) and sale.state == SOLD,
            is_voided=sale.state in (VOIDING, VOIDED, REDEEMED_AFTER_VOID),
        ),
    )


def _place(sale: Sale) -> Place:
    shop = sale.shop
    number = None if sale.till is None else sale.till.number
    return Place(shop.name, shop.address, shop.tax_number, shop.time_zone, number)


def _buyer(sale: Sale, base_url: str) -> Buyer:
    customer, tenancy = sale.customer, sale.tenancy
    code = "" if tenancy is None else tenancy.page_code or ""
    return Buyer(
        None if customer is None else customer.number,
        "" if customer is None else customer.name,
        "" if tenancy is None else tenancy.premises.name,
        sale.meter_number,
        _page(code, base_url),
    )


def _page(code: str, base_url: str) -> str:
    """Return the address of a customer's page, or an empty text if there is none."""
    if not code:
        return ""
    try:
        return base_url.rstrip("/") + reverse("tenant", args=(code,))
    except NoReverseMatch:
        return ""
