"""The secure messaging of MIFARE DESFire EV1 with AES: one session, from the authentication to the first error.

One CBC cipher of the session key makes all checksums and cryptograms, because the initial vector of each of them is the
last block of the one before, on either side (MF3ICD81 data sheet, section 8.3). A message from the card leaves another
last block than the cipher's: the difference of both is added to the next block.

Every command and every answer goes through the session, in order: `sign` for a command in plain (its MAC is sent for
files in MAC mode alone), `encipher` for enciphered data, `verify` and `decipher` for answers.
"""

from binascii import crc32

from wattpurse.cards.iso14443 import CardError
from wattpurse.core.seals.cmac import BLOCK, MODE_CBC, add_to_block, double, equal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

MAC_SIZE = 8
CRC_SIZE = 4

_OK = b"\x00"
_PADDING = b"\x80" + bytes(BLOCK - 1)


class Authentication:
    """The three passes of AuthenticateAES with one key (section 8.2.2). `number` has 16 bytes that nobody can guess.

    `reply` and `session` are called between two frames. `prepare` does as much of the work of `session` as needs no
    answer, while the card works.
    """

    def __init__(self, aes: "Aes", key: bytes, number: bytes) -> None:
        self._aes = aes
        self._key = key
        self._own = number
        self._turned = _turned(number)
        self._decrypt = aes(key, MODE_CBC, bytes(BLOCK)).decrypt
        self._other = b""
        self._cipher = None
        self._prepared = None

    def reply(self, challenge: bytes) -> bytes:
        """Return the answer to the card's enciphered number. Raise CardError if it has another length."""
        if len(challenge) != BLOCK:
            raise CardError("garbled")
        self._other = other = self._decrypt(challenge)
        self._cipher = self._aes(self._key, MODE_CBC, challenge)
        return self._cipher.encrypt(self._own + _turned(other))

    def prepare(self) -> None:
        """Compute the proof that a card with the key gives after `reply`, and the session that begins then."""
        self._prepared = self._proof_and_session()

    def _proof_and_session(self) -> tuple:
        if self._cipher is None:
            raise CardError("refused")
        own, other = self._own, self._other
        session = Session(self._aes, own[:4] + other[:4] + own[12:] + other[12:])
        return self._cipher.encrypt(self._turned), session

    def session(self, proof: bytes) -> "Session":
        """Return the session. Raise CardError ("refused") if the card does not have the key."""
        expected, session = self._prepared or self._proof_and_session()
        if not equal(expected, proof):
            raise CardError("refused")
        return session


class Session:
    """A session with a session key."""

    proves_commands = False  # a command in plain goes without its MAC

    def __init__(self, aes: "Aes", key: bytes) -> None:
        self._aes = aes
        self._key = key
        self._cipher = aes(key, MODE_CBC, bytes(BLOCK))
        self._last = self._cipher.encrypt(bytes(BLOCK))  # the last cryptogram of the cipher
        self._vector = bytes(BLOCK)  # the last block of the two sides, if `_difference` is not 0
        self._difference = int.from_bytes(self._last, "big")  # of the last blocks of the cipher and of the two sides
        self._whole_subkey = double(self._difference)
        self._padded_subkey = double(self._whole_subkey)
        self._foreseen = []

    def foresee(self) -> None:
        """Take in the answer to the last command before it is here. It has no data, so its MAC is known.

        The next commands can then be signed. `verify` compares the answers when they come.
        """
        self._foreseen.append(self.sign(_OK))

    def sign(self, message: bytes) -> bytes:
        """Return the MAC of a message, 8 bytes, and go on from it."""
        size = len(message)
        start = (size - 1) // BLOCK * BLOCK if size else 0
        missing = start + BLOCK - size
        if missing:
            message = message + _PADDING[:missing]
        number = int.from_bytes(message[start:], "big") ^ (self._padded_subkey if missing else self._whole_subkey)
        if not start:  # most messages have one block
            number ^= self._difference
            self._last = mac = self._cipher.encrypt(number.to_bytes(BLOCK, "big"))
        else:
            blocks = bytearray(message)
            blocks[start:] = number.to_bytes(BLOCK, "big")
            mac = self._chain(blocks)[start:]
        self._difference = 0
        return mac[:MAC_SIZE]

    def verify(self, answer: bytes) -> bytes:
        """Return the data of an answer without its MAC. Raise CardError ("garbled") if it is not the card's."""
        data = answer[:-MAC_SIZE]
        if self._foreseen:
            is_proven = equal(self._foreseen.pop(0), answer)
        else:
            is_proven = len(answer) >= MAC_SIZE and equal(self.sign(data + _OK), answer[-MAC_SIZE:])
        if not is_proven:
            raise CardError("garbled")
        return data

    def encipher(self, head: bytes, data: bytes) -> bytes:
        """Return the cryptogram of `data` behind `head`, the bytes of the command that are in clear."""
        return self.encipher_checked(data + checksum(head + data))

    def encipher_checked(self, data: bytes) -> bytes:
        """Return the cryptogram of data that has its checksums already."""
        return self._chain(bytearray(data + bytes(-len(data) % BLOCK)))

    def decipher(self, answer: bytes, length: int) -> bytes:
        """Return the `length` data bytes of an enciphered answer. Raise CardError if it is not the card's."""
        if len(answer) != (length + CRC_SIZE + BLOCK - 1) // BLOCK * BLOCK:
            raise CardError("garbled")
        vector = self._vector if self._difference else self._last[-BLOCK:]
        clear = self._aes(self._key, MODE_CBC, vector).decrypt(answer)
        self._vector = answer[-BLOCK:]
        self._difference = int.from_bytes(self._last[-BLOCK:], "big") ^ int.from_bytes(self._vector, "big")
        data = clear[:length]
        if not equal(clear[length:], checksum(data + _OK) + bytes(len(clear) - length - CRC_SIZE)):
            raise CardError("garbled")
        return data

    def _chain(self, blocks: bytearray) -> bytes:
        if self._difference:
            add_to_block(blocks, 0, self._difference)
            self._difference = 0
        self._last = cipher = self._cipher.encrypt(blocks)
        return cipher


def checksum(data: bytes) -> bytes:
    """Return the CRC32 of enciphered data, 4 bytes: that of ISO 3309 without its final inversion (section 8.3.2)."""
    return ((crc32(data) & 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(CRC_SIZE, "little")


def _turned(number: bytes) -> bytes:
    """Return a number with its first byte behind the others."""
    return number[1:] + number[:1]
