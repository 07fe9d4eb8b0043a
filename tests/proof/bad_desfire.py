"""A stranger between a DESFire key card and its meters or the vault, who changes, invents, repeats and drops messages.

A case is one card of EV1 or EV2, two meters, and an office that loads the card and takes sales back. The stranger is in
most dialogs, and knows no key. At no time may the card have paid more than its charges and the sales taken back, or
hold more than was loaded. At the end, without him, the sum paid and the sum that the meters still claim are exactly
the charges and the sales taken back.
"""

import random as randoms
import struct

from boards.host.chips.aes import aes
from tests.cards.desfire_bench import UID, Numbers, Wire, ev2_key_card, key_card, run
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.mutation import mutated
from tests.services.desfire_meter import Meter
from tests.services.desk_bench import SITE_KEY, VENDING_KEY, key_content
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import FRAME
from wattpurse.cards.desfire_ev2 import DesfireEv2
from wattpurse.cards.iso14443 import CardError
from wattpurse.core import outcome
from wattpurse.core.seals import desfire_keys
from wattpurse_tools.vault import desfire_cards

NAME = "bad-desfire"
ABOUT = "a stranger who changes the messages between a DESFire key card and meters or vault"
SHORT_CASES = 60
LONG_CASES = 50_000  # a case has 30 dialogs, with 20 changed messages on average

_DIALOGS = 30
_MOST_PULSES = 600
_LOADED = 5_000_000
_KEYS = desfire_cards.CardKeys(
    1,
    desfire_keys.master_key(aes, VENDING_KEY, UID),
    desfire_keys.debit_key(aes, SITE_KEY, UID),
    desfire_keys.credit_key(aes, VENDING_KEY, UID),
    desfire_keys.identify_key(aes, SITE_KEY),
)


class Stranger(Wire):
    """A wire on which each message is changed with the probability `mischief`."""

    def __init__(self, card, random, tally):
        super().__init__(card)
        self._random = random
        self._tally = tally
        self.mischief = 0.0

    async def transceive(self, command, meanwhile=None):
        command = bytes(command)
        if self._random.random() < self.mischief:
            command = self._changed(command, [one for one, _ in self.log[-20:]])[:FRAME]
        answer = await super().transceive(command, meanwhile)
        if self._random.random() < self.mischief:
            answer = self._changed(answer, [one for _, one in self.log[-20:]])
        if self._random.random() < self.mischief / 4:
            self.card.power_off()
            raise CardError("silent")
        del self.log[:-40]
        return answer

    def _changed(self, message, others):
        self._tally.faults += 1
        dice = self._random.random()
        if dice < 0.5:
            return mutated(self._random, message, others or [b"\x00"])[:70]
        if dice < 0.7:
            return self._random.choice(others or [b"\x00"])
        if dice < 0.8:
            return bytes((self._random.choice((0x00, 0xAF, 0xAE, 0x9D, 0x0C)),)) + message[1:]
        return self._random.randbytes(self._random.randrange(62))


def run_case(seed: int, tally):
    """Let the stranger into the dialogs of one card."""
    random = randoms.Random(f"{NAME} {seed}")
    make = random.choice((key_card, ev2_key_card))
    card = make(key_content(_LOADED, random.choice((120_000, 300_000, 999_999))), SITE_KEY, VENDING_KEY, seed)
    is_ev2 = make is ev2_key_card
    tally.add("cards_of_ev2", is_ev2)
    wire = Stranger(card, random, tally)
    meters = [Meter(1), Meter(2)]
    office = Office(wire, random, tally)
    for number in range(_DIALOGS):
        wire.mischief = random.choice((0.0, 0.03, 0.1, 0.3))
        dice = random.random()
        if dice < 0.2:
            office.load(random.randrange(1, 10**6))
        elif dice < 0.3:
            office.void(random.randrange(1, 10**6))
        else:
            meter = random.choice(meters)
            meter.tap(wire, seed=seed * _DIALOGS + number)
            meter.use(random.randrange(_MOST_PULSES))
            if random.random() < 0.1:
                meter.restart()
        _check(card, meters, office)
        tally.cases += 1
    wire.mischief = 0.0
    _end(wire, meters, office)


class Office:
    """The office, which loads the card and takes sales back, as the vault does.

    `loaded` is the sum of all loads, and `voided` that of the sales taken back. A void that was torn is `pending`: its
    mark and amount. The next void completes it first.
    """

    def __init__(self, wire, random, tally):
        self._wire = wire
        self._random = random
        self._tally = tally
        self.loaded = _LOADED
        self.voided = 0
        self.pending = None

    @property
    def most_voided(self):
        return self.voided + (self.pending[1] if self.pending else 0)

    def load(self, amount):
        """Load the card up to a sum."""
        before = _content(self._wire.card)
        self.loaded += amount
        wanted = before.at(before.version, before.spent)
        wanted.loaded = self.loaded
        try:
            run(desfire_cards.write_card(self._commands(), [_KEYS], wanted))
        except CardError:
            self._tally.add("loads_torn")
        after = _content(self._wire.card)
        if (after.loaded, after.spent) not in ((before.loaded, before.spent), (self.loaded, before.spent)):
            text = f"a load from {before.loaded} to {self.loaded} gave {after.loaded}, {after.spent} spent"
            raise Broken(DOUBLED, text)

    def void(self, amount):
        """Take a sale back, or complete the void that was torn."""
        is_first = self.pending is None
        if is_first:
            self.pending = (self._random.randbytes(8), amount)
        mark, amount = self.pending
        try:
            run(desfire_cards.take_back(self._commands(), [_KEYS], mark, amount, is_first))
        except CardError as error:
            if error.reason == "voided":
                raise Broken(DOUBLED, "a sale was taken back before its first void") from error
            if error.reason == "spent":
                self.pending = None
            else:
                self._tally.add("voids_torn")
        else:
            self.voided += amount
            self.pending = None
            self._tally.add("voids")

    def _commands(self):
        self._wire.card.power_off()
        return DesfireEv2(self._wire, aes, Numbers(self._random.randrange(1 << 62)))


def _content(card):
    """Return the content that counts.

    Orders that are marked as begun name the value and the fraction of before. A statement that is marked as begun names
    the value before the deduction, and the fraction that goes with that value.
    """
    files = card.applications[layout.APPLICATION].files
    value, orders = files[layout.VALUE_FILE].value, bytes(files[layout.ORDERS_FILE].data)
    statement = bytearray(files[layout.STATEMENT_FILE].data)
    is_begun = orders[0] >= layout.BEGUN
    if is_begun:
        (value,) = struct.unpack("<i", orders[28:])
    if statement[11] >= layout.BEGUN and statement[12:16] == struct.pack("<i", value):
        statement[10] = statement[11] - layout.BEGUN
    if is_begun:
        statement[10] = orders[0] - layout.BEGUN
        orders = bytes((layout.MARK,)) + orders[1:]
    return layout.Image(value, orders, bytes(statement)).content()


def _check(card, meters, office):
    content = _content(card)
    charged = sum([meter.charged for meter in meters])
    if content.spent > charged + office.most_voided:
        raise Broken(DOUBLED, f"the card paid {content.spent}, {charged} were charged, {office.most_voided} taken back")
    if content.loaded > office.loaded:
        raise Broken(DOUBLED, f"the card holds {content.loaded}, and {office.loaded} were loaded")


def _end(wire, meters, office):
    office.load(0)
    if office.pending:
        office.void(0)
    if office.pending:
        raise Broken(BROKEN_RULES, "a void is not completed after the stranger has gone")
    for meter in meters:
        meter.use(_MOST_PULSES)
        if meter.tap(wire) != outcome.ACCEPTED:
            raise Broken(BROKEN_RULES, "a good card is refused after the stranger has gone")
    content = _content(wire.card)
    charged = sum([meter.charged for meter in meters])
    own = sum([meter.ledger.account.money.balance for meter in meters])  # energy before a card was met
    owed = sum([meter.owed for meter in meters])
    paid = content.spent + owed - own - office.voided
    text = f"{content.spent} paid, {owed} owed, {own} own, {charged} charged, {office.voided} taken back"
    if content.loaded != office.loaded or paid < charged:
        raise Broken(LOST, f"{text}, {content.loaded} loaded")
    if paid > charged:
        raise Broken(DOUBLED, text)
