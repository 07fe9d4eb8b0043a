"""A PC/SC reader at the seam of the purse's code, where a meter has its MFRC522.

The frames of the cards (MF1S50YYX, NTAG213/215/216 data sheets) become commands of PC/SC part 3: 0x30 becomes FF B0,
0xA0 with its data and 0xA2 become FF D6, an authentication becomes FF 82 and FF 86. Other frames go through raw where
the family of the reader has such an exchange, and are refused elsewhere: the purse's code does without them.
"""

from collections.abc import Callable

from wattpurse.cards.iso14443 import (
    SAK_ISO14443_4,
    SAK_MIFARE_CLASSIC_1K,
    SAK_ULTRALIGHT,
    CardError,
    CardIdentity,
)
from wattpurse_tools.readers import troubles
from wattpurse_tools.readers.families import OTHER, family_of
from wattpurse_tools.readers.pcsc import Connection, connect
from wattpurse_tools.readers.troubles import ReaderTrouble

SAK_MIFARE_CLASSIC_4K = 0x18

_GET_UID = bytes.fromhex("ffca000000")
_OK = b"\x90\x00"
_AUTHENTICATE_B = 0x61
_READ = 0x30
WRITE_BLOCK = 0xA0
_WRITE_PAGE = 0xA2
_BLOCK = 16
_AUTHENTICATION = 12
UID_LENGTHS = (4, 7, 10)

# PC/SC part 3, 3.1.3.2.3.1: the historical bytes of a storage card are 80 4F 0C, RID A000000306, standard, name.
_STORAGE = bytes.fromhex("804f0ca000000306")
_STANDARD_14443A_3 = 0x03
_NAMES = {
    b"\x00\x01": (SAK_MIFARE_CLASSIC_1K, b"\x04\x00"),
    b"\x00\x02": (SAK_MIFARE_CLASSIC_4K, b"\x02\x00"),
    b"\x00\x03": (SAK_ULTRALIGHT, b"\x44\x00"),
    b"\x00\x3a": (SAK_ULTRALIGHT, b"\x44\x00"),
    b"\x00\x3d": (SAK_ULTRALIGHT, b"\x44\x00"),
}
_NAME_IS_SAK = 0xFF  # ACR122U API 3.1: a card of no name in the table is named FF and its SAK
_CARD_ATR = (0x3B, 0x80, 0x80, 0x01)


class PcscDriver:
    """The driver of a reader. `connect` returns a connection to the card on it, and raises ReaderTrouble.

    While it `is_kept`, `start` leaves the connection open, so no other program gets the reader. A method raises
    CardError as `Mfrc522` does, or ReaderTrouble.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._family = OTHER
        self._connection: Connection | None = None
        self._block: int | None = None
        self.is_kept = False

    async def start(self) -> None:
        """Begin anew with the card that lies on the reader now."""
        if not self.is_kept:
            self.close()

    async def find_card(
        self, wake: bool = False, prepare: Callable[[bytes], None] | None = None
    ) -> CardIdentity | None:
        """Return the identity of the card on the reader, or None if there is none."""
        self._block = None
        try:
            if self._connection is None:
                self._connection = self._connect()
                self._family = family_of(self._connection.reader)
            uid = self._uid()
        except CardError:
            self.close()
            return None
        except ReaderTrouble as trouble:
            self.close()
            if trouble.code != troubles.NO_CARD:
                raise
            return None
        if prepare is not None:
            prepare(uid)
        return identity_of(self._connection.atr, uid)

    async def select_again(self, identity: CardIdentity) -> None:
        """Select a card already known. Raise CardError if it is gone."""
        self._block = None
        try:
            self._open().reset()
        except ReaderTrouble as trouble:
            raise self._failed(trouble) from trouble
        if self._uid() != identity.uid:
            raise CardError("changed")

    async def halt(self) -> None:
        """Leave the card: the connection is closed."""
        self.close()

    async def authenticate(self, frame: bytes, timeout_us: int) -> None:
        """Open a sector with a key: `frame` is 0x60 or 0x61, block, six key bytes, four UID bytes."""
        if len(frame) != _AUTHENTICATION:
            raise CardError("refused")
        which = 1 if frame[0] == _AUTHENTICATE_B else 0
        family = self._family
        self._block = None
        loaded = self._transmit(bytes((0xFF, 0x82, family.load_p1, family.places[which], 6)) + bytes(frame[2:8]))
        if loaded != _OK:
            raise ReaderTrouble(f"the reader takes no key (status {loaded[-2:].hex()}); see docs/readers.md")
        number = family.numbers[which]
        self._done(self._transmit(bytes((0xFF, 0x86, 0, 0, 5, 1, 0, frame[1], frame[0], number))))

    async def exchange(self, frame: bytes, reply_length: int, timeout_us: int) -> bytes:
        """Send a frame and return the answer of exactly `reply_length` bytes."""
        self._block = None
        if frame[0] == _READ and reply_length == _BLOCK:
            data = self._done(self._transmit(bytes((0xFF, 0xB0, 0, frame[1], _BLOCK))))
        else:
            data = self._raw(bytes(frame))
        if len(data) != reply_length:
            raise CardError("garbled")
        return data

    async def acknowledged(self, frame: bytes, timeout_us: int) -> None:
        """Send a frame that the card acknowledges. The first half of a write to a block waits for its data."""
        block, self._block = self._block, None
        if block is not None:
            self._update(block, bytes(frame), _BLOCK)
        elif len(frame) == 2 and frame[0] == WRITE_BLOCK:
            self._block = frame[1]
        elif len(frame) == 6 and frame[0] == _WRITE_PAGE:
            self._update(frame[1], bytes(frame[2:]), 4)
        else:
            raise CardError("refused")

    def transceive(self, apdu: bytes) -> bytes:
        """Return the answer of an ISO 14443-4 card to an APDU, with its status."""
        return self._transmit(apdu)

    def close(self) -> None:
        """Close the connection to the card, and leave the card as it is."""
        self._block = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _update(self, place: int, data: bytes, size: int) -> None:
        if len(data) != size:
            raise CardError("refused")
        if self._done(self._transmit(bytes((0xFF, 0xD6, 0, place, size)) + data)):
            raise CardError("garbled")

    def _raw(self, frame: bytes) -> bytes:
        raw = self._family.raw
        if raw is None:
            raise CardError("refused")
        content = raw.before_frame + frame
        answer = self._transmit(raw.head + bytes((len(content),)) + content)
        if answer[-2:] != _OK or not answer.startswith(raw.before_answer):
            raise CardError("refused" if self._is_there() else "silent")
        return answer[len(raw.before_answer) : -2]

    def _done(self, answer: bytes) -> bytes:
        """Return the data of an answer. Raise CardError for every status but success."""
        if answer[-2:] == _OK:
            return answer[:-2]
        raise CardError("refused" if self._is_there() else "silent")

    def _is_there(self) -> bool:
        """Return True if the card still tells its UID: readers refuse in the same words when it is gone."""
        try:
            self._uid()
        except CardError:
            return False
        return True

    def _uid(self) -> bytes:
        answer = self._transmit(_GET_UID)
        if answer[-2:] != _OK:
            raise CardError("silent")
        if len(answer) - 2 not in UID_LENGTHS:
            raise CardError("garbled")
        return answer[:-2]

    def _transmit(self, apdu: bytes) -> bytes:
        try:
            return self._open().transmit(apdu)
        except ReaderTrouble as trouble:
            raise self._failed(trouble) from trouble

    def _open(self) -> Connection:
        if self._connection is None:
            raise CardError("silent")
        return self._connection

    def _failed(self, trouble: ReaderTrouble) -> OSError:
        """Return a CardError if it was the card that failed, or the reader's trouble."""
        self.close()
        return CardError("silent") if trouble.code in troubles.CARD_GONE else trouble


def driver_of(part: str) -> PcscDriver:
    """Return the driver of the reader with this part in its name. It connects when it is used."""
    return PcscDriver(lambda: connect(part))


def identity_of(atr: bytes, uid: bytes) -> CardIdentity:
    """Return the identity behind an ATR. Raise CardError ("unknown") for an ATR of no contactless card."""
    if len(atr) < 4 or (atr[0], atr[1] & 0xF0, *atr[2:4]) != _CARD_ATR or _checksum(atr[1:]):
        raise CardError("unknown")
    historical = atr[4:-1]
    if len(historical) != atr[1] & 0x0F:
        raise CardError("unknown")
    if not historical.startswith(_STORAGE[:2]):
        return CardIdentity(uid, SAK_ISO14443_4, b"\x44\x03")
    if len(historical) < 11 or not historical.startswith(_STORAGE) or historical[8] != _STANDARD_14443A_3:
        raise CardError("unknown")
    if historical[9] == _NAME_IS_SAK:
        return CardIdentity(uid, historical[10], b"\x04\x00")
    known = _NAMES.get(historical[9:11])
    if known is None:
        raise CardError("unknown")
    return CardIdentity(uid, *known)


def _checksum(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total
