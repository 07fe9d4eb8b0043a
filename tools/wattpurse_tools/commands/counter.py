"""Sales at the command line: the options of a sale, the operator's shift, and a sale said as text or as a document."""

import secrets
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands.selling import DONE, NOT_ON_CARD, documents, say
from wattpurse_tools.commands.station_options import actor_of, office_of, open_shop_of
from wattpurse_tools.office import counter, sales
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.documents import line_document
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.sale_types import CASH, PAYMENT_TYPES, SaleRequest, Sold, Wish
from wattpurse_tools.record.models import Shift
from wattpurse_tools.station.actions.tokens import IssuedToken, issued_token
from wattpurse_tools.station.currencies import currency_of_meter, site_currency
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.utc_texts import rfc3339

_KEY_SIZE = 8


@dataclass(frozen=True)
class Counter:
    """The office with the person who sells, the cards, and the person's open `shift`. `free` has no payment."""

    office: Office
    actor: Actor
    cards: Shop
    shift: Shift
    is_free: bool
    reason: str
    approval: str | None

    def reader(self, name: str) -> StationReader:
        """Return the reader with the card of a name on it."""
        return StationReader(self.cards, name)

    def sell(self, request: SaleRequest, reader: StationReader | None = None) -> Sold:
        """Sell, or give for nothing, as the options say."""
        if not self.is_free:
            return sales.sell(self.office, self.actor, request, reader)
        return sales.free_issue(self.office, self.actor, request, self.reason, reader, self.approval)


def add_shift_options(parser: ArgumentParser) -> None:
    """Add --shop."""
    parser.add_argument("--shop", type=int, metavar="N", help="the shop; default: yours, or the first one")
    parser.set_defaults(free=False)


def add_counter_options(parser: ArgumentParser) -> None:
    """Add the same, --client-key, --payment and --free."""
    add_shift_options(parser)
    text = "a key of yours for this sale: the same command with the same key again sells once"
    parser.add_argument("--client-key", metavar="KEY", help=text)
    parser.add_argument("--payment", choices=PAYMENT_TYPES, default=CASH, help="default: %(default)s")
    text = "give it for nothing; needs --reason, and where two persons rule, a second one"
    parser.add_argument("--free", action="store_true", help=text)


@contextmanager
def open_counter_of(arguments: Namespace) -> Iterator[Counter]:
    """Open the office that the options name, with the operator's shift at the command line, for a `with` block."""
    with open_shop_of(arguments) as shop:
        actor = actor_of(shop)
        office = office_of(arguments, shop)
        if arguments.free and not arguments.reason and not arguments.approval:
            raise ValueError("--free needs --reason TEXT: why nothing is paid")
        shift = counter.shift_at_counter(office, actor, arguments.shop)
        reason = arguments.reason or f"approved as request {arguments.approval}"
        yield Counter(office, actor, shop, shift, arguments.free, reason, arguments.approval)


def request_of(
    counter_: Counter, arguments: Namespace, meter_number: int, wish: Wish, carrier: str, card: str = ""
) -> SaleRequest:
    """Return the request of a sale in the operator's shift."""
    key = arguments.client_key or secrets.token_hex(_KEY_SIZE)
    return SaleRequest(key, counter_.shift.pk, meter_number, card, carrier, wish, arguments.payment)


def tokens_of(counter_: Counter, sold: Sold) -> list[IssuedToken]:
    """Return the tokens of a sale as they are now."""
    station = counter_.cards.station
    rows = [station.token(one.meter_id, one.sequence) for one in sold.tokens]  # type: ignore[attr-defined]
    return [issued_token(row, currency_of_meter(station, row["meter"])) for row in rows if row is not None]


def say_sold(counter_: Counter, sold: Sold, document: dict, text: str, arguments: Namespace) -> int:
    """Print a sale with its receipt, and return the exit status."""
    text = f"{text}; {_receipt_words(counter_, sold)}"
    document = _with_receipt(counter_, sold, document)
    if not sold.trouble:
        return say(document, text, arguments, DONE)
    print(f"wattpurse: {sold.trouble}; or write it with: wattpurse card repair {document['card']}", file=sys.stderr)
    return say(document, text, arguments, NOT_ON_CARD)


def say_given_out(counter_: Counter, sold: Sold, document: dict, given_out: Sequence[str], arguments: Namespace) -> int:
    """Print a sale that is on no card, and return the exit status.

    The texts that are given out are alone on standard output, for a pipe. The receipt goes to standard error.
    """
    if not arguments.json:
        print(f"wattpurse: {_receipt_words(counter_, sold)}", file=sys.stderr)
    return say(_with_receipt(counter_, sold, document), "\n".join(given_out), arguments, DONE)


def words_of(counter_: Counter, sold: Sold) -> str:
    """Return the tokens of a sale in words."""
    made = tokens_of(counter_, sold)
    return ", ".join(f"{one['text']} for meter {one['meter']}, token {number_text(one['sequence'])}" for one in made)


def _receipt_words(counter_: Counter, sold: Sold) -> str:
    sale, money = sold.sale, site_currency().exact_text(sold.sale.gross_microunits)
    before = ", made before" if sold.is_repeat else ""
    return f"receipt {sale.receipt_number} of shop {sale.shop.number} over {money}{before}"


def _with_receipt(counter_: Counter, sold: Sold, document: dict) -> dict:
    return {**document, "receipt": receipt_document(sold), "tokens": documents(tokens_of(counter_, sold))}


def receipt_document(sold: Sold) -> dict:
    """Return the receipt of a sale for programs. Amounts are micro-units."""
    sale = sold.sale
    return {
        "shop": sale.shop.number,
        "number": sale.receipt_number,
        "kind": sale.kind,
        "state": sale.state,
        "time": rfc3339(sale.time_s),
        "currency": sale.currency,
        "gross_microunits": sale.gross_microunits,
        "tax_microunits": sale.tax_microunits,
        "payment": sale.payment_type,
        "is_repeat": sold.is_repeat,
        "lines": list(map(line_document, sold.lines)),
    }
