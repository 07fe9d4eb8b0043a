"""A small meter for tests of the services: real stores, drivers and services on chip models, and the station's keys."""

from boards.host.chips.aes import aes
from boards.host.chips.flash import FlashModel
from boards.host.chips.i2c import I2cBus
from boards.host.chips.pin import PUSH_PULL, Pin, Wire
from boards.host.chips.pulse_source import PulseSource
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.relay import RelayModel
from boards.host.chips.rtc import RtcModel
from boards.host.world.clock import VirtualClock
from tests import samples
from tests.services.small_stores import SmallStores
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.token_windows import issuer_of
from wattpurse.core.seals import keys
from wattpurse.drivers.load_switch import LoadSwitch
from wattpurse.drivers.pulse_counter import PulseCounter
from wattpurse.drivers.rtc_ds3231 import ADDRESS, Ds3231
from wattpurse.services.metering import Metering
from wattpurse.services.statements import Statements
from wattpurse.services.switching import Switching
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import TimeKeeper

METER_NUMBER = 40_001_234
METER_KEY = bytes(range(16))
START_S = samples.NEW_YEAR_S + 3_600

SETTINGS_RING = (0, 3)
EVENTS_RING = (6, 3)
LEDGER_RING = (12, 4)
TIMES_RING = (20, 3)
SECTORS = 26


def seal(
    sequence: int,
    kind: int,
    *fields,
    meter_number: int = METER_NUMBER,
    meter_key: bytes = METER_KEY,
    tenant: int = 0,
    after: int = 0,
) -> bytes:
    """Return a token as the issuer in its number would seal it."""
    pair = keys.token_keys(aes, keys.issuer_key(aes, meter_key, issuer_of(sequence)))
    return token.seal_token(aes, pair, 1, meter_number, sequence, *token.make(kind, *fields), tenant, after)


class Bench:
    """Chips that outlive a restart, and the program's parts, which `restart` builds anew from the content of the chips.

    `memory` is the flash of an earlier bench; without it the flash is blank and becomes that of a new meter.
    """

    def __init__(self, memory: bytes | None = None, seed: int = 1, impulses: int = 3200, modulus: int = 65_536):
        self.clock = VirtualClock()
        self.flash = FlashModel(self.clock, SECTORS, RandomBits(seed), None if memory is None else bytearray(memory))
        self.rtc = RtcModel(self.clock, START_S)
        self.bus = I2cBus(self.clock)
        self.bus.attach(ADDRESS, self.rtc)
        self.house = PulseSource(self.clock, impulses, 1, modulus)
        self.open_wire, self.close_wire = Wire(pull=0), Wire(pull=0)
        self.relay = RelayModel(self.clock, self.open_wire, self.close_wire)
        self.relay.listen(self.house.set_contact)
        self._pins = ()
        self._build()
        if memory is None:
            self._commission(samples.new_account(impulses=impulses))
        else:
            self._open()
        self._start()

    def restart(self):
        """Power fails and comes back: everything in RAM is new, the coils' pins let go."""
        self.flash.faults.operations_to_cut = None
        for pin in self._pins:
            pin.disconnect()
        self._build()
        self._open()
        self._start()

    def decide(self) -> int:
        """Return the reason of supply, as the meter decides it."""
        circumstances = Circumstances(self.timekeeper.now_s())
        circumstances.tamper_opens = bool(self.settings.get("tamper", 0))
        return supply.decide(self.ledger.account, supply.ON, circumstances)

    def event_codes(self) -> list:
        """Return the codes of all events, oldest first."""
        return [event.code for event in self.events.recent(1_000)[::-1]]

    def events_of(self, code: int) -> list:
        """Return the numbers of all events of one code, oldest first."""
        return [event.number for event in self.events.recent(1_000)[::-1] if event.code == code]

    def hold_ms(self, duration_ms: int):
        """Hold the processor for so long."""
        self.clock.advance_us(duration_ms * 1000)

    def _build(self):
        clock = self.clock
        self._pins = Pin(self.open_wire, PUSH_PULL), Pin(self.close_wire, PUSH_PULL)
        self.house.board_powered()
        self.counter = PulseCounter(self.house.read_raw, self.house.modulus)
        self.load_switch = LoadSwitch(*self._pins, clock, self.hold_ms)
        self.stores = SmallStores(self.flash, SETTINGS_RING, EVENTS_RING, LEDGER_RING, TIMES_RING)
        self.settings, self.events, self.ledger = self.stores.settings, self.stores.events, self.stores.ledger
        self.timekeeper = TimeKeeper(Ds3231(self.bus), clock)
        self.teller = Teller(self.stores, self.timekeeper, aes)
        self.statements = Statements(self.stores, self.timekeeper, aes, self.decide)
        self.metering = Metering(self.counter, self.stores, self.timekeeper, clock)
        self.switching = Switching(self.load_switch, self.decide, self.events, self.timekeeper, clock)

    def _commission(self, account):
        self.settings.create()
        self.settings.set_all((("meter_number", METER_NUMBER), ("meter_key", METER_KEY)))
        self.events.create()
        self.ledger.create(account)

    def _open(self):
        self.ledger.open()
        self.settings.open()
        self.events.open()

    def _start(self):
        self.timekeeper.start(*self.stores.clock_bounds_s())
        self.teller.start()
        self.metering.step()


def no_beat():
    """Ignore the heartbeat: nobody watches the task."""
