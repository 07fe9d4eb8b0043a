"""The meter: its parts, and which part is handed to which.

`Meter(board)` only builds; `start` opens what is in flash and works with whatever state that is in; `run` keeps the
meter alive until the board resets it.
"""

import struct

from wattpurse import hal
from wattpurse.core import carrier, events, outcome, supply
from wattpurse.core.account import Account
from wattpurse.core.events import EventLog
from wattpurse.core.ledger import Ledger, LedgerMismatch
from wattpurse.core.ring import JournalBlank
from wattpurse.core.settings import Settings
from wattpurse.core.slots import JournalUnreadable
from wattpurse.services.card_desk import CardDesk
from wattpurse.services.console import Console
from wattpurse.services.display import Display
from wattpurse.services.metering import Metering
from wattpurse.services.switching import Switching
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import TimeKeeper
from wattpurse.supervisor import Supervisor, noter

VERSION = "0.1.0"

# Flash map in sectors of 4 KiB: (first sector, sectors per copy); each ring has two copies.
SETTINGS_RING = (0, 4)
EVENTS_RING = (8, 8)
LEDGER_RING = (24, 24)
SECTORS = 72

SERVICE_CARD_MINUTES = 10
EARLIEST_S = 1_767_225_600  # 2026-01-01: no meter was made before, no clock may say less
LATEST_S = (1 << 32) - 1


class Meter:
    """The whole meter on one board (see `hal`). `fault` is supply.ON, or why there is no ledger to work with."""

    version = VERSION

    def __init__(self, board):
        hal.check(board)
        self.board = board
        self.fault = supply.NOT_COMMISSIONED
        self.settings = Settings(board.flash, *SETTINGS_RING)
        self.events = EventLog(board.flash, *EVENTS_RING)
        self.ledger = Ledger(board.flash, *LEDGER_RING)
        self.timekeeper = TimeKeeper(board.rtc, board.clock)
        self.teller = Teller(board.aes, self.settings, self.ledger, self.events, self.timekeeper)
        self.metering = Metering(board.counter, self.ledger, self.timekeeper, board.clock)
        self.switching = Switching(board.load_switch, self.decide, self.events, self.timekeeper, board.clock)
        self.display = Display(board.display, board.button, board.buzzer, board.clock, self.state, VERSION)
        self.desk = CardDesk(
            board.reader,
            board.clock,
            board.aes,
            self.settings,
            self.ledger,
            self.timekeeper,
            self.teller,
            self.events,
            self._tap_ended,
        )
        self.console = Console(board.console, self)
        self.supervisor = Supervisor(
            board.clock,
            board.watchdog,
            board.load_switch.open_now,
            board.reset,
            noter(self.events, self.timekeeper),
            board.console.write,
        )

    def decide(self) -> int:
        """The reason of supply that holds now."""
        return supply.decide(self.ledger.account, self.fault, bool(self.settings.get("tamper", 0)))

    def state(self) -> tuple:
        """`(account or None, reason of supply)` for the display."""
        return self.ledger.account, self.decide()

    def start(self):
        """Open settings, events and ledger. Never raises for what flash holds: `fault` says what is wrong."""
        self.fault = self._open_stores()
        if self.ledger.account is None:
            self.timekeeper.start(EARLIEST_S, LATEST_S)
        else:
            self.timekeeper.start(self.ledger.account.time_s, self.ledger.latest_believable_s)
        if self.fault != supply.ON:
            return
        self.display.set_brightness(self.settings.get("brightness", 4))
        self.events.note(events.STARTED, carrier.METER, self.timekeeper.now_s())
        if not self.timekeeper.trusted:
            self.events.note(events.CLOCK_DOUBTED, carrier.METER, self.timekeeper.now_s())
        self.metering.step()

    async def run(self):
        """Start, and live until the board is reset."""
        self.start()
        if self.fault == supply.ON:
            self.supervisor.add_critical("metering", self.metering.run)
        self.supervisor.add_critical("switching", self.switching.run)
        self.supervisor.add("clock", self.timekeeper.run)
        self.supervisor.add("display", self.display.run)
        self.supervisor.add("console", self.console.run)
        if self.fault == supply.ON:
            self.supervisor.add("card reader", self.desk.run)
        await self.supervisor.run()

    def commission(self, settings: tuple, tariff_data: bytes, impulses: int, per_kwh: int, contract):
        """Make a blank meter into one that works from its next start on.

        `settings` are (name, value) pairs, among them meter_number, meter_key and site_key. The ledger comes last: a
        meter is commissioned when it has one. Raises ValueError if it already has, for a number that it must not have
        again, or for a tariff or calibration that cannot be.
        """
        if self.fault != supply.NOT_COMMISSIONED:
            raise ValueError("this meter has a ledger already")
        account = Account(tariff_data, impulses, per_kwh, contract, self.timekeeper.now_s())
        refuse_retired_number(dict(settings)["meter_number"], self.settings.get("retired_numbers", b""))
        if not self.settings.opened:
            self.settings.erase()
            self.settings.create()
        was_cut_off = self.settings.get("commissioning", 0)
        self.settings.set_all(settings + (("commissioning", 1),))
        if not self.events.opened:
            self.events.erase()
            self.events.create()
        self.events.note(events.COMMISSIONED, carrier.CONSOLE, self.timekeeper.now_s())
        if was_cut_off:
            self.ledger.erase()
        self.ledger.create(account)
        self.settings.set("commissioning", 0)

    def erase_ledger(self):
        """Give up a ledger that cannot be read; the meter can then be commissioned, under another number.

        Which tokens were redeemed is lost with it, so none of this number may ever count again. Raises ValueError where
        the ledger is not unreadable.
        """
        if self.fault != supply.LEDGER_UNREADABLE:
            raise ValueError("the ledger is not unreadable: it is never erased while it holds anything")
        meter_number = self.settings.get("meter_number")
        retired = self.settings.get("retired_numbers", b"")
        self.settings.set("retired_numbers", retired + struct.pack("<I", meter_number))
        self.ledger.erase()
        self.events.note(events.LEDGER_ERASED, carrier.CONSOLE, self.timekeeper.now_s(), meter_number)

    def _tap_ended(self, result):
        """Show what came of a tap; a technician's card also opens the console."""
        self.display.show_outcome(result)
        if result == outcome.SERVICE:
            self.console.grant(SERVICE_CARD_MINUTES)

    def _open_stores(self):
        """The fault that what is in flash amounts to. A blank ledger is a new meter, whatever else there is."""
        fault = self._open_ledger()
        settings_are_open = _opens(self.settings)
        events_are_open = _opens(self.events)
        if fault == supply.LEDGER_UNREADABLE and self.settings.get("commissioning", 0):
            return supply.NOT_COMMISSIONED  # power failed before there was a ledger: nothing can be lost
        if fault != supply.ON:
            return fault
        self.events.failed = not events_are_open
        try:
            if not settings_are_open:
                raise ValueError("no settings")
            if self.settings.get("commissioning", 0):
                self.settings.set("commissioning", 0)
            self.teller.start()
        except (ValueError, OSError):
            self.ledger.close()
            return supply.LEDGER_UNREADABLE
        return supply.ON

    def _open_ledger(self):
        try:
            self.ledger.open()
        except JournalBlank:
            return supply.NOT_COMMISSIONED
        except (JournalUnreadable, LedgerMismatch, ValueError, OSError):
            return supply.LEDGER_UNREADABLE
        return supply.ON


def refuse_retired_number(meter_number: int, retired: bytes):
    """Raises ValueError if `meter_number` is one of `retired` (u32 each): its tokens could be redeemed once more."""
    if struct.pack("<I", meter_number) in [retired[at : at + 4] for at in range(0, len(retired), 4)]:
        raise ValueError("this number was given up with an unreadable ledger: take another, or old tokens count again")


def _opens(store):
    """True if a store of its own ring could be opened."""
    try:
        store.open()
    except (JournalBlank, JournalUnreadable, ValueError, OSError):
        return False
    return True
