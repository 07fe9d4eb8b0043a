"""The work of the vault on a DESFire key card: make it, read it, and change its money. No key leaves the vault.

Each function is a dialog: it runs over a transport that hands its commands to somebody who has the card, and gets the
answers back. So the session key of a credit never leaves the vault either: whoever had it could load any amount.
`firmware/wattpurse/cards/desfire_key_card.py` has the layout of the card.

CommitTransaction of EV1 carries no MAC to the card. Somebody between card and reader can send it in the midst of a
change, and the card commits the part that it has. So the first part of each change of the value marks the orders file
as begun, with the value and the fraction of before, and the last part is the orders file as it shall be. A card whose
change is only begun has the money of before, whatever its value is. Meters refuse it, so nobody spends from it
meanwhile. Each later dialog of the vault brings its value in order. A card of EV2 refuses a commit without a MAC.
"""

import struct
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from wattpurse.cards import desfire_key_card as layout
from wattpurse.cards.desfire import AUTHENTICATION, DUPLICATE, ENCIPHERED, MACED, NO_APPLICATION, Desfire, StatusError
from wattpurse.cards.desfire_key_card import CREDIT_KEY, DEBIT_KEY, IDENTIFY_KEY, MASTER_KEY, Image
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals.cmac import BLOCK
from wattpurse_tools.vault import desfire_issue as issue
from wattpurse_tools.vault.interface import VOID_MARK_SIZE

_KEY_SETTINGS = 0x09  # the master key changes keys and settings, lists files and makes them
_KEY_COUNT = 4
_NO_KEY = bytes(BLOCK)
_NO_VERSION = 0
_VERSIONS = 256
_VALUE_BEFORE = "<i"
_FRACTION_PLACE = struct.calcsize("<IIH")  # in the statement file
_NAMES = {DEBIT_KEY: "debit", CREDIT_KEY: "credit", IDENTIFY_KEY: "identify"}  # fields of CardKeys


@dataclass(frozen=True)
class CardKeys:
    """The keys of one card under one version of the site's keys. On the card, the version is counted modulo 256."""

    version: int
    master: bytes
    debit: bytes
    credit: bytes
    identify: bytes

    @property
    def mark(self) -> int:
        """The version as the card has it: 1 to 255, because a new card has 0."""
        return 1 + (self.version - 1) % (_VERSIONS - 1)


@dataclass(frozen=True)
class _Found:
    """The state of a card that counts, and the one in its `memory`. They differ if a change is only begun.

    The change may be one of the vault, or the deduction of a meter.
    """

    image: Image
    memory: Image

    @property
    def is_begun(self) -> bool:
        """True if somebody committed a part of a change of the vault."""
        return self.memory.orders[0] >= layout.BEGUN


async def read_card(card: Desfire, keys: Sequence[CardKeys]) -> CardContent | None:
    """Return the content of a card with one of `keys`. Return None if it is no key card of this site.

    A change that is only begun is undone.
    """
    if await _enter(card, keys) is None:
        return None
    found = await _read(card)
    content = _content_in(found.image)
    if content is not None and found.is_begun:
        return await _bring(card, found, content, None)
    return content


async def make_card(card: Desfire, keys: CardKeys, content: CardContent, is_new: bool) -> CardContent:
    """Make a key card without money, or make an erased one anew. A call that was interrupted is finished by the next.

    Raise CardError: "refused" if the card has an application with other keys, "changed" if it has money.
    """
    if await _enter(card, [keys]) is None:
        await _build(card, keys)
        await _enter(card, [keys])
    found = await _read(card)
    before = _content_in(found.image)
    if before is not None and before.balance > 0:
        raise CardError("changed")
    statement = layout.first_statement(content, is_new)
    return await _bring(card, found, content, statement)


async def write_card(card: Desfire, keys: Sequence[CardKeys], content: CardContent) -> CardContent:
    """Load a card up to `content.loaded`, and give it the price and the allowance of `content`.

    The card's own version, money spent and used allowance stay. Return its content. Raise CardError ("unknown") if it
    is no key card of this site, and "changed" if it has more money loaded.
    """
    if await _enter(card, keys) is None:
        raise CardError("unknown")
    found = await _read(card)
    old = found.image.content()
    if old.loaded > content.loaded:
        raise CardError("changed")
    number, used_mwh = (old.period_number, old.used_mwh) if old.period == content.period else (0, 0)
    allowance = (content.allowance_mwh, content.period, number, used_mwh)
    wanted = CardContent(old.version, content.loaded, old.spent, content.price, allowance, content.user)
    return await _bring(card, found, wanted, None)


async def take_back(card: Desfire, keys: Sequence[CardKeys], mark: bytes, amount: int, is_first: bool) -> CardContent:
    """Take the `amount` of a sale off a card, once for each `mark`. Return its content.

    The card gets the mark in the same commit, so the next call tells whether one that was interrupted was carried out.
    It counts as a deduction: the version and the money spent rise, as they do at a meter. Raise CardError: "spent" if
    the card has less money, "voided" if it has the mark already and `is_first` says that nobody has tried before.
    """
    if await _enter(card, keys) is None:
        raise CardError("unknown")
    found = await _read(card)
    image = found.image
    old = image.content()
    if _mark_in(image) == mark:
        if is_first:
            raise CardError("voided")
        return old
    if old.balance < amount:
        raise CardError("spent")
    wanted = old.at(old.version + 1, old.spent + amount)
    statement = layout.pack_head(wanted) + image.statement[layout.HEAD_SIZE :]
    return await _bring(card, found, wanted, statement, mark)


async def rekey_card(card: Desfire, keys: Sequence[CardKeys], wanted: CardKeys) -> bool:
    """Change all keys to those of `wanted`, the master key last. Return False if it is no key card of this site.

    The card names the version of each key, so the next call finishes one that was interrupted.
    """
    if not await _enter_as_master(card, keys):
        return False
    for number, name in _NAMES.items():
        mark = await card.get_key_version(number)
        if mark == wanted.mark:
            continue
        old = next((one for one in keys if one.mark == mark), None)
        if old is None:
            raise CardError("refused")
        await issue.change_key(card, number, wanted.mark, getattr(wanted, name), getattr(old, name))
    if await card.get_key_version(MASTER_KEY) != wanted.mark:
        await issue.change_key(card, MASTER_KEY, wanted.mark, wanted.master)
    return True


async def erase_card(card: Desfire, keys: Sequence[CardKeys]) -> CardContent | None:
    """Take all money off a card, so that it is no key card any more. Return None if it was none of this site."""
    if await _enter(card, keys) is None:
        return None
    found = await _read(card)
    before = _content_in(found.image)
    await _change_value(card, found, 0)
    erased = bytes(layout.VOID_PLACE) + found.image.orders[layout.VOID_PLACE :]
    await card.write_data(layout.ORDERS_FILE, 0, erased, MACED)
    await card.commit()
    return before


def _content_in(image: Image) -> CardContent | None:
    """Return the content of a key card, or None for a card that was erased or is not complete."""
    try:
        return image.content()
    except CardError:
        return None


async def _enter(card: Desfire, keys: Sequence[CardKeys]) -> CardKeys | None:
    """Authenticate with the credit key. Return its set of keys, or None if none of them fits."""
    for one in keys:
        try:
            await card.select_application(layout.APPLICATION)
            await card.authenticate(CREDIT_KEY, one.credit)
        except StatusError as error:
            if error.status == NO_APPLICATION:
                return None
            if error.status != AUTHENTICATION:
                raise
        else:
            return one
    return None


async def _enter_as_master(card: Desfire, keys: Sequence[CardKeys]) -> bool:
    """Authenticate with the master key. Return False if none of them fits."""
    for one in keys:
        try:
            await card.select_application(layout.APPLICATION)
            await card.authenticate(MASTER_KEY, one.master)
        except StatusError as error:
            if error.status not in (NO_APPLICATION, AUTHENTICATION):
                raise
        else:
            return True
    return False


async def _read(card: Desfire) -> _Found:
    memory = await layout.read_memory(card)
    value, orders, statement = memory.value, memory.orders, memory.statement
    if orders[0] >= layout.BEGUN:
        (value,) = struct.unpack_from(_VALUE_BEFORE, orders, layout.MESSAGING_PLACE)
        fraction = bytes((orders[0] - layout.BEGUN,))
        orders = (bytes((layout.MARK,)) + orders[1 : layout.MESSAGING_PLACE]).ljust(layout.ORDERS_SIZE, b"\0")
        statement = layout.settled(statement, value)
        statement = statement[:_FRACTION_PLACE] + fraction + statement[_FRACTION_PLACE + 1 :]
    return _Found(Image(value, orders, layout.settled(statement, value)), memory)


async def _bring(
    card: Desfire, found: _Found, content: CardContent, statement: bytes | None, mark: bytes | None = None
) -> CardContent:
    """Write all that differs in one commit, the orders last. Return the content that the card has then."""
    value = layout.value_of(content.loaded, content.spent)
    if value > layout.HIGHEST_VALUE:
        raise CardError("full")
    image, memory = found.image, found.memory
    marked = _mark_in(image) if mark is None else mark
    tail = marked + bytes((card.messaging if card.messaging > 1 else 0,))  # cards of EV1 have the bytes of before
    orders = (layout.pack_orders(content)[: layout.VOID_PLACE] + tail).ljust(layout.ORDERS_SIZE, b"\0")
    after = Image(value, orders, image.statement if statement is None else statement)
    if (value, orders, after.statement) != (memory.value, memory.orders, memory.statement):
        await _change_value(card, found, value)
        if after.statement != memory.statement:
            await card.write_data(layout.STATEMENT_FILE, 0, after.statement, MACED)
        await card.write_data(layout.ORDERS_FILE, 0, orders, MACED)
        await card.commit()
    return after.content()


def _mark_in(image: Image) -> bytes:
    return image.orders[layout.VOID_PLACE : layout.VOID_PLACE + VOID_MARK_SIZE]


async def _change_value(card: Desfire, found: _Found, value: int) -> None:
    """Change the value of a card. Mark a key card of EV1 as begun first, unless it is marked."""
    units = value - found.memory.value
    is_key_card = _content_in(found.image) is not None
    if units and card.messaging == 1 and is_key_card and not found.is_begun:
        await card.write_data(layout.ORDERS_FILE, 0, _begun(found.image), MACED)
    if units > 0:
        await card.credit(layout.VALUE_FILE, units, ENCIPHERED)
    elif units < 0:
        await card.debit(layout.VALUE_FILE, -units, ENCIPHERED)


def _begun(image: Image) -> bytes:
    """Return the orders of a card whose value is about to change."""
    mark = bytes((layout.BEGUN + image.statement[_FRACTION_PLACE],))
    return mark + image.orders[1 : layout.MESSAGING_PLACE] + struct.pack(_VALUE_BEFORE, image.value)


async def _build(card: Desfire, keys: CardKeys) -> None:
    """Make application, files and keys. The master key comes last: with its key of zeros the rest can be finished."""
    await card.select_application(0)
    await _unless_there(issue.create_application(card, layout.APPLICATION, _KEY_SETTINGS, _KEY_COUNT))
    await _enter_blank(card)
    limits = (layout.LOWEST_VALUE, layout.HIGHEST_VALUE)
    by_meter = issue.rights_of(DEBIT_KEY, issue.NEVER, CREDIT_KEY, MASTER_KEY)
    by_both = issue.rights_of(CREDIT_KEY, CREDIT_KEY, DEBIT_KEY, MASTER_KEY)
    files = (
        lambda: issue.create_value_file(card, layout.VALUE_FILE, ENCIPHERED, by_meter, limits, 0),
        lambda: issue.create_backup_file(card, layout.ORDERS_FILE, MACED, by_meter, layout.ORDERS_SIZE),
        lambda: issue.create_backup_file(card, layout.STATEMENT_FILE, MACED, by_both, layout.STATEMENT_SIZE),
    )
    for create in files:
        if await _unless_there(create()):
            await _enter_blank(card)
    for number, key in ((DEBIT_KEY, keys.debit), (CREDIT_KEY, keys.credit), (IDENTIFY_KEY, keys.identify)):
        if await card.get_key_version(number) == _NO_VERSION:
            await issue.change_key(card, number, keys.mark, key, _NO_KEY)
    await issue.change_key(card, MASTER_KEY, keys.mark, keys.master)


async def _enter_blank(card: Desfire) -> None:
    await card.select_application(layout.APPLICATION)
    await card.authenticate(MASTER_KEY, _NO_KEY)


async def _unless_there(creation: Coroutine[None, None, None]) -> bool:
    """Run the creation of something. Return True if it was there already, which has ended the authentication."""
    try:
        await creation
    except StatusError as error:
        if error.status != DUPLICATE:
            raise
        return True
    return False
