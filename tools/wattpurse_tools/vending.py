"""What the vending station does with a card, and what it refuses because money would be lost.

The station's own record says which tokens belong on a card: those made for it that no statement has proved redeemed. A
card is only ever written with exactly these, so a write that failed is made good by the next one.
"""

from boards.host.aes import aes
from wattpurse.cards import purse
from wattpurse.core import keys, token
from wattpurse.core.service_pass import make_pass
from wattpurse_tools import station as stations
from wattpurse_tools.card_files import blank_card


class CardRead:
    """A card that was read: `name`, `card`, its order `box` or None, what its newest statement `told` or None, and
    `meter_number`, None or 0 if it is no customer's."""

    def __init__(self, name, card, box, told, meter_number):
        self.name = name
        self.card = card
        self.box = box
        self.told = told
        self.meter_number = meter_number

    @property
    def is_service(self) -> bool:
        """Whether it is a technician's card."""
        return self.box is not None and self.box.kind == purse.SERVICE

    def sealed_tokens(self) -> list:
        """The tokens on a customer's card."""
        return [] if self.box is None or self.is_service else purse.split_tokens(self.box.content)


class Vending:
    """The operations of the station, on cards in `files`, with `reader` and the state in `station`."""

    def __init__(self, site_keys, station, files, reader):
        self._keys = site_keys
        self._station = station
        self._files = files
        self._reader = reader

    def new_customer_card(self, name: str, kind: str, meter_number: int):
        """Make a card for the customer of one meter. Raises ValueError rather than overwrite a card in use."""
        self._new_card(name, kind, meter_number, lambda card: (purse.CUSTOMER, b""))

    def new_service_card(self, name: str, kind: str, technician: int, expires_s: int):
        """Make a technician's card. Raises ValueError rather than overwrite a card in use."""

        def content(card):
            key = keys.service_pass_key(aes, self._keys.site_key, card.uid)
            return purse.SERVICE, make_pass(aes, key, technician, expires_s)

        self._new_card(name, kind, 0, content)

    def read(self, name: str) -> CardRead:
        """Read a card; what its statement proves is noted. Raises ValueError or OSError if it cannot be read."""
        card = self._files.load(name)
        box = self._reader.work(card, purse.read_orders)
        if box is not None:
            meter_number = box.meter_number
        else:
            known = self._station.card(card.uid)
            meter_number = None if known is None else known["meter"]
        told = None
        if meter_number:
            pair = keys.statement_keys(aes, self._keys.meter_key(meter_number), card.uid)
            told = self._reader.work(card, lambda memory: purse.read_statement(memory, aes, pair))
        if told is not None:
            self._station.learn(told)
        return CardRead(name, card, box, told, meter_number)

    def top_up(self, read: CardRead, unit: str, amount: int, meter_number: int | None):
        """Make a token and put it on the card; its row. Raises ValueError, with nothing changed, for a refusal.

        An OSError means that the token was made and did not reach the card; `repair` puts it there.
        """
        self._refuse_wrong_card(read, meter_number)
        self._refuse_wrong_unit(read.meter_number, unit)
        self._refuse_unknown_tokens(read)
        self._refuse_without_room(read)
        self._station.add_card(read.card.uid, read.name, read.meter_number)
        made = self._station.issue(read.meter_number, read.card.uid, unit, amount)
        self._deliver(read, [made], "made")
        return made

    def replace(self, lost: str, name: str) -> list:
        """Let the outstanding tokens of a card that is lost or broken belong on card `name`; their rows.

        They stay the same tokens, and the meter redeems each once, on whichever card it comes. Raises ValueError, with
        nothing changed, for a refusal, and OSError as `top_up` does.
        """
        read = self.read(name)
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
        read = self.read(name)
        self._refuse_wrong_card(read, None)
        self._refuse_unknown_tokens(read)
        on_card = read.sealed_tokens()
        missing = [row for row in self._station.outstanding(read.card.uid) if row["sealed"] not in on_card]
        self._put_on_card(read)
        return missing

    def erase(self, name: str, forfeit: bool) -> list:
        """Wipe the card; the rows of the tokens that are forfeited by it. Raises ValueError if they are and may not."""
        read = self.read(name)
        lost = self._station.outstanding(read.card.uid)
        unknown = self._unknown_tokens(read)
        if (lost or unknown) and not forfeit:
            raise ValueError(
                f"card {name} carries credit that is not known to be redeemed ({_listed(lost, unknown)});"
                " tap it at its meter and try again, or give the credit up with --forfeit"
            )
        self._write(read, _wipe)
        self._station.mark(lost, stations.FORFEITED)
        self._station.remove_card(read.card.uid)
        return lost

    def state_of(self, sealed: bytes, told: dict | None) -> str:
        """What the station knows of a token that was found on a card."""
        header = token.read_header(sealed)
        if header is None:
            return _NOT_A_TOKEN
        row = self._station.token(header[0], header[1])
        if row is not None and row["sealed"] == sealed:
            return row["state"]
        return _unknown_state(header, told)

    def _new_card(self, name, kind, meter_number, content_of):
        exists = self._files.exists(name)
        card = self._files.load(name) if exists else blank_card(kind)
        if card.kind != kind:
            raise ValueError(f"card {name} exists and is a {card.kind}")
        self._reader.format(card)
        if exists and any(self._reader.work(card, _read_all)):
            raise ValueError(f"card {name} exists and is in use; it is not overwritten")
        order_kind, content = content_of(card)
        self._reader.work(card, lambda memory: purse.write_orders(memory, order_kind, meter_number, content))
        self._station.add_card(card.uid, name, meter_number)
        self._files.save(name, card)

    def _deliver(self, read, rows, done):
        try:
            self._put_on_card(read)
        except (OSError, ValueError) as error:
            raise OSError(
                f"{done}, and not on the card: {_listed(rows, ())}: {error}; put it there with:"
                f" wattpurse card repair {read.name}"
            ) from error

    def _put_on_card(self, read):
        """Write exactly the tokens that belong on the card."""
        rows = self._station.outstanding(read.card.uid)
        sealed = b"".join(row["sealed"] for row in rows)
        self._write(read, lambda memory: purse.write_orders(memory, purse.CUSTOMER, read.meter_number, sealed))
        self._station.mark(rows, stations.ON_CARD)

    def _write(self, read, step):
        """Change the card; its file tells what is on it afterwards, torn or not."""
        try:
            self._reader.work(read.card, step)
        finally:
            self._files.save(read.name, read.card)

    def _refuse_wrong_card(self, read, meter_number):
        name = read.name
        if read.is_service:
            raise ValueError(f"card {name} is a technician's card")
        if not read.meter_number:
            raise ValueError(f"card {name} is blank; make it a customer's card with: wattpurse card new {name}")
        if meter_number not in (None, read.meter_number):
            raise ValueError(f"card {name} is for meter {read.meter_number}, not for meter {meter_number}")
        if self._station.meter(read.meter_number) is None:
            raise ValueError(
                f"card {name} is for meter {read.meter_number}, which this station does not serve; if it should,"
                f" make it known with: wattpurse meter add {read.meter_number}"
            )

    def _refuse_wrong_unit(self, meter_number, unit):
        sold_by = self._station.meter(meter_number)["unit"]
        if sold_by not in (None, unit):
            wanted = "--amount" if sold_by == stations.MONEY else "--kwh"
            raise ValueError(f"meter {meter_number} sells by {sold_by}: this credit would lie idle there; use {wanted}")

    def _refuse_unknown_tokens(self, read):
        if self._unknown_tokens(read):
            raise ValueError(
                f"card {read.name} carries unredeemed tokens that this station has not made; tap it at its meter first"
            )
        for row in self._station.outstanding(read.card.uid):
            if row["meter"] != read.meter_number:
                raise ValueError(f"tokens for meter {row['meter']} were made for card {read.name}; erase it first")

    def _refuse_without_room(self, read):
        if self._has_room(read, token.CREDIT_TOKEN_SIZE):
            return
        advice = "tap it at its meter first"
        if not purse.layout_of(read.card.kind).statement_offsets:
            advice = "this kind brings no statement back: use a new card"
        outstanding = _listed(self._station.outstanding(read.card.uid), ())
        raise ValueError(f"card {read.name} has no room beside {outstanding}, not known to be redeemed; {advice}")

    def _has_room(self, read, size):
        outstanding = self._station.outstanding(read.card.uid)
        return sum(len(row["sealed"]) for row in outstanding) + size <= purse.layout_of(read.card.kind).content_size

    def _unknown_tokens(self, read):
        """Tokens on the card that this station has not made and that its meter may still redeem."""
        return [sealed for sealed in read.sealed_tokens() if self.state_of(sealed, read.told) in _AT_RISK]


_NOT_A_TOKEN = "not a token"
_UNKNOWN = "unknown to this station"
_AT_RISK = (_NOT_A_TOKEN, _UNKNOWN)


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


async def _read_all(memory):
    content = bytearray(memory.capacity)
    await memory.read(0, content)
    return content


async def _wipe(memory):
    await memory.write(0, bytes(memory.capacity))
    if any(await _read_all(memory)):
        raise OSError("the card does not keep what is written")
