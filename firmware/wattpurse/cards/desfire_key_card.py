"""The key card on a DESFire card: its money is a value that meters can only lower, and all that changes is one commit.

    application 0x545057, AES, keys: 0 master, 1 debit, 2 credit, 3 identify (core.seals.keys)
    file 1, value, enciphered           debit key: read and debit; credit key: credit
    file 2, orders, backup, with MAC    debit key: read; credit key: read and write
        mark u8 = 0x44, period u8, loaded u48, price u32, allowance u32, user u32, last void 8 bytes, messaging u8,
        3 bytes of 0
    file 3, statement, backup, with MAC debit key: read and write; credit key: read and write
        version u32, used u32, period number u16, fraction u8, begun u8, value before i32, then PLACES entries, the
        newest first: meter number u32, version u32 of the last deduction of that meter

Integers are little-endian. The value counts UNIT micro-units, rounded up: value = ceil((loaded - spent) / UNIT). So
`spent` follows from the two files that no meter can write in the customer's favour and from `fraction` = spent modulo
UNIT. A deduction lowers the value, writes version, fraction, used allowance and the meter's entry, and commits: the
card takes all of it or nothing. The entry tells a meter whether its last deduction, whose answer it may have missed,
is on the card, however many other meters came after it (see `proof`). docs/desfire.md has the reasons.

`messaging` is 2 on a card that the office has written with the messaging of EV2. Such a card is not read with that of
EV1: somebody between card and reader could hide the better one.

CommitTransaction of EV1 carries no MAC to the card, so somebody between card and reader can commit a part of a change.
Under EV1 a deduction therefore writes its statement first, with `begun` = BEGUN + the fraction of before and the value
of before, then lowers the value, and ends with `begun` and `value before` = 0, as they are otherwise. While `begun` is
there, the value tells whether the deduction was made: see `settled`. The vault does the same in the orders file
(wattpurse_tools/vault/desfire_cards.py): the mark is BEGUN + fraction, and the last 4 bytes are the value of before.
Meters refuse such a card.
"""

import asyncio
import struct

from wattpurse.cards import desfire
from wattpurse.cards.desfire import AUTHENTICATION, ENCIPHERED, MACED, StatusError
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.money.key_card import PERIODS, CardContent, join48, split48
from wattpurse.core.seals import desfire_keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wattpurse.cards.desfire import Desfire
    from wattpurse.hal import Aes

APPLICATION = 0x545057
MASTER_KEY, DEBIT_KEY, CREDIT_KEY, IDENTIFY_KEY = 0, 1, 2, 3
VALUE_FILE, ORDERS_FILE, STATEMENT_FILE = 1, 2, 3

UNIT = 100  # micro-units
LOWEST_VALUE = -1_000_000  # a card may owe the energy that flows until the switch has opened
HIGHEST_VALUE = (1 << 31) - 1

ORDERS_SIZE = 32
VOID_PLACE = 20
MESSAGING_PLACE = 28
HEAD_SIZE = 16
PLACES = 8
STATEMENT_SIZE = HEAD_SIZE + 8 * PLACES

MARK = 0x44
BEGUN = 0x80

# Results of `proof`.
MADE, NOT_MADE, NOT_KNOWN = 1, 2, 3

_NOBODY = 0
_FORGOTTEN = (1 << 32) - 1  # the number of no meter
_ORDERS = "<BBIHIII"
_HEAD = "<IIHB5x"
_FRACTION_PLACE = 10
_BEGUN_PLACE = 11
_BEGUN = "<Bi"
_END = bytes(5)
_ENTRY = "<II"
_ENTRY_SIZE = 8
# Value, orders and statement, whole, as `Desfire.command_all` takes them. The value is enciphered.
READS = ((b"\x6c\x01", 4), (b"\xbd\x02\0\0\0\x20\0\0", None), (b"\xbd\x03\0\0\0\x50\0\0", None))


class DesfireKeyCard:
    """A key card on a DESFire card, as the slot of a meter uses it: prove it, read it, deduct."""

    def __init__(self, card: "Desfire", aes: "Aes", uid: bytes) -> None:
        self._card = card
        self._aes = aes
        self._uid = uid
        self._image = None

    async def read_content(self, site_keys: tuple) -> CardContent:
        """Return the content. Raise CardError, "unknown" if it is no key card of the site, or ReaderError."""
        await enter(self._card, self._aes, self._uid, site_keys)
        self._image = await read(self._card)
        return self._image.content()

    async def deduct(self, content: CardContent, meter_number: int, note: "Callable[[], bool] | None" = None) -> bool:
        """Bring the card to `content`, see `deduct`. After a failure the card has to be read again."""
        image, self._image = self._image, None
        if image is None:
            raise CardError("silent")
        self._image = await deduct(self._card, image, content, meter_number, note)
        return self._image is not None

    def lacks(self, meter_number: int, version: int) -> bool:
        """Return True if the deduction of that meter with that version is provably not on the card."""
        return self._image is not None and self._image.proof(meter_number, version) == NOT_MADE


class Image:
    """The state of a card as it was read: `value` in UNITs, and the bytes of `orders` and `statement`."""

    def __init__(self, value: int, orders: bytes, statement: bytes) -> None:
        self.value = value
        self.orders = orders
        self.statement = statement

    def content(self) -> CardContent:
        """Return the content. Raise CardError for bytes that no station and no meter writes."""
        mark, period, low, high, price, allowance_mwh, user = struct.unpack_from(_ORDERS, self.orders)
        version, used_mwh, number, fraction = struct.unpack_from(_HEAD, self.statement)
        if mark != MARK or period >= len(PERIODS) or fraction >= UNIT:
            raise CardError("unknown")
        loaded = join48(low, high)
        spent = loaded - self.value * UNIT
        spent += (fraction - spent) % UNIT
        if spent < 0:
            raise CardError("unknown")
        return CardContent(version, loaded, spent, price, (allowance_mwh, period, number, used_mwh), user)

    def proof(self, meter_number: int, version: int) -> int:
        """Return MADE if the deduction of that meter with that version is on the card, NOT_MADE, or NOT_KNOWN.

        It is not known if PLACES other meters have deducted since the meter was here.
        """
        for place in range(HEAD_SIZE, STATEMENT_SIZE, _ENTRY_SIZE):
            meter, newest = struct.unpack_from(_ENTRY, self.statement, place)
            if meter == meter_number:
                return MADE if newest == version else NOT_MADE
            if meter == _NOBODY:
                return NOT_MADE
        return NOT_KNOWN


def value_of(loaded: int, spent: int) -> int:
    """Return the value of a card with these sums, in UNITs."""
    return -((spent - loaded) // UNIT)


def pack_orders(content: CardContent) -> bytes:
    """Return the bytes of the orders file."""
    loaded = split48(content.loaded)
    packed = struct.pack(_ORDERS, MARK, content.period, *loaded, content.price, content.allowance_mwh, content.user)
    return packed + bytes(ORDERS_SIZE - len(packed))


def pack_head(content: CardContent) -> bytes:
    """Return the first bytes of the statement file, in front of the entries."""
    return struct.pack(_HEAD, content.version, content.used_mwh, content.period_number, content.spent % UNIT)


def first_statement(content: CardContent, is_new: bool) -> bytes:
    """Return the bytes of the statement file of a card that is made.

    A card that was made before is not `is_new`: meters may have deducted from it, and nothing is known about them.
    """
    meter = _NOBODY if is_new else _FORGOTTEN
    return pack_head(content) + struct.pack(_ENTRY, meter, 0) * PLACES


def statement_after(before: bytes, content: CardContent, meter_number: int) -> bytes:
    """Return the bytes from the begin of the statement file that a deduction changes. The meter's entry comes first."""
    entry = struct.pack(_ENTRY, meter_number, content.version)
    others = b""
    for place in range(HEAD_SIZE, STATEMENT_SIZE, _ENTRY_SIZE):
        if struct.unpack_from(_ENTRY, before, place)[0] == meter_number:
            break
        others += before[place : place + _ENTRY_SIZE]
    return (pack_head(content) + entry + others)[:STATEMENT_SIZE]


def begun(image: Image, changed: bytes) -> bytes:
    """Return the bytes `changed` of the statement file as they are written before the value of `image` is lowered."""
    mark = struct.pack(_BEGUN, BEGUN + image.statement[_FRACTION_PLACE], image.value)
    return changed[:_BEGUN_PLACE] + mark + changed[HEAD_SIZE:]


def settled(statement: bytes, value: int) -> bytes:
    """Return the statement that counts on a card with this value, without `begun`.

    If the value is that before the newest deduction, the deduction was not made: its entry has an older version then.
    """
    mark, before = struct.unpack_from(_BEGUN, statement, _BEGUN_PLACE)
    if mark < BEGUN:
        return statement
    if value != before:
        return statement[:_BEGUN_PLACE] + _END + statement[HEAD_SIZE:]
    version = struct.pack("<I", (struct.unpack_from("<I", statement)[0] - 1) & 0xFFFFFFFF)
    head = version + statement[4:_FRACTION_PLACE] + bytes((mark - BEGUN,)) + _END
    return head + statement[HEAD_SIZE : HEAD_SIZE + 4] + version + statement[HEAD_SIZE + _ENTRY_SIZE :]


class _KeyOnTheWay:
    """The debit key of a card, derived while a command is on the air."""

    def __init__(self, aes: "Aes", site_key: bytes, uid: bytes) -> None:
        self.key = b""
        self._inputs = aes, site_key, uid

    def derive(self) -> None:
        """Derive the key."""
        self.key = desfire_keys.debit_key(*self._inputs)


async def enter(card: "Desfire", aes: "Aes", uid: bytes, site_keys: tuple) -> None:
    """Authenticate with the debit key of one of `site_keys`.

    Raise CardError: "unknown" if it is no key card, "refused" if none of the keys fits.
    """
    for site_key in site_keys:
        key = _KeyOnTheWay(aes, site_key, uid)
        try:
            await card.select_application(APPLICATION, key.derive)
        except StatusError:
            raise CardError("unknown")
        try:
            return await card.authenticate(DEBIT_KEY, key.key)
        except StatusError as error:
            if error.status != AUTHENTICATION:
                raise
    raise CardError("refused")


async def read(card: "Desfire") -> Image:
    """Return the state of the card that counts. Raise CardError or ReaderError."""
    image = await read_memory(card)
    image.statement = settled(image.statement, image.value)
    return image


async def read_memory(card: "Desfire") -> Image:
    """Return the state of the card, which every answer proves. Raise CardError or ReaderError."""
    value, orders, statement = await card.command_all(READS)
    if len(value) != desfire.VALUE_SIZE or len(orders) != ORDERS_SIZE or len(statement) != STATEMENT_SIZE:
        raise CardError("garbled")
    if orders[0] < BEGUN and orders[MESSAGING_PLACE] > card.messaging:
        raise CardError("downgraded")
    return Image(desfire.value_in(value), orders, statement)


async def deduct(
    card: "Desfire", image: Image, content: CardContent, meter_number: int, note: "Callable[[], bool] | None" = None
) -> "Image | None":
    """Bring the card from `image` to `content`, which has the same money loaded. Return its state after that.

    `note()` writes the deduction into the ledger before the card is asked to take it, and returns True if that is in
    flash. If it is not, nothing is deducted, and None is returned. Without `note` the ledger has the deduction already.
    Raise CardError or ReaderError: then the card has all of it or nothing, and only the next `read` tells.
    """
    value = value_of(content.loaded, content.spent)
    if value > image.value:
        raise CardError("changed")
    is_behind = value < image.value
    in_parts = is_behind and card.messaging == 1
    ending = desfire.Ending(card, STATEMENT_FILE, _BEGUN_PLACE if in_parts else 0)
    changed = b""
    if in_parts:
        changed = statement_after(image.statement, content, meter_number)
        if not await _noted(card.write_data(STATEMENT_FILE, 0, begun(image, changed), MACED), note):
            card.session = None
            return None
        note = None

    def prepare() -> None:
        nonlocal changed
        if not in_parts:
            changed = statement_after(image.statement, content, meter_number)
        ending.prepare(_END if in_parts else changed, is_behind)

    if is_behind:
        await card.debit(VALUE_FILE, image.value - value, ENCIPHERED, prepare)
    else:
        prepare()
    if not await _noted(ending.write(), note):
        card.session = None
        return None
    await ending.commit()
    return Image(value, image.orders, changed + image.statement[len(changed) :])


async def _noted(writing: "Awaitable[None]", note: "Callable[[], bool] | None") -> bool:
    """Write to the card, and let `note` write the ledger while the frame is on the air. Return False if it cannot.

    It runs in a task of its own: the stack of a chip has no room for the ledger below the driver.
    """
    noting = None if note is None else asyncio.create_task(_run(note))
    try:
        await writing
    except OSError:  # CardError or ReaderError
        if noting is not None:
            await noting
        raise
    return noting is None or await noting


async def _run(step: "Callable[[], bool]") -> bool:
    return step()
