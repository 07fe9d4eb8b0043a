"""The walk-round of meters without a network: a data card takes tokens to them and brings their statements back."""

from wattpurse.cards import data_card, purse
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.cards import DATA, a_card_of


class Brought:
    """What a data card brought of one meter: `meter_number`, and `told`, None where its statement cannot be opened."""

    def __init__(self, meter_number, told) -> None:
        self.meter_number = meter_number
        self.told = told


class Walk:
    """The station's work on data cards; `desk` (cards.StationCards) reads and writes them."""

    def __init__(self, station, desk) -> None:
        self._station = station
        self._desk = desk

    def new_card(self, name: str, kind: str, slot_size: int) -> None:
        """Make a data card with statement slots of a size. Raises ValueError rather than overwrite a card in use."""
        version = self._station.key_history.common_site_version()
        self._desk.new_card(name, kind, version, purse.DATA, slot_size, lambda card: b"")

    def load(self, name: str, meters: list) -> list:
        """Put the tokens of meters that are on no other card on this one, in place of what it had; their rows.

        Raises ValueError, with nothing changed, where they have no room, and OSError if the card cannot be written:
        loading it again makes that good.
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
        self._station.move([row for row in self._station.outstanding(read.card.uid)], stations.NO_CARD)
        self._station.move(rows, read.card.uid)
        sealed = b"".join(row["sealed"] for row in rows)
        slot_size = read.box.meter_number
        self._desk.write(read, lambda memory: purse.write_orders(memory, purse.DATA, slot_size, sealed))
        self._station.mark(rows, orders.ON_CARD)
        return rows

    def read(self, name: str) -> list:
        """Take in every statement on the card, then blank its slots; what it Brought."""
        read = self._read(name)
        claims = self._desk.look(read, lambda memory: data_card.read_claims(memory, read.box.meter_number))
        brought = []
        for claim in claims:
            known = self._station.meter(claim.meter_number) is not None
            told = self._desk.open_statement(claim.meter_number, read.card.uid, claim.data) if known else None
            if told is not None:
                self._station.learn(told)
            brought.append(Brought(claim.meter_number, told))
        self._desk.write(read, lambda memory: data_card.blank(memory, [claim.slot for claim in claims]))
        return brought

    def _read(self, name):
        read = self._desk.read(name)
        if read.role != DATA:
            raise ValueError(f"card {name} is {a_card_of(read.role)}; make a data card with: wattpurse walk new NAME")
        return read
