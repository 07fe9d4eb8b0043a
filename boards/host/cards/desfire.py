"""The application layer of a MIFARE DESFire EV1: native commands in, answers out, as the MF3ICD81 data sheet has them.

`answer(command)` takes one native frame, or one wrapped in an ISO 7816-4 command (class 0x90). Any error ends the
authentication and drops the transaction. `power_off` does the same and selects the card itself again. AES alone is
modelled: a card's own master key, DES when the card is delivered, is left as it is.

A card with a random UID (SetConfiguration) tells the real one in GetCardUID alone: GetVersion has zeros in its place.

Not modelled: DES keys, record files, limited credit, SetConfiguration, disabled cards.
"""

from boards.host.cards import desfire_crypto as crypto
from boards.host.cards.desfire_files import BACKUP, STANDARD, DataFile, ValueFile, are_limits, packed, unpacked

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

OK = 0x00
NO_CHANGES = 0x0C
ILLEGAL_COMMAND = 0x1C
INTEGRITY = 0x1E
NO_SUCH_KEY = 0x40
LENGTH = 0x7E
PERMISSION = 0x9D
PARAMETER = 0x9E
NO_APPLICATION = 0xA0
AUTHENTICATION = 0xAE
MORE = 0xAF
BOUNDARY = 0xBE
ABORTED = 0xCA
DUPLICATE = 0xDE
NO_FILE = 0xF0

FRAME = 60
PLAIN, MACED, ENCIPHERED = 0, 1, 3

_BLOCK = crypto.BLOCK
_MAC = 8
_FREE = 0xE
_NEVER = 0xF
_CARD = 0
_AES_KEYS = 0x80
_FIRST = 0xAA
_CHANGE_MASTER, _FREE_LISTS, _FREE_FILES, _CHANGE_SETTINGS = 1, 2, 4, 8
_MODES = (PLAIN, MACED, 2, ENCIPHERED)


class Refused(Exception):
    """The card answers with an error status."""

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


class Application:
    """An application: `keys` of 16 bytes, their `versions`, `settings` (one byte) and `files` by number."""

    def __init__(self, settings: int, key_count: int) -> None:
        self.settings = settings
        self.keys = [bytes(_BLOCK)] * key_count
        self.versions = [0] * key_count
        self.files: dict = {}


class DesfireCard:
    """A DESFire EV1 with a UID of seven bytes. `random_bytes(count)` draws its challenges."""

    hardware_version = 0x01

    def __init__(self, uid: bytes, random_bytes: "Callable[[int], bytes]") -> None:
        if len(uid) != 7:
            raise ValueError("a DESFire card has a UID of seven bytes")
        self.uid = uid
        self.has_random_uid = False
        self.applications: dict = {}
        self._random_bytes = random_bytes
        self._commands = _commands_of(self)

        self._identifier = _CARD
        self._incoming = b""
        self._outgoing: list = []
        self._challenge: tuple | None = None
        self._session: bytes | None = None
        self._iv = bytes(_BLOCK)
        self._key_number: int | None = None

    def power_off(self) -> None:
        """Lose the authentication, the transaction and the selection."""
        self._incoming = b""
        self._outgoing = []
        self._challenge = None
        self._end_session()  # the transaction is that of the selected application
        self._identifier = _CARD

    def answer(self, command: bytes) -> bytes:
        """Return the answer to one frame."""
        command = bytes(command)
        if command[:1] == b"\x90" and len(command) >= 5:
            return self._wrapped(command)
        if not command or len(command) > FRAME:
            return self._failed(LENGTH)
        try:
            return self._frame(command)
        except Refused as refused:
            return self._failed(refused.status)

    def _wrapped(self, command: bytes) -> bytes:
        data = b""
        if len(command) > 5:
            data = command[5 : 5 + command[4]]
            if len(command) not in (5 + command[4], 6 + command[4]):
                return b"\x91" + bytes((LENGTH,))
        reply = self.answer(command[1:2] + data)
        return reply[1:] + b"\x91" + reply[:1]

    def _failed(self, status: int) -> bytes:
        self._incoming = b""
        self._outgoing = []
        self._challenge = None
        self._end_session()
        return bytes((status,))

    def _end_session(self) -> None:
        self._session = None
        self._iv = bytes(_BLOCK)
        self._key_number = None
        self._drop_changes()

    def _drop_changes(self) -> None:
        application = self.applications.get(self._identifier)
        if application is not None:
            for file in application.files.values():
                file.abort()

    def _frame(self, frame: bytes) -> bytes:
        code = frame[0]
        if code == MORE:
            return self._next_frame(frame)
        if self._outgoing or self._incoming or self._challenge is not None:
            raise Refused(ABORTED)
        return self._whole(frame)

    def _next_frame(self, frame: bytes) -> bytes:
        if self._challenge is not None:
            return self._authenticated(frame[1:])
        if self._outgoing:
            if len(frame) != 1:
                raise Refused(LENGTH)
            return self._next_answer()
        if not self._incoming:
            raise Refused(ILLEGAL_COMMAND)
        command = self._incoming + frame[1:]
        self._incoming = b""
        return self._whole(command)

    def _whole(self, command: bytes) -> bytes:
        """Carry out a command, or wait for its other frames."""
        work = self._commands.get(command[0])
        if work is None:
            raise Refused(ILLEGAL_COMMAND)
        if command[0] == 0x3D and len(command) >= 8 and self._lacks_data(command):
            self._incoming = command
            return bytes((MORE,))
        return work(command)

    def _lacks_data(self, command: bytes) -> bool:
        """Return True while a WriteData command is shorter than it says it is."""
        file = self._file(command[1])
        mode = self._mode_of(file, (2, 1))
        length = int.from_bytes(command[5:8], "little")
        if mode == ENCIPHERED:
            length = (length + 4 + _BLOCK - 1) // _BLOCK * _BLOCK
        return len(command) < 8 + length + (_MAC if mode == MACED else 0)

    def _next_answer(self) -> bytes:
        part = self._outgoing.pop(0)
        return bytes((MORE if self._outgoing else OK,)) + part

    def _send(self, data: bytes) -> bytes:
        """Return the first frame of `data`, and keep the others."""
        self._outgoing = [data[place : place + FRAME - 1] for place in range(0, len(data), FRAME - 1)] or [b""]
        return self._next_answer()

    def _reply(self, data: bytes) -> bytes:
        """Return the first frame of an answer, with its MAC while a key is authenticated."""
        return self._send(data + self._mac(data + bytes((OK,))))

    def _mac(self, message: bytes) -> bytes:
        """Return the MAC of the session, or nothing while no key is authenticated."""
        if self._session is None:
            return b""
        self._iv = crypto.cmac(self._session, self._iv, message)
        return self._iv[:_MAC]

    def _plain(self, command: bytes, length: int) -> None:
        """Take a command that is not enciphered, and refuse another length."""
        self._mac(command)
        if len(command) != length:
            raise Refused(LENGTH)

    # Secure messaging (section 8.3)

    def _taken(self, command: bytes, head: int, length: int, mode: int) -> bytes:
        """Return the `length` data bytes of a command behind its `head` bytes, proven as `mode` asks for."""
        if mode == ENCIPHERED:
            return self._deciphered(command, head, length)
        size = head + length
        if mode == MACED:
            if len(command) != size + _MAC:
                raise Refused(LENGTH)
            if self._mac(command[:size]) != command[size:]:
                raise Refused(INTEGRITY)
        else:
            self._plain(command, size)
        return command[head:size]

    def _deciphered(self, command: bytes, head: int, length: int) -> bytes:
        cipher = command[head:]
        if len(cipher) != (length + 4 + _BLOCK - 1) // _BLOCK * _BLOCK:
            raise Refused(LENGTH)
        clear = self._decrypted(cipher)
        data = clear[:length]
        if clear != crypto.padded(data + crypto.crc32(command[:head] + data)):
            raise Refused(INTEGRITY)
        return data

    def _decrypted(self, cipher: bytes) -> bytes:
        if self._session is None:
            raise Refused(AUTHENTICATION)
        clear = crypto.decrypt(self._session, self._iv, cipher)
        self._iv = cipher[-_BLOCK:]
        return clear

    def _told(self, data: bytes, mode: int) -> bytes:
        """Return the first frame with data of a file."""
        if mode != ENCIPHERED or self._session is None:
            return self._reply(data)
        clear = crypto.padded(data + crypto.crc32(data + bytes((OK,))))
        cipher = crypto.encrypt(self._session, self._iv, clear)
        self._iv = cipher[-_BLOCK:]
        return self._send(cipher)

    # Authentication (section 8.2)

    def authenticate_aes(self, command: bytes) -> bytes:
        if len(command) != 2:
            raise Refused(LENGTH)
        self._end_session()
        application = self._application()
        if command[1] >= len(application.keys):
            raise Refused(NO_SUCH_KEY)
        number = self._random_bytes(_BLOCK)
        cipher = crypto.encrypt(application.keys[command[1]], bytes(_BLOCK), number)
        self._challenge = (command[1], number, cipher)
        return bytes((MORE,)) + cipher

    def _authenticated(self, data: bytes) -> bytes:
        if self._challenge is None:
            raise Refused(ILLEGAL_COMMAND)
        key_number, own, cipher = self._challenge
        self._challenge = None
        if len(data) != 2 * _BLOCK:
            raise Refused(LENGTH)
        key = self._application().keys[key_number]
        clear = crypto.decrypt(key, cipher, data)
        other, turned = clear[:_BLOCK], clear[_BLOCK:]
        if turned != own[1:] + own[:1]:
            raise Refused(AUTHENTICATION)
        self._session = other[:4] + own[:4] + other[12:] + own[12:]
        self._key_number = key_number
        self._iv = bytes(_BLOCK)
        return bytes((OK,)) + crypto.encrypt(key, data[-_BLOCK:], other[1:] + other[:1])

    # The card and its applications (sections 8.4 and 8.5)

    def get_version(self, command: bytes) -> bytes:
        self._plain(command, 1)
        hardware = bytes((0x04, 0x01, 0x01, self.hardware_version, 0x00, 0x18, 0x05))
        software = bytes((0x04, 0x01, 0x01, self.hardware_version, 0x00, 0x18, 0x05))
        production = (bytes(7) if self.has_random_uid else self.uid) + bytes(5) + b"\x20\x26"
        production += self._mac(hardware + software + production + bytes((OK,)))
        self._outgoing = [hardware, software, production]
        return self._next_answer()

    def get_card_uid(self, command: bytes) -> bytes:
        self._plain(command, 1)
        if self._key_number is None:
            raise Refused(AUTHENTICATION)
        return self._told(self.uid, ENCIPHERED)

    def select_application(self, command: bytes) -> bytes:
        if len(command) != 4:
            raise Refused(LENGTH)
        identifier = int.from_bytes(command[1:], "little")
        self._end_session()
        if identifier != _CARD and identifier not in self.applications:
            self._identifier = _CARD
            raise Refused(NO_APPLICATION)
        self._identifier = identifier
        return bytes((OK,))

    def create_application(self, command: bytes) -> bytes:
        self._plain(command, 6)
        if self._identifier != _CARD:
            raise Refused(PERMISSION)
        identifier = int.from_bytes(command[1:4], "little")
        key_count = command[5] & 0x0F
        if command[5] & 0xC0 != _AES_KEYS or not 1 <= key_count <= 14:
            raise Refused(PARAMETER)
        if identifier == _CARD or identifier in self.applications:
            raise Refused(DUPLICATE)
        self.applications[identifier] = Application(command[4], key_count)
        return self._reply(b"")

    def get_application_ids(self, command: bytes) -> bytes:
        self._plain(command, 1)
        if self._identifier != _CARD:
            raise Refused(PERMISSION)
        return self._reply(b"".join([one.to_bytes(3, "little") for one in self.applications]))

    def get_key_version(self, command: bytes) -> bytes:
        self._plain(command, 2)
        versions = self._application().versions
        if command[1] >= len(versions):
            raise Refused(NO_SUCH_KEY)
        return self._reply(bytes((versions[command[1]],)))

    def get_key_settings(self, command: bytes) -> bytes:
        self._plain(command, 1)
        application = self._application()
        self._need_master(application, _FREE_LISTS)
        return self._reply(bytes((application.settings, _AES_KEYS | len(application.keys))))

    def change_key_settings(self, command: bytes) -> bytes:
        application = self._application()
        self._need_key(0)
        settings = self._deciphered(command, 1, 1)[0]
        if not application.settings & _CHANGE_SETTINGS:
            raise Refused(PERMISSION)
        application.settings = settings
        return self._reply(b"")

    def change_key(self, command: bytes) -> bytes:
        """Change a key (section 8.4.5): the key in force is added to another one than the authenticated key."""
        if self._session is None:
            raise Refused(AUTHENTICATION)
        number = self._key_to_change(command)
        is_own = number == self._key_number
        cipher = command[2:]
        if len(cipher) != 2 * _BLOCK:
            raise Refused(LENGTH)
        clear = self._decrypted(cipher)
        key, version = clear[:_BLOCK], clear[_BLOCK]
        checks = crypto.crc32(command[:2] + clear[: _BLOCK + 1])
        if not is_own:
            key = self._without_old_key(number, key)
            checks += crypto.crc32(key)
        if clear != crypto.padded(clear[: _BLOCK + 1] + checks):
            raise Refused(INTEGRITY)
        return self._put_key(number, key, version)

    def _key_to_change(self, command: bytes) -> int:
        """Return the number of the key in a command. Raise Refused if there is none, or nobody may change it now."""
        application = self._application()
        if len(command) < 2 or command[1] >= len(application.keys):
            raise Refused(NO_SUCH_KEY)
        self._refuse_key_change(application, command[1])
        return command[1]

    def _without_old_key(self, number: int, added: bytes) -> bytes:
        """Return the new key from its sum with the key in force."""
        old = self._application().keys[number]
        return bytes([added[place] ^ old[place] for place in range(_BLOCK)])

    def _put_key(self, number: int, key: bytes, version: int) -> bytes:
        """Put a key in force, and return the answer. The session ends if it is its own key."""
        application = self._application()
        application.keys[number], application.versions[number] = key, version
        if number == self._key_number:
            self._end_session()
            return bytes((OK,))
        return self._reply(b"")

    def _refuse_key_change(self, application: Application, number: int) -> None:
        rule = application.settings >> 4
        if number == 0:
            if not application.settings & _CHANGE_MASTER:
                raise Refused(PERMISSION)
            rule = 0
        if rule == _NEVER:
            raise Refused(PERMISSION)
        if self._key_number != (number if rule == _FREE else rule):
            raise Refused(AUTHENTICATION)

    # Files (section 8.5)

    def create_backup_file(self, command: bytes) -> bytes:
        return self._create_data_file(command, BACKUP)

    def create_standard_file(self, command: bytes) -> bytes:
        return self._create_data_file(command, STANDARD)

    def _create_data_file(self, command: bytes, kind: int) -> bytes:
        self._plain(command, 8)
        size = int.from_bytes(command[5:8], "little")
        if not size:
            raise Refused(PARAMETER)
        return self._add_file(command, DataFile(kind, command[2], _rights_in(command), size))

    def create_value_file(self, command: bytes) -> bytes:
        self._plain(command, 18)
        lower, upper, value = (unpacked(command[place : place + 4]) for place in (5, 9, 13))
        if not are_limits(lower, upper, value) or command[17] > 3:
            raise Refused(PARAMETER)
        return self._add_file(command, ValueFile(command[2], _rights_in(command), (lower, upper), value, command[17]))

    def _add_file(self, command: bytes, file: "DataFile | ValueFile") -> bytes:
        application = self._application()
        self._need_master(application, _FREE_FILES)
        if command[1] > 0x1F or file.mode not in _MODES:
            raise Refused(PARAMETER)
        if command[1] in application.files:
            raise Refused(DUPLICATE)
        rights = [file.rights >> shift & 0xF for shift in (0, 4, 8, 12)]
        if any(len(application.keys) <= right < _FREE for right in rights):
            raise Refused(PARAMETER)
        application.files[command[1]] = file
        return self._reply(b"")

    def get_file_ids(self, command: bytes) -> bytes:
        self._plain(command, 1)
        application = self._application()
        self._need_master(application, _FREE_LISTS)
        return self._reply(bytes(application.files))

    def get_file_settings(self, command: bytes) -> bytes:
        self._plain(command, 2)
        self._need_master(self._application(), _FREE_LISTS)
        return self._reply(self._file(command[1]).settings())

    def read_data(self, command: bytes) -> bytes:
        self._plain(command, 8)
        file = self._data_file(command[1])
        mode = self._mode_of(file, (3, 1))
        data = file.read(int.from_bytes(command[2:5], "little"), int.from_bytes(command[5:8], "little"))
        if data is None:
            raise Refused(BOUNDARY)
        return self._told(data, mode)

    def write_data(self, command: bytes) -> bytes:
        if len(command) < 8:
            raise Refused(LENGTH)
        file = self._data_file(command[1])
        length = int.from_bytes(command[5:8], "little")
        if not length:
            raise Refused(PARAMETER)
        data = self._taken(command, 8, length, self._mode_of(file, (2, 1)))
        self._refuse_status(file.write(int.from_bytes(command[2:5], "little"), data))
        return self._reply(b"")

    def get_value(self, command: bytes) -> bytes:
        self._plain(command, 2)
        file = self._value_file(command[1])
        mode = PLAIN if file.has_free_get_value else self._mode_of(file, (3, 2, 1))
        return self._told(packed(file.value), mode)

    def credit(self, command: bytes) -> bytes:
        return self._change_value(command, (1,), 1)

    def debit(self, command: bytes) -> bytes:
        return self._change_value(command, (3, 2, 1), -1)

    def _change_value(self, command: bytes, rights: tuple, sign: int) -> bytes:
        if len(command) < 2:
            raise Refused(LENGTH)
        file = self._value_file(command[1])
        amount = unpacked(self._taken(command, 2, 4, self._mode_of(file, rights)))
        if amount < 0:
            raise Refused(PARAMETER)
        self._refuse_status(file.change(sign * amount))
        return self._reply(b"")

    def commit(self, command: bytes) -> bytes:
        self._plain(command, 1)
        self._refuse_no_changes()
        for file in self._application().files.values():
            file.commit()
        return self._reply(b"")

    def abort(self, command: bytes) -> bytes:
        self._plain(command, 1)
        self._refuse_no_changes()
        self._drop_changes()
        return self._reply(b"")

    def _refuse_no_changes(self) -> None:
        if not any([file.is_changed for file in self._application().files.values()]):
            raise Refused(NO_CHANGES)

    def _refuse_status(self, status: int) -> None:
        if status != OK:
            raise Refused(status)

    # Rights

    def _application(self) -> Application:
        """Return the selected application. The card's own level has no AES key here."""
        application = self.applications.get(self._identifier)
        if application is None:
            raise Refused(PERMISSION)
        return application

    def _file(self, number: int) -> "DataFile | ValueFile":
        file = self._application().files.get(number)
        if file is None:
            raise Refused(NO_FILE)
        return file

    def _data_file(self, number: int) -> DataFile:
        file = self._file(number)
        if not isinstance(file, DataFile):
            raise Refused(PARAMETER)
        return file

    def _value_file(self, number: int) -> ValueFile:
        file = self._file(number)
        if not isinstance(file, ValueFile):
            raise Refused(PARAMETER)
        return file

    def _mode_of(self, file: "DataFile | ValueFile", places: tuple) -> int:
        """Return the communication mode of an access by one of the rights at `places` (section 8.5.3).

        A free access is in plain, unless the authenticated key has the right as well.
        """
        rights = [file.rights >> 4 * place & 0xF for place in places]
        if self._key_number is not None and self._key_number in rights:
            return file.mode if file.mode in (MACED, ENCIPHERED) else PLAIN
        if _FREE in rights:
            return PLAIN
        raise Refused(PERMISSION if all([right == _NEVER for right in rights]) else AUTHENTICATION)

    def _need_key(self, number: int) -> None:
        if self._key_number != number:
            raise Refused(AUTHENTICATION)

    def _need_master(self, application: Application, free: int) -> None:
        if not application.settings & free:
            self._need_key(0)


def _rights_in(command: bytes) -> int:
    return command[3] | command[4] << 8


def _commands_of(card: DesfireCard) -> dict:
    """Return the work of each command (section 8.4 to 8.7)."""
    return {
        _FIRST: card.authenticate_aes,
        0x60: card.get_version,
        0x51: card.get_card_uid,
        0x5A: card.select_application,
        0xCA: card.create_application,
        0x6A: card.get_application_ids,
        0x64: card.get_key_version,
        0x45: card.get_key_settings,
        0x54: card.change_key_settings,
        0xC4: card.change_key,
        0xCB: card.create_backup_file,
        0xCD: card.create_standard_file,
        0xCC: card.create_value_file,
        0x6F: card.get_file_ids,
        0xF5: card.get_file_settings,
        0xBD: card.read_data,
        0x3D: card.write_data,
        0x6C: card.get_value,
        0x0C: card.credit,
        0xDC: card.debit,
        0xC7: card.commit,
        0xA7: card.abort,
    }
