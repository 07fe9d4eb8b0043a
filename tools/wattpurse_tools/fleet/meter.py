"""A simulated meter of a fleet: the firmware's stores, teller, metering, supply, statements and MQTT messages.

The parts are those of `wattpurse.app.Meter`. A board with display, buttons and card reader is not there. The meter
lives in the virtual time of its crystal, and in steps: see `live_until`. It notes when its switch was closed, and until
when each permit lasted, so that others can judge it.
"""

import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from boards.host.chips.aes import aes
from wattpurse.app import VERSION
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import frames
from wattpurse.core.money import supply
from wattpurse.core.money.account import Account
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.contract import by_name
from wattpurse.core.money.friendly import ends_s, is_friendly
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.drivers.load_switch import LoadSwitch
from wattpurse.drivers.pulse_counter import PulseCounter
from wattpurse.services.key_slot import KeySlot
from wattpurse.services.metering import Metering
from wattpurse.services.mqtt.configuration import Options
from wattpurse.services.mqtt.inbox import Inbox
from wattpurse.services.mqtt.publisher import Publisher
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse.services.statements import Statements
from wattpurse.services.supply_desk import SupplyDesk
from wattpurse.services.switching import Switching
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import TimeKeeper
from wattpurse.stores import SECTORS, Stores
from wattpurse_tools.fleet.chips import Contact, Crystal, PowerCut, Pulses, SparseFlash
from wattpurse_tools.fleet.house import STEP_S, House

if TYPE_CHECKING:
    from wattpurse.cards.memory import Memory

IMPULSES_PER_KWH = 1_000
EVERY_MINUTES = 60

_PREPARED_A_STEP = 4  # sectors: a board prepares one every 50 ms, and a step here is minutes long
_CLOCK_LOOK_S = 60


@dataclass(frozen=True)
class Identity:
    """The number of a meter, its contract, and its keys of one version."""

    number: int
    contract: str
    meter_key: bytes
    site_key: bytes
    key_version: int = 1


@dataclass
class Witness:
    """The facts of a meter that no message tells: its switch and its permits, in true seconds.

    `permits` are `(from, until)`: at the time `from` the meter's permit became one that lasts until `until`. `outages`
    are `(from, to)` of each time without power; the last one may be open.
    """

    permits: list[tuple[int, int]] = field(default_factory=list)
    outages: list[tuple[int, int | None]] = field(default_factory=list)
    starts: int = 0
    tokens_accepted: int = 0

    def dark_s(self, until_s: int) -> int:
        """Return the seconds without power before a time."""
        return sum(max(0, min(until_s, until_s if to_s is None else to_s) - from_s) for from_s, to_s in self.outages)

    def lost_s(self, until_s: int) -> int:
        """Return the most seconds that a meter without a clock chip may have lost before a time.

        They are those without power, and a step for each outage. A board notes the time ahead, for it steps twenty
        times a second. A meter of the fleet steps every STEP_S, so a cut may lose the time since the step before it.
        """
        return self.dark_s(until_s) + STEP_S * sum(from_s < until_s for from_s, _ in self.outages)


class KeyCard(Protocol):
    """A key card in the slot of a meter."""

    @property
    def uid(self) -> bytes:
        """The UID of the card."""
        ...

    def show(self, step: "Callable[[Memory], Coroutine[None, None, int]]") -> int:
        """Put the card on a reader, run `step(memory)` and return its outcome. Raise OSError if that fails."""
        ...


class FleetMeter:
    """One meter with its house. It has no power until `start`. It publishes a statement every `every_minutes`."""

    def __init__(
        self, identity: Identity, house: House, tariff: bytes, now_s: int, every_minutes: int = EVERY_MINUTES
    ) -> None:
        self.identity = identity
        self._every_minutes = every_minutes
        self.number = identity.number
        self.crystal = Crystal(now_s)
        self.flash = SparseFlash(SECTORS)
        self.contact = Contact(lambda: self.crystal.true_s)
        self.pulses = Pulses(house, self.contact, IMPULSES_PER_KWH)
        self.witness = Witness()
        self.card_in_slot: KeyCard | None = None
        self._seen_card: KeyCard | None = None
        self.is_powered = False
        self._identify_requests = 0
        self._commission(tariff, now_s)

    def start(self) -> None:
        """Restore the power: everything in memory is new, and the stores are opened from the flash.

        A PowerCut that was planned for the flash ends the power again.
        """
        try:
            self._start()
        except PowerCut:
            self.cut_power()

    def _start(self) -> None:
        self.pulses.board_powered()
        self.contact.set_power(True)
        self._build()
        self.stores.open_accounts()
        if self.stores.fault != supply.ON:
            raise ValueError(f"meter {self.number} has lost its ledger: {supply.text(self.stores.fault)}")
        self.timekeeper.start(*self.stores.clock_bounds_s())
        self.metering.count()
        self.stores.open_events()
        self.teller.start()
        self.stores.start_records(self.timekeeper.now_s())
        self.is_powered = True
        self.witness.starts += 1
        if self.witness.outages and self.witness.outages[-1][1] is None:
            self.witness.outages[-1] = self.witness.outages[-1][0], self.crystal.true_s
        self._decide()

    def set_term(self, name: str, value: int) -> None:
        """Set a term, as a technician does at the console."""
        self.ledger.set_number(TERMS, name, value, self.timekeeper.now_s())

    def begin_dispensing(self, until_s: int, daily_mwh: int) -> None:
        """Note the validity and the daily maximum of a dispenser, as the token before its first kWh does."""
        self.set_term("daily_limit_mwh", daily_mwh)
        self.ledger.set_number(STANDING, "dispenser_until_s", until_s, self.timekeeper.now_s())

    def cut_power(self) -> None:
        """End the power of board and house. The contact of a latching relay stays where it is, and no energy flows."""
        if self.is_powered:
            self.witness.outages.append((self.crystal.true_s, None))
        self.is_powered = False
        self.contact.set_power(False)

    def live_until(self, true_s: int) -> None:
        """Let time pass. The meter meters, decides and composes messages at least every STEP_S, and at each edge.

        An edge is a time at which supply may end by the clock alone: a permit, a term, friendly hours. A PowerCut that
        was planned for the flash ends the power.
        """
        while self.crystal.true_s < true_s:
            now_s = self.crystal.true_s
            next_s = min(true_s, now_s - now_s % STEP_S + STEP_S)
            if self.is_powered:
                next_s = min([next_s, *(edge for edge in self._edges_s() if edge > now_s)])
                self.pulses.flow(now_s, next_s)
            self.crystal.true_ms = next_s * 1_000
            if self.is_powered:
                try:
                    self._step()
                except PowerCut:
                    self.cut_power()

    def act(self) -> None:
        """Decide about supply, and compose the messages that are due. Call after a token."""
        self._decide()
        self.publisher.step()

    def redeem(self, data: bytes, by: int) -> int:
        """Let a token have its effect that came by another carrier than MQTT. Return its outcome."""
        result = self.teller.redeem(data, by)
        self.act()
        return result

    def redeem_digits(self, digits: str, by: int = carrier.KEYPAD) -> int:
        """Let a token of twenty digits have its effect. Return its outcome."""
        result = self.teller.redeem_digits(digits, by)
        self.act()
        return result

    def statement_for_bluetooth(self, capacity: int) -> bytes:
        """Return a sealed statement with its number, as the firmware gives it to a telephone."""
        number = self._bluetooth_numbers.take()
        identity = carrier.statement_identity(carrier.BLE, number)
        return frames.numbered(number, self.statements.seal(self.statements.keys(identity), number, capacity))

    @property
    def account(self) -> Account:
        """The account in the ledger. Raise ValueError if the ledger cannot be read."""
        account = self.ledger.account
        if account is None:
            raise ValueError(f"meter {self.number} has lost its ledger")
        return account

    @property
    def permit_until_s(self) -> int:
        """The end of the permit, by the meter's own clock."""
        return self.account.standing["permit_until_s"]

    def _commission(self, tariff: bytes, now_s: int) -> None:
        stores = Stores(self.flash, aes)
        stores.open()
        identity = self.identity
        settings = (
            ("meter_number", identity.number),
            ("key_version", identity.key_version),
            ("meter_key", identity.meter_key),
            ("site_key", identity.site_key),
            ("mqtt_options", self._every_minutes),
        )
        stores.commission(settings, tariff, IMPULSES_PER_KWH, 1, by_name(identity.contract), now_s)

    def _build(self) -> None:
        self.stores = stores = Stores(self.flash, aes)
        self.settings, self.ledger = stores.settings, stores.ledger
        crystal = self.crystal
        self.timekeeper = TimeKeeper(crystal, crystal)
        self.circumstances = Circumstances()
        self.key_slot = KeySlot(stores, self.timekeeper, crystal, aes)
        self.supply_desk = SupplyDesk(stores, self.circumstances, self.timekeeper, self.key_slot)
        self.teller = Teller(stores, self.timekeeper, aes)
        self.statements = Statements(stores, self.timekeeper, aes, self.supply_desk.decide)
        counter = PulseCounter(self.pulses.read_raw, self.pulses.MODULUS)
        self.metering = Metering(counter, stores, self.timekeeper, crystal)
        load_switch = LoadSwitch(self.contact.open_coil, self.contact.close_coil, crystal, crystal.hold_ms)
        self.switching = Switching(load_switch, self.supply_desk.judge, stores.events, self.timekeeper, crystal)
        self.publisher = Publisher(self.statements, stores, crystal, lambda: self.switching.reason, VERSION)
        self.publisher.set_schedule(Options(self.settings.get("mqtt_options", 0)).every_minutes)
        self.inbox = Inbox(self.teller, stores, lambda _outcome: None, self._note_identify)
        self._bluetooth_numbers = StatementNumbers(stores.settings, "bluetooth_numbers")
        self._looked_s = crystal.true_s

    def _step(self) -> None:
        if self.crystal.true_s - self._looked_s >= _CLOCK_LOOK_S:
            self._looked_s = self.crystal.true_s
            self.timekeeper.follow_chip()
        self.metering.step()
        for _ in range(_PREPARED_A_STEP):
            self.stores.prepare()
        self._decide()
        self.publisher.step()

    def _look_at_card(self) -> None:
        """Show the card in the slot to the meter, as the card desk does at each look."""
        card = self.card_in_slot
        is_new, self._seen_card = card is not self._seen_card, card
        if card is None or not is_new and self.key_slot.sees(card.uid):
            return
        is_good = False
        with contextlib.suppress(OSError):
            is_good = card.show(lambda memory: self.key_slot.take(card.uid, memory)) == outcome.ACCEPTED
        self.key_slot.note_look(not is_good)

    def _decide(self) -> None:
        self._look_at_card()
        with contextlib.suppress(StopIteration):
            self.switching.step().send(None)
        until_s = self.permit_until_s
        if not self.witness.permits or self.witness.permits[-1][1] != until_s:
            self.witness.permits.append((self.crystal.true_s, until_s))

    def _edges_s(self) -> tuple[int, ...]:
        """Return the true times at which supply may end by the clock, at the meter's own clock."""
        account = self.account
        standing, behind_s = account.standing, self.crystal.true_s - self.timekeeper.now_s()
        edges = [standing["permit_until_s"], standing["term_until_s"], standing["dispenser_until_s"]]
        edges += [standing["shortage_until_s"], standing["rest_until_s"]]
        if is_friendly(account, self.timekeeper.now_s()):
            edges.append(ends_s(account, self.timekeeper.now_s()))
        return tuple(edge + behind_s for edge in edges)

    def _note_identify(self) -> None:
        self._identify_requests += 1
