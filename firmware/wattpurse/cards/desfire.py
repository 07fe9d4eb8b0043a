"""A MIFARE DESFire EV1 card: native commands over a transport, with AES (MF3ICD81 data sheet, sections 8.2 to 8.7).

A transport has `async transceive(command, meanwhile=None) -> bytes`, for one command and its answer of at most FRAME
bytes, as ISO 14443-4 carries them. It raises CardError or ReaderError. It calls `meanwhile()` once, before it returns.
At a reader the command is on the air then, and work costs no time. Such work does not raise, and needs little stack. A
longer command or answer goes in frames that begin with MORE. An error ends the authentication, here as on the card.
"""

import struct

from wattpurse.cards.desfire_session import Authentication, Session
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import BLOCK

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.hal import Aes

    class Transport(Protocol):
        """The way to a card: one command out, one answer back."""

        async def transceive(self, command: bytes, meanwhile: "Callable[[], object] | None" = None) -> bytes: ...


FRAME = 60
VALUE_SIZE = 4
PLAIN, MACED, ENCIPHERED = 0, 1, 3  # the communication modes of a file

OK = 0x00
ILLEGAL_COMMAND = 0x1C
NO_APPLICATION = 0xA0
AUTHENTICATION = 0xAE
MORE = 0xAF
BOUNDARY = 0xBE
DUPLICATE = 0xDE

_AUTHENTICATE_AES = 0xAA
_SELECT_APPLICATION = 0x5A
_GET_VERSION = b"\x60"
_GET_KEY_VERSION = 0x64
_GET_FILE_SETTINGS = 0xF5
_READ_DATA = 0xBD
_WRITE_DATA = 0x3D
_GET_VALUE = 0x6C
_CREDIT = 0x0C
_DEBIT = 0xDC
_COMMIT = b"\xc7"
_ABORT = b"\xa7"

_MORE = b"\xaf"
_MOST_FRAMES = 16
_FIRST_OF_EV2 = 0x10  # major versions of the hardware: 0x01 is EV1, 0x12 is EV2, 0x33 is EV3


class StatusError(CardError):
    """The card answered with an error: `status` (section 8.8)."""

    def __init__(self, status: int) -> None:
        super().__init__("refused")
        self.status = status


class Desfire:
    """A card behind `transport`. `random_bytes(count)` draws the numbers of authentications.

    `messaging` is the version of the secure messaging that it is spoken to with: 1 for EV1, 2 for EV2.
    """

    messaging = 1

    def __init__(self, transport: "Transport", aes: "Aes", random_bytes: "Callable[[int], bytes]") -> None:
        self._transport = transport
        self._aes = aes
        self._random_bytes = random_bytes
        self.session = None

    async def select_application(self, identifier: int, meanwhile: "Callable[[], object] | None" = None) -> None:
        """Select an application, or the card itself with 0. Nobody is authenticated then."""
        self.session = None
        await self.exchange(bytes((_SELECT_APPLICATION,)) + identifier.to_bytes(3, "little"), meanwhile)

    async def authenticate(self, key_number: int, key: bytes) -> None:
        """Prove a key of the application to the card, and let the card prove it. Raise CardError otherwise."""
        self.session = None
        begun = []

        def begin() -> None:
            begun.append(Authentication(self._aes, key, self._random_bytes(BLOCK)))

        challenge = await self._frame(bytes((_AUTHENTICATE_AES, key_number)), MORE, begin)
        passes = begun[0]
        proof = await self._frame(_MORE + passes.reply(challenge), OK, passes.prepare)
        self.session = passes.session(proof)

    async def get_version(self) -> bytes:
        """Return the facts of hardware, software and production: 28 bytes, the UID at 14."""
        return await self.command(_GET_VERSION)

    async def get_key_version(self, key_number: int) -> int:
        """Return the version of a key."""
        return (await self.command(bytes((_GET_KEY_VERSION, key_number))))[0]

    async def get_file_settings(self, file: int) -> bytes:
        """Return the settings of a file: kind, mode, rights (two bytes), size or limits."""
        return await self.command(bytes((_GET_FILE_SETTINGS, file)))

    async def read_data(self, file: int, offset: int, length: int, mode: int) -> bytes:
        """Return `length` bytes of a file in communication mode `mode`."""
        data = await self.command(data_command(file, offset, length), length if mode == ENCIPHERED else None)
        if len(data) != length:
            raise CardError("garbled")
        return data

    async def write_data(self, file: int, offset: int, data: bytes, mode: int) -> None:
        """Write bytes of a file. A backup file keeps them aside until `commit`."""
        await self.change(_write_command(file, offset, len(data)), data, mode)

    async def get_value(self, file: int, mode: int) -> int:
        """Return the value of a value file."""
        data = await self.command(value_command(file), VALUE_SIZE if mode == ENCIPHERED else None)
        if len(data) != VALUE_SIZE:
            raise CardError("garbled")
        return value_in(data)

    async def credit(self, file: int, amount: int, mode: int) -> None:
        """Add to a value at the next `commit`."""
        await self.change(bytes((_CREDIT, file)), struct.pack("<i", amount), mode)

    async def debit(self, file: int, amount: int, mode: int, meanwhile: "Callable[[], object] | None" = None) -> None:
        """Subtract from a value at the next `commit`."""
        await self.change(bytes((_DEBIT, file)), struct.pack("<i", amount), mode, meanwhile)

    async def commit(self) -> None:
        """Make all changes since the last commit valid, all or none. After an error nobody knows which."""
        await self.command(_COMMIT)

    async def abort(self) -> None:
        """Drop all changes since the last commit."""
        await self.command(_ABORT)

    async def command(self, command: bytes, enciphered_length: "int | None" = None) -> bytes:
        """Return the data of a command that goes in plain. `enciphered_length` bytes of it come enciphered, if any."""
        session = self.session
        if session is None:
            return await self.exchange(command)
        answer = await self.exchange(command, lambda: session.sign(command))
        try:
            return session.verify(answer) if enciphered_length is None else session.decipher(answer, enciphered_length)
        except CardError:
            self.session = None
            raise

    async def command_all(self, commands: tuple) -> list:
        """Return the data of the answers to commands in turn. `commands` has the arguments of `command` for each.

        An answer is proved while the next command is on the air. Nothing is returned before all are proved.
        """
        session = self.session
        answers = []
        if not isinstance(session, Session):  # in plain, or with another messaging
            for command, enciphered_length in commands:
                answers.append(await self.command(command, enciphered_length))
            return answers
        proofs = _Proofs(session, answers)
        for command, enciphered_length in commands:
            proofs.command = command
            proofs.answer = await self.exchange(command, proofs.go_on)
            proofs.enciphered_length = enciphered_length
        proofs.prove()
        if proofs.failure is not None:
            self.session = None
            raise proofs.failure
        return answers

    async def change(
        self, head: bytes, data: bytes, mode: int, meanwhile: "Callable[[], object] | None" = None
    ) -> bytes:
        """Send a command with `data` behind `head`, in communication mode `mode`. Return the data of its answer."""
        session = self.session
        if session is None:
            return await self.exchange(head + data, meanwhile)
        if mode == ENCIPHERED:
            sent = head + session.encipher(head, data)
        else:
            sent = head + data
            mac = session.sign(sent)
            if mode == MACED:
                sent += mac
        return await self.finish(sent, meanwhile)

    async def finish(self, sent: bytes, meanwhile: "Callable[[], object] | None" = None) -> bytes:
        """Send a command that is protected already. Return the proven data of its answer."""
        session = self.session
        answer = await self.exchange(sent, meanwhile)
        try:
            return answer if session is None else session.verify(answer)
        except CardError:
            self.session = None
            raise

    async def exchange(self, command: bytes, meanwhile: "Callable[[], object] | None" = None) -> bytes:
        """Send a command in as many frames as it needs, and return all data of the answer. Raise StatusError."""
        session, self.session = self.session, None  # after anything but an answer with OK the session has ended
        part = command
        if len(command) > FRAME:
            part = await self._send_front(command)
        data = b""
        for _ in range(_MOST_FRAMES):
            answer = await self._transport.transceive(part, meanwhile)
            if not answer:
                break
            status = answer[0]
            if status == OK:
                self.session = session
                return data + answer[1:]
            if status != MORE:
                raise StatusError(status)
            data += answer[1:]
            part, meanwhile = _MORE, None
        raise CardError("garbled")

    async def _send_front(self, command: bytes) -> bytes:
        """Send all frames of a long command but the last. Return the last one."""
        part = command[:FRAME]
        for place in range(FRAME, len(command), FRAME - 1):
            if await self._frame(part, MORE):
                raise CardError("garbled")
            part = _MORE + command[place : place + FRAME - 1]
        return part

    async def _frame(self, frame: bytes, status: int, meanwhile: "Callable[[], object] | None" = None) -> bytes:
        """Send one frame outside a session. Return the data of an answer that has this status, OK or MORE."""
        answer = await self._transport.transceive(frame, meanwhile)
        if answer and answer[0] not in (OK, MORE):
            raise StatusError(answer[0])
        if not answer or answer[0] != status:
            raise CardError("garbled")
        return answer[1:]


class _Proofs:
    """The proof of answers of one session, each while the next command is on the air. Proven data go to `answers`."""

    def __init__(self, session: Session, answers: list) -> None:
        self.command = b""
        self.answer: bytes | None = None
        self.enciphered_length: int | None = None
        self.failure: CardError | None = None
        self._session = session
        self._answers = answers

    def go_on(self) -> None:
        """Prove the last answer, and take in the command that is on the air."""
        self.prove()
        self._session.sign(self.command)

    def prove(self) -> None:
        """Prove the last answer, if any. Keep the error in `failure`: it is raised when no frame is on the air."""
        session, answer, length = self._session, self.answer, self.enciphered_length
        if answer is None:
            return
        try:
            data = session.verify(answer) if length is None else session.decipher(answer, length)
            self._answers.append(data)
        except CardError as error:
            self.failure = error


class Ending:
    """The end of a transaction on `card`: bytes of `file` from `offset` on, with a MAC, and the commit.

    In a session both are signed ahead, while the command in front of them is on the air.
    """

    def __init__(self, card: Desfire, file: int, offset: int = 0) -> None:
        self._card = card
        self._file = file
        self._offset = offset
        self._session = card.session  # the card has none while a command is on the air
        self._data = self._write = b""
        self._commit = _COMMIT

    def prepare(self, data: bytes, is_behind: bool) -> None:
        """Take the bytes, and sign ahead. `is_behind` is True if a change in front of them is not answered yet.

        The session can only go on with `write` and `commit` then.
        """
        self._data = data
        session = self._session
        if session is None:
            return
        if is_behind:
            session.foresee()
        command = _write_command(self._file, self._offset, len(data)) + data
        self._write = command + session.sign(command)
        session.foresee()
        mac = session.sign(_COMMIT)
        if session.proves_commands:
            self._commit += mac
        session.foresee()

    async def write(self) -> None:
        """Write the bytes. The card keeps them aside."""
        if self._write:
            await self._card.finish(self._write)
        else:
            await self._card.write_data(self._file, self._offset, self._data, MACED)

    async def commit(self) -> None:
        """Make all changes valid, as `Desfire.commit`."""
        if self._write:
            await self._card.finish(self._commit)
        else:
            await self._card.commit()


def value_command(file: int) -> bytes:
    """Return the command that reads the value of a value file: see `value_in`."""
    return bytes((_GET_VALUE, file))


def value_in(data: bytes) -> int:
    """Return the value in the VALUE_SIZE bytes that a card answers."""
    return struct.unpack("<i", data)[0]


def data_command(file: int, offset: int, length: int) -> bytes:
    """Return the command that reads `length` bytes of a file."""
    return bytes((_READ_DATA, file)) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")


def _write_command(file: int, offset: int, length: int) -> bytes:
    return bytes((_WRITE_DATA, file)) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")


def has_ev2(version: bytes) -> bool:
    """Return True if the answer to GetVersion is that of a DESFire EV2 or EV3, which has a messaging of its own."""
    return len(version) > 3 and version[3] >= _FIRST_OF_EV2


def uid_of(version: bytes) -> bytes:
    """Return the UID in the answer to GetVersion. Raise CardError if the answer is too short."""
    if len(version) < 21:
        raise CardError("garbled")
    return version[14:21]
