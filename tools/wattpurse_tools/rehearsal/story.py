"""The story of a head-end: days of a site with simulated meters at a real broker, and the real processes of the office.

The time of day of all processes is virtual: it goes in steps of STEP_S. Between two steps the processes have real time
to work. WEEK and DAY are the lists of events, by the day and the hour.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import close_old_connections
from django.db.models import Max

from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.house import STEP_S
from wattpurse_tools.headend import accounts, permits, policy, shortages, suspense
from wattpurse_tools.headend.broker_files import BrokerFiles
from wattpurse_tools.headend.signing_on import HeadendOperator
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import (
    Command,
    Feeder,
    ManagedAccount,
    Payment,
    PaymentNotice,
    Shortage,
    ShortageMeter,
    Statement,
)
from wattpurse_tools.rehearsal import payers, site, virtual_clock
from wattpurse_tools.rehearsal.checkout_page import Browser
from wattpurse_tools.rehearsal.payers import Payers
from wattpurse_tools.rehearsal.shortage_watch import ShortageWatch
from wattpurse_tools.rehearsal.site import Place
from wattpurse_tools.rehearsal.telephones import Telephones
from wattpurse_tools.station.shop import open_shop

DAY_S = 86_400
HOUR_S = 3_600
UNIT = 1_000_000
QUIET_S = 900.0  # the worker may have a day of statements before it
LOST_S = 60.0

_OPEN = ("waiting", "sent")
_PUMP_S = 0.05


@dataclass
class Scene:
    """The people, the meters and the office of a story. `times` are its begin and its pace."""

    office: Office
    places: Sequence[Place]
    fleet: Fleet
    payers: Payers
    times: tuple[int, float]
    choice: random.Random
    telephones: Telephones
    happened: list[str] = field(init=False, default_factory=list)
    without_reach: list[int] = field(init=False, default_factory=list)
    without_power: list[int] = field(init=False, default_factory=list)
    shortage: ShortageWatch = field(init=False, default_factory=ShortageWatch)

    @property
    def start_s(self) -> int:
        """The begin of the story."""
        return self.times[0]

    @property
    def pace_s(self) -> float:
        """The real seconds of a step."""
        return self.times[1]

    def tell(self, text: str) -> None:
        """Note something that happened, for the line of the day."""
        self.happened.append(text)

    @property
    def payable(self) -> list[Place]:
        """The places whose meters take credit from outside: not those of key cards."""
        return [one for one in self.places if one.contract != contracts.KeyCard.name]


Event = Callable[[Scene], None]


class Story:
    """Days of a scene. `supervisor` is the number of the process that keeps the processes of the office alive."""

    def __init__(self, scene: Scene, supervisor: int, folder: Path) -> None:
        self._scene = scene
        self._supervisor = supervisor
        self._folder = folder
        self._operator = HeadendOperator(scene.office)
        self._files = BrokerFiles(scene.office.folder.path)

    def run(self, days: int) -> None:
        """Run the days, and print a line or two of each."""
        scene = self._scene
        for day in range(days):
            for step in range(DAY_S // STEP_S):
                hour, rest = divmod(step * STEP_S, HOUR_S)
                if rest == 0:
                    for one in (DAY if days == 1 else WEEK).get((day, hour), ()):
                        one(self)
                    if hour == _MORNING:
                        self.settle()
                    if hour == _EVENING:
                        self.recharge_the_dark()
                self.step(scene.start_s + day * DAY_S + (step + 1) * STEP_S)
            self.settle()
            self._print(day)

    def step(self, true_s: int) -> None:
        """Let a step of time pass, for all."""
        virtual_clock.set_time(true_s)
        scene = self._scene
        scene.fleet.live_until(true_s)
        scene.fleet.pump(scene.pace_s)
        scene.telephones.collect()

    def settle(self) -> None:
        """Wait in real time until nothing is on its way. Raise TimeoutError with the reason if it does not come.

        A broker that was killed has lost the statements since its last saving. The next one of each meter tells as
        much, so an hour passes now and then.
        """
        end, hour_at = time.monotonic() + QUIET_S, time.monotonic() + LOST_S
        while True:
            self._scene.fleet.settle(_PUMP_S)
            reason = self.unsettled()
            if not reason:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"after {QUIET_S:.0f} s: {reason}")
            if time.monotonic() > hour_at:
                hour_at += LOST_S
                self.step(int(time.time()) + HOUR_S)

    def unsettled(self) -> str:
        """Return the thing that is still on its way, or ""."""
        close_old_connections()
        fleet = self._scene.fleet
        usable = [one.meter.number for one in fleet.links.values() if one.is_usable]
        busy = [one.meter.number for one in fleet.links.values() if one.is_usable and not one.is_idle]
        if busy:
            return f"{len(busy)} meters have messages for the broker"
        if PaymentNotice.objects.filter(payment=None).exists() or Payment.objects.filter(state="new").exists():
            return "payments wait for their worker"
        newest = dict(Statement.objects.values_list("meter_id").annotate(Max("time_s")))
        behind = [one for one in usable if newest.get(one, 0) < fleet[one].told_s]
        if behind:
            return f"statements of {len(behind)} meters are not in the record"
        waiting = Command.objects.filter(state__in=_OPEN, meter_id__in=usable).count()
        if waiting:
            return f"{waiting} orders have no outcome"
        behind = self._accounts_to_work_on(usable)
        return f"{behind} accounts wait for the engine" if behind else ""

    @staticmethod
    def _accounts_to_work_on(meters: Sequence[int]) -> int:
        """Return the number of accounts with a statement, a switch or a permit that the engine has to see to."""
        settings, now_s = policy.policy(), int(time.time())
        rows = ManagedAccount.objects.filter(meter_id__in=meters, closed_s=None).select_related("meter")
        return sum(
            one.meter.told_s > one.billed_s
            or one.is_wished_on != one.is_ordered_on
            or permits.is_due(one, settings, accounts.credit_of(one), now_s)
            for one in rows
        )

    def pay_first(self) -> None:
        """Let everybody pay, by the page of a payment provider."""
        scene = self._scene
        for place in scene.payable:
            self.pay(place, scene.choice.choice((2, 3, 4, 6, 9)))
        scene.tell(f"{len(scene.payable)} customers pay on a page")

    def pay(self, place: Place, units: int, times: int = 1) -> None:
        """Let a customer pay some units of the currency."""
        scene = self._scene
        amount = units * UNIT
        if place.contract in (contracts.PrepaidEnergy.name, contracts.Dispenser.name):
            amount = units * 3 * UNIT // 10 * 2
        scene.payers.pay(str(place.number), amount, place.number, times)

    def recharge_the_dark(self) -> None:
        """Let most of those without supply pay in the evening."""
        scene = self._scene
        dark = [one for one in scene.payable if one.meter.is_powered and not one.meter.contact.is_closed]
        payers = [one for one in dark if scene.choice.random() < 0.7]
        for place in payers:
            self.pay(place, 3)
        if dark:
            scene.tell(f"{len(dark)} meters without credit, {len(payers)} of them recharged")

    def pay_oddly(self) -> None:
        """Send a forged web hook, one for an unknown meter, and one three times."""
        scene = self._scene
        status = scene.payers.forge(str(scene.places[0].number), 50 * UNIT)
        scene.payers.pay("99999999", 7 * UNIT, None)
        self.pay(scene.places[0], 5, times=3)
        scene.tell(f"a forged web hook (answer {status}), a payment for an unknown meter, one told three times")

    def kill_broker(self) -> None:
        """Kill the broker. The supervisor starts it again."""
        number = self._files.process_number()
        if number is not None:
            os.kill(number, signal.SIGKILL)
            self._scene.tell("the broker is killed")

    def kill_workers(self) -> None:
        """Kill worker, engine and payment worker."""
        names = ("worker", "engine", "payments")
        killed = [name for name in names for one in _children(self._supervisor, name) if _kill(one)]
        self._scene.tell(f"killed: {', '.join(killed)}")

    def cut_power(self) -> None:
        """Cut the power of a tenth of the meters."""
        scene = self._scene
        scene.without_power = [one.number for one in scene.places[::10]]
        for number in scene.without_power:
            scene.fleet.cut_power(number)
        scene.tell(f"{len(scene.without_power)} meters lose their power")

    def restore_power(self) -> None:
        """Restore it."""
        scene = self._scene
        for number in scene.without_power:
            scene.fleet.restore_power(number)
        scene.tell(f"{len(scene.without_power)} meters start again from their flash")
        scene.without_power = []

    def lose_reach(self) -> None:
        """Let the network of some meters fail."""
        scene = self._scene
        scene.without_reach = [one.number for one in scene.payable[::9]]
        for number in scene.without_reach:
            scene.fleet.lose_reach(number)
        scene.tell(f"{len(scene.without_reach)} meters lose the network")

    def carry(self) -> None:
        """Let the customers without network pay. Half of them ask for digits by SMS, the others carry by Bluetooth."""
        scene, places = self._scene, self._without_reach()
        for place in places:
            self.pay(place, 6)
        self._await(lambda: not Payment.objects.filter(state="new").exists() and _all_seen())
        typed = [one for one in places if one.contract in _BY_DIGITS][::2]
        for place in typed:
            scene.telephones.write(place.tenancy.customer.phone, "TOK")
        redeemed = sum(self._type_digits(place) for place in typed)
        shop = open_shop(scene.office.keys, scene.office.folder.cards, scene.office.keys.sign_on_as_user())
        carried = [payers.carry_by_phone(shop, one.meter, self._folder) for one in places]
        scene.tell(f"{redeemed} of {len(typed)} tokens come by SMS and are typed in")
        scene.tell(f"{sum(carried)} tokens and {len(carried)} statements are carried by telephone")

    def _type_digits(self, place: Place) -> bool:
        """Wait for the digits on the customer's telephone, and type them into the meter."""
        telephones, phone = self._scene.telephones, place.tenancy.customer.phone

        def has_digits() -> bool:
            telephones.collect()
            return telephones.digits_for(phone) is not None

        self._await(has_digits)
        return place.meter.redeem_digits(telephones.digits_for(phone) or "") == outcome.ACCEPTED

    def plan_shortage(self) -> None:
        """Plan a shortage at a line, from the next hour on, for six hours."""
        scene, now_s = self._scene, int(time.time())
        feeder = Feeder.objects.get(name=site.FEEDERS[1])
        asked = shortages.Plan(feeder, shortages.ESSENTIAL, now_s + HOUR_S, now_s + 7 * HOUR_S, "too little power")
        shortages.plan(scene.office, self._operator.actor(), asked, now_s)
        lit = scene.shortage.begin([one for one in scene.places if one.feeder == feeder.name])
        scene.tell(f"a shortage is planned at the {feeder.name}, where {lit} meters have supply")

    def look_at_shortage(self) -> None:
        """Tell how many meters the shortage has switched off, and note those that it should have."""
        self._await(Shortage.objects.filter(state=shortages.RUNNING).exists)
        self.settle()
        ordered = set(ShortageMeter.objects.filter(is_off=True).values_list("meter", flat=True))
        reached = ordered - set(self._scene.without_reach)
        off = self._scene.shortage.look(reached)
        self._scene.tell(f"the shortage has ordered {len(ordered)} meters off, {off} of them were lit and are off")

    def look_after_shortage(self) -> None:
        """Tell how many meters have returned."""
        self.settle()
        self._scene.tell(f"the shortage is over: {self._scene.shortage.end()} meters have supply again")

    def lift_shortage(self) -> None:
        """Lift the shortage before its end."""
        running = Shortage.objects.get(state=shortages.RUNNING)
        shortages.lift(self._scene.office, self._operator.actor(), running, int(time.time()))
        self._scene.tell("the shortage is lifted early")

    def recharge_by_page(self) -> None:
        """Let some customers recharge at their own page, and wait until it shows the digits of their tokens."""
        scene = self._scene
        places = [one for one in scene.payable if one.contract == contracts.PrepaidMoney.name][:_AT_PAGE]
        browsers = [Browser(scene.payers.port, str(one.tenancy.page_code)) for one in places]
        for place, browser in zip(places, browsers, strict=True):
            scene.payers.pay_at(browser.link_to_pay(5), place.number)
        self._await(lambda: all(one.digits() for one in browsers))
        scene.tell(f"{len(places)} customers recharge at their own page, and it shows the digits")

    def give_back(self) -> None:
        """Let a manager give a payment in suspense back to its payer."""
        scene, actor = self._scene, self._operator.actor()
        payment = suspense.waiting(actor).rows[0]
        suspense.give_back(actor, payment.pk, "no such meter", int(time.time()))
        suspense.note_given_back(actor, payment.pk, "transfer 1", int(time.time()))
        scene.payers.given_back += [one for one in scene.payers.paid if one.number == payment.notice.number]
        scene.tell(f"a payment in suspense of {payment.notice.amount_microunits // UNIT} EUR is given back")

    def restore_reach(self) -> None:
        """Restore the network."""
        for number in self._scene.without_reach:
            self._scene.fleet[number].has_reach = True
        self._scene.without_reach = []

    def _without_reach(self) -> list[Place]:
        return [one for one in self._scene.places if one.number in self._scene.without_reach]

    def _await(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + QUIET_S
        while not is_done():
            if time.monotonic() > end:
                raise TimeoutError("the processes of the office do not work")
            self._scene.fleet.pump(_PUMP_S)

    def _print(self, day: int) -> None:
        scene = self._scene
        lit = sum(one.meter.contact.is_closed and one.meter.is_powered for one in scene.places)
        print(
            f"day {day + 1}: {lit} of {len(scene.places)} meters have supply; {Statement.objects.count()} statements",
            flush=True,
        )
        for text in scene.happened:
            print(f"    {text}", flush=True)
        scene.happened.clear()


def _all_seen() -> bool:
    return not PaymentNotice.objects.filter(payment=None).exists()


def _children(parent: int, action: str) -> list[int]:
    """Return the processes that a process has started for an action of `wattpurse headend`."""
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            its_parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if its_parent == parent and b"headend" in words and action.encode() in words:
            found.append(int(place.name))
    return found


def _kill(number: int) -> bool:
    os.kill(number, signal.SIGKILL)
    return True


_MORNING, _EVENING = 8, 17
_AT_PAGE = 3
_BY_DIGITS = (contracts.PrepaidMoney.name, contracts.PrepaidEnergy.name)

_Script = dict[tuple[int, int], tuple[Callable[[Story], None], ...]]

WEEK: _Script = {
    (0, 0): (Story.pay_first,),
    (0, 9): (Story.pay_oddly,),
    (0, 12): (Story.kill_broker,),
    (0, 15): (Story.kill_workers,),
    (1, 8): (Story.cut_power,),
    (1, 14): (Story.restore_power,),
    (1, 16): (Story.recharge_by_page,),
    (2, 6): (Story.lose_reach,),
    (2, 12): (Story.carry,),
    (3, 6): (Story.restore_reach,),
    (3, 12): (Story.plan_shortage,),
    (3, 18): (Story.look_at_shortage,),
    (3, 20): (Story.look_after_shortage,),
    (4, 10): (Story.kill_broker,),
    (4, 13): (Story.kill_broker,),
    (5, 11): (Story.kill_workers,),
    (5, 12): (Story.pay_oddly,),
    (6, 9): (Story.plan_shortage,),
    (6, 12): (Story.look_at_shortage, Story.lift_shortage),
    (6, 14): (Story.look_after_shortage,),
    (6, 16): (Story.give_back,),
}
DAY: _Script = {
    (0, 0): (Story.pay_first,),
    (0, 3): (Story.pay_oddly, Story.kill_broker),
    (0, 6): (Story.lose_reach,),
    (0, 8): (Story.carry,),
    (0, 10): (Story.restore_reach, Story.plan_shortage),
    (0, 12): (Story.cut_power,),
    (0, 15): (Story.restore_power,),
    (0, 14): (Story.recharge_by_page,),
    (0, 16): (Story.look_at_shortage,),
    (0, 18): (Story.look_after_shortage, Story.give_back),
    (0, 19): (Story.kill_workers,),
}
