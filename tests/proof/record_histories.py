"""Load profile, top-up log, events, key cards and time log living through random steps, beside lists of entries."""

from boards.host.chips.aes import aes
from tests import samples
from tests.proof.campaign import BROKEN_RULES, LOST, Broken
from tests.proof.small_histories import EventsHistory, LogHistory, opened
from wattpurse.core.messages import token
from wattpurse.core.money.card_register import CAPACITY, CardRegister
from wattpurse.core.money.known_cards import KnownCard
from wattpurse.core.records import event_chain
from wattpurse.core.records.events import CLOCK_SET, EventLog
from wattpurse.core.records.load_profile import LoadProfile
from wattpurse.core.records.time_log import TimeLog
from wattpurse.core.records.top_up_log import TopUpLog
from wattpurse.core.tariffs.calendar import HALF_HOUR_S

_KEY = bytes(range(16))
_SHOWN = 12
_STEP_S = 200
_START_S = samples.NEW_YEAR_S


class ProfileHistory:
    """A profile on `flash` of a meter that uses a mWh a second: the energy of any half hour follows from its times."""

    name = "profile"

    def __init__(self, flash, sectors: int, random):
        self.flash, self.sectors, self.random = flash, sectors, random
        self.account = samples.new_account()
        self.now_s = self.acknowledged_s = _START_S
        self.profile = LoadProfile(flash, 0, sectors)
        self.profile.create(self.account, self.now_s)

    def plan(self):
        """Choose how many half hours go by."""
        self._half_hours = self.random.choice((1, 1, 1, 130))

    def perform(self):
        """Let them go by."""
        for _ in range(self._half_hours * HALF_HOUR_S // _STEP_S):
            self.now_s += _STEP_S
            self._step()
            self.acknowledged_s = self.now_s // HALF_HOUR_S * HALF_HOUR_S

    def confirm(self):
        """Note the acknowledgement."""
        self.check(self.profile)

    def rest(self):
        """Let nothing be under way."""

    def recovered(self, flash) -> LoadProfile:
        """Return the profile of a meter that starts from `flash`."""
        return opened(LoadProfile(flash, 0, self.sectors), "the load profile")

    def check(self, profile: LoadProfile):
        """Raise Broken unless the newest half hours are there without a gap, each with the energy used in it."""
        end_s = None
        for place, one in enumerate(profile.half_hours()):
            if one.energy_mwh != one.seconds or one.charge_microunits != one.seconds // 4:
                raise Broken(BROKEN_RULES, f"a half hour that never was: {vars(one)}")
            if end_s is None and one.start_s + one.seconds < self.acknowledged_s:
                raise Broken(LOST, f"the profile ends {self.acknowledged_s - one.start_s - one.seconds} s early")
            if end_s is not None and one.start_s + one.seconds != end_s:
                raise Broken(LOST, f"a gap of {end_s - one.start_s - one.seconds} s")
            end_s = one.start_s
            if place == _SHOWN:
                return
        if self.acknowledged_s > _START_S and end_s != _START_S:
            raise Broken(LOST, f"the profile begins {end_s}, not {_START_S}")

    def continued(self, profile: LoadProfile, random) -> "ProfileHistory":
        """Return a history of its own that continues from a recovered profile, with no energy used since."""
        other = ProfileHistory.__new__(ProfileHistory)
        other.flash, other.sectors, other.random = profile._journal._ring._flash, self.sectors, random
        other.account = samples.new_account()
        other.now_s, other.acknowledged_s = self.now_s, self.acknowledged_s
        other.profile = profile
        other._step()
        return other

    def _step(self):
        self.account.registers.rate_mwh[0] = self.now_s - _START_S
        self.account.money.charged = (self.now_s - _START_S) // 4
        self.profile.step(self.account, self.now_s)


class TopUpHistory(LogHistory):
    """A top-up log."""

    name = "top-ups"
    log_class = TopUpLog

    def note(self, number: int):
        """Return a token that follows from its number."""
        self.log.note(token.CREDIT_MONEY, number, 1, number, number, -number)

    def check(self, log: TopUpLog):
        """Raise Broken unless the newest tokens are there in their order, and no others."""
        doubtful = self.doubtful | self.under_way
        numbers = []
        for one in log.redeemed(lambda _sequence: True):
            if (one.time_s, one.amount, one.balance) != (one.sequence, one.sequence, -one.sequence):
                raise Broken(BROKEN_RULES, f"a token that nobody noted: {vars(one)}")
            if one.sequence not in doubtful:
                numbers.append(one.sequence)
            if len(numbers) == _SHOWN:
                break
        if numbers != self.noted[::-1][:_SHOWN]:
            raise Broken(LOST, f"the log shows {numbers}, but {self.noted[-_SHOWN:][::-1]} were noted")


class ChainHistory(EventsHistory):
    """An event log that is chained: cuts may lose the event under way, and never look like a forgery."""

    name = "chain"

    def __init__(self, flash, sectors: int, random):
        super().__init__(flash, sectors, random)
        self.log.chain(aes, _KEY)

    def recovered(self, flash) -> EventLog:
        """Return the log of a meter that starts from `flash`."""
        log = super().recovered(flash)
        log.chain(aes, _KEY)
        return log

    def check(self, log: EventLog):
        """Raise Broken if an event is missing, or seems to be changed."""
        super().check(log)
        for place, (event, verdict) in enumerate(log.verdicts()):
            if verdict not in event_chain.INTACT and verdict != event_chain.LOST:
                raise Broken(BROKEN_RULES, f"an event that nobody touched is {verdict}: {vars(event)}")
            if place == _SHOWN:
                break


class DeadClockHistory(ChainHistory):
    """A chained event log of a meter whose clock is dead: each start notes the same event and second."""

    def recovered(self, flash) -> EventLog:
        """Return the log of a meter that starts from `flash`, with its clock noted as set."""
        log = super().recovered(flash)
        log.note(CLOCK_SET, 0, samples.NEW_YEAR_S)
        return log

    def shown(self, log: EventLog) -> list:
        """Return the newest events without those of the clock."""
        newest = []
        for event in log.survey():
            if event is not None and event.code != CLOCK_SET:
                newest.append(event)
                if len(newest) == self.most_shown:
                    break
        return newest


class CardsHistory:
    """A register of key cards: `least` has the acknowledged version of each card, `most` the newest one tried."""

    name = "cards"

    def __init__(self, flash, sectors: int, random):
        self.flash, self.sectors, self.random = flash, sectors, random
        self.register = CardRegister(flash, 0, sectors)
        self.least = {}
        self.most = {}

    def plan(self):
        """Choose the cards that leave the list next. Some have left it with the same numbers before."""
        self._cards = self.random.sample(range(1, CAPACITY + 1), self.random.choice((1, 1, 1, 60)))
        self._step = self.random.choice((0, 1, 1))

    def perform(self):
        """Note them."""
        for number in self._cards:
            version = max(1, self.most.get(number, 0) + self._step)
            self.most[number] = version
            self.register.note(KnownCard(number, version, version * 10, number % 7, version % 2, number))
            if not self.register.failed:
                self.least[number] = version

    def confirm(self):
        """Check the living register."""
        self.check(self.register)

    def rest(self):
        """Let nothing be under way."""

    def recovered(self, flash) -> CardRegister:
        """Return the register of a meter that starts from `flash` and looks for a card."""
        register = CardRegister(flash, 0, self.sectors)
        register.find(1)
        if register.failed:
            raise Broken(LOST, "the register cannot be opened")
        return register

    def check(self, register: CardRegister):
        """Raise Broken if an older version of a card would be accepted, or its numbers are none that it had."""
        for number, least in self.least.items():
            card = register.find(number)
            if card is None or not least <= card.version <= self.most[number]:
                raise Broken(LOST, f"card {number} is {card and card.version}, not {least} to {self.most[number]}")
            if (card.spent, card.pending, card.unproved, card.owed) != (
                card.version * 10,
                number % 7,
                card.version % 2,
                number,
            ):
                raise Broken(BROKEN_RULES, f"card {number} has numbers that nobody noted: {vars(card)}")

    def continued(self, register: CardRegister, random) -> "CardsHistory":
        """Return a history of its own that continues from a recovered register."""
        other = CardsHistory.__new__(CardsHistory)
        other.flash, other.sectors, other.random = register._place[0], self.sectors, random
        other.register = register
        other.least, other.most = dict(self.least), dict(self.most)
        return other


class TimesHistory:
    """A time log: `least` is the acknowledged note, `most` the newest one tried."""

    name = "times"

    def __init__(self, flash, sectors: int, random):
        self.flash, self.sectors, self.random = flash, sectors, random
        self.log = TimeLog(flash, 0, sectors)
        self.least = self.most = 0

    def plan(self):
        """Choose the next note."""
        self._step = self.random.choice((1, 2, 600))

    def perform(self):
        """Note the time. The ledger's own note stays the same."""
        self.most += self._step
        if self.log.note(7, self.most, 2 * self.most):
            self.least = self.most

    def confirm(self):
        """Check the living log."""
        self.check(self.log)

    def rest(self):
        """Let nothing be under way."""

    def recovered(self, flash) -> TimeLog:
        """Return the log of a meter that starts from `flash`."""
        log = TimeLog(flash, 0, self.sectors)
        log.newest(7)
        if log.failed:
            raise Broken(LOST, "the time log cannot be opened")
        return log

    def check(self, log: TimeLog):
        """Raise Broken if the log has an earlier note, or one that nobody made."""
        time_s, until_s = log.newest(7)
        if not self.least <= time_s <= self.most or until_s != 2 * time_s:
            raise Broken(LOST, f"the newest note is {time_s} to {until_s}, not {self.least} to {self.most}")
        if log.newest(8) != (0, 0):
            raise Broken(BROKEN_RULES, "a note holds for another note of the ledger")

    def continued(self, log: TimeLog, random) -> "TimesHistory":
        """Return a history of its own that continues from a recovered log."""
        other = TimesHistory.__new__(TimesHistory)
        other.flash, other.sectors, other.random = log._place[0], self.sectors, random
        other.log = log
        other.least, other.most = self.least, self.most
        return other
