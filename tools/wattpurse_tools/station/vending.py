"""What the vending station does with a customer's card, and what it refuses because money would be lost.

The station's own record says which tokens belong on a card: those made for it that no statement has proved redeemed. A
card is only ever written with exactly these, so a write that failed is made good by the next one.
"""

from wattpurse.cards import purse
from wattpurse.core.currency import currency_of
from wattpurse.core.messages import token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.card_capacity import tells_receipts
from wattpurse_tools.station.cards import BLANK, CUSTOMER, a_card_of, read_all


class Vending:
    """The operations of the station on customers' cards; `desk` (cards.StationCards) reads and writes them."""

    def __init__(self, station, desk) -> None:
        self._station = station
        self._desk = desk

    def new_customer_card(self, name: str, kind: str, meter_number: int) -> None:
        """Make a card for the customer of one meter. Raises ValueError rather than overwrite a card in use."""
        version = self._station.key_history.site_version(meter_number)
        self._desk.new_card(name, kind, version, purse.CUSTOMER, meter_number, lambda card: b"")

    def put(self, read, order, meter_number: int | None):
        """Make a token and put it on the card; its row. Raises ValueError, with nothing changed, for a refusal.

        An OSError means that the token was made and did not reach the card; `repair` puts it there.
        """
        self._refuse_wrong_card(read, meter_number)
        self.refuse_wrong_unit(read.meter_number, order.unit)
        if order.kind in orders.TAKING and not tells_receipts(read.card.kind):
            raise ValueError(
                f"card {read.name}, {read.card.kind}, has no room for the receipt of what the meter takes out; "
                "use a larger kind"
            )
        self._refuse_unknown_tokens(read)
        self._refuse_without_room(read, size_of(order))
        self._station.add_card(read.card.uid, read.name, read.meter_number)
        made = self._station.issue(read.meter_number, read.card.uid, order)
        self._deliver(read, [made], "made")
        return made

    def give_out(self, order, meter_number: int):
        """Make a token that is on no card; its row. Raises ValueError, with nothing changed, for a refusal."""
        self.refuse_wrong_unit(meter_number, order.unit)
        return self._station.issue(meter_number, stations.NO_CARD, order)

    def transfer(self, read, to_meter: int) -> list:
        """Sell what the card's meter took back to another meter, on this card, which is that meter's from then on; the
        rows of the new tokens. Raises ValueError, with nothing changed, for a refusal, and OSError as `put` does.
        """
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        from_meter = read.meter_number
        if to_meter == from_meter or self._station.meter(to_meter) is None:
            raise ValueError(f"--to {to_meter}: name another meter that this station serves")
        if self._station.outstanding(read.card.uid):
            raise ValueError(
                f"card {read.name} carries tokens for meter {from_meter} not known to be redeemed; tap it there first"
            )
        owed = self._station.receipts.owed(from_meter)
        if not owed:
            raise ValueError(f"meter {from_meter} has taken nothing back that is not settled already")
        made_of = _orders_of(owed)
        if not made_of:
            raise ValueError(f"what meter {from_meter} took back comes to nothing; settle it with --paid")
        for order in made_of:
            self.refuse_wrong_unit(to_meter, order.unit)
        self._refuse_exchange(from_meter, to_meter, made_of)
        if sum(size_of(order) for order in made_of) > purse.layout_of(read.card.kind).content_size:
            raise ValueError(f"card {read.name} has no room for {len(made_of)} tokens; use a larger kind")
        made = self._station.issue_all(to_meter, read.card.uid, made_of, owed)
        self._station.add_card(read.card.uid, read.name, to_meter)
        read.meter_number = to_meter
        self._deliver(read, made, "made")
        return made

    def _refuse_exchange(self, from_meter, to_meter, made_of) -> None:
        """Raise ValueError if money of one currency would become money of another."""
        given, taken = (currency_of(self._station.meter(number)).code for number in (from_meter, to_meter))
        if given != taken and any(order.unit == orders.MONEY for order in made_of):
            raise ValueError(
                f"meter {from_meter} sells in {given} and meter {to_meter} in {taken}; pay it out with: card settle"
            )

    def replace(self, lost: str, name: str) -> list:
        """Let the outstanding tokens of a card that is lost or broken belong on card `name`; their rows.

        They stay the same tokens, and the meter redeems each once, on whichever card it comes. Raises ValueError, with
        nothing changed, for a refusal, and OSError as `top_up` does.
        """
        read = self._desk.read(name)
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        moved = [row for row in self._station.outstanding_of_name(lost) if row["card"] != read.card.uid.hex()]
        for row in moved:
            if row["meter"] != read.meter_number:
                raise ValueError(f"card {lost} is for meter {row['meter']}, card {name} for meter {read.meter_number}")
        if not self._has_room(read, sum(len(row["sealed"]) for row in moved)):
            raise ValueError(f"card {name} has no room for {_listed(moved, ())}; use an empty card, or a larger kind")
        self._station.add_card(read.card.uid, name, read.meter_number)
        self._station.move(moved, read.card.uid)
        if moved:
            self._deliver(read, moved, "moved")
        return moved

    def repair(self, name: str) -> list:
        """Write what belongs on the card; the rows of the tokens that were not known to be on it before."""
        read = self._desk.read(name)
        known = self._station.card(read.card.uid)
        if known is not None and known["meter"]:
            read.meter_number = known["meter"]  # a transfer that did not reach the card left it with its former meter
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        on_card = read.sealed_tokens()
        missing = [row for row in self._station.outstanding(read.card.uid) if row["sealed"] not in on_card]
        self._put_on_card(read)
        return missing

    def erase(self, name: str, forfeit: bool) -> list:
        """Wipe the card; the rows of the tokens that are forfeited by it. Raises ValueError if they are and may not."""
        read = self._desk.read(name)
        lost = self._station.outstanding(read.card.uid)
        unknown = self._unknown_tokens(read)
        if (lost or unknown) and not forfeit:
            raise ValueError(
                f"card {name} carries credit that is not known to be redeemed ({_listed(lost, unknown)});"
                " tap it at its meter and try again, or give the credit up with --forfeit"
            )
        self._desk.write(read, _wipe)
        self._station.mark(lost, orders.FORFEITED)
        self._station.remove_card(read.card.uid)
        return lost

    def _deliver(self, read, rows, done) -> None:
        try:
            self._put_on_card(read)
        except (OSError, ValueError) as error:
            raise OSError(
                f"{done}, and not on the card: {_listed(rows, ())}: {error}; put it there with:"
                f" wattpurse card repair {read.name}"
            ) from error

    def _put_on_card(self, read) -> None:
        """Write exactly the tokens that belong on the card."""
        rows = self._station.outstanding(read.card.uid)
        sealed = b"".join(row["sealed"] for row in rows)
        self._desk.write(read, lambda memory: purse.write_orders(memory, purse.CUSTOMER, read.meter_number, sealed))
        self._station.mark(rows, orders.ON_CARD)

    def _refuse_wrong_card(self, read, meter_number) -> None:
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
                f" make it known with: wattpurse meter add {read.meter_number}"
            )

    def refuse_wrong_unit(self, meter_number: int, unit: str) -> None:
        """Raises ValueError for credit of a unit that a meter does not sell by."""
        sold_by = self._station.meter(meter_number)["unit"]
        if unit != orders.NO_UNIT and sold_by not in (None, unit):
            raise ValueError(f"meter {meter_number} sells by {sold_by}: this credit would lie idle there")

    def _refuse_unknown_tokens(self, read) -> None:
        if self._unknown_tokens(read):
            raise ValueError(
                f"card {read.name} carries unredeemed tokens that this station has not made; tap it at its meter first"
            )
        for row in self._station.outstanding(read.card.uid):
            if row["meter"] != read.meter_number:
                raise ValueError(f"tokens for meter {row['meter']} were made for card {read.name}; erase it first")

    def _refuse_without_room(self, read, size) -> None:
        if self._has_room(read, size):
            return
        advice = "tap it at its meter first"
        if not purse.layout_of(read.card.kind).statement_offsets:
            advice = "this kind brings no statement back: use a new card"
        outstanding = _listed(self._station.outstanding(read.card.uid), ())
        if not outstanding:
            raise ValueError(f"a {read.card.kind} card has no room for a token of {size} bytes; use --hex")
        raise ValueError(f"card {read.name} has no room beside {outstanding}, not known to be redeemed; {advice}")

    def _has_room(self, read, size):
        outstanding = self._station.outstanding(read.card.uid)
        return sum(len(row["sealed"]) for row in outstanding) + size <= purse.layout_of(read.card.kind).content_size

    def _unknown_tokens(self, read):
        """Tokens on the card that this station has not made and that its meter may still redeem."""
        return [sealed for sealed in read.sealed_tokens() if state_of(self._station, sealed, read.told) in _AT_RISK]


_NOT_A_TOKEN = "not a token"
_UNKNOWN = "unknown to this station"
_AT_RISK = (_NOT_A_TOKEN, _UNKNOWN)


def size_of(order) -> int:
    """The bytes that an order takes when it is sealed."""
    return token.sealed_token_size(order.body)


def state_of(station, sealed: bytes, told: dict | None) -> str:
    """What the station knows of a token that was found on a card, whose statement told this or None."""
    header = token.read_header(sealed)
    if header is None:
        return _NOT_A_TOKEN
    row = station.token(header[0], header[1])
    if row is not None and row["sealed"] == sealed:
        return row["state"]
    return _unknown_state(header, told)


def _orders_of(receipts):
    """What is sold anew of receipts: money, energy, time, and a debt, which goes with what was owed below zero."""
    money = sum(row["money"] for row in receipts)
    energy = sum(row["energy"] for row in receipts)
    debt = sum(row["debt"] for row in receipts) + max(0, -money)
    made_of = []
    if money > 0:
        made_of.append(orders.credit(orders.MONEY, money))
    if energy > 0:
        made_of.append(orders.credit(orders.ENERGY, energy))
    term_s = sum(row["term_s"] for row in receipts)
    if term_s > 0:
        made_of.append(orders.Order(token.DAYS, (term_s,), orders.duration_text(term_s)))
    if debt > 0:
        made_of.append(orders.Order(token.DEBT, (debt,), "debt taken over"))
    return made_of


def _unknown_state(header, told):
    """A statement tells a number as redeemed, not whether it was with this very token."""
    if told is not None and header[0] == told["meter_number"]:
        if stations.is_redeemed(told, header[1]):
            return f"{_UNKNOWN}, its number redeemed"
        if stations.is_too_old(told, header[1]):
            return f"{_UNKNOWN}, too old for the meter"
    return _UNKNOWN


def _listed(rows, unknown):
    parts = [f"token {row['sequence']}" for row in rows]
    if unknown:
        parts.append(f"{len(unknown)} unknown to this station")
    return ", ".join(parts)


async def _wipe(memory) -> None:
    await memory.write(0, bytes(memory.capacity))
    if any(await read_all(memory)):
        raise OSError("the card does not keep what is written")
