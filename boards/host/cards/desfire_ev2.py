"""The application layer of a MIFARE DESFire EV2 or EV3: that of EV1, and the secure messaging of EV2 with AES.

Sources: NXP AN12196 and AN12343, MF2DLHX0 data sheet, section 9.1. A card that was authenticated by a command of EV1
speaks as an EV1. Written apart from the firmware that it tests, like `desfire`.

The card counts commands. Each command but those in plain goes with a MAC, and its answer too. An error ends the
session.
A card with a random UID tells the real one in GetCardUID alone: GetVersion has zeros in its place.

Not modelled: LRP, transaction MACs, proximity check, virtual cards, delegated applications, key sets.
"""

from boards.host.cards import desfire
from boards.host.cards import desfire_crypto as crypto
from boards.host.cards.desfire import (
    AUTHENTICATION,
    ENCIPHERED,
    INTEGRITY,
    LENGTH,
    MACED,
    MORE,
    NO_SUCH_KEY,
    OK,
    PARAMETER,
    PLAIN,
    DesfireCard,
    Refused,
)

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

EV2, EV3 = 0x12, 0x33

_BLOCK = crypto.BLOCK
_MAC = 8
_COUNT_LIMIT = 0xFFFF
_MOST_CAPABILITIES = 6


class _Session:
    """A session of EV2: two keys, the transaction identifier, and the number of commands."""

    def __init__(self, enciphering: bytes, proving: bytes, transaction: bytes, count: int) -> None:
        self.enciphering = enciphering
        self.proving = proving
        self.transaction = transaction
        self.count = count


class DesfireEv2Card(DesfireCard):
    """A DESFire EV2 or EV3 with a UID of seven bytes. `random_bytes(count)` draws its challenges."""

    def __init__(self, uid: bytes, random_bytes: "Callable[[int], bytes]", hardware_version: int = EV2) -> None:
        super().__init__(uid, random_bytes)
        self.hardware_version = hardware_version
        self._ev2: _Session | None = None
        self._handshake: tuple | None = None
        self._commands[0x71] = self.authenticate_first
        self._commands[0x77] = self.authenticate_non_first

    def power_off(self) -> None:
        self._handshake = None
        super().power_off()

    def _end_session(self) -> None:
        self._ev2 = None
        super()._end_session()

    def _failed(self, status: int) -> bytes:
        self._handshake = None
        return super()._failed(status)

    # Authentication

    def authenticate_first(self, command: bytes) -> bytes:
        if len(command) < 3 or len(command) != 3 + command[2] or command[2] > _MOST_CAPABILITIES:
            raise Refused(LENGTH)
        if any(command[3:4]):
            raise Refused(PARAMETER)  # LRP
        self._end_session()
        return self._challenge_for(command[1], command[3:], None)

    def authenticate_non_first(self, command: bytes) -> bytes:
        if len(command) != 2:
            raise Refused(LENGTH)
        before = self._ev2
        if before is None:
            raise Refused(AUTHENTICATION)
        self._end_session()
        return self._challenge_for(command[1], b"", before)

    def _challenge_for(self, key_number: int, capabilities: bytes, before: "_Session | None") -> bytes:
        application = self._application()
        if key_number >= len(application.keys):
            raise Refused(NO_SUCH_KEY)
        number = self._random_bytes(_BLOCK)
        self._handshake = (key_number, number, capabilities, before)
        self._challenge = (key_number, number, b"")
        return bytes((MORE,)) + crypto.encrypt(application.keys[key_number], bytes(_BLOCK), number)

    def _authenticated(self, data: bytes) -> bytes:
        if self._handshake is None:
            return super()._authenticated(data)
        key_number, own, capabilities, before = self._handshake
        self._handshake = self._challenge = None
        if len(data) != 2 * _BLOCK:
            raise Refused(LENGTH)
        key = self._application().keys[key_number]
        clear = crypto.decrypt(key, bytes(_BLOCK), data)
        other, turned = clear[:_BLOCK], clear[_BLOCK:]
        if turned != own[1:] + own[:1]:
            raise Refused(AUTHENTICATION)
        turned = other[1:] + other[:1]
        if before is None:
            transaction, count = self._random_bytes(4)[:4], 0
            turned = transaction + turned + bytes(6) + capabilities + bytes(6 - len(capabilities))
        else:
            transaction, count = before.transaction, before.count
        enciphering, proving = _keys_of(key, other, own)
        self._ev2 = _Session(enciphering, proving, transaction, count)
        self._session = self._ev2.enciphering
        self._key_number = key_number
        return bytes((OK,)) + crypto.encrypt(key, bytes(_BLOCK), turned)

    # Secure messaging

    def _plain(self, command: bytes, length: int) -> None:
        """Take a command without enciphered data. In a session of EV2 it has a MAC."""
        if self._ev2 is None:
            return super()._plain(command, length)
        self._prove(command, length)

    def _prove(self, command: bytes, length: int) -> None:
        session = self._running()
        if len(command) != length + _MAC:
            raise Refused(LENGTH)
        if _mac(session, command[:1], command[1:length]) != command[length:]:
            raise Refused(INTEGRITY)

    def _running(self) -> _Session:
        session = self._ev2
        if session is None:
            raise Refused(AUTHENTICATION)
        if session.count >= _COUNT_LIMIT:
            raise Refused(desfire.ILLEGAL_COMMAND)
        return session

    def _mac(self, message: bytes) -> bytes:
        """Return the MAC of an answer, which has its status behind its data here."""
        session = self._ev2
        if session is None:
            return super()._mac(message)
        session.count += 1
        return _mac(session, message[-1:], message[:-1])

    def _taken(self, command: bytes, head: int, length: int, mode: int) -> bytes:
        if self._ev2 is None:
            return super()._taken(command, head, length, mode)
        if mode == ENCIPHERED:
            return self._deciphered(command, head, length)
        if mode == MACED:
            self._prove(command, head + length)
        elif len(command) != head + length:
            raise Refused(LENGTH)
        return command[head : head + length]

    def _deciphered(self, command: bytes, head: int, length: int) -> bytes:
        session = self._ev2
        if session is None:
            return super()._deciphered(command, head, length)
        size = (length // _BLOCK + 1) * _BLOCK
        self._prove(command, head + size)
        clear = crypto.decrypt(session.enciphering, _vector(session, b"\xa5\x5a"), command[head : head + size])
        if clear != _padded(clear[:length]):
            raise Refused(INTEGRITY)
        return clear[:length]

    def _told(self, data: bytes, mode: int) -> bytes:
        session = self._ev2
        if session is None:
            return super()._told(data, mode)
        if mode == PLAIN:
            session.count += 1
            return self._send(data)
        if mode == ENCIPHERED:
            session.count += 1
            data = crypto.encrypt(session.enciphering, _vector(session, b"\x5a\xa5"), _padded(data))
            session.count -= 1
        return self._reply(data)

    def _lacks_data(self, command: bytes) -> bool:
        if self._ev2 is None:
            return super()._lacks_data(command)
        mode = self._mode_of(self._file(command[1]), (2, 1))
        length = int.from_bytes(command[5:8], "little")
        if mode == ENCIPHERED:
            length = (length // _BLOCK + 1) * _BLOCK
        return len(command) < 8 + length + (0 if mode == PLAIN else _MAC)

    # Commands that differ

    def read_data(self, command: bytes) -> bytes:
        return self._read(command, 8, (3, 1), super().read_data)

    def get_value(self, command: bytes) -> bytes:
        return self._read(command, 2, (3, 2, 1), super().get_value)

    def _read(self, command: bytes, length: int, rights: tuple, read: "Callable[[bytes], bytes]") -> bytes:
        """Read a file. A file in plain mode wants no MAC."""
        if self._ev2 is None or len(command) < 2:
            return read(command)
        file = self._file(command[1])
        is_free = getattr(file, "has_free_get_value", False)
        if is_free or self._mode_of(file, rights) == PLAIN:
            if len(command) != length:
                raise Refused(LENGTH)
            command += _mac(self._running(), command[:1], command[1:])
        return read(command)

    def change_key(self, command: bytes) -> bytes:
        """Change a key (AN12196, section 6.16): the key in force is added to another one than the authenticated key."""
        if self._ev2 is None:
            return super().change_key(command)
        number = self._key_to_change(command)
        is_own = number == self._key_number
        clear = self._deciphered(command, 2, _BLOCK + 1 if is_own else _BLOCK + 5)
        key, version = clear[:_BLOCK], clear[_BLOCK]
        if not is_own:
            key = self._without_old_key(number, key)
            if clear[_BLOCK + 1 :] != crypto.crc32(key):
                raise Refused(INTEGRITY)
        return self._put_key(number, key, version)


def _keys_of(key: bytes, other: bytes, own: bytes) -> tuple:
    """Return the keys of a session: `other` is the number of the reader."""
    mixed = bytes([other[2 + place] ^ own[place] for place in range(6)])
    tail = b"\x00\x01\x00\x80" + other[:2] + mixed + own[6:] + other[8:]
    return (
        crypto.cmac(key, bytes(_BLOCK), b"\xa5\x5a" + tail),
        crypto.cmac(key, bytes(_BLOCK), b"\x5a\xa5" + tail),
    )


def _mac(session: _Session, code: bytes, data: bytes) -> bytes:
    message = code + session.count.to_bytes(2, "little") + session.transaction + data
    whole = crypto.cmac(session.proving, bytes(_BLOCK), message)
    return bytes([whole[place] for place in range(1, _BLOCK, 2)])


def _vector(session: _Session, label: bytes) -> bytes:
    start = label + session.transaction + session.count.to_bytes(2, "little") + bytes(8)
    return crypto.encrypt(session.enciphering, bytes(_BLOCK), start)


def _padded(data: bytes) -> bytes:
    return crypto.padded(data + b"\x80")
