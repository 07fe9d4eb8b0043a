"""A MIFARE DESFire EV1 card: native commands over a transport, with AES (MF3ICD81 data sheet, sections 8.2 to 8.7).

A transport has `async transceive(command: bytes) -> bytes`, for one command and its answer of at most FRAME bytes, as
ISO 14443-4 carries them. It raises CardError or ReaderError. A longer command or answer goes in frames that begin with
MORE. An error ends the authentication, here as on the card.
"""

import struct

from wattpurse.cards.desfire_session import Authentication
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import BLOCK

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.hal import Aes

    class Transport(Protocol):
        """The way to a card: one command out, one answer back."""

        async def transceive(self, command: bytes) -> bytes: ...


FRAME = 60
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

    async def select_application(self, identifier: int) -> None:
        """Select an application, or the card itself with 0. Nobody is authenticated then."""
        self.session = None
        await self.exchange(bytes((_SELECT_APPLICATION,)) + identifier.to_bytes(3, "little"))

    async def authenticate(self, key_number: int, key: bytes) -> None:
        """Prove a key of the application to the card, and let the card prove it. Raise CardError otherwise."""
        self.session = None
        passes = Authentication(self._aes, key, self._random_bytes(BLOCK))
        challenge = await self._frame(bytes((_AUTHENTICATE_AES, key_number)), MORE)
        proof = await self._frame(_MORE + passes.reply(challenge), OK)
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
        command = bytes((_READ_DATA, file)) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")
        data = await self.command(command, length if mode == ENCIPHERED else None)
        if len(data) != length:
            raise CardError("garbled")
        return data

    async def write_data(self, file: int, offset: int, data: bytes, mode: int) -> None:
        """Write bytes of a file. A backup file keeps them aside until `commit`."""
        head = bytes((_WRITE_DATA, file)) + offset.to_bytes(3, "little") + len(data).to_bytes(3, "little")
        await self.change(head, data, mode)

    async def get_value(self, file: int, mode: int) -> int:
        """Return the value of a value file."""
        data = await self.command(bytes((_GET_VALUE, file)), 4 if mode == ENCIPHERED else None)
        if len(data) != 4:
            raise CardError("garbled")
        return struct.unpack("<i", data)[0]

    async def credit(self, file: int, amount: int, mode: int) -> None:
        """Add to a value at the next `commit`."""
        await self.change(bytes((_CREDIT, file)), struct.pack("<i", amount), mode)

    async def debit(self, file: int, amount: int, mode: int) -> None:
        """Subtract from a value at the next `commit`."""
        await self.change(bytes((_DEBIT, file)), struct.pack("<i", amount), mode)

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
        session.sign(command)
        answer = await self.exchange(command)
        try:
            return session.verify(answer) if enciphered_length is None else session.decipher(answer, enciphered_length)
        except CardError:
            self.session = None
            raise

    async def change(self, head: bytes, data: bytes, mode: int) -> bytes:
        """Send a command with `data` behind `head`, in communication mode `mode`. Return the data of its answer."""
        session = self.session
        if session is None:
            return await self.exchange(head + data)
        if mode == ENCIPHERED:
            sent = head + session.encipher(head, data)
        else:
            sent = head + data
            mac = session.sign(sent)
            if mode == MACED:
                sent += mac
        return await self.finish(sent)

    async def finish(self, sent: bytes) -> bytes:
        """Send a command that is protected already. Return the proven data of its answer."""
        session = self.session
        answer = await self.exchange(sent)
        try:
            return answer if session is None else session.verify(answer)
        except CardError:
            self.session = None
            raise

    async def exchange(self, command: bytes) -> bytes:
        """Send a command in as many frames as it needs, and return all data of the answer. Raise StatusError."""
        part = command[:FRAME]
        for place in range(FRAME, len(command), FRAME - 1):
            if await self._frame(part, MORE):
                raise CardError("garbled")
            part = _MORE + command[place : place + FRAME - 1]
        data = b""
        for _ in range(_MOST_FRAMES):
            answer = await self._transceive(part)
            data += answer[1:]
            if answer[0] != MORE:
                return data
            part = _MORE
        raise CardError("garbled")

    async def _frame(self, frame: bytes, status: int) -> bytes:
        answer = await self._transceive(frame)
        if answer[0] != status:
            self.session = None
            raise CardError("garbled")
        return answer[1:]

    async def _transceive(self, frame: bytes) -> bytes:
        """Return an answer with status OK or MORE. After anything else the session has ended."""
        session, self.session = self.session, None
        answer = await self._transport.transceive(frame)
        if not answer:
            raise CardError("garbled")
        if answer[0] not in (OK, MORE):
            raise StatusError(answer[0])
        self.session = session
        return answer


def has_ev2(version: bytes) -> bool:
    """Return True if the answer to GetVersion is that of a DESFire EV2 or EV3, which has a messaging of its own."""
    return len(version) > 3 and version[3] >= _FIRST_OF_EV2


def uid_of(version: bytes) -> bytes:
    """Return the UID in the answer to GetVersion. Raise CardError if the answer is too short."""
    if len(version) < 21:
        raise CardError("garbled")
    return version[14:21]
