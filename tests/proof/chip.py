"""Power cuts on the emulated RP2040 with the real image: at exact times, and inside the boot ROM's program and erase.

A case is one meter with several lives. Each life is cut during an action: its start, a tap, metering at 100 A, or a
change at the console. The flash is then recovered twice, by the meter's code here and by the image on the chip. Both
must agree with each other, with the pulses on the wire, and with the tokens sold.
"""

import functools
import json
import random
import tempfile
from pathlib import Path

from tests.proof.campaign import BROKEN_RULES, DOUBLED, HANGS, LOST, Broken
from tests.silicon.meter_bench import GONE_S, STATION, card_with, commissioned_ring, write_flash
from tests.stories.whole_meter import PIN
from wattpurse.core.money import supply
from wattpurse_tools.emulation.image import build_image
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.ring import stores_of

NAME = "chip"
ABOUT = "power cuts on the emulated RP2040 with the real image, recovered there and here"
SHORT_CASES = 1
LONG_CASES = 60

CUTS = 6
START_S = 1_800_000_000
LOAD_W = 23_000
PULSE_MICROUNITS = 250  # 1 Wh at 0.25 per kWh
_START_LIMIT_S = 10
_ACTION_LIMIT_S = 2
_SETTLE_S = 0.4
# Metering may lag behind the wire by a step of 50 ms, a loop held by a tap or a roll, and the supply decision.
_BEHIND_S = 0.3
# For the longest action of each kind: its flash operations and its duration.
_START = (14, 1.2)
_TAP = (8, 1.3)
_METERING = (20, 1.5)
_CHANGE = (10, 0.3)


def run_case(seed: int, tally):
    """Run one meter and cut it CUTS times."""
    with tempfile.TemporaryDirectory() as folder:
        flash = write_flash(Path(folder) / "flash.bin", _image(), _ring())
        with EmulatedMeter(flash, utc_s=START_S, seed=seed) as meter:
            _Lives(meter, random.Random(seed), tally).live()


@functools.cache
def _image() -> Path:
    return build_image() / "firmware.bin"


@functools.cache
def _ring() -> bytes:
    return commissioned_ring()


class _Lives:
    """The tokens sold to the meter and its known losses, from cut to cut."""

    def __init__(self, meter, chance, tally):
        self._meter = meter
        self._chance = chance
        self._tally = tally
        self._bought = 0
        self._tokens = 0
        self._card = None
        self._missed = 0
        self._pulses = 0
        self._torn = {"torn_programs": 0, "torn_erases": 0}

    def live(self):
        """End every life with a cut. After the last cut the meter must work once more."""
        self._start()
        self._top_up()
        for _ in range(CUTS):
            action = self._chance.choice((self._cut_while_starting, self._cut_in_a_tap, self._cut_while_metering))
            if self._chance.randrange(4) == 0:
                action = self._cut_in_a_change
            action()
            self._tally.faults += 1
        self._top_up()
        self._tally.cases += 1

    # Actions during which power fails

    def _cut_while_starting(self):
        self._meter.power_lost()
        self._meter.power_up()
        self._plan(_START)
        self._run_to_the_cut(_START)
        self._look_after_the_cut(may_miss=0)

    def _cut_in_a_tap(self):
        amount = self._sell()
        self._plan(_TAP)
        self._meter.insert(self._card)
        self._run_to_the_cut(_TAP)
        self._meter.remove(self._card)
        self._look_after_the_cut(may_miss=0, amount=amount)
        self._bought += amount
        self._tap()

    def _cut_while_metering(self):
        self._meter.run_until(lambda: self._meter.relay.contact_closed, 3)
        self._meter.source.set_load_w(LOAD_W)
        self._meter.run_for(self._chance.random())
        self._plan(_METERING)
        self._run_to_the_cut(_METERING)
        self._meter.source.set_load_w(0)
        self._look_after_the_cut(may_miss=1 + int(_BEHIND_S * LOAD_W / 3600))

    def _cut_in_a_change(self):
        self._meter.type_line(f"login {PIN}")
        self._plan(_CHANGE)
        limit = self._chance.randrange(1_000_000)
        self._meter.pico.serial_write(f"terms set low_credit_microunits {limit}\r".encode())
        self._run_to_the_cut(_CHANGE)
        self._look_after_the_cut(may_miss=0)

    # The cut

    def _plan(self, longest):
        """Plan a cut inside a flash operation: by its number, or by the action that runs at the time."""
        operations, seconds = longest
        tear = self._chance.choice(("ordered", "ragged"))
        if self._chance.randrange(3):
            place = {"flash_operations": self._chance.randrange(operations)}
        else:
            place = {"time_us": self._meter.clock.now_us + self._chance.randrange(int(seconds * 1e6))}
        self._meter.pico.plan_power_cut(fraction=self._chance.random(), tear=tear, **place)

    def _run_to_the_cut(self, longest):
        """Run until the planned cut. Cut at the end if the planned flash operation did not happen."""
        meter = self._meter
        meter.run_until(lambda: not meter.pico.powered, longest[1] + _ACTION_LIMIT_S, step_us=1000)
        if meter.pico.powered:
            meter.power_lost()
        flash = meter.pico.statistics()["flash"]
        for name in self._torn:
            self._tally.add(name, flash[name] - self._torn[name])
            self._torn[name] = flash[name]

    # Conditions that must hold

    def _look_after_the_cut(self, may_miss: int, amount: int = 0):
        """Recover here first, then on the chip, without load: any energy missing from flash now is lost for good."""
        acknowledged = bool(amount) and self._statement().get("bought") == self._bought + amount
        recovered = self._recovered()
        bought = recovered.money.bought
        if bought not in (self._bought, self._bought + amount) or acknowledged and bought == self._bought:
            self._broken(bought < self._bought + amount, f"{bought} bought, sold {self._bought} and perhaps {amount}")
        self._look_at_pulses(recovered, may_miss)
        self._start()
        again = self._recovered()
        facts = json.loads(self._meter.type_line("registers --json")[0])
        here = _view(recovered)
        if here != _view(again) or here != (facts["pulses"], *_money(facts)):
            raise Broken(BROKEN_RULES, f"recovered {here} here, {_view(again)} and {facts} on the chip")

    def _look_at_pulses(self, account, may_miss):
        on_the_wire = self._meter.source.pulses_total
        missed = on_the_wire - account.pulses_total
        if missed < self._missed or account.pulses_total < self._pulses:
            message = f"{account.pulses_total} pulses after {self._pulses}, {on_the_wire} on the wire"
            self._broken(missed > self._missed, message)
        if missed > self._missed + may_miss:
            raise Broken(LOST, f"one cut lost {missed - self._missed} pulses, {may_miss} are permitted")
        if account.money.charged != account.pulses_total * PULSE_MICROUNITS:
            raise Broken(BROKEN_RULES, f"{account.money.charged} charged for {account.pulses_total} Wh")
        self._tally.at_most("most_pulses_lost_by_a_cut", missed - self._missed)
        self._missed, self._pulses = missed, account.pulses_total

    def _recovered(self):
        stores = stores_of(self._meter.pico)
        if stores.fault != supply.ON:
            raise Broken(LOST, supply.text(stores.fault))
        money = stores.ledger.account.money
        if money.bought != money.charged + money.balance:
            raise Broken(BROKEN_RULES, f"{money.bought} bought, {money.charged} charged, {money.balance} left")
        return stores.ledger.account

    def _broken(self, is_lost, message):
        raise Broken(LOST if is_lost else DOUBLED, message)

    # The meter and its customer

    def _start(self):
        self._meter.pico.serial_received.clear()  # the previous life may have sent a greeting too
        self._meter.power_up()
        try:
            self._meter.await_console(_START_LIMIT_S)
        except TimeoutError as error:
            raise Broken(HANGS, str(error))
        self._meter.run_for(_SETTLE_S)
        if self._meter.violations():
            raise Broken(BROKEN_RULES, "; ".join(self._meter.violations()))

    def _sell(self) -> int:
        self._tokens += 1
        amount = self._chance.randrange(1_000_000, 50_000_000)
        self._card = card_with(amount, first_number=self._tokens)
        return amount

    def _top_up(self):
        self._bought += self._sell()
        self._tap()

    def _tap(self):
        """Tap until the card's credit is in the meter, once, for any number of taps before."""
        meter, card = self._meter, self._card
        written = card.writes
        meter.insert(card)
        meter.run_until(lambda: card.writes > written, _ACTION_LIMIT_S)
        meter.run_for(_SETTLE_S)
        meter.remove(card)
        meter.run_for(GONE_S)
        bought = self._recovered().money.bought
        if bought != self._statement().get("bought"):
            raise Broken(BROKEN_RULES, f"{bought} bought, the card says {self._statement()}")
        if bought != self._bought:
            self._broken(bought < self._bought, f"{bought} bought after a tap, sold {self._bought}")

    def _statement(self):
        return STATION.statement(self._card) or {}


def _view(account):
    return account.pulses_total, account.money.bought, account.money.charged


def _money(facts):
    money = facts["money_microunits"]
    return money["bought"], money["charged"]
