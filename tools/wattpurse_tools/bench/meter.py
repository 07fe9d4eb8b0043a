"""The meter for all measurements: commissioned on the emulated board, with the flash of more than a year in service.

The ring of its ledger has been full for long, the newest sector has hardly a free slot, twelve months are closed, and
the event log is full. Every measurement starts from a copy of that flash.
"""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boards.host.cards.iso14443a import Card
from boards.host.chips.aes import aes
from boards.host.chips.flash import FlashModel
from boards.host.world.world import FIRST_S
from boards.pico.pins import GPIO
from wattpurse import stores
from wattpurse.cards import key_card as key_cards
from wattpurse.cards import purse
from wattpurse.core import carrier
from wattpurse.core.journal import slots
from wattpurse.core.messages import token
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import MONEY, PrepaidMoney
from wattpurse.core.money.key_card import NO_ALLOWANCE, CardContent
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.records.events import EventLog
from wattpurse.core.seals import keys
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.repl import RawRepl
from wattpurse_tools.emulation.ring import RING_BYTES, RING_OFFSET, ring_flash
from wattpurse_tools.places import ROOT
from wattpurse_tools.station.card_files import blank_card
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.tariffs import tariff_file

METER_NUMBER = 4711
PIN = "246810"
METER_KEY = b"meter key 000001"
SITE_KEY = b"site key 0000001"
TARIFF_FILE = ROOT / "tools/examples/tariff-household.toml"
AMPS_100_W = 23_000

_DAYS_IN_SERVICE = 400
_DAILY_KWH = 5
_STEPS_PER_KWH = 4_000  # the smallest number in the ledger, see core/money/ledger.py
_CREDIT_MICROUNITS = 10_000_000
_EVENTS = 2_500
_INTERRUPT = b"\x03"
_END = b"\x04"
# This clears the enabling bit in the control register of the watchdog (RP2040 data sheet, 4.7.6). A probe replaces the
# program that feeds the watchdog, and must not be reset for that.
_STOP_WATCHDOG = "import machine\nmachine.mem32[0x40058000 + 0x3000] = 1 << 30"
_LET_INTERRUPTS_THROUGH = """
from boards.micropython.console import ConsoleStream
ConsoleStream.allow_interrupt = lambda console, is_allowed: None
"""

# The values of some figures by their names, and lines of details.
Measured = tuple[dict[str, float], list[str]]


class _SiteKey:
    """The one site key of the bench, as a vault gives the keys of cards."""

    versions: tuple[int, ...] = (1,)

    def card_keys(self, uid: bytes, key_version: int) -> tuple[bytes, bytes]:
        """Return keys A and B of the sectors of one MIFARE Classic card."""
        del key_version
        key_a, key_b = keys.classic_keys(aes, SITE_KEY, uid)
        return key_a, key_b


class BenchMeter(EmulatedMeter):
    """A copy of the meter in service, and the station that sells to it."""

    def __init__(self, workshop: "Workshop", name: str, impulses: int, balance_microunits: int) -> None:
        path = workshop.folder / f"{name}.bin"
        shutil.copyfile(workshop.flash_of(impulses, balance_microunits), path)
        super().__init__(path, impulses=impulses)
        self._sequence = itertools.count(_DAYS_IN_SERVICE + 2)

    def start(self) -> None:
        """Switch the mains on and wait until the meter greets."""
        self.power_up()
        self.await_console()

    def token(self, amount_microunits: int = _CREDIT_MICROUNITS) -> bytes:
        """Return the next token, with this credit."""
        return self.token_of(token.CREDIT_MONEY, amount_microunits)

    def token_of(self, kind: int, *fields: int) -> bytes:
        """Return the next token, of any kind."""
        pair = keys.token_keys(aes, METER_KEY)
        made = token.make(kind, *fields)
        return token.seal_token(aes, pair, 1, METER_NUMBER, next(self._sequence), *made)

    def card(self, *tokens: bytes, kind: str = "classic-1k") -> Card:
        """Return a new customer's card with these tokens on it."""
        reader = CardReader(_SiteKey())
        card = blank_card(kind)
        reader.format(card, 1)
        content = b"".join(tokens)
        reader.work(card, lambda memory: purse.write_orders(memory, purse.CUSTOMER, METER_NUMBER, content))
        return card

    def key_card(self, price_microunits: int) -> Card:
        """Return a new key card with money on it and this price per kWh."""
        reader = CardReader(_SiteKey())
        card = blank_card("classic-1k")
        reader.format(card, 1)
        pair = keys.key_card_keys(aes, SITE_KEY, card.uid)
        content = CardContent(1, _CREDIT_MICROUNITS, 0, price_microunits, (0, NO_ALLOWANCE, 0, 0), 0)
        reader.work(card, lambda memory: purse.write_orders(memory, purse.KEY_CARD, 0, b""))
        reader.work(card, lambda memory: key_cards.write(memory, aes, pair, 0, content))
        return card

    def credit(self, amount_microunits: int) -> None:
        """Redeem a new token at the console. Raise ValueError if it is refused."""
        answer = self.type_line("token " + self.token(amount_microunits).hex())
        if "accepted" not in answer[0]:
            raise ValueError(answer[0])

    def account(self) -> Account:
        """Return the account that the ledger in flash proves now. The meter would recover it after a power cut."""
        flash = ring_flash(self.pico.read_flash(RING_OFFSET, RING_BYTES))
        ledger = Ledger(flash, *stores.LEDGER_RING)
        ledger.open()
        account = ledger.account
        if account is None:
            raise ValueError("the flash holds no ledger")
        return account

    def pulses_given(self) -> int:
        """Return the number of rising edges at the counter's pin since the emulation began."""
        return self.pico.statistics()["rising_edges"].get(str(GPIO["pulse"]), 0)

    def begin_probe(self, code: str) -> None:
        """Begin to run `code` instead of the meter, at the raw REPL of a chip that has just had a soft reset.

        A meter in the probe lets the interrupt through that ends the probe.
        """
        self.type_line("login " + PIN)
        repl = RawRepl(self.pico)
        repl.execute(_STOP_WATCHDOG)
        self.pico.serial_write(_END)
        self.pico.serial_read_until(b"raw REPL; CTRL-B to exit\r\n>")
        repl.start(_LET_INTERRUPTS_THROUGH + code)
        self.pico.serial_read_until(b"OK")

    def end_probe(self, expression: str) -> Any:  # noqa: ANN401
        """Interrupt the probe. Return the value of `expression`, which prints as a literal, in the probe's globals."""
        self.pico.serial_write(_INTERRUPT)
        self.pico.serial_read_until(_END)
        self.pico.serial_read_until(_END + b">")
        return eval(RawRepl(self.pico).execute(f"print({expression})"), {})


class Workshop:
    """The flash files in `folder`: one for each calibration and balance, made once, and a copy for each meter."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image

    @contextlib.contextmanager
    def meter(
        self,
        name: str,
        impulses: int = 1_000,
        balance_microunits: int = 1_000_000_000,
    ) -> Iterator[BenchMeter]:
        """Provide a copy of the meter in service, its supply off."""
        with BenchMeter(self, name, impulses, balance_microunits) as meter:
            yield meter

    def flash_of(self, impulses: int, balance_microunits: int) -> Path:
        """Return the flash file of the meter in service with this balance and this calibration, in impulses per kWh."""
        path = self.folder / f"in-service-{impulses}-{balance_microunits}.flash"
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            shutil.copyfile(self._commissioned(), part)
            content = bytearray(part.read_bytes())
            ring = slice(RING_OFFSET, RING_OFFSET + RING_BYTES)
            content[ring] = _with_full_ledger(ring_flash(content[ring]), impulses, balance_microunits)
            part.write_bytes(content)
            part.rename(path)
        return path

    def _commissioned(self) -> Path:
        """Return the flash file of a meter that was just commissioned. Only its event log is full."""
        path = self.folder / "commissioned.flash"
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            with EmulatedMeter(part, self._image) as meter:
                meter.power_up()
                meter.await_console()
                RawRepl(meter.pico).execute("from boards.pico import storage\nstorage.format_filesystem()")
                meter.reset_board()
                meter.await_console()
                meter.commission(METER_NUMBER, (METER_KEY, SITE_KEY), PrepaidMoney.name, PIN, _tariff())
                meter.power_lost()
                flash = ring_flash(meter.pico.read_flash(RING_OFFSET, RING_BYTES))
                _fill_event_log(flash)
                meter.pico.write_flash(RING_OFFSET, bytes(flash.memory))
            part.rename(path)
        return path


def _fill_event_log(flash: FlashModel) -> None:
    log = EventLog(flash, *stores.EVENTS_RING)
    log.open()
    log.chain(aes, METER_KEY)
    for number in range(_EVENTS):
        log.note(token.event_code(token.CREDIT_MONEY), carrier.CARD, FIRST_S - _EVENTS + number, number, number)


def _with_full_ledger(flash: FlashModel, impulses: int, balance_microunits: int) -> bytes:
    """Return the content of `flash` with a ledger of many days that is just about to roll, and this balance."""
    content, balance = _ledger_of_days(ring_flash(flash.memory), impulses, 0)
    return _ledger_of_days(flash, impulses, balance_microunits - balance)[0]


def _ledger_of_days(flash: FlashModel, impulses: int, bought_before: int) -> tuple[bytes, int]:
    """Return `(content, balance)` of the flash after years with one credit a day, when the newest sector is full."""
    first, sectors = stores.LEDGER_RING
    ledger = Ledger(flash, first, sectors)
    ledger.erase()
    start_s = FIRST_S - _DAYS_IN_SERVICE * DAY_S
    account = Account(_tariff(), impulses, 1, PrepaidMoney, start_s)
    account.money.bought = bought_before
    ledger.create(account)
    for day in range(1, _DAYS_IN_SERVICE + 1):
        ledger.credit(day, MONEY, _CREDIT_MICROUNITS, carrier.CARD, start_s + (day - 1) * DAY_S)
        ledger.advance(start_s + day * DAY_S, _DAILY_KWH * impulses)
    pulses = slots.TALLY_STEPS * max(1, impulses // _STEPS_PER_KWH)
    sectors_begun = 0
    erases = sum(flash.erases[first:])
    while True:
        content, balance = bytes(flash.memory), account.money.balance
        ledger.advance(FIRST_S, pulses)
        if sum(flash.erases[first:]) > erases:
            erases = sum(flash.erases[first:])
            sectors_begun += 1
        if sectors_begun > sectors:
            return content, balance


def _tariff() -> bytes:
    return tariff_file.encode(tariff_file.load(TARIFF_FILE))
