"""A DESFire card for tests: its model and a transport to it."""

from boards.host.cards.desfire import Application, DesfireCard
from boards.host.cards.desfire_chip import DesfireChip
from boards.host.cards.desfire_ev2 import DesfireEv2Card
from boards.host.cards.desfire_files import DataFile, ValueFile
from boards.host.chips.aes import aes
from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import ENCIPHERED, MACED, Desfire
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals import desfire_keys

UID = b"\x04\x78\x2e\x21\x80\x1d\x80"


class Numbers:
    """Numbers of 16 bytes that follow from a seed, so that a test can be repeated. `next` may be set to others."""

    def __init__(self, seed=1):
        self._state = seed
        self.next = []

    def __call__(self, count):
        if self.next:
            return self.next.pop(0)
        block = aes(bytes(16), 1).encrypt(self._state.to_bytes(16, "big"))
        self._state += 1
        return block[:count]


class Wire:
    """A transport to a card. `commands` counts the commands that came; `log` has them and the answers.

    At command `torn_at` (1: the first) the card leaves the reader: before it takes the command, or, if `is_after`, when
    it has carried the command out and its answer is lost.
    """

    def __init__(self, card):
        self.card = card
        self.commands = 0
        self.log = []
        self.torn_at = None
        self.is_after = False

    async def transceive(self, command, meanwhile=None):
        if meanwhile is not None:
            meanwhile()
        self.commands += 1
        if self.commands == self.torn_at and not self.is_after:
            self.card.power_off()
            raise CardError("silent")
        answer = self.card.answer(command)
        self.log.append((bytes(command), answer))
        if self.commands == self.torn_at:
            self.card.power_off()
            raise CardError("silent")
        return answer

    def tear(self, command, is_after):
        """Let the card leave at a later command (1: the next), or never with None."""
        self.torn_at = None if command is None else self.commands + command
        self.is_after = is_after


def run(coroutine):
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the coroutine waits")


def bench(seed=1):
    """Return `(card, wire, desfire)`: a delivered card, the way to it, and its commands."""
    card = DesfireCard(UID, Numbers(seed))
    wire = Wire(card)
    return card, wire, Desfire(wire, aes, Numbers(seed + 1000))


def key_card(content, site_key, vending_key, seed=1, uid=UID):
    """Return the model of a key card with that content, as the vault makes it."""
    model = DesfireCard(uid, Numbers(seed))
    application = Application(0x09, 4)
    application.keys = [
        desfire_keys.master_key(aes, vending_key, uid),
        desfire_keys.debit_key(aes, site_key, uid),
        desfire_keys.credit_key(aes, vending_key, uid),
        desfire_keys.identify_key(aes, site_key),
    ]
    application.versions = [1] * 4
    limits = (layout.LOWEST_VALUE, layout.HIGHEST_VALUE)
    value = layout.value_of(content.loaded, content.spent)
    orders = DataFile(1, MACED, 0x1F20, layout.ORDERS_SIZE)
    orders.data[:] = layout.pack_orders(content)
    statement = DataFile(1, MACED, 0x2210, layout.STATEMENT_SIZE)
    statement.data[:] = layout.first_statement(content, True)
    application.files = {
        layout.VALUE_FILE: ValueFile(ENCIPHERED, 0x1F20, limits, value, 0),
        layout.ORDERS_FILE: orders,
        layout.STATEMENT_FILE: statement,
    }
    model.applications[layout.APPLICATION] = application
    return model


def ev2_key_card(content, site_key, vending_key, seed=1, uid=UID):
    """Return the same card as a DESFire EV2."""
    model = DesfireEv2Card(uid, Numbers(seed))
    model.applications = key_card(content, site_key, vending_key, uid=uid).applications
    return model


def content_of(model):
    """Return the content of a key card, straight from its memory."""
    files = model.applications[layout.APPLICATION].files
    value = files[layout.VALUE_FILE].value
    image = layout.Image(value, bytes(files[layout.ORDERS_FILE].data), bytes(files[layout.STATEMENT_FILE].data))
    return image.content()


def key_card_chip(content, site_key, vending_key, uid):
    """Return the same card for the field of a reader."""
    chip = DesfireChip(uid, random_bytes=Numbers(1))
    chip.desfire.applications = key_card(content, site_key, vending_key, uid=uid).applications
    return chip


def load(model, amount):
    """Load a key card by `amount` micro-units, as the vault does."""
    files = model.applications[layout.APPLICATION].files
    content = content_of(model)
    content.loaded += amount
    files[layout.VALUE_FILE].value = layout.value_of(content.loaded, content.spent)
    files[layout.ORDERS_FILE].data[:] = layout.pack_orders(content)


def take_back(model, amount):
    """Take a sale off a key card, as the vault does: a deduction without the entry of a meter."""
    files = model.applications[layout.APPLICATION].files
    content = content_of(model)
    after = content.at(content.version + 1, content.spent + amount)
    files[layout.VALUE_FILE].value = layout.value_of(after.loaded, after.spent)
    files[layout.STATEMENT_FILE].data[: layout.HEAD_SIZE] = layout.pack_head(after)
