"""Cards: make one of each role, read, repair, replace, erase and rekey them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day

from wattpurse.core.currency import Currency
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse_tools.station import card_capacity, card_report, key_card_report
from wattpurse_tools.station.actions.tokens import IssuedToken, as_document, issued_token
from wattpurse_tools.station.cards import KEY_CARD
from wattpurse_tools.station.currencies import currency_of_meter, site_currency
from wattpurse_tools.station.key_card_terms import KeyCardTerms, parse_terms
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import Station, check_meter_number

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
    shop.station.require("cards")
    check_meter_number(meter_number)
    is_known = shop.station.meter(meter_number) is not None
    if not is_known:
        shop.station.require("order")
    currency = None if is_known else site_currency()
    shop.vending.new_customer_card(name, kind, meter_number)
    if currency is not None:
        shop.station.add_meter(meter_number, currency)
    return currency


def new_technician_card(
    shop: Shop, name: str, kind: str, technician: int, last_day: date, meters: Sequence[int] = ()
) -> list[int]:
    """Make a technician's card, valid until the end of a day (UTC). Return the meters that it opens.

    It opens `meters`, or all meters of the record if none is given. Raise ValueError if the card is in use, or if it
    has no room for so many meters.
    """
    shop.station.require("cards")
    expires_s = _end_of_pass(technician, last_day)
    chosen = _meters_of_pass(shop.station, kind, meters)
    shop.cards.new_service_card(name, kind, technician, expires_s, chosen)
    return chosen


def new_operator_card(
    shop: Shop, name: str, kind: str, operator: int, last_day: date, approval: str | None = None
) -> None:
    """Make an operator's card, valid until the end of a day (UTC). Raise ValueError if the card is in use."""
    shop.station.require("cards")
    shop.cards.new_operator_card(name, kind, operator, _end_of_pass(operator, last_day), approval)


def new_key_card(shop: Shop, name: str, kind: str, terms: KeyCardTerms, user: int) -> None:
    """Make a key card without money. Raise ValueError if the card is in use."""
    if not 0 <= user <= PERSON_LIMIT:
        raise ValueError(f"a user's number is from 0 to {PERSON_LIMIT}")
    shop.key_cards.new_card(name, kind, terms, user)


def change_key_card_terms(shop: Shop, name: str, price: str, allowance: str | None = None) -> None:
    """Change the price of a key card, as text, and its allowance. Without `allowance` it keeps the one it has."""
    shop.station.require("order")
    found = shop.key_cards.look(shop.cards.read(name))
    terms = parse_terms(price, allowance)
    if allowance is None and found.row is not None:
        terms = KeyCardTerms(terms.price, found.row["allowance_mwh"], found.row["period"])
    shop.key_cards.change_terms(found, terms)


def read(shop: Shop, name: str) -> CardContent:
    """Return the content of a card. The facts that its statement proves are recorded."""
    card = shop.cards.read(name)
    document = card_report.document_of(card, shop.station)
    if card.meter_number:
        document["missing"] = [as_document(one) for one in _tokens(shop, shop.vending.missing(card))]
    if card.role == KEY_CARD:
        document["key_card"] = key_card_report.document_of(shop.key_cards.look(card))
    return CardContent(document, currency_of_meter(shop.station, card.meter_number))


def repair(shop: Shop, name: str) -> Repaired:
    """Write the outstanding tokens, or the money of a key card, to the card again, after a write that failed."""
    card = shop.cards.read(name)
    if card.role == KEY_CARD:
        shop.station.require("sell")
        missing = shop.key_cards.repair(shop.key_cards.look(card))
        return Repaired([], site_currency().exact_text(missing))
    return Repaired(_tokens(shop, shop.vending.repair(name)))


def replace(shop: Shop, lost: str, name: str) -> list[IssuedToken]:
    """Move the outstanding tokens of a lost or broken card to card `name`. Return them."""
    return _tokens(shop, shop.vending.replace(lost, name))


def erase(shop: Shop, name: str, forfeit: bool = False) -> Erased:
    """Wipe a card. Without `forfeit`, raise ValueError if it has credit that is not redeemed."""
    shop.station.require("cards")
    card = shop.cards.read_to_erase(name)
    if card.role == KEY_CARD:
        forfeited = shop.key_cards.erase(shop.key_cards.look(card), forfeit)
        return Erased([], site_currency().exact_text(forfeited))
    return Erased(_tokens(shop, shop.vending.erase(name, forfeit)))


def rekey(shop: Shop, name: str) -> int:
    """Write the newest site key that the card's meters have. Return its version."""
    shop.station.require("cards")
    return shop.cards.rekey(name)


def _tokens(shop: Shop, rows: list) -> list[IssuedToken]:
    return [issued_token(row, currency_of_meter(shop.station, row["meter"])) for row in rows]


def _end_of_pass(person: int, last_day: date) -> int:
    """Return the expiry of a pass. Raise ValueError if the number of the person or the last day is impossible."""
    if not 0 <= person <= PERSON_LIMIT:
        raise ValueError(f"a person's number is from 0 to {PERSON_LIMIT}")
    expires_s = int(datetime.combine(last_day, time_of_day(23, 59, 59), UTC).timestamp())
    if not time.time() < expires_s <= LATEST_S:
        raise ValueError(f"the last day {last_day} must lie ahead, and before 2106")
    return expires_s


def _meters_of_pass(station: Station, kind: str, meters: Sequence[int]) -> list[int]:
    """Return the meters that a pass names, each once. Raise ValueError if there are none, or too many for the card."""
    chosen = list(dict.fromkeys(meters)) or [row["number"] for row in station.meters()]
    if not chosen:
        raise ValueError("this station has no meter yet; add one with: wattpurse meter add NUMBER")
    for number in chosen:
        station.known_meter(number)
    room = card_capacity.service_meters_of(kind)
    if len(chosen) > room:
        raise ValueError(
            f"a service card of kind {kind} opens at most {room} meters, and these are {len(chosen)}: choose some with"
            " --meter, or a kind with more room ('wattpurse card kinds')"
        )
    return chosen
