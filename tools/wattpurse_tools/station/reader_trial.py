"""A look at a card reader, and its trial with the card on it. Nothing is written to the card."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from wattpurse.cards.classic import SECTORS, ClassicSession
from wattpurse.cards.iso14443 import SAK_ISO14443_4, CardError, CardIdentity
from wattpurse.cards.memory import CLASSIC_SAKS
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.readers import desk_reader
from wattpurse_tools.readers.driver import driver_of
from wattpurse_tools.readers.families import family_of, is_contactless
from wattpurse_tools.readers.pcsc import Service, named
from wattpurse_tools.station.card_reader import unusable
from wattpurse_tools.station.classic_cards import TRANSPORT_KEY
from wattpurse_tools.station.reader_cards import KINDLESS, RealDriver, kind_of

Result = TypeVar("Result")

ISO14443_4 = "iso14443-4"
_TURNS = 20


@dataclass(frozen=True)
class Seen:
    """A reader that was looked at: its name and family, and the card on it or the trouble with it."""

    reader: str
    family: str
    uid: str = ""
    kind: str = ""
    trouble: str = ""

    @property
    def document(self) -> dict:
        """The same for programs."""
        card = {"uid": self.uid, "kind": self.kind} if self.uid else None
        return {"reader": self.reader, "family": self.family, "card": card, "trouble": self.trouble or None}

    @property
    def line(self) -> str:
        """The same as a line of text."""
        state = f"{self.kind} card {self.uid}" if self.uid else self.trouble or "no card"
        return f"{self.reader} ({self.family}): {state}"


@dataclass
class Trial:
    """The steps of a trial: `(step, result, is_good)`."""

    reader: str = ""
    steps: list[tuple[str, str, bool]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """True if no step failed."""
        return all(good for _, _, good in self.steps)

    @property
    def document(self) -> dict:
        """The same for programs."""
        steps = [{"step": step, "result": result, "good": good} for step, result, good in self.steps]
        return {"reader": self.reader or None, "good": self.is_good, "steps": steps}

    @property
    def text(self) -> str:
        """The same as lines of text."""
        return "\n".join(f"{step}: {'' if good else 'FAILS: '}{result}" for step, result, good in self.steps)

    def take(self, step: str, action: Callable[[], str]) -> bool:
        """Note the result of an action as a step. Return True if it succeeded."""
        try:
            self.steps.append((step, action(), True))
        except (OSError, ValueError) as error:
            self.steps.append((step, str(error), False))
        return self.steps[-1][2]


def look(reader: str) -> Seen:
    """Return a reader with the card on it."""
    if _is_serial(reader):
        return _look_by(desk_reader.driver_of(reader.removeprefix(desk_reader.PREFIX)), reader, desk_reader.FAMILY)
    family = family_of(reader).name
    if not is_contactless(reader):
        return Seen(reader, family, trouble="a slot for cards with contacts")
    return _look_by(driver_of(reader), reader, family)


def _is_serial(reader: str) -> bool:
    return reader.startswith(desk_reader.PREFIX)


def _look_by(driver: RealDriver, reader: str, family: str) -> Seen:
    try:
        identity = run_driver(_identity(driver))
        if identity is None:
            return Seen(reader, family)
        return Seen(reader, family, identity.uid.hex(), _kind(driver, identity))
    except CardError as error:
        return Seen(reader, family, trouble=str(unusable(error, KINDLESS)))
    except (OSError, ValueError) as error:
        return Seen(reader, family, trouble=str(error))
    finally:
        driver.close()


def try_reader(part: str) -> Trial:
    """Try the reader with this part in its name, with the card on it, and return the steps."""
    if _is_serial(part):
        return _try_serial(part)
    trial = Trial()
    names: list[str] = []
    if not trial.take("PC/SC service", lambda: _listed(names)):
        return trial
    if not trial.take("reader", lambda: named(part, names)):
        return trial
    trial.reader = trial.steps[-1][1]
    trial.take("family", lambda: family_of(trial.reader).name)
    driver = driver_of(trial.reader)
    try:
        _try_card(trial, driver)
    finally:
        driver.close()
    return trial


def _try_serial(part: str) -> Trial:
    """Try the desk reader at a serial port."""
    trial = Trial()
    found: list[desk_reader.DeskReaderDriver] = []
    if not trial.take("port", lambda: _port(part, found)):
        return trial
    driver = found[0]
    trial.reader = driver.name
    try:
        if trial.take("board", lambda: _board(driver)):
            _try_card(trial, driver)
    finally:
        driver.close()
    return trial


def _port(part: str, found: list[desk_reader.DeskReaderDriver]) -> str:
    found.append(desk_reader.driver_of(part.removeprefix(desk_reader.PREFIX)))
    return found[0].name


def _board(driver: desk_reader.DeskReaderDriver) -> str:
    """Return the identity of the board and the version of its chip."""
    run_driver(driver.start())
    return f"desk reader {(driver.link.identity or b'').hex()}, chip version {driver.version or 0:#04x}"


def _try_card(trial: Trial, driver: RealDriver) -> None:
    found: list[CardIdentity] = []
    if not trial.take("card", lambda: _found(driver, found)):
        return
    identity = found[0]
    if not trial.take("kind", lambda: _kind(driver, identity)):
        return
    if identity.sak in CLASSIC_SAKS:
        trial.take("keys", lambda: _keys(driver, identity))
    trial.take("speed", lambda: _speed(driver))


def _listed(names: list[str]) -> str:
    with Service() as service:
        names.extend(service.readers())
    return f"runs, with {len(names)} readers"


def _found(driver: RealDriver, found: list[CardIdentity]) -> str:
    identity = run_driver(_identity(driver))
    if identity is None:
        raise OSError("no card lies on the reader; lay one on it and try again")
    found.append(identity)
    return identity.uid.hex()


def _kind(driver: RealDriver, identity: CardIdentity) -> str:
    if identity.sak == SAK_ISO14443_4:
        return ISO14443_4
    return run_driver(kind_of(driver, identity))


def _keys(driver: RealDriver, identity: CardIdentity) -> str:
    """Return words about the keys of the first sector with tokens. Raise OSError if the card left."""
    try:
        run_driver(ClassicSession(cast(Mfrc522, driver), identity).authenticate(SECTORS[0], TRANSPORT_KEY, False))
    except CardError as error:
        if error.reason != "refused":
            raise
        return "the card has keys of a site"
    return "the card is new: it has the keys of its maker"


def _speed(driver: RealDriver) -> str:
    """Return the time of one command."""
    begin = time.monotonic()
    for _ in range(_TURNS):
        if run_driver(driver.find_card()) is None:
            raise OSError("the card has left the reader")
    return f"{(time.monotonic() - begin) * 1000 / _TURNS:.1f} ms a command"


async def _identity(driver: RealDriver) -> CardIdentity | None:
    await driver.start()
    return await driver.find_card()
