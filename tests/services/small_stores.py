"""The stores of a meter in a flash of a few sectors, without load profile and top-up log."""

from wattpurse.core.money import supply
from wattpurse.core.money.card_register import CardRegister
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.records.events import EventLog
from wattpurse.core.records.settings import Settings
from wattpurse.core.records.time_log import TimeLog
from wattpurse.stores import Stores


class SmallStores(Stores):
    """Stores on rings of the test's own, each `(first sector, sectors per copy)`.

    The ledger has a register of key cards if there is a `cards_ring`. Load profile and top-up log are never opened, as
    in a meter whose flash for them has failed. The events are not chained.
    """

    def __init__(
        self,
        flash,
        settings_ring: tuple,
        events_ring: tuple,
        ledger_ring: tuple,
        times_ring: tuple,
        cards_ring: tuple | None = None,
    ) -> None:
        super().__init__(flash)
        self.settings = Settings(flash, *settings_ring)
        self.events = EventLog(flash, *events_ring)
        self.times = TimeLog(flash, *times_ring)
        register = None
        if cards_ring is not None:
            self.cards = register = CardRegister(flash, *cards_ring)
        self.ledger = Ledger(flash, *ledger_ring, register)
        self.fault = supply.ON
