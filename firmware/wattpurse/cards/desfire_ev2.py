"""The secure messaging of MIFARE DESFire EV2 and EV3 with AES, in the place of that of EV1.

Sources: NXP AN12196 (rev. 2.0, sections 5 to 7) and AN12343 for the messages and their published traces; MF2DLHX0 data
sheet, section 9.1, for the counter and the second authentication.

A session has two keys, for MACs and for encipherment, derived from the numbers of both sides. Each command and each
answer counts, and is proven together with the count and the transaction identifier that the card has drawn. So a
message of an earlier command or session proves nothing. An authentication within a session (`authenticate` again)
changes the keys, and goes on with count and identifier.

Every command goes with a MAC: the files of the purse have no plain mode. A meter imports this module when it meets the
first such card. A card of EV1 refuses the command, and gets the messaging of EV1.
"""

from wattpurse.cards.desfire import ENCIPHERED, ILLEGAL_COMMAND, MORE, OK, PLAIN, Desfire, StatusError
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import BLOCK, MODE_CBC, MODE_ECB, cmac, equal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.desfire import Transport
    from wattpurse.hal import Aes, AesCipher

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
        try:
            challenge = await self._frame(command, MORE)
        except StatusError as error:
            if error.status != ILLEGAL_COMMAND or before is not None:
                raise
            self.is_ev1 = True
            return await super().authenticate(key_number, key)
        if len(challenge) != BLOCK:
            raise CardError("garbled")
        own = self._random_bytes(BLOCK)
        other = self._aes(key, MODE_CBC, bytes(BLOCK)).decrypt(challenge)
        reply = self._aes(key, MODE_CBC, bytes(BLOCK)).encrypt(own + other[1:] + other[:1])
        proof = await self._frame(_MORE + reply, OK)
        transaction, count = self._proven(key, own, proof, before)
        enciphering, proving = session_keys(self._aes, key, own, other)
        self.session = Session(self._aes, enciphering, proving, transaction, count)

    async def command(self, command: bytes, enciphered_length: "int | None" = None) -> bytes:
        """Return the data of a command without enciphered data of its own."""
        session = self.session
        if session is None or self.is_ev1:
            return await super().command(command, enciphered_length)
        answer = await self.exchange(command + session.sign(command))
        return self._opened(session, answer, enciphered_length)

    async def change(self, head: bytes, data: bytes, mode: int, *meanwhile: object) -> bytes:
        """Send a command with `data` behind `head`, in communication mode `mode`. Return the data of its answer."""
        session = self.session
        if session is None or self.is_ev1:
            return await super().change(head, data, mode, *meanwhile)
        if mode == PLAIN:
            raise ValueError("no file of the purse is in plain mode")
        sent = head + (session.encipher(data) if mode == ENCIPHERED else data)
        answer = await self.exchange(sent + session.sign(sent), *meanwhile)
        return self._opened(session, answer, None)

    def _proven(self, key: bytes, own: bytes, proof: bytes, before: "Session | None") -> tuple:
        """Return transaction identifier and count. Raise CardError ("refused") if the card does not have the key."""
        head = _TRANSACTION_SIZE if before is None else 0
        if len(proof) != head + BLOCK + (_TAIL_SIZE if before is None else 0):
            raise CardError("garbled")
        clear = self._aes(key, MODE_CBC, bytes(BLOCK)).decrypt(proof)
        if not equal(clear[head : head + BLOCK], own[1:] + own[:1]):
            raise CardError("refused")
        return (clear[:head], 0) if before is None else (before.transaction, before.count)

    def _opened(self, session: "Session", answer: bytes, enciphered_length: "int | None") -> bytes:
        try:
            data = session.verify(answer)
            return data if enciphered_length is None else session.decipher(data, enciphered_length)
        except CardError:
            self.session = None
            raise


class Session:
    """A session with the keys of `session_keys`. `count` is that of the next command."""

    def __init__(self, aes: "Aes", enciphering: bytes, proving: bytes, transaction: bytes, count: int = 0) -> None:
        self._aes = aes
        self._enciphering = enciphering
        self._proving = proving
        self.transaction = transaction
        self.count = count

    def sign(self, command: bytes) -> bytes:
        """Return the MAC of a command, 8 bytes."""
        if self.count >= _COUNT_LIMIT:  # the card ends the session too
            raise CardError("garbled")
        return self._mac(command[:1], command[1:])

    def encipher(self, data: bytes) -> bytes:
        """Return the cryptogram of the data of a command."""
        clear = data + b"\x80"
        return self._cipher(_TO_CARD).encrypt(clear + bytes(-len(clear) % BLOCK))

    def verify(self, answer: bytes) -> bytes:
        """Count, and return the data of an answer without its MAC. Raise CardError if it is not the card's."""
        self.count += 1
        data = answer[:-MAC_SIZE]
        if len(answer) < MAC_SIZE or not equal(self._mac(b"\x00", data), answer[-MAC_SIZE:]):
            raise CardError("garbled")
        return data

    def decipher(self, data: bytes, length: int) -> bytes:
        """Return the `length` bytes in the data of an answer that was verified. Raise CardError if it has others."""
        if len(data) != (length // BLOCK + 1) * BLOCK:
            raise CardError("garbled")
        clear = self._cipher(_FROM_CARD).decrypt(data)
        if clear[length:] != b"\x80" + bytes(len(clear) - length - 1):
            raise CardError("garbled")
        return clear[:length]

    def _cipher(self, direction: bytes) -> "AesCipher":
        start = direction + self.transaction + self.count.to_bytes(2, "little") + bytes(8)
        vector = self._aes(self._enciphering, MODE_ECB).encrypt(start)
        return self._aes(self._enciphering, MODE_CBC, vector)

    def _mac(self, code: bytes, data: bytes) -> bytes:
        whole = cmac(self._aes, self._proving, code + self.count.to_bytes(2, "little") + self.transaction + data)
        return bytes([whole[place] for place in range(1, BLOCK, 2)])


def session_keys(aes: "Aes", key: bytes, own: bytes, other: bytes) -> tuple:
    """Return the keys for encipherment and for MACs, from the number of the reader and that of the card."""
    mixed = bytes([own[place] ^ other[place - 2] for place in range(2, 8)])
    numbers = _KEYS + own[:2] + mixed + other[6:] + own[8:]
    return cmac(aes, key, _TO_CARD + numbers), cmac(aes, key, _FROM_CARD + numbers)
