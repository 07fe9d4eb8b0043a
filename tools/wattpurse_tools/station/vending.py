"""Customers' cards: put tokens on them, transfer, replace, repair and erase, and refuse a step that would lose money.

The station's record knows the outstanding tokens of each card. A write puts exactly these on the card, so after a write
that failed, the next one completes it.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from wattpurse.cards import purse
from wattpurse.core.currency import currency_of
from wattpurse.core.messages import token
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.card_capacity import has_room_for_receipt
from wattpurse_tools.station.cards import BLANK, CUSTOMER, CardRead, StationCards, a_card_of, wipe
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.station import Station


class Vending:
    """The work on customers' cards with the station's record and its `cards`.

    A method raises ValueError, with no change, if it refuses. It raises OSError if tokens were made and did not reach
    the card; `repair` writes them.
    """

    def __init__(self, station: Station, cards: StationCards) -> None:
        self._station = station
        self._cards = cards

    def new_customer_card(self, name: str, kind: str, meter_number: int) -> None:
        """Make a card for the customer of one meter. Raise ValueError if the card is in use."""
        version = self._station.key_history.site_version(meter_number)
        self._cards.new_card(name, kind, version, purse.CUSTOMER, meter_number, lambda card: b"")

    def put(self, read: CardRead, order: Order, meter_number: int | None) -> sqlite3.Row:
        """Make a token, write it to the card and return its row. A `meter_number` must be that of the card."""
        self._refuse_wrong_card(read, meter_number)
        self.refuse_wrong_unit(read.customer_meter, order.unit)
        if order.kind in orders.TAKING and not has_room_for_receipt(read.card.kind):
            raise ValueError(
                f"card {read.name}, {read.card.kind}, has no room for the receipt of the credit taken out; "
                "use a larger kind"
            )
        self._refuse_unknown_tokens(read)
        self._refuse_without_room(read, size_of(order))
        self._station.add_card(read.card.uid, read.name, read.customer_meter)
        made = self._station.issue(read.customer_meter, read.card.uid, order)
        return self._deliver(read, [made], "made")[0]

    def give_out(self, order: Order, meter_number: int) -> sqlite3.Row:
        """Make a token that is on no card. Return its row."""
        self.refuse_wrong_unit(meter_number, order.unit)
        return self._station.issue(meter_number, stations.NO_CARD, order)

    def give_out_digits(self, order: Order, meter_number: int) -> sqlite3.Row:
        """Make a token that is on no card and fits into twenty digits. Return its row."""
        meter = self._station.known_meter(meter_number)
        self.refuse_wrong_unit(meter_number, order.unit)
        amount = token.Token(0, order.kind, order.body).fields()[0]
        after = self._station.newest_order(meter_number, stations.NO_CARD)
        self._station.short_tokens.refuse(meter, order.kind, amount, after)
        return self._station.issue(meter_number, stations.NO_CARD, order)

    def transfer(self, read: CardRead, to_meter: int) -> list[sqlite3.Row]:
        """Sell the credit that the card's meter gave back to another meter. Return the rows of the new tokens.

        The tokens are written to this card, which belongs to the other meter from then on.
        """
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        from_meter = read.customer_meter
        if to_meter == from_meter or self._station.meter(to_meter) is None:
            raise ValueError(f"--to {to_meter}: name another meter that this station serves")
        if self._station.outstanding(read.card.uid):
            raise ValueError(
                f"card {read.name} carries tokens for meter {from_meter} not known to be redeemed; tap it there first"
            )
        owed = self._station.receipts.owed(from_meter, card_number(read.card.uid))
        if not owed:
            raise ValueError(f"meter {from_meter} owes no credit that is not settled already")
        made_of = _orders_of(owed)
        if not made_of:
            raise ValueError(f"the credit that meter {from_meter} gave back adds up to zero; settle it with --paid")
        for order in made_of:
            self.refuse_wrong_unit(to_meter, order.unit)
        self._refuse_exchange(from_meter, to_meter, made_of)
        if sum(size_of(order) for order in made_of) > purse.layout_of(read.card.kind).content_size:
            raise ValueError(f"card {read.name} has no room for {len(made_of)} tokens; use a larger kind")
        made = self._station.issue_all(to_meter, read.card.uid, made_of, owed)
        self._station.add_card(read.card.uid, read.name, to_meter)
        read.meter_number = to_meter
        return self._deliver(read, made, "made")

    def _refuse_exchange(self, from_meter: int, to_meter: int, made_of: Sequence[Order]) -> None:
        """Raise ValueError if money of one currency would become money of another."""
        given, taken = (currency_of(dict(self._station.known_meter(number))).code for number in (from_meter, to_meter))
        if given != taken and any(order.unit == orders.MONEY for order in made_of):
            raise ValueError(
                f"meter {from_meter} sells in {given} and meter {to_meter} in {taken}; pay it out with: card settle"
            )

    def replace(self, lost: str, name: str) -> list[sqlite3.Row]:
        """Move the outstanding tokens of a lost or broken card to card `name`. Return their rows.

        They stay the same tokens, and the meter redeems each once, from either card. Receipts of the lost card that are
        not settled go over to the new card.
        """
        read = self._cards.read(name)
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        moved = [row for row in self._station.outstanding_of_name(lost) if row["card"] != read.card.uid.hex()]
        for row in moved:
            if row["meter"] != read.meter_number:
                raise ValueError(f"card {lost} is for meter {row['meter']}, card {name} for meter {read.meter_number}")
        if not self._has_room(read, sum(len(row["sealed"]) for row in moved)):
            raise ValueError(f"card {name} has no room for {_listed(moved, ())}; use an empty card, or a larger kind")
        self._station.add_card(read.card.uid, name, read.customer_meter)
        self._station.move(moved, read.card.uid)
        self._station.move_receipts(lost, read.customer_meter, read.card.uid)
        return self._deliver(read, moved, "moved") if moved else []

    def repair(self, name: str) -> list[sqlite3.Row]:
        """Write the outstanding tokens to the card. Return the rows of those that were not on it before."""
        read = self._cards.read(name)
        known = self._station.card(read.card.uid)
        if known is not None and known["meter"]:
            read.meter_number = known["meter"]  # a transfer that failed left the former meter on the card
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        on_card = read.sealed_tokens()
        missing = [row for row in self._station.outstanding(read.card.uid) if row["sealed"] not in on_card]
        self._put_on_card(read)
        return self._station.refreshed(missing)

    def erase(self, name: str, forfeit: bool) -> list[sqlite3.Row]:
        """Wipe the card. Return the rows of the tokens that are forfeited.

        Without `forfeit`, raise ValueError if the card has unredeemed tokens.
        """
        read = self._cards.read(name)
        lost = self._station.outstanding(read.card.uid)
        unknown = self._unknown_tokens(read)
        if (lost or unknown) and not forfeit:
            raise ValueError(
                f"card {name} carries credit that is not known to be redeemed ({_listed(lost, unknown)});"
                " tap it at its meter and try again, or forfeit the credit with --forfeit"
            )
        self._cards.write(read, wipe)
        self._station.mark(lost, orders.FORFEITED)
        self._station.remove_card(read.card.uid)
        return self._station.refreshed(lost)

    def _deliver(self, read: CardRead, rows: Sequence[sqlite3.Row], done: str) -> list[sqlite3.Row]:
        """Write the card. Return the rows as they are then. The error says that the step `done` is in the record."""
        try:
            self._put_on_card(read)
        except (OSError, ValueError) as error:
            raise OSError(
                f"{done}, and not on the card: {_listed(rows, ())}: {error}; write it there with:"
                f" wattpurse card repair {read.name}"
            ) from error
        return self._station.refreshed(rows)

    def _put_on_card(self, read: CardRead) -> None:
        """Write exactly the outstanding tokens of the card."""
        rows = self._station.outstanding(read.card.uid)
        sealed = b"".join(row["sealed"] for row in rows)
        meter_number = read.customer_meter
        self._cards.write(read, lambda memory: purse.write_orders(memory, purse.CUSTOMER, meter_number, sealed))
        self._station.mark(rows, orders.ON_CARD)

    def _refuse_wrong_card(self, read: CardRead, meter_number: int | None) -> None:
        name = read.name
        if read.role not in (CUSTOMER, BLANK):
            raise ValueError(f"card {name} is {a_card_of(read.role)}, not a customer's")
        if not read.meter_number:
            raise ValueError(f"card {name} is blank; make it a customer's card with: wattpurse card new {name}")
        if meter_number not in (None, read.meter_number):
            raise ValueError(f"card {name} is for meter {read.meter_number}, not for meter {meter_number}")
        if self._station.meter(read.meter_number) is None:
            raise ValueError(
                f"card {name} is for meter {read.meter_number}, which this station does not serve; if it should,"
                f" add it with: wattpurse meter add {read.meter_number}"
            )

    def refuse_wrong_unit(self, meter_number: int, unit: str) -> None:
        """Raise ValueError for credit of a unit that the meter does not sell by."""
        sold_by = self._station.known_meter(meter_number)["unit"]
        if unit != orders.NO_UNIT and sold_by not in (None, unit):
            raise ValueError(f"meter {meter_number} sells by {sold_by}: it would not use this credit")

    def _refuse_unknown_tokens(self, read: CardRead) -> None:
        if self._unknown_tokens(read):
            raise ValueError(
                f"card {read.name} carries unredeemed tokens that this station has not made; tap it at its meter first"
            )
        for row in self._station.outstanding(read.card.uid):
            if row["meter"] != read.meter_number:
                raise ValueError(f"tokens for meter {row['meter']} were made for card {read.name}; erase it first")

    def _refuse_without_room(self, read: CardRead, size: int) -> None:
        if self._has_room(read, size):
            return
        advice = "tap it at its meter first"
        if not purse.layout_of(read.card.kind).statement_offsets:
            advice = "this kind has no room for a statement: use a new card"
        outstanding = _listed(self._station.outstanding(read.card.uid), ())
        if not outstanding:
            raise ValueError(f"a {read.card.kind} card has no room for a token of {size} bytes; use --hex")
        raise ValueError(f"card {read.name} has no room beside {outstanding}, not known to be redeemed; {advice}")

    def _has_room(self, read: CardRead, size: int) -> bool:
        outstanding = self._station.outstanding(read.card.uid)
        return sum(len(row["sealed"]) for row in outstanding) + size <= purse.layout_of(read.card.kind).content_size

    def _unknown_tokens(self, read: CardRead) -> list[bytes]:
        """Return the tokens on the card that this station has not made and that its meter may still redeem."""
        return [
            sealed for sealed in read.sealed_tokens() if state_of(self._station, sealed, read.statement) in _AT_RISK
        ]


_NOT_A_TOKEN = "not a token"
_UNKNOWN = "unknown to this station"
_AT_RISK = (_NOT_A_TOKEN, _UNKNOWN)


def size_of(order: Order) -> int:
    """Return the size of an order as a sealed token, in bytes."""
    return token.sealed_token_size(order.body)


def state_of(station: Station, sealed: bytes, statement: dict | None) -> str:
    """Return the state of a token on a card, from the record and the card's statement."""
    header = token.read_header(sealed)
    if header is None:
        return _NOT_A_TOKEN
    row = station.token(header[0], header[1])
    if row is not None and row["sealed"] == sealed:
        return row["state"]
    return _unknown_state(header, statement)


def _orders_of(receipts: Iterable[sqlite3.Row]) -> list[Order]:
    """Return the orders that sell the sum of receipts: debt, money, energy and time.

    A balance below zero adds to the debt. The debt comes first, so that no credit is redeemed without it.
    """
    money = sum(row["money"] for row in receipts)
    energy = sum(row["energy"] for row in receipts)
    debt = sum(row["debt"] for row in receipts) + max(0, -money)
    made_of = []
    if debt > 0:
        made_of.append(orders.Order(token.DEBT, (debt,), "debt taken over"))
    if money > 0:
        made_of.append(orders.credit(orders.MONEY, money))
    if energy > 0:
        made_of.append(orders.credit(orders.ENERGY, energy))
    term_s = sum(row["term_s"] for row in receipts)
    if term_s > 0:
        made_of.append(orders.Order(token.DAYS, (term_s,), orders.duration_text(term_s)))
    return made_of


def _unknown_state(header: tuple[int, int], statement: dict | None) -> str:
    """Return the state of a token that the record does not have.

    A statement proves that a number was redeemed, but not that it was by this token.
    """
    if statement is not None and header[0] == statement["meter_number"]:
        if stations.is_redeemed(statement, header[1]):
            return f"{_UNKNOWN}, its number redeemed"
        if stations.is_too_old(statement, header[1]):
            return f"{_UNKNOWN}, too old for the meter"
    return _UNKNOWN


def _listed(rows: Sequence[sqlite3.Row], unknown: Sequence[bytes]) -> str:
    parts = [f"token {number_text(row['sequence'])}" for row in rows]
    if unknown:
        parts.append(f"{len(unknown)} unknown to this station")
    return ", ".join(parts)
