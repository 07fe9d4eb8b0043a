"""Insiders against one meter: a PIN, another meter's keys, a vending point's key file, every card and every old image.

A case is one meter with its console and its card desk. The office and two vending points sell tokens for its tenants,
and the office revokes a vending point at times. The thieves replay tokens and cards, make tokens under every key that
they have, show service passes of other meters, type every command, move the clock, and cut the power. In every fourth
case they do not know the PIN. A plain book of the tokens sold decides after each action:

- Credit is the sum of the authentic tokens, once each.
- Keys change by key tokens of the office, and orders of the office come from nobody else.
- Credit, debts and receipts belong to the tenant who lived there.
- No move of the clock makes a paid term longer, or gives a second share of a day.

At the end every token that was sold comes once more, undisturbed: nobody may have lost one.
"""

import random as randoms

from boards.host.cards.images import from_image
from boards.host.chips.power import BoardReset, PowerCut
from tests.proof.authority_book import Book
from tests.proof.authority_judge import Judge
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.insiders import Insiders
from tests.services.console.console_bench import COMMISSION, METER_KEY, METER_NUMBER, PIN, Bench
from tests.services.console.console_bench import SITE_KEY as USUAL_SITE_KEY
from tests.services.desk_bench import CLASSIC_UID, PAGES_UID, SITE_KEY, Station
from wattpurse.app import Meter
from wattpurse.cards import purse
from wattpurse.core import outcome
from wattpurse.core.messages import token

NAME = "authority"
ABOUT = "a PIN, an opened meter's keys, a vending point's key file and all old images against one meter"
SHORT_CASES = 50
LONG_CASES = 10_000

_ACTIONS = 50
_DAY_S = 86_400
_STEP_S = 300
_LOOKS = 2
_KINDS = ("classic-1k", "ntag213", "ntag215", "ntag216")
_REFUSED = "refused: the token is not accepted: "
_OUTCOMES = {words: number for number, (words, _) in enumerate(outcome.all_outcomes())}


def run_case(seed: int, tally):
    """Let the insiders act at one meter."""
    random = randoms.Random(f"{NAME} {seed}")
    attack = _Attack(random, seed % 4 != 3, tally)
    for _ in range(_ACTIONS):
        attack.act()
    attack.bring_all()
    tally.cases += 1


class _SilentBuzzer:
    """A buzzer without a task of its own: no event loop lives from one action to the next."""

    def play(self, _pattern):
        """Play nothing."""

    def stop(self):
        """End nothing."""


class _Bench(Bench):
    """The whole meter, with the site key of the station that writes the cards."""

    def __init__(self):
        super().__init__()
        self.meter.stores.test_flash = lambda by_records: ()
        self.say(COMMISSION.replace(USUAL_SITE_KEY.hex(), SITE_KEY.hex()))
        self.restart()

    def restart(self):
        """Begin a new life of the processor on the same chips."""
        self.hardware.start_board()
        self.hardware.board.buzzer = _SilentBuzzer()
        self.meter = Meter(self.hardware.board)
        self.meter.start()


class _Attack:
    """The meter, its book, and the actions."""

    def __init__(self, random, knows_pin, tally):
        self._random = random
        self._knows_pin = knows_pin
        self._tally = tally
        self._bench = _Bench()
        self._station = Station()
        self._insiders = Insiders(random, knows_pin)
        self._book = Book(METER_KEY, SITE_KEY)
        self._judge = Judge(self._bench, self._book, knows_pin)
        self._images = []

    def act(self):
        """Take one action of the stations or the thieves, sometimes with a power cut in it."""
        self._judge.begin()
        self._insiders.learn_of(self._book)
        action, faults = self._random.choice(_ACTS), self._bench.hardware.flash.faults
        if self._random.random() < 0.15:
            operations, depth = self._random.choice((1, 1, 2, 3, 5, 9)), self._random.randrange(1001)
            faults.plan_cut(operations, depth, self._random.choice(("none", "page")))
        try:
            action(self)
        except PowerCut:
            self._recover()
        faults.operations_to_cut = None
        what = action.__name__.strip("_")
        self._judge.check(what.replace("_", " "))
        self._judge.end()
        self._tally.add(what)

    def bring_all(self):
        """Type every token that was sold once more, in the order of the sale."""
        for one in self._insiders.sold:
            self._judge.begin()
            self._type_token(one)
            self._judge.check("at the end")
            self._judge.end()

    def _recover(self):
        """Let the power come back. The tokens that the action offered were redeemed, voided, or neither."""
        self._tally.faults += 1
        self._judge.power_failed()
        self._bench.clock.abandon()
        hardware = self._bench.hardware
        for card in list(hardware.reader.field.cards):
            hardware.reader.field.remove(card)
        for _ in range(self._random.randrange(2)):
            hardware.flash.faults.plan_cut(self._random.randrange(1, 30), self._random.randrange(1001), "page")
            self._power_up()
        hardware.flash.faults.operations_to_cut = None
        self._power_up()
        self._judge.settle()

    def _power_up(self):
        self._bench.hardware.power_lost()
        self._bench.hardware.power_up()
        try:
            self._bench.restart()
        except PowerCut:
            self._tally.faults += 1

    def _now_s(self):
        return self._bench.meter.timekeeper.now_s()

    # The actions

    def _sells_and_types(self):
        self._type_token(self._insiders.sell(self._now_s()))

    def _sells_on_a_card(self):
        self._tap_tokens([self._insiders.sell(self._now_s()) for _ in range(self._random.choice((1, 2)))])

    def _sells_for_later(self):
        for _ in range(3):
            self._insiders.sell(self._now_s())

    def _types_an_old_token(self):
        if self._insiders.sold:
            self._type_token(self._insiders.any_earlier())

    def _taps_old_tokens(self):
        if self._insiders.sold:
            self._tap_tokens([self._insiders.any_earlier() for _ in range(self._random.choice((1, 2)))])

    def _taps_an_old_image(self):
        if self._images:
            image, ones = self._random.choice(self._images)
            self._tap(from_image(image), ones)

    def _sells_with_the_stolen_key(self):
        one = self._insiders.forge_as_vending_point(self._now_s())
        if self._random.random() < 0.7:
            self._type_token(one)
        else:
            self._tap_tokens([one])

    def _forges(self):
        data = self._insiders.forge(self._now_s())
        if self._random.random() < 0.3 and len(data) % 4 == 0 and len(data) <= 100:
            self._tap(self._card("ntag216", data), [])
            return
        answer = self._bench.say("token " + data.hex())
        if data and _OUTCOMES.get(answer[len(_REFUSED) :]) not in (outcome.UNREADABLE, outcome.NOT_THIS_METER):
            raise Broken(DOUBLED, f"a forged token was met with {answer!r}: {data.hex()}")

    def _shows_a_bad_pass(self):
        self._bench.say("logout")
        kind, uid = self._random.choice((("classic-1k", CLASSIC_UID), ("ntag216", PAGES_UID)))
        data = self._insiders.bad_pass(uid, self._now_s(), self._book.meter_key[1])
        self._tap(self._card(kind, data, purse.SERVICE), [])
        if self._bench.meter.console.login.allows_changes():
            raise Broken(BROKEN_RULES, f"a pass gave the rights of a technician: {data.hex()}")

    def _shows_a_stolen_pass(self):
        if self._knows_pin:
            data = self._insiders.good_pass(PAGES_UID, self._now_s(), self._book.meter_key[1])
            self._tap(self._card("ntag216", data, purse.SERVICE), [])
            if not self._bench.meter.console.login.allows_changes():
                raise Broken(LOST, f"a pass of this meter opened nothing: {data.hex()}")

    def _types_lines(self):
        self._type_lines([self._insiders.line(self._now_s()) for _ in range(self._random.randrange(1, 7))])

    def _moves_the_clock(self):
        moves = [self._insiders.clock_line(self._now_s()) for _ in range(self._random.randrange(1, 5))]
        self._type_lines([self._insiders.with_pin("login " + PIN), *moves])

    def _type_lines(self, lines):
        """Type some lines. A reboot begins a new life of the processor."""
        for line in lines:
            before_s, was_trusted = self._now_s(), self._bench.meter.timekeeper.trusted
            try:
                answer = self._bench.say(line)
            except BoardReset:
                self._bench.restart()
                continue
            if not isinstance(answer, str):
                raise Broken(BROKEN_RULES, f"{answer!r} to {line!r}")
            self._judge.check_time(line)
            if answer.startswith("the clock is"):
                self._judge.check_move(line, self._now_s() - before_s, was_trusted)
                self._tally.add("clock_was_set")

    def _lets_time_pass(self):
        seconds = self._random.choice((1, 60, 3_600, 9 * 3_600, _DAY_S))
        self._judge.true_s += seconds
        for _ in range(-(-seconds // _STEP_S)):
            self._bench.wait(min(seconds, _STEP_S))
            self._bench.meter.metering.step()

    def _uses_energy(self):
        self._bench.meter.ledger.advance(self._now_s(), self._random.choice((1, 50, 3_200)))
        self._bench.meter.metering.step()

    # Tokens and cards

    def _type_token(self, one):
        """Type a token. Its outcome must be that of the book."""
        self._judge.offered([one])
        answer = self._bench.say("token " + one.data.hex())
        result = outcome.ACCEPTED if answer.startswith("accepted") else _OUTCOMES.get(answer[len(_REFUSED) :])
        if result is None:
            raise Broken(LOST, f"{one}: {answer!r}")
        self._judge.told(one, result)
        self._tally.add(f"outcome_{result}")

    def _tap_tokens(self, ones):
        """Tap a card with some tokens. An order to revoke comes alone: it forgets the issuer's tokens before it."""
        kind = self._random.choice(_KINDS)
        if any(one.kind == token.REVOKE for one in ones):
            ones = ones[:1]
        while sum([len(one.data) for one in ones]) > purse.layout_of(kind).content_size:
            ones = ones[:-1]
        self._tap(self._card(kind, b"".join([one.data for one in ones])), ones)

    def _card(self, kind, content, order_kind=purse.CUSTOMER):
        return self._station.new_card(kind, content, order_kind, METER_NUMBER if order_kind == purse.CUSTOMER else 0)

    def _tap(self, card, ones):
        """Tap a card with the tokens `ones` in its boxes. Keep its images from before and after."""
        self._images.append((card.image(), ones))
        self._judge.offered(ones)
        field = self._bench.hardware.reader.field
        field.insert(card)
        self._look()
        field.remove(card)
        self._look()
        self._images.append((card.image(), ones))
        self._judge.settle()

    def _look(self):
        for _ in range(_LOOKS):
            self._bench.clock.run(self._bench.meter.card_desk.serve_one_look())
            self._bench.clock.advance_us(250_000)
            self._bench.meter.metering.step()


_ACTS = (
    *[_Attack._sells_and_types] * 3,
    *[_Attack._sells_on_a_card] * 3,
    _Attack._sells_for_later,
    *[_Attack._types_an_old_token] * 3,
    *[_Attack._taps_old_tokens] * 2,
    *[_Attack._taps_an_old_image] * 2,
    *[_Attack._sells_with_the_stolen_key] * 4,
    *[_Attack._forges] * 3,
    _Attack._shows_a_bad_pass,
    _Attack._shows_a_stolen_pass,
    *[_Attack._types_lines] * 3,
    _Attack._moves_the_clock,
    _Attack._lets_time_pass,
    _Attack._uses_energy,
)
