"""Customers' cards: put tokens on them, replace, repair and erase, and refuse a step that would lose money.

The station's record knows the outstanding tokens of each card. A write puts exactly these on the card, so after a write
that failed, the next one completes it.
"""

from collections.abc import Sequence

from django.db import transaction

from wattpurse.cards import purse
from wattpurse.core.messages import token
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.refusals import Refusal, Words, all_of
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.card_capacity import has_room_for_receipt
from wattpurse_tools.station.cards import BLANK, CUSTOMER, CardRead, NotOnCard, StationCards, a_card_of, wipe
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.station import ACTIVE, ERASED, Deal, Station


class Vending:
    """The work on customers' cards with the station's record and its `cards`.

    A method raises ValueError, with no change, if it refuses. It raises NotOnCard if tokens were made and did not reach
    the card; `repair` writes them.
    """

    def __init__(self, station: Station, cards: StationCards) -> None:
        self._station = station
        self._cards = cards

    def new_customer_card(self, name: str, kind: str, meter_number: int) -> None:
        """Make a card for the customer of one meter. Raise ValueError if the card is in use."""
        self._station.require("cards")
        version = self._station.key_history.site_version(meter_number)
        self._cards.new_card(name, kind, version, purse.CUSTOMER, meter_number, lambda card: b"")

    def put(self, read: CardRead, order: Order, meter_number: int | None, deal: Deal | None = None) -> Row:
        """Make a token, write it to the card and return its row. A `meter_number` must be that of the card."""
        made = self.make(read, [order], meter_number, deal)
        return self.deliver(read, made, "made")[0]

    def refuse(self, read: CardRead, made_of: Sequence[Order], meter_number: int | None) -> None:
        """Raise ValueError if tokens of these orders cannot be made for a card, or would be of no use."""
        self._refuse_wrong_card(read, meter_number)
        _refuse_inactive(read)
        if any(order.kind in orders.TAKING for order in made_of) and not has_room_for_receipt(read.card.kind):
            raise Refusal(
                "card %(card)s, %(kind)s, has no room for the receipt of the credit taken out; use a larger kind",
                card=read.name,
                kind=read.card.kind,
            )
        self._refuse_unknown_tokens(read)
        self._refuse_without_room(read, sum(order.sealed_size for order in made_of))

    def make(
        self, read: CardRead, made_of: Sequence[Order], meter_number: int | None, deal: Deal | None = None
    ) -> list[Row]:
        """Make tokens for a card, in the record alone; `deliver` writes them. Return their rows."""
        self.refuse(read, made_of, meter_number)
        with transaction.atomic():
            self._note_card(read, read.customer_meter)
            return self._station.issue_all(read.customer_meter, read.card.uid, made_of, deal=deal)

    def give_out(self, order: Order, meter_number: int, deal: Deal | None = None) -> Row:
        """Make a token that is on no card. Return its row."""
        return self._station.issue(meter_number, stations.NO_CARD, order, deal)

    def _note_card(self, read: CardRead, meter_number: int) -> None:
        """Note that a card is of a meter, and of the tenant there, once the former tenant of the card is settled."""
        uid, tenant = read.card.uid, read.tenant
        known = {} if read.row is None else read.row
        facts = [known.get(name) for name in ("state", "name", "meter_number", "tenant")]
        if facts == [ACTIVE, read.name, meter_number, self._station.tenant(meter_number)]:
            return
        keeps_tenant = self._station.receipts.is_open(meter_number, card_number(uid), tenant)
        self._station.add_card(uid, read.name, meter_number, CUSTOMER, read.card.kind)
        if keeps_tenant:
            self._station.note_card(uid, tenant=tenant)
        read.row = self._station.card(uid)

    def replace(self, lost: str, name: str) -> list[Row]:
        """Move the outstanding tokens of a lost or broken card to card `name`. Return their rows.

        They stay the same tokens, and the meter redeems each once, from either card. Receipts of the lost card that are
        not settled go over to the new card.
        """
        self._station.require("cards", "sell")
        read = self._cards.read(name)
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        moved = [row for row in self._station.outstanding_of_name(lost) if row["card"] != read.card.uid.hex()]
        for row in moved:
            if row["meter"] != read.meter_number:
                raise ValueError(f"card {lost} is for meter {row['meter']}, card {name} for meter {read.meter_number}")
        if not self._has_room(read, sum(len(row["sealed"]) for row in moved)):
            raise ValueError(f"card {name} has no room for {_listed(moved, ())}; use an empty card, or a larger kind")
        with transaction.atomic():
            self._note_card(read, read.customer_meter)
            self._station.move(moved, read.card.uid)
            self._station.replace_card(lost, read.customer_meter, read.card.uid)
        return self.deliver(read, moved, "moved") if moved else []

    def repair(self, name: str) -> list[Row]:
        """Write the outstanding tokens to the card. Return the rows of those that were not on it before."""
        self._station.require("cards", "sell")
        read = self._cards.read(name)
        if read.row is not None and read.row["meter_number"]:
            read.meter_number = read.row["meter_number"]  # a transfer that failed left the former meter on the card
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        missing = self.missing(read)
        self._put_on_card(read)
        return self._station.refreshed(missing)

    def missing(self, read: CardRead) -> list[Row]:
        """Return the tokens that were sold for a card and are not on it: a write failed."""
        on_card = read.sealed_tokens()
        return [row for row in self._station.outstanding(read.card.uid) if row["sealed"] not in on_card]

    def erase(self, name: str, forfeit: bool) -> list[Row]:
        """Wipe the card. Return the rows of the tokens that are forfeited.

        Without `forfeit`, raise ValueError if the card has unredeemed tokens.
        """
        self._station.require("cards")
        read = self._cards.read_to_erase(name)
        lost = self._station.outstanding(read.card.uid)
        unknown = self._unknown_tokens(read)
        if (lost or unknown) and not forfeit:
            raise ValueError(
                f"card {name} carries credit that is not known to be redeemed ({_listed(lost, unknown)});"
                " tap it at its meter and try again, or forfeit the credit with --forfeit"
            )
        self._cards.write(read, wipe)
        with transaction.atomic():
            self._station.mark(lost, orders.FORFEITED)
            self._station.note_card(read.card.uid, state=ERASED)
        return self._station.refreshed(lost)

    def deliver(self, read: CardRead, rows: Sequence[Row], done: str) -> list[Row]:
        """Write the card. Return the rows as they are then. The error says that the step `done` is in the record."""
        try:
            self._put_on_card(read)
        except (OSError, ValueError) as error:
            raise NotOnCard(
                f"{done}, and not on the card: {_listed(rows, ())}: {error}; write it there with:"
                f" wattpurse card repair {read.name}",
                rows,
            ) from error
        return self._station.refreshed(rows)

    def _put_on_card(self, read: CardRead) -> None:
        """Write exactly the outstanding tokens of the card."""
        with self._cards.held(read):
            rows = self._station.outstanding(read.card.uid)
            sealed = b"".join(row["sealed"] for row in rows)
            meter_number = read.customer_meter
            self._cards.write(read, lambda memory: purse.write_orders(memory, purse.CUSTOMER, meter_number, sealed))
            self._station.mark(rows, orders.ON_CARD)

    def _refuse_wrong_card(self, read: CardRead, meter_number: int | None) -> None:
        name = read.name
        if read.role not in (CUSTOMER, BLANK):
            raise Refusal("card %(card)s is %(role)s, not a customer's", card=name, role=a_card_of(read.role))
        if not read.meter_number:
            raise Refusal(
                "card %(card)s is blank; make it a customer's card with: wattpurse card new %(card)s", card=name
            )
        if meter_number not in (None, read.meter_number):
            raise Refusal(
                "card %(card)s is for meter %(meter)s, not for meter %(other_meter)s",
                card=name,
                meter=read.meter_number,
                other_meter=meter_number,
            )
        if self._station.meter(read.meter_number) is None:
            raise Refusal(
                "card %(card)s is for meter %(meter)s, which this station does not serve; if it should,"
                " add it with: wattpurse meter add %(meter)s",
                card=name,
                meter=read.meter_number,
            )

    def _refuse_unknown_tokens(self, read: CardRead) -> None:
        if self._unknown_tokens(read):
            raise Refusal(
                "card %(card)s carries unredeemed tokens that this station has not made; tap it at its meter first",
                card=read.name,
            )
        for row in self._station.outstanding(read.card.uid):
            if row["meter"] != read.meter_number:
                raise Refusal(
                    "tokens for meter %(meter)s were made for card %(card)s; write them to it with: wattpurse"
                    " card repair %(card)s",
                    meter=row["meter"],
                    card=read.name,
                )

    def _refuse_without_room(self, read: CardRead, size: int) -> None:
        if self._has_room(read, size):
            return
        advice = Words("tap it at its meter, and read it with: wattpurse card read %(card)s", card=read.name)
        if not purse.layout_of(read.card.kind).statement_offsets:
            advice = Words("this kind has no room for a statement: use a new card")
        outstanding = _listed(self._station.outstanding(read.card.uid), ())
        if not outstanding:
            raise Refusal(
                "a %(kind)s card has no room for a token of %(size)s bytes; use --hex", kind=read.card.kind, size=size
            )
        raise Refusal(
            "card %(card)s has no room beside %(tokens)s, not known to be redeemed; %(advice)s",
            card=read.name,
            tokens=outstanding,
            advice=advice,
        )

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


def _refuse_inactive(read: CardRead) -> None:
    """Raise ValueError for a card that is lost or blocked."""
    if read.state not in (ACTIVE, ERASED):
        raise Refusal(
            "card %(card)s is %(state)s, and sells nothing; if it was found, wipe it with: wattpurse card"
            " erase %(card)s",
            card=read.name,
            state=Words(read.state),
        )


def state_of(station: Station, sealed: bytes, statement: dict | None) -> str:
    """Return the state of a token on a card, from the record and the card's statement."""
    header = token.read_header(sealed)
    if header is None:
        return _NOT_A_TOKEN
    row = station.token(header[0], header[1])
    if row is not None and row["sealed"] == sealed:
        return row["state"]
    return _unknown_state(header, statement)


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


def _listed(rows: Sequence[Row], unknown: Sequence[bytes]) -> str:
    parts: list[str] = [Words("token %(number)s", number=number_text(row["sequence"])) for row in rows]
    if unknown:
        parts.append(Words("%(count)s unknown to this station", count=len(unknown)))
    return all_of(parts) if parts else ""
