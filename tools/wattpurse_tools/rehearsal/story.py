"""The story of a head-end: days of a site with simulated meters at a real broker, and the real processes of the office.

The time of day of all processes is virtual: it goes in steps of STEP_S. Between two steps the processes have real time
to work. WEEK and DAY are the lists of events, by the day and the hour.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.house import STEP_S
from wattpurse_tools.headend import shortages, suspense
from wattpurse_tools.headend.signing_on import HeadendOperator
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import (
    Feeder,
    Shortage,
    ShortageMeter,
    Statement,
)
from wattpurse_tools.rehearsal import payers, site, virtual_clock
from wattpurse_tools.rehearsal.backlog import Backlog, far_measure, has_payments
from wattpurse_tools.rehearsal.checkout_page import Browser
from wattpurse_tools.rehearsal.key_cards import KeyCards
from wattpurse_tools.rehearsal.outages import Outages
from wattpurse_tools.rehearsal.patience import Patience
from wattpurse_tools.rehearsal.payers import Paid, Payers
from wattpurse_tools.rehearsal.post import Post
from wattpurse_tools.rehearsal.processes import Processes
from wattpurse_tools.rehearsal.shortage_watch import ShortageWatch, is_lit, is_without_credit
from wattpurse_tools.rehearsal.site import Place
from wattpurse_tools.station.shop import open_shop

DAY_S = 86_400
HOUR_S = 3_600
UNIT = 1_000_000
STILL_S = 10.0  # without progress, until a step of time passes
MOST_STEPS = 24
STUCK_S = 120.0
PAUSE_S = 3.0

# The ways of payments, for people.
BY_HOOK = "at the provider, for the meter's number"
BY_PAGE = "at the customer's own page"
BY_SMS = "without network: digits by SMS, typed in"
BY_TELEPHONE = "without network: token by telephone"

_KEY_CARDS = "key-cards"
_PUMP_S = 0.2
_BROKER, _POWER, _NETWORK = "outages of the broker", "outages of the mains", "outages of the network"
_SILENCE = "silence of managed meters"


@dataclass
class Scene:
    """The people, the meters and the office of a story. `times` are its begin and its pace."""

    office: Office
    places: Sequence[Place]
    fleet: Fleet
    payers: Payers
    times: tuple[int, float]
    choice: random.Random
    post: Post
    key_cards: KeyCards = field(init=False)
    happened: list[str] = field(init=False, default_factory=list)
    without_reach: list[int] = field(init=False, default_factory=list)
    silent: list[Place] = field(init=False, default_factory=list)
    findings: list[str] = field(init=False, default_factory=list)
    without_power: list[int] = field(init=False, default_factory=list)
    shortage: ShortageWatch = field(init=False, default_factory=ShortageWatch)
    outages: Outages = field(init=False, default_factory=Outages)
    ways: dict[str, list[Paid]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Make the key cards, and the counter that loads them."""
        self.key_cards = KeyCards(self.office, self.places, self.office.folder.path / _KEY_CARDS)

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

    def note_paid(self, way: str, one: Paid) -> None:
        """Note the way of a payment."""
        self.ways.setdefault(way, []).append(one)

    @property
    def payable(self) -> list[Place]:
        """The places whose meters take credit from outside: not those of key cards."""
        return [one for one in self.places if one.contract != contracts.KeyCard.name]


Event = Callable[[Scene], None]


class Story:
    """Days of a scene. `supervisor` is the number of the process that keeps the processes of the office alive."""

    def __init__(self, scene: Scene, supervisor: int, folder: Path) -> None:
        self._scene = scene
        self._processes = Processes(supervisor)
        self._backlog = Backlog(scene.fleet)
        self._folder = folder
        self._operator = HeadendOperator(scene.office)
        self._is_broker_kept_down = False

    def run(self, days: int) -> None:
        """Run the days, and print a line or two of each."""
        scene = self._scene
        for day in range(days):
            for step in range(DAY_S // STEP_S):
                hour, rest = divmod(step * STEP_S, HOUR_S)
                if rest == 0:
                    self.keep_up()
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
        if self._is_broker_kept_down:
            self._processes.kill_broker()
        scene.fleet.live_until(true_s)
        scene.fleet.pump(scene.pace_s)
        scene.post.telephones.collect()
        if not self._is_broker_kept_down and scene.fleet.is_connected:
            scene.outages.end(_BROKER, int(time.time()))

    def settle(self) -> None:
        """Wait in real time until nothing is on its way. Raise TimeoutError with the reason if nothing comes any more.

        A wait lasts as long as there is progress. A broker that was killed has lost the statements since its last
        saving, and the next one of each meter tells as much. So a step of time passes when all stands still, and when
        orders are to be sent later.
        """
        patience, steps = Patience(self._backlog.measure), 0
        while True:
            self._scene.fleet.settle(_PUMP_S)
            reason = self._backlog.reason()
            if not reason:
                return
            if patience.still_s() < STILL_S and not self._backlog.waits_for_the_clock():
                continue
            if steps == MOST_STEPS:
                raise TimeoutError(f"nothing moves, and {reason}")
            steps += 1
            self.step(int(time.time()) + STEP_S)
            patience.begin()

    def keep_up(self) -> None:
        """Wait in real time while record or engine are hours behind the meters, and come nearer."""
        patience = Patience(far_measure)
        while self._backlog.is_far_behind() and patience.still_s() < PAUSE_S:
            self._scene.fleet.pump(_PUMP_S)

    def pay_first(self) -> None:
        """Let everybody pay, by the page of a payment provider."""
        scene = self._scene
        for place in scene.payable:
            self.pay(place, scene.choice.choice((2, 3, 4, 6, 9)))
        for place in scene.key_cards.places:
            scene.key_cards.load(place, scene.choice.choice((2, 3, 4)) * UNIT)
        scene.tell(f"{len(scene.payable)} customers pay on a page, {len(scene.key_cards.places)} load key cards")

    def pay(self, place: Place, units: int, times: int = 1, way: str = BY_HOOK) -> None:
        """Let a customer pay some units of the currency."""
        scene = self._scene
        amount = units * UNIT
        if place.contract in (contracts.PrepaidEnergy.name, contracts.Dispenser.name):
            amount = units * 3 * UNIT // 10 * 2
        scene.note_paid(way, scene.payers.pay(str(place.number), amount, place.number, times))

    def recharge_the_dark(self) -> None:
        """Let most of those without supply pay in the evening."""
        scene = self._scene
        dark = [one for one in scene.payable if is_without_credit(one)]
        payers = [one for one in dark if scene.choice.random() < 0.7]
        for place in payers:
            self.pay(place, 3)
        self._load_empty_cards()
        if dark:
            scene.tell(f"{len(dark)} meters without credit, {len(payers)} of them recharged")

    def _load_empty_cards(self) -> None:
        """Let the customers whose key cards are empty load them at the counter, and one whose card is not."""
        scene = self._scene
        empty = [one for place, one in enumerate(scene.key_cards.places) if place == 0 or is_without_credit(one)]
        for place in empty:
            scene.key_cards.load(place, 3 * UNIT)
        if empty:
            scene.tell(f"{len(empty)} key cards are loaded at the counter again")

    def pay_oddly(self) -> None:
        """Send a forged web hook, one for an unknown meter, and one three times."""
        scene = self._scene
        status = scene.payers.forge(str(scene.places[0].number), 50 * UNIT)
        scene.note_paid(BY_HOOK, scene.payers.pay("99999999", 7 * UNIT, None))
        self.pay(scene.places[0], 5, times=3)
        scene.tell(f"a forged web hook (answer {status}), a payment for an unknown meter, one told three times")

    def kill_broker(self) -> None:
        """Kill the broker. The supervisor starts it again."""
        scene = self._scene
        if self._processes.kill_broker():
            scene.outages.begin(_BROKER, len(scene.places), int(time.time()))
            scene.tell("the broker is killed")

    def keep_broker_down(self) -> None:
        """Kill the broker, and again as soon as the supervisor has started it, until `let_broker_run`."""
        self._is_broker_kept_down = True
        self._scene.outages.begin(_BROKER, len(self._scene.places), int(time.time()))
        self._processes.kill_broker()
        self._scene.tell("an outage of the broker begins")

    def let_broker_run(self) -> None:
        """End the outage of the broker."""
        self._is_broker_kept_down = False
        self._scene.tell("the broker may run again")

    def kill_workers(self) -> None:
        """Kill worker, engine and payment worker."""
        names = ("worker", "engine", "payments")
        killed = [name for name in names if self._processes.kill_action(name)]
        self._scene.tell(f"killed: {', '.join(killed)}")

    def cut_power(self) -> None:
        """Cut the power of a tenth of the meters."""
        scene = self._scene
        scene.without_power = [one.number for one in scene.places[::10]]
        for number in scene.without_power:
            scene.fleet.cut_power(number)
        scene.outages.begin(_POWER, len(scene.without_power), int(time.time()))
        scene.tell(f"{len(scene.without_power)} meters lose their power")

    def restore_power(self) -> None:
        """Restore it."""
        scene = self._scene
        for number in scene.without_power:
            scene.fleet.restore_power(number)
        scene.outages.end(_POWER, int(time.time()))
        scene.tell(f"{len(scene.without_power)} meters start again from their flash")
        scene.without_power = []

    def lose_reach(self) -> None:
        """Let the network of some meters fail."""
        scene = self._scene
        scene.without_reach = [one.number for one in scene.payable[::9]]
        for number in scene.without_reach:
            scene.fleet.lose_reach(number)
        scene.outages.begin(_NETWORK, len(scene.without_reach), int(time.time()))
        scene.tell(f"{len(scene.without_reach)} meters lose the network")

    def carry(self) -> None:
        """Let the customers without network pay. Half of them ask for digits by SMS, the others carry by Bluetooth."""
        scene, places = self._scene, self._without_reach()
        typed = [one for one in places if one.contract in _BY_DIGITS][::2]
        for place in places:
            self.pay(place, 6, way=BY_SMS if place in typed else BY_TELEPHONE)
        self._await(lambda: not has_payments())
        for place in typed:
            scene.post.telephones.write(place.tenancy.customer.phone, "TOK")
        redeemed = sum(self._type_digits(place) for place in typed)
        shop = open_shop(scene.office.keys, scene.office.folder.cards, scene.office.keys.sign_on_as_user())
        carried = [payers.carry_by_phone(shop, one.meter, self._folder) for one in places]
        scene.tell(f"{redeemed} of {len(typed)} tokens come by SMS and are typed in")
        scene.tell(f"{sum(carried)} tokens and {len(carried)} statements are carried by telephone")

    def _type_digits(self, place: Place) -> bool:
        """Wait for the digits on the customer's telephone, and type them into the meter."""
        telephones, phone = self._scene.post.telephones, place.tenancy.customer.phone

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
            scene.note_paid(BY_PAGE, scene.payers.pay_at(browser.link_to_pay(5), place.number))
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
        self._scene.outages.end(_NETWORK, int(time.time()))
        self._scene.without_reach = []

    def silence(self) -> None:
        """Let the network of some managed meters with supply fail for longer than their permits last."""
        scene = self._scene
        managed = [one for one in scene.places if one.contract == contracts.Managed.name and is_lit(one)]
        scene.silent = managed[:_SILENT]
        for place in scene.silent:
            scene.fleet.lose_reach(place.number)
        scene.outages.begin(_SILENCE, len(scene.silent), int(time.time()))
        scene.tell(f"{len(scene.silent)} managed meters with supply fall silent, and nobody carries for them")

    def end_silence(self) -> None:
        """Look at the silent meters, and restore their network. Each has ended supply by itself."""
        scene = self._scene
        lit = [one for one in scene.silent if is_lit(one)]
        scene.findings += [f"meter {one.number}: silent for two days, and lit" for one in lit]
        for place in scene.silent:
            scene.fleet[place.number].has_reach = True
        scene.outages.end(_SILENCE, int(time.time()))
        scene.tell(
            f"{len(scene.silent) - len(lit)} of {len(scene.silent)} silent meters have ended supply by themselves"
        )
        scene.silent = []

    def _without_reach(self) -> list[Place]:
        return [one for one in self._scene.places if one.number in self._scene.without_reach]

    def _await(self, is_done: Callable[[], bool]) -> None:
        patience = Patience(self._backlog.measure)
        while not is_done():
            if patience.still_s() > STUCK_S:
                raise TimeoutError(f"nothing moves, and {self._backlog.reason() or 'the awaited thing does not come'}")
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


_MORNING, _EVENING = 8, 17
_AT_PAGE = 3
_SILENT = 5
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
    (4, 6): (Story.silence,),
    (4, 10): (Story.keep_broker_down,),
    (4, 13): (Story.let_broker_run,),
    (5, 11): (Story.kill_workers,),
    (5, 12): (Story.pay_oddly,),
    (6, 6): (Story.end_silence,),
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
