"""Data cards, for meters without a network: a data card carries tokens to them and their statements back."""

from wattpurse.cards import data_card, purse
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.cards import DATA, CardRead, StationCards, a_card_of
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.station import Station


class CarriedStatement:
    """A statement of one meter on a data card: `meter_number` and `statement`, None if it cannot be opened."""

    def __init__(self, meter_number: int, statement: dict | None) -> None:
        self.meter_number = meter_number
        self.statement = statement


class Walk:
    """The work on data cards with the station's record and its `cards`."""

    def __init__(self, station: Station, cards: StationCards) -> None:
        self._station = station
        self._cards = cards

    def new_card(self, name: str, kind: str, slot_size: int) -> None:
        """Make a data card with statement slots of a size. Raise ValueError if the card is in use."""
        version = self._station.key_history.common_site_version()
        self._cards.new_card(name, kind, version, purse.DATA, slot_size, lambda card: b"")

    def load(self, name: str, meters: list[int]) -> list[Row]:
        """Replace the tokens on a data card by those of `meters` that are on no other card. Return their rows.

        Raise ValueError, with no change, if the tokens need more room. Raise OSError if the card cannot be written.
        After an OSError, load the card again.
        """
        read = self._read(name)
        rows = []
        for meter_number in meters:
            own = (stations.NO_CARD.hex(), read.card.uid.hex())
            rows += [row for row in self._station.outstanding_of_meter(meter_number) if row["card"] in own]
        room = purse.layout_of(read.card.kind).content_size
        if sum(len(row["sealed"]) for row in rows) > room:
            raise ValueError(
                f"card {name} has room for {room} bytes of tokens, and {len(rows)} for these meters are larger; name"
                " fewer with --meters"
            )
        self._station.move(self._station.outstanding(read.card.uid), stations.NO_CARD)
        self._station.move(rows, read.card.uid)
        sealed = b"".join(row["sealed"] for row in rows)
        slot_size = read.written_box.meter_number
        self._cards.write(read, lambda memory: purse.write_orders(memory, purse.DATA, slot_size, sealed))
        self._station.mark(rows, orders.ON_CARD)
        return self._station.refreshed(rows)

    def read(self, name: str) -> list[CarriedStatement]:
        """Record every statement on the card, blank its slots, and return the statements."""
        read = self._read(name)
        slot_size = read.written_box.meter_number
        claims = self._cards.look(read, lambda memory: data_card.read_claims(memory, slot_size))
        carried = []
        for claim in claims:
            is_known = self._station.meter(claim.meter_number) is not None
            statement = self._cards.open_statement(claim.meter_number, read.card.uid, claim.data) if is_known else None
            if statement is not None:
                self._station.learn(statement)
            carried.append(CarriedStatement(claim.meter_number, statement))
        self._cards.write(read, lambda memory: data_card.blank(memory, [claim.slot for claim in claims]))
        return carried

    def _read(self, name: str) -> CardRead:
        read = self._cards.read(name)
        if read.role != DATA:
            raise ValueError(f"card {name} is {a_card_of(read.role)}; make a data card with: wattpurse walk new NAME")
        return read
