"""Everything that the meter keeps in flash: settings, ledger and records, and the state that they are in together.

The flash map is here. A meter is commissioned when it has a ledger. Unreadable flash is overwritten only by a person's
explicit order. The meter then needs another number, because the record of redeemed tokens is lost with the ledger.
"""

import struct

from wattpurse.core import carrier
from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.journal.slots import JournalUnreadable
from wattpurse.core.money import clock_rules, supply
from wattpurse.core.money.account import Account
from wattpurse.core.money.card_register import CardRegister
from wattpurse.core.money.ledger import Ledger, LedgerMismatch
from wattpurse.core.records import events
from wattpurse.core.records.events import EventLog
from wattpurse.core.records.load_profile import LoadProfile
from wattpurse.core.records.settings import Settings
from wattpurse.core.records.time_log import TimeLog
from wattpurse.core.records.top_up_log import TopUpLog

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wattpurse.core.money.contract import Contract
    from wattpurse.hal import Aes, Flash

# In sectors of 4 KiB: (first sector, sectors per copy); each ring has two copies.
SETTINGS_RING = (0, 4)
EVENTS_RING = (8, 16)
LEDGER_RING = (40, 24)
LOAD_PROFILE_RING = (88, 16)
TOP_UPS_RING = (120, 4)
CARDS_RING = (128, 4)
TIMES_RING = (136, 4)
SECTORS = 144

_RECORDS = ("events", "load_profile", "top_ups", "cards", "times")

# Values of the setting `records`, about load profile and top-up log: older firmware left their flash blank.
_RECORDS_BEGUN = 1
_RECORDS_THERE = 2


class Stores:
    """Settings, ledger and records on `flash`. `fault` is `supply.ON`, or the reason why no ledger can be used.

    `aes` (see `hal`) chains the events. A program that only reads the flash leaves it out.
    """

    def __init__(self, flash: "Flash", aes: "Aes | None" = None) -> None:
        self.settings = Settings(flash, *SETTINGS_RING)
        self.events = EventLog(flash, *EVENTS_RING)
        self.cards = CardRegister(flash, *CARDS_RING)
        self.ledger = Ledger(flash, *LEDGER_RING, self.cards)
        self.load_profile = LoadProfile(flash, *LOAD_PROFILE_RING)
        self.top_ups = TopUpLog(flash, *TOP_UPS_RING)
        self.times = TimeLog(flash, *TIMES_RING)
        self._turn = 0  # the place in _RECORDS of the one that was asked last to prepare
        self.fault = supply.NOT_COMMISSIONED
        self._aes = aes
        self._flash = flash
        self._keys_changed = False

    def open(self) -> None:
        """Open accounts and events. Bad flash never raises, and nothing is written into it."""
        self.open_accounts()
        self.open_events()

    def open_accounts(self) -> None:
        """Open ledger and settings, and find `fault`. A start counts energy before it opens the rest."""
        self.fault = self._open_ledger()
        settings_are_open = _opens(self.settings)
        if self.settings.get("flash_by_records", 0):
            self.ledger.count_by_records()
        if self.fault == supply.LEDGER_UNREADABLE and self.settings.get("commissioning", 0):
            self.fault = supply.NOT_COMMISSIONED  # power failed before the ledger was created: nothing can be lost
        is_whole = self.fault != supply.ON or (
            settings_are_open and not self._number_is_retired() and self._commissioning_is_over()
        )
        if not is_whole:
            self.give_up()

    def open_events(self) -> None:
        """Open the event log, and chain it."""
        events_are_open = _opens(self.events)
        self._keys_changed = not self.chain_events()
        if self.fault == supply.ON:
            self.events.failed = not events_are_open

    def start_records(self, now_s: int) -> None:
        """Open load profile and top-up log, and chain the events.

        A working meter calls this before it writes any of them. Where the flash of a record is blank, because older
        firmware did not have it, the record is created. A record that cannot be opened gets `failed` set and stays as
        it is.
        """
        is_cut_off = self.settings.get("records", 0) == _RECORDS_BEGUN
        missing = []
        for store in (self.load_profile, self.top_ups):
            try:
                store.open()
            except JournalBlank:
                missing.append(store)
            except (JournalUnreadable, ValueError, OSError):
                store.failed = True
                if is_cut_off:  # power failed while it was being created: it is still empty
                    missing.append(store)
        if missing:
            self._make_records(missing, now_s)
        if self._keys_changed:
            self._keys_changed = False
            self.events.note(events.KEYS_CHANGED, carrier.METER, now_s, self.settings.get("key_version", 0))

    def chain_events(self) -> bool:
        """Chain the events under the meter key, if there is one.

        Returns False if the older events are chained under another key.
        """
        meter_key = self.settings.get("meter_key")
        if self._aes is None or meter_key is None or not self.events.opened:
            return True
        return self.events.chain(self._aes, meter_key)

    @property
    def records_failed(self) -> bool:
        """True if any of the records cannot be read or written."""
        return any([getattr(self, name).failed for name in _RECORDS])

    def clock_bounds_s(self) -> tuple:
        """Return what a start of the clock needs: `(earliest time, latest time, time of a lost clock)`.

        Call with a ledger that is open.
        """
        account = self.ledger.account
        time_s, until_s = self.times.newest(account.standing["clock_until_s"])
        begins_s = clock_rules.begins_s(account, until_s)
        return max(account.time_s, time_s), clock_rules.latest_chip_s(account), begins_s

    def give_up(self, reason: int = supply.LEDGER_UNREADABLE) -> None:
        """Work on without the ledger: the ledger, or a part that it depends on, cannot be used."""
        self.ledger.close()
        self.fault = reason

    def prepare(self) -> None:
        """Erase one sector ahead of need, if one is due. Holds the processor for one erase at most.

        Metering calls this after each step: the ledger is asked each time, one of the records in turn.
        """
        if self.ledger.prepare():
            return
        self._turn = (self._turn + 1) % len(_RECORDS)
        getattr(self, _RECORDS[self._turn]).prepare()

    def commission(
        self,
        settings: tuple,
        tariff_data: bytes,
        impulses: int,
        per_kwh: int,
        contract: "type[Contract]",
        now_s: int,
        used_tokens: tuple = (),
    ) -> None:
        """Make a blank meter into one that works from its next start on.

        `settings` are (name, value) pairs, among them meter_number, meter_key and site_key. `used_tokens` are the
        newest token number of each issuer under this meter number and key. These and all older ones count as redeemed.
        The ledger is written last: a meter with a ledger is commissioned. Raises ValueError if the meter has a ledger
        already, if its number was retired, or if tariff, calibration or contract are impossible.
        """
        if self.fault != supply.NOT_COMMISSIONED:
            raise ValueError("this meter has a ledger already")
        account = Account(tariff_data, impulses, per_kwh, contract, now_s)
        account.check_contract(contract)
        for number in used_tokens:
            account.tokens.start_after(number)
        if self._is_retired(dict(settings)["meter_number"]):
            raise ValueError(
                "this number was retired with its ledger, and its tokens would count again: use another number"
            )
        if not self.settings.opened:
            self.settings.erase()
            self.settings.create()
        was_cut_off = self.settings.get("commissioning", 0)
        self.settings.set_all(settings + (("commissioning", 1),))
        if not self.events.opened:
            self.events.erase()
            self.events.create()
        self.chain_events()
        self.events.note(events.COMMISSIONED, carrier.CONSOLE, now_s)
        self._make_anew(self.load_profile, account, now_s)
        self._make_anew(self.top_ups, account, now_s)
        if was_cut_off:
            self.ledger.erase()
        self.ledger.create(account)
        self.settings.set("commissioning", 0)

    def erase_ledger(self, now_s: int) -> None:
        """Discard a ledger that cannot be read. The meter can then be commissioned under another number.

        The number is retired first, so that a power cut in the middle cannot bring back parts of the ledger. Raises
        ValueError if the ledger can be read, or if the number is not known.
        """
        if self.fault != supply.LEDGER_UNREADABLE:
            raise ValueError("only an unreadable ledger is erased, and this meter has none")
        meter_number = self.settings.get("meter_number")
        if meter_number is None:
            raise ValueError("the settings cannot be read either: erase all flash, then commission under a new number")
        if not self._is_retired(meter_number):
            retired = self.settings.get("retired_numbers", b"")
            self.settings.set("retired_numbers", retired + struct.pack("<I", meter_number))
        self.ledger.erase()
        self.events.note(events.LEDGER_ERASED, carrier.CONSOLE, now_s, meter_number)

    def test_flash(self, by_records: bool) -> "Iterator[None]":
        """Test the flash chip of a blank meter (see `flash_test`), and yield often.

        The sectors are those of the load profile, which commissioning creates anew. Raise ValueError if the chip does
        not keep the writes of a ledger: bits cleared one by one, or with `by_records` whole slots.
        """
        from wattpurse.core.journal import flash_test  # needed once: a working meter has no memory to spare for it

        first, sectors = LOAD_PROFILE_RING
        tested = first, first + sectors // 2, first + sectors, first + sectors + sectors // 2
        return (flash_test.program_slots if by_records else flash_test.clear_bits)(self._flash, tested)

    def _make_records(self, missing: list, now_s: int) -> None:
        try:
            self.settings.set("records", _RECORDS_BEGUN)
            for store in missing:
                self._make_anew(store, self.ledger.account, now_s)
            self.settings.set("records", _RECORDS_THERE)
        except (OSError, ValueError):
            for store in missing:
                store.failed = True

    def _make_anew(self, store: "LoadProfile | TopUpLog", account: "Account", now_s: int) -> None:
        """Erase the load profile or top-up log of another account, and begin that of this one."""
        store.erase()
        if store is self.load_profile:
            self.load_profile.create(account, now_s)
        else:
            self.top_ups.create()
        store.failed = False

    def _open_ledger(self) -> int:
        try:
            self.ledger.open()
        except JournalBlank:
            return supply.NOT_COMMISSIONED
        except (JournalUnreadable, LedgerMismatch, ValueError, OSError):
            return supply.LEDGER_UNREADABLE
        return supply.ON

    def _number_is_retired(self) -> bool:
        """Return True if power failed while the ledger was being erased: the rest of it is an old state."""
        return self._is_retired(self.settings.get("meter_number"))

    def _is_retired(self, meter_number: int | None) -> bool:
        retired = self.settings.get("retired_numbers", b"")
        numbers = [retired[at : at + 4] for at in range(0, len(retired), 4)]
        return meter_number is not None and struct.pack("<I", meter_number) in numbers

    def _commissioning_is_over(self) -> bool:
        """Note the end of commissioning, if power failed before that. Return False if the note cannot be written."""
        try:
            self.settings.set("commissioning", 0)
        except OSError:
            return False
        return True


def identification_of(flash: "Flash") -> int | None:
    """Return the JEDEC ID of the flash chip, or None if the board cannot read it."""
    return getattr(flash, "identification", None)


def _opens(store: "Settings | EventLog") -> bool:
    """Return True if a store on its own ring could be opened."""
    try:
        store.open()
    except (JournalBlank, JournalUnreadable, ValueError, OSError):
        return False
    return True
