"""A stranger between a DESFire key card and its meters or the vault, who changes, invents, repeats and drops messages.

A case is one card, two meters and an office that loads the card. The stranger is in most dialogs, and knows no key.
At no time may the card have paid more than its charges, or hold more than was loaded. At the end, without him, the sum
paid and the sum that the meters still claim are exactly the charges.
"""

import random as randoms

from boards.host.chips.aes import aes
from tests.cards.desfire_bench import UID, Numbers, Wire, content_of, key_card, run
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.mutation import mutated
from tests.services.desfire_meter import Meter
from tests.services.desk_bench import SITE_KEY, VENDING_KEY, key_content
from wattpurse.cards.desfire import FRAME, Desfire
from wattpurse.cards.iso14443 import CardError
from wattpurse.core import outcome
from wattpurse.core.seals import desfire_keys
from wattpurse_tools.vault import desfire_cards

NAME = "bad-desfire"
ABOUT = "a stranger who changes the messages between a DESFire key card and meters or vault"
SHORT_CASES = 60
LONG_CASES = 20_000

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
    card = key_card(key_content(_LOADED, random.choice((120_000, 300_000, 999_999))), SITE_KEY, VENDING_KEY, seed)
    wire = Stranger(card, random, tally)
    meters = [Meter(1), Meter(2)]
    loaded = _LOADED
    for number in range(_DIALOGS):
        wire.mischief = random.choice((0.0, 0.03, 0.1, 0.3))
        if random.random() < 0.2:
            loaded += random.randrange(1, 10**6)
            _load(wire, loaded, tally)
        else:
            meter = random.choice(meters)
            meter.tap(wire, seed=seed * _DIALOGS + number)
            meter.use(random.randrange(_MOST_PULSES))
            if random.random() < 0.1:
                meter.restart()
        _check(card, meters, loaded)
        tally.cases += 1
    wire.mischief = 0.0
    _end(wire, meters, loaded, tally)


def _load(wire, loaded, tally):
    """Load the card up to a sum, as the vault does."""
    before = content_of(wire.card)
    wanted = before.at(before.version, before.spent)
    wanted.loaded = loaded
    wire.card.power_off()
    try:
        run(desfire_cards.write_card(Desfire(wire, aes, Numbers(loaded)), [_KEYS], wanted))
    except CardError:
        tally.add("loads_torn")
    after = content_of(wire.card)
    if (after.loaded, after.spent) not in ((before.loaded, before.spent), (loaded, before.spent)):
        raise Broken(DOUBLED, f"a load from {before.loaded} to {loaded} gave {after.loaded}, {after.spent} spent")


def _check(card, meters, loaded):
    content = content_of(card)
    charged = sum([meter.charged for meter in meters])
    if content.spent > charged:
        raise Broken(DOUBLED, f"the card paid {content.spent}, and {charged} were charged")
    if content.loaded > loaded:
        raise Broken(DOUBLED, f"the card holds {content.loaded}, and {loaded} were loaded")


def _end(wire, meters, loaded, tally):
    _load(wire, loaded, tally)
    for meter in meters:
        meter.use(_MOST_PULSES)
        if meter.tap(wire) != outcome.ACCEPTED:
            raise Broken(BROKEN_RULES, "a good card is refused after the stranger has gone")
    content = content_of(wire.card)
    charged = sum([meter.charged for meter in meters])
    own = sum([meter.ledger.account.money.balance for meter in meters])  # energy before a card was met
    owed = sum([meter.owed for meter in meters])
    if content.loaded != loaded or content.spent + owed - own < charged:
        raise Broken(LOST, f"{content.spent} paid, {owed} owed, {own} own, {charged} charged, {content.loaded} loaded")
    if content.spent + owed - own > charged:
        raise Broken(DOUBLED, f"{content.spent} paid, {owed} owed, {own} own, {charged} charged")
