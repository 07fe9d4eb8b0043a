"""Cards: make one of each role, read, repair, replace, erase and rekey them."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day

from wattpurse.cards import purse
from wattpurse.core.currency import Currency
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.station import card_report, key_card_report
from wattpurse_tools.station.actions.tokens import IssuedToken, issued_token
from wattpurse_tools.station.cards import KEY_CARD
from wattpurse_tools.station.currencies import currency_for_new_meter, currency_of_meter, site_currency
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import check_meter_number

PERSON_LIMIT = (1 << 32) - 1


@dataclass(frozen=True)
class CardContent:
    """The content of a card: a `document` of plain values, with the currency of its amounts."""

    document: dict
    currency: Currency

    def table(self) -> str:
        """Return the content as text."""
        lines = [card_report.table_of(self.document, self.currency)]
        if "key_card" in self.document:
            lines += key_card_report.lines_of(self.document["key_card"], self.currency)
        return "\n".join(lines)


@dataclass(frozen=True)
class Repaired:
    """The tokens that were missing on a customer's card, or the money that was missing on a key card."""

    tokens: list[IssuedToken]
    money: str | None = None


@dataclass(frozen=True)
class Erased:
    """The tokens that were forfeited with a customer's card, or the money that was forfeited with a key card."""

    tokens: list[IssuedToken]
    money: str | None = None


def new_customer_card(shop: Shop, name: str, kind: str, meter_number: int) -> Currency | None:
    """Make a card for the customer of a meter. Raise ValueError if the card is in use.

    If the meter is not in the record, add it, and return the currency that it sells in.
    """
    check_meter_number(meter_number)
    is_known = shop.station.meter(meter_number) is not None
    currency = None if is_known else currency_for_new_meter(shop.station)
    shop.vending.new_customer_card(name, kind, meter_number)
    if currency is not None:
        shop.station.add_meter(meter_number, currency)
    return currency


def new_technician_card(shop: Shop, name: str, kind: str, technician: int, last_day: date) -> None:
    """Make a technician's card, valid until the end of a day (UTC). Raise ValueError if the card is in use."""
    _new_pass_card(shop, name, kind, purse.SERVICE, technician, last_day)


def new_operator_card(shop: Shop, name: str, kind: str, operator: int, last_day: date) -> None:
    """Make an operator's card, valid until the end of a day (UTC). Raise ValueError if the card is in use."""
    _new_pass_card(shop, name, kind, purse.OPERATOR, operator, last_day)


def new_key_card(shop: Shop, name: str, kind: str, terms: KeyCardTerms, user: int) -> None:
    """Make a key card without money. Raise ValueError if the card is in use."""
    if not 0 <= user <= PERSON_LIMIT:
        raise ValueError(f"a user's number is from 0 to {PERSON_LIMIT}")
    shop.key_cards.new_card(name, kind, terms, user)


def change_key_card_terms(shop: Shop, name: str, terms: KeyCardTerms) -> None:
    """Change the price and the allowance of a key card."""
    shop.key_cards.change_terms(shop.key_cards.look(shop.cards.read(name)), terms)


def read(shop: Shop, name: str) -> CardContent:
    """Return the content of a card. The facts that its statement proves are recorded."""
    card = shop.cards.read(name)
    document = card_report.document_of(card, shop.station)
    if card.role == KEY_CARD:
        document["key_card"] = key_card_report.document_of(shop.key_cards.look(card))
    return CardContent(document, currency_of_meter(shop.station, card.meter_number))


def repair(shop: Shop, name: str) -> Repaired:
    """Write the outstanding tokens, or the money of a key card, to the card again, after a write that failed."""
    card = shop.cards.read(name)
    if card.role == KEY_CARD:
        missing = shop.key_cards.repair(shop.key_cards.look(card))
        return Repaired([], site_currency(shop.station).exact_text(missing))
    return Repaired(_tokens(shop, shop.vending.repair(name)))


def replace(shop: Shop, lost: str, name: str) -> list[IssuedToken]:
    """Move the outstanding tokens of a lost or broken card to card `name`. Return them."""
    return _tokens(shop, shop.vending.replace(lost, name))


def erase(shop: Shop, name: str, forfeit: bool = False) -> Erased:
    """Wipe a card. Without `forfeit`, raise ValueError if it has credit that is not redeemed."""
    card = shop.cards.read(name)
    if card.role == KEY_CARD:
        forfeited = shop.key_cards.erase(shop.key_cards.look(card), forfeit)
        return Erased([], site_currency(shop.station).exact_text(forfeited))
    return Erased(_tokens(shop, shop.vending.erase(name, forfeit)))


def rekey(shop: Shop, name: str) -> int:
    """Write the newest site key that the card's meters have. Return its version."""
    return shop.cards.rekey(name)


def _tokens(shop: Shop, rows: list) -> list[IssuedToken]:
    return [issued_token(row, currency_of_meter(shop.station, row["meter"])) for row in rows]


def _new_pass_card(shop: Shop, name: str, kind: str, role: int, person: int, last_day: date) -> None:
    if not 0 <= person <= PERSON_LIMIT:
        raise ValueError(f"a person's number is from 0 to {PERSON_LIMIT}")
    expires_s = int(datetime.combine(last_day, time_of_day(23, 59, 59), UTC).timestamp())
    if not time.time() < expires_s <= LATEST_S:
        raise ValueError(f"the last day {last_day} must lie ahead, and before 2106")
    shop.cards.new_pass_card(name, kind, role, person, expires_s)
