"""The secure messaging of MIFARE DESFire EV2 and EV3 with AES, in the place of that of EV1.

Sources: NXP AN12196 (rev. 2.0, sections 5 to 7) and AN12343 for the messages and their published traces; MF2DLHX0 data
sheet, section 9.1, for the counter and the second authentication.

A session has two keys, for MACs and for encipherment, derived from the numbers of both sides. Each command and each
answer counts, and is proven together with the count and the transaction identifier that the card has drawn. So a
message of an earlier command or session proves nothing. An authentication within a session (`authenticate` again)
changes the keys, and goes on with count and identifier.

Every command goes with a MAC: the files of the purse have no plain mode. A meter imports this module when it meets the
first such card. A card of EV1 refuses the command, and gets the messaging of EV1.

The set-up of an AES key costs most. So a session sets each of its keys once, while the card works. A MAC depends on the
count and on no other message, so a command is signed while the one in front of it is on the air.
"""

import struct

from wattpurse.cards.desfire import ENCIPHERED, ILLEGAL_COMMAND, MORE, OK, PLAIN, Desfire, StatusError
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import BLOCK, MODE_CBC, add_to_block, double, equal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.desfire import Transport
    from wattpurse.hal import Aes

MAC_SIZE = 8

_FIRST = b"\x71"
_NO_CAPABILITIES = b"\x00"
_NON_FIRST = b"\x77"
_MORE = b"\xaf"
_TRANSACTION_SIZE = 4
_TAIL_SIZE = 12  # the capabilities of both sides
_TO_CARD, _FROM_CARD = b"\xa5\x5a", b"\x5a\xa5"
_KEYS = b"\x00\x01\x00\x80"  # counter, and length of the key in bits
_COUNT_LIMIT = 0xFFFF
_PADDING = b"\x80" + bytes(BLOCK - 1)
_EVEN_BYTES = "xBxBxBxBxBxBxBxB"  # the MAC of a message is every second byte of its CMAC


class DesfireEv2(Desfire):
    """A card behind `transport`, with the messaging of EV2 if it has it. `is_ev1` is True after it has refused that."""

    def __init__(self, transport: "Transport", aes: "Aes", random_bytes: "Callable[[int], bytes]") -> None:
        super().__init__(transport, aes, random_bytes)
        self.is_ev1 = False

    @property
    def messaging(self) -> int:
        """The version of the secure messaging: 1 after the card has refused that of EV2."""
        return 1 if self.is_ev1 else 2

    async def authenticate(self, key_number: int, key: bytes) -> None:
        """Prove a key to the card, and let the card prove it. In a session it goes on. Raise CardError otherwise."""
        before, self.session = self.session, None
        if self.is_ev1:
            return await super().authenticate(key_number, key)
        number = bytes((key_number,))
        command = _FIRST + number + _NO_CAPABILITIES if before is None else _NON_FIRST + number
        begun = []

        def begin() -> None:
            begun.append(_Authentication(self._aes, key, self._random_bytes(BLOCK)))

        try:
            challenge = await self._frame(command, MORE, begin)
        except StatusError as error:
            if error.status != ILLEGAL_COMMAND or before is not None:
                raise
            self.is_ev1 = True
            return await super().authenticate(key_number, key)
        passes = begun[0]
        proof = await self._frame(_MORE + passes.reply(challenge), OK, passes.prepare)
        self.session = passes.session(proof, before)

    async def command(self, command: bytes, enciphered_length: "int | None" = None) -> bytes:
        """Return the data of a command without enciphered data of its own."""
        session = self.session
        if session is None or self.is_ev1:
            return await super().command(command, enciphered_length)
        session.check_count(1)
        answer = await self.exchange(command + session.sign(command))
        try:
            return session.opened(answer, enciphered_length)
        except CardError:
            self.session = None
            raise

    async def command_all(self, commands: tuple) -> list:
        """Return the data of the answers to commands in turn, as `Desfire.command_all`."""
        session = self.session
        if session is None or self.is_ev1:
            return await super().command_all(commands)
        session.check_count(len(commands))
        row = _Row(session, commands)
        for _ in commands:
            row.answer = await self.exchange(row.signed, row.go_on)
            if row.failure is not None:
                break
        row.prove()
        if row.failure is not None:
            self.session = None
            raise row.failure
        return row.answers

    async def change(
        self, head: bytes, data: bytes, mode: int, meanwhile: "Callable[[], object] | None" = None
    ) -> bytes:
        """Send a command with `data` behind `head`, in communication mode `mode`. Return the data of its answer."""
        session = self.session
        if session is None or self.is_ev1:
            return await super().change(head, data, mode, meanwhile)
        if mode == PLAIN:
            raise ValueError("no file of the purse is in plain mode")
        session.check_count(1)
        sent = head + (session.encipher(data) if mode == ENCIPHERED else data)
        return await self.finish(sent + session.sign(sent), meanwhile)


class _Row:
    """Commands of one session in turn. While one is on the air, the answer before it is proved, and the next is signed.

    `answers` has the proven data. The first error is kept in `failure`: it is raised when no frame is on the air.
    """

    def __init__(self, session: "Session", commands: tuple) -> None:
        self.signed = commands[0][0] + session.sign(commands[0][0])
        self.answer: bytes | None = None
        self.answers = []
        self.failure: CardError | None = None
        self._session = session
        self._commands = commands

    def go_on(self) -> None:
        """Prove the last answer, and sign the next command."""
        self.prove()
        place = len(self.answers) + 1
        if place < len(self._commands):
            command = self._commands[place][0]
            self.signed = command + self._session.sign(command, 1)

    def prove(self) -> None:
        """Prove the last answer, if any."""
        if self.answer is None or self.failure is not None:
            return
        try:
            length = self._commands[len(self.answers)][1]
            self.answers.append(self._session.opened(self.answer, length))
        except CardError as error:
            self.failure = error


class _Authentication:
    """The passes of an authentication with one key. `number` has 16 bytes that nobody can guess.

    `prepare` does as much of the work of `session` as needs no answer, while the card works.
    """

    def __init__(self, aes: "Aes", key: bytes, number: bytes) -> None:
        self._aes = aes
        self._key = key
        self._own = number
        self._decrypt = aes(key, MODE_CBC, bytes(BLOCK)).decrypt
        self._encrypt = aes(key, MODE_CBC, bytes(BLOCK)).encrypt
        self._other = b""
        self._session: Session | None = None

    def reply(self, challenge: bytes) -> bytes:
        """Return the answer to the card's enciphered number. Raise CardError if it has another length."""
        if len(challenge) != BLOCK:
            raise CardError("garbled")
        self._other = other = self._decrypt(challenge)
        return self._encrypt(self._own + other[1:] + other[:1])

    def prepare(self) -> "Session":
        """Derive the session that begins if the card has the key, and set the key for its proof."""
        enciphering, proving = session_keys(self._aes, self._key, self._own, self._other)
        self._session = session = Session(self._aes, enciphering, proving, b"")
        self._decrypt = self._aes(self._key, MODE_CBC, bytes(BLOCK)).decrypt
        return session

    def session(self, proof: bytes, before: "Session | None") -> "Session":
        """Return the session, which goes on `before`. Raise CardError ("refused") if the card does not have the key."""
        head = _TRANSACTION_SIZE if before is None else 0
        if len(proof) != head + BLOCK + (_TAIL_SIZE if before is None else 0):
            raise CardError("garbled")
        session = self._session or self.prepare()
        clear, own = self._decrypt(proof), self._own
        if not equal(clear[head : head + BLOCK], own[1:] + own[:1]):
            raise CardError("refused")
        session.transaction, session.count = (clear[:head], 0) if before is None else (before.transaction, before.count)
        return session


class _Chain:
    """One CBC cipher with a key that is set once, for all that is enciphered with it.

    The cipher goes on from its last block. The same value is added to the next block before, so that both cancel out,
    and each message begins as with a vector of zeros.
    """

    def __init__(self, aes: "Aes", key: bytes) -> None:
        self._encrypt = aes(key, MODE_CBC, bytes(BLOCK)).encrypt
        self._last = 0

    def encrypt(self, blocks: bytearray) -> bytes:
        """Encrypt whole blocks, which are changed."""
        add_to_block(blocks, 0, self._last)
        cipher = self._encrypt(blocks)
        self._last = int.from_bytes(cipher[-BLOCK:], "big")
        return cipher


class _Macs(_Chain):
    """AES-CMAC with a key that is set once (RFC 4493)."""

    def __init__(self, aes: "Aes", key: bytes) -> None:
        super().__init__(aes, key)
        self.encrypt(bytearray(BLOCK))
        self._whole_subkey = double(self._last)
        self._padded_subkey = double(self._whole_subkey)

    def cmac(self, message: bytes) -> bytes:
        """Return the CMAC of a message of at least one byte, 16 bytes."""
        start = (len(message) - 1) // BLOCK * BLOCK
        missing = start + BLOCK - len(message)
        subkey = self._whole_subkey
        if missing:
            message += _PADDING[:missing]
            subkey = self._padded_subkey
        if not start:  # most messages have one block
            number = int.from_bytes(message, "big") ^ subkey ^ self._last
            cipher = self._encrypt(number.to_bytes(BLOCK, "big"))
            self._last = int.from_bytes(cipher, "big")
            return cipher
        blocks = bytearray(message)
        add_to_block(blocks, start, subkey)
        return self.encrypt(blocks)[start:]


class Session:
    """A session with the keys of `session_keys`. `count` is that of the next command."""

    proves_commands = True

    def __init__(self, aes: "Aes", enciphering: bytes, proving: bytes, transaction: bytes, count: int = 0) -> None:
        self._aes = aes
        self._enciphering = enciphering
        self._chain = _Chain(aes, enciphering)
        self._macs = _Macs(aes, proving)
        self._foreseen = []
        self.transaction = transaction
        self.count = count

    def check_count(self, commands: int) -> None:
        """Raise CardError if there are not so many counts left. The card ends the session too."""
        if self.count + commands > _COUNT_LIMIT:
            raise CardError("garbled")

    def sign(self, command: bytes, ahead: int = 0) -> bytes:
        """Return the MAC of a command, 8 bytes. `ahead` commands in front of it are not answered yet.

        Those whose answers are foreseen are not among them.
        """
        return self._mac(command[:1], self.count + len(self._foreseen) + ahead, command[1:])

    def foresee(self) -> None:
        """Take in the answer to the last command before it is here. It has no data, so its MAC is known.

        The next commands can then be signed. `verify` compares the answers when they come.
        """
        self._foreseen.append(self._mac(b"\x00", self.count + len(self._foreseen) + 1, b""))

    def encipher(self, data: bytes) -> bytes:
        """Return the cryptogram of the data of a command."""
        blocks = bytearray(self._start(_TO_CARD) + data + _PADDING[: BLOCK - len(data) % BLOCK])
        return self._chain.encrypt(blocks)[BLOCK:]  # the first block is the vector of the others

    def verify(self, answer: bytes) -> bytes:
        """Count, and return the data of an answer without its MAC. Raise CardError if it is not the card's."""
        self.count += 1
        data = answer[:-MAC_SIZE]
        if self._foreseen:
            is_proven = equal(self._foreseen.pop(0), answer)
        else:
            is_proven = len(answer) >= MAC_SIZE and equal(self._mac(b"\x00", self.count, data), answer[-MAC_SIZE:])
        if not is_proven:
            raise CardError("garbled")
        return data

    def opened(self, answer: bytes, enciphered_length: "int | None") -> bytes:
        """Count, and return the data of an answer, deciphered if it has a length. Raise CardError."""
        data = self.verify(answer)
        return data if enciphered_length is None else self.decipher(data, enciphered_length)

    def decipher(self, data: bytes, length: int) -> bytes:
        """Return the `length` bytes in the data of an answer that was verified. Raise CardError if it has others."""
        if len(data) != (length // BLOCK + 1) * BLOCK:
            raise CardError("garbled")
        vector = self._chain.encrypt(bytearray(self._start(_FROM_CARD)))
        clear = self._aes(self._enciphering, MODE_CBC, vector).decrypt(data)
        if clear[length:] != _PADDING[: len(clear) - length]:
            raise CardError("garbled")
        return clear[:length]

    def _start(self, direction: bytes) -> bytes:
        """Return the block whose cryptogram is the vector of enciphered data."""
        return direction + self.transaction + self.count.to_bytes(2, "little") + bytes(8)

    def _mac(self, code: bytes, count: int, data: bytes) -> bytes:
        whole = self._macs.cmac(code + count.to_bytes(2, "little") + self.transaction + data)
        return bytes(struct.unpack(_EVEN_BYTES, whole))


def session_keys(aes: "Aes", key: bytes, own: bytes, other: bytes) -> tuple:
    """Return the keys for encipherment and for MACs, from the number of the reader and that of the card."""
    mixed = (int.from_bytes(own[2:8], "big") ^ int.from_bytes(other[:6], "big")).to_bytes(6, "big")
    numbers = _KEYS + own[:2] + mixed + other[6:] + own[8:]
    macs = _Macs(aes, key)
    return macs.cmac(_TO_CARD + numbers), macs.cmac(_FROM_CARD + numbers)
