"""An evening of a life: the whole meter with all its tasks on the simulated board, while one of its parts fails.

A life goes from hour to hour and has no tasks. Now and then its account is copied into a whole meter. That meter runs
some minutes of its own: a load, a part that fails and recovers, a card that is tapped meanwhile and again afterwards,
and the card's token typed at the console at the same time. The comparisons are those of a life: every pulse, all money,
each token once, and the contact.
"""

import copy

from boards.host.world.world import World
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.small_meter import METER_KEY, METER_NUMBER, seal
from tests.services.desk_bench import SITE_KEY, Station
from wattpurse.app import Meter
from wattpurse.core.messages import token
from wattpurse.core.money import account_image, supply
from wattpurse.stores import Stores

_KINDS = ("classic-1k", "ntag215", "ultralight")
_LOADS_W = (0, 300, 3_000, 20_000, 100_000)
_SOON_USED_UP = 3_000_000
_MWS_PER_PULSE = 3_600_000_000  # at one impulse per kWh
# Longest time from a decision to the contact: a look every 100 ms, a second of rest, a pulse, and an erase between.
_LIMIT_TO_MOVE_S = 3


def live_evening(random, account, oracle, sequence: int, tally):
    """Let a copy of `account` live. `oracle` has its charges; `sequence` is the number of its next token."""
    evening = _Evening(random, account, oracle, sequence)
    try:
        evening.live()
    finally:
        evening.world.close()
    tally.faults += 1
    tally.add("evenings")
    tally.add(evening.part.replace(" ", "_"))


class _Evening:
    """One world, one household that draws `load_w`, one card, one part that fails."""

    def __init__(self, random, account, oracle, sequence):
        self._random = random
        self.part, self._fail, self._dark_s = random.choice(_FAILURES)
        self._load_w = random.choice(_LOADS_W)
        if 0 < account.money.balance < _SOON_USED_UP:
            self._load_w = _LOADS_W[-1]
        self._began = account_image.unpack(account_image.pack(account))
        self._oracle = copy.deepcopy(oracle)
        self._oracle.forget(oracle.pulses - account.pulses_total)
        self._amount = random.randrange(1, random.choice((10, 10**6, 10**7)))
        self._token = seal(sequence, token.CREDIT_MONEY, self._amount)
        self._card = Station().new_card(random.choice(_KINDS), self._token, meter=METER_NUMBER)
        self.world = self._new_world(account.impulses)
        self._is_sound = True
        self._astray_s = 0

    def live(self):
        """Run some minutes before, during and after the failure. Then start the meter anew and check everything."""
        self._pass_s(self._random.randrange(5, 70))
        self._is_sound = False
        self._fail(self)
        self._pass_s(self._random.randrange(10))
        if self._random.random() < 0.5:
            self.world.hardware.console.type_line("token " + self._token.hex())
        self._tap()
        self._pass_s(90)
        self._mend()
        self._pass_s(75)
        self._tap()
        self.world.household.constant_w = 0
        self.world.household.update()
        self.world.reset_board()
        self._pass_s(5)
        self._is_sound = True
        self._pass_s(5)
        self._judge()

    def _new_world(self, impulses):
        world = World(Meter, self._began.time_s, seed=self._random.randrange(1, 1 << 30))
        hardware = world.hardware
        stores = Stores(hardware.flash)
        stores.settings.create()
        stores.settings.set_all(
            (("meter_number", METER_NUMBER), ("meter_key", METER_KEY), ("site_key", SITE_KEY), ("key_version", 1))
        )
        stores.events.create()
        stores.ledger.create(account_image.unpack(account_image.pack(self._began)))
        hardware.source._impulses = impulses
        hardware.relay.contact_closed = self._random.random() < 0.5
        world.household.constant_w = self._load_w
        world.household.update()
        return world

    def _pass_s(self, duration_s):
        for _ in range(duration_s):
            self.world.run_for(1)
            self._look_at_contact()

    def _look_at_contact(self):
        """Check that a supply against the contract ends in time, while the relay is sound."""
        meter = self.world.meter
        is_wrong = self.world.hardware.relay.contact_closed and meter is not None and not self._may_be_on(meter)
        self._astray_s = self._astray_s + 1 if is_wrong and self._is_sound else 0
        if self._astray_s > _LIMIT_TO_MOVE_S:
            raise Broken(BROKEN_RULES, f"{self.part}: supply is on, though {supply.text(meter.decide())}")

    @staticmethod
    def _may_be_on(meter):
        return supply.is_closed(meter.decide())

    def _tap(self):
        self.world.insert(self._card)
        self._pass_s(3)
        self.world.remove(self._card)
        self._pass_s(2)

    def _judge(self):
        world, began = self.world, self._began
        account = world.account
        if account is None or world.meter.fault != supply.ON:
            raise Broken(LOST, f"{self.part}: no ledger afterwards")
        if account.money.bought != began.money.bought + self._amount:
            what = DOUBLED if account.money.bought > began.money.bought + self._amount else LOST
            raise Broken(what, f"{self.part}: bought {account.money.bought} after {began.money.bought}")
        self._judge_pulses(account.pulses_total - began.pulses_total)
        if account.money.charged != self._oracle.charged:
            what = LOST if account.money.charged > self._oracle.charged else DOUBLED
            raise Broken(what, f"{self.part}: charged {account.money.charged}, due {self._oracle.charged}")
        if world.hardware.relay.contact_closed != self._may_be_on(world.meter):
            raise Broken(BROKEN_RULES, f"{self.part}: the contact disagrees with the decision {world.meter.decide()}")
        if world.hardware.violations():
            raise Broken(BROKEN_RULES, f"{self.part}: " + "; ".join(world.hardware.violations()))

    def _judge_pulses(self, metered):
        """Check that each missing pulse waited below a step, or was counted while nothing could take it."""
        missing = self.world.hardware.source.pulses_total - metered
        dark = int((self._dark_s + 0.5) * 1000 * self._load_w * self._began.impulses / _MWS_PER_PULSE)
        starts = self.world.starts
        if not 0 <= missing <= dark + starts * max(1, self._began.impulses // 4000):
            what = LOST if missing > 0 else DOUBLED
            raise Broken(what, f"{self.part}: {missing} pulses are missing, {dark} are permitted; {starts} starts")
        self._oracle.consume(metered)

    # The failures, and the recovery from each

    def _mend(self):
        """Repair the failed part."""
        hardware = self.world.hardware
        relay = hardware.relay
        relay.welded = relay.open_coil_broken = relay.close_coil_broken = False
        hardware.reader.faults.heal_spi()
        hardware.reader.faults.cut_irq(False)
        hardware.flash.faults.operations_to_cut = None
        self.world.restore_mains()

    def _relay_sticks(self):
        self.world.hardware.relay.welded = True

    def _coil_breaks(self):
        relay = self.world.hardware.relay
        if self._random.random() < 0.5:
            relay.open_coil_broken = True
        else:
            relay.close_coil_broken = True

    def _reader_hangs(self):
        self._is_sound = True
        self.world.hardware.reader.faults.hang()

    def _reader_is_silent(self):
        self._is_sound = True
        self.world.hardware.reader.faults.kill_spi(self._random.choice((0x00, 0xFF)))

    def _reader_browns_out(self):
        self._is_sound = True
        self.world.hardware.reader.faults.brown_out()

    def _metering_dies(self):
        self.world.meter.metering.step = _raise_error

    def _switching_falls_silent(self):
        """Let the switching task wait for ever."""
        clock = self.world.clock
        self.world.meter.switching.step = lambda: clock.sleep_ms(10**9)

    def _display_dies(self):
        """End a task that the meter can do without; it is started again."""
        self._is_sound = True
        self.world.meter.display._state = _raise_error

    def _processor_hangs(self):
        clock = self.world.clock
        self.world.meter.stores.prepare = lambda: clock.advance_us(60_000_000)

    def _power_fails_in_a_write(self):
        self.world.hardware.flash.faults.plan_cut(self._random.randrange(1, 6), self._random.randrange(1001), "page")


_FAILURES = (
    ("relay sticks", _Evening._relay_sticks, 0),
    ("coil breaks", _Evening._coil_breaks, 0),
    ("reader hangs", _Evening._reader_hangs, 0),
    ("reader is silent", _Evening._reader_is_silent, 0),
    ("reader browns out", _Evening._reader_browns_out, 0),
    ("metering dies", _Evening._metering_dies, 1),
    ("switching falls silent", _Evening._switching_falls_silent, 0),
    ("display dies", _Evening._display_dies, 0),
    ("processor hangs", _Evening._processor_hangs, 9),
    ("power fails in a write", _Evening._power_fails_in_a_write, 1),
)


def _raise_error(*_):
    raise RuntimeError("planned")
