"""The settings and the event log living through random steps, beside a dict and a list of the same."""

from tests.proof.campaign import BROKEN_RULES, LOST, Broken
from wattpurse.core.records.events import EventLog
from wattpurse.core.records.settings import Settings

_NUMBERS = ("meter_number", "key_version", "wrong_pins", "wrong_pin_s", "tamper", "brightness")
_BYTES = ("meter_key", "site_key", "pin_salt", "pin_check")
_SHOWN = 12


def opened(store, name: str):
    """Return the store of a meter that starts. Raise Broken if its `open` raises anything: its content is lost then."""
    try:
        store.open()
    except Exception as error:  # named or not: an unreadable store is lost
        raise Broken(LOST, f"{name} cannot be opened: {error!r}")
    return store


class SettingsHistory:
    """Settings on `flash`; `before` and `after` the change under way are dicts."""

    name = "settings"

    def __init__(self, flash, sectors: int, random):
        self.flash = flash
        self.sectors = sectors
        self.random = random
        self.before = {}
        self.after = {}
        self.settings = Settings(flash, 0, sectors)
        self.settings.create()

    def plan(self):
        """Choose the next change."""
        names = self.random.sample(_NUMBERS + _BYTES, self.random.choice((1, 1, 1, 2, 4)))
        if self.random.random() < 0.5:
            names = [self.random.choice(_NUMBERS)]
        self._pairs = [(name, self._value(name)) for name in names]
        self.after = {**self.before, **dict(self._pairs)}

    def perform(self):
        """Make the change."""
        self.settings.set_all(self._pairs)

    def confirm(self):
        """Note the acknowledgement."""
        self.before = self.after
        self.check(self.settings)

    def rest(self):
        """Let nothing be under way."""
        self.after = self.before

    def recovered(self, flash) -> Settings:
        """Return the settings of a meter that starts from `flash`."""
        return opened(Settings(flash, 0, self.sectors), "the settings")

    def check(self, settings: Settings):
        """Raise Broken unless all of the change under way is there, or nothing of it."""
        if self._values(settings) not in (self.before, self.after):
            raise Broken(LOST, f"settings are {self._values(settings)}, not {self.before} nor {self.after}")

    def continued(self, settings: Settings, random) -> "SettingsHistory":
        """Return a history of its own that continues from recovered settings."""
        other = SettingsHistory.__new__(SettingsHistory)
        other.flash, other.sectors, other.random = settings._journal._ring._flash, self.sectors, random
        other.settings = settings
        other.before = other.after = self._values(settings)
        return other

    def _value(self, name):
        if name in _BYTES:
            return self.random.randbytes(self.random.randrange(1, 33))
        return self.random.randrange(-(2**40), 2**40)

    @staticmethod
    def _values(settings):
        found = {name: settings.get(name) for name in _NUMBERS + _BYTES}
        return {name: value for name, value in found.items() if value is not None}


class LogHistory:
    """A log on `flash`, whose entries have the numbers from 1 on.

    The entry under way when power failed may be there or not, and at times. A subclass says which `log_class` it is,
    how an entry is noted, and checks the entries of a log.
    """

    def __init__(self, flash, sectors: int, random):
        self.flash, self.sectors, self.random = flash, sectors, random
        self.noted = []
        self.doubtful = set()
        self.under_way = set()
        self.log = self.log_class(flash, 0, sectors)
        self.log.create()

    def plan(self):
        """Choose the next entry, or some in a row."""
        first = len(self.noted) + len(self.doubtful) + 1
        self.under_way = set(range(first, first + self.random.choice((1, 1, 1, 130))))

    def perform(self):
        """Note them."""
        for number in sorted(self.under_way):
            self.note(number)
            self.noted.append(number)
            self.under_way.discard(number)

    def confirm(self):
        """Note the acknowledgement."""
        self.check(self.log)

    def rest(self):
        """Let nothing be under way."""
        self.under_way = set()

    def recovered(self, flash):
        """Return the log of a meter that starts from `flash`."""
        return opened(self.log_class(flash, 0, self.sectors), f"the log of {self.name}")

    def continued(self, log, random) -> "LogHistory":
        """Return a history of its own that continues from a recovered log."""
        other = type(self).__new__(type(self))
        other.flash, other.sectors, other.random = log._journal._ring._flash, self.sectors, random
        other.log = log
        other.noted = list(self.noted)
        other.doubtful = self.doubtful | self.under_way
        other.under_way = set()
        return other


class EventsHistory(LogHistory):
    """An event log."""

    name = "events"
    log_class = EventLog
    most_shown = _SHOWN

    def shown(self, log: EventLog) -> list:
        """Return the newest events, newest first."""
        return log.recent(_SHOWN)

    def note(self, number: int):
        """Return an event that follows from its number."""
        self.log.note(6, 2, number, number, -number)

    def check(self, log: EventLog):
        """Raise Broken unless the newest events are there in their order, and no others."""
        shown = self.shown(log)
        for event in shown:
            if (event.time_s, event.code, event.by, event.extra) != (event.number, 6, 2, -event.number):
                raise Broken(BROKEN_RULES, f"an event that nobody noted: {vars(event)}")
        doubtful = self.doubtful | self.under_way
        numbers = [event.number for event in shown if event.number not in doubtful]
        if numbers != self.noted[::-1][: len(numbers) if len(shown) == _SHOWN else _SHOWN]:
            raise Broken(LOST, f"the log shows {numbers}, but {self.noted[-_SHOWN:][::-1]} were noted")
