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


class Authentication:
    """The three passes of AuthenticateAES with one key (section 8.2.2). `number` has 16 bytes that nobody can guess."""

    def __init__(self, aes: "Aes", key: bytes, number: bytes) -> None:
        self._aes = aes
        self._key = key
        self._own = number
        self._other = b""
        self._cipher = None

    def reply(self, challenge: bytes) -> bytes:
        """Return the answer to the card's enciphered number. Raise CardError if it has another length."""
        if len(challenge) != BLOCK:
            raise CardError("garbled")
        self._other = self._aes(self._key, MODE_CBC, bytes(BLOCK)).decrypt(challenge)
        self._cipher = self._aes(self._key, MODE_CBC, challenge)
        return self._cipher.encrypt(self._own + _turned(self._other))

    def session(self, proof: bytes) -> "Session":
        """Return the session. Raise CardError ("refused") if the card does not have the key."""
        if self._cipher is None or not equal(self._cipher.encrypt(_turned(self._own)), proof):
            raise CardError("refused")
        own, other = self._own, self._other
        return Session(self._aes, own[:4] + other[:4] + own[12:] + other[12:])


class Session:
    """A session with a session key."""

    def __init__(self, aes: "Aes", key: bytes) -> None:
        self._aes = aes
        self._key = key
        self._cipher = aes(key, MODE_CBC, bytes(BLOCK))
        first = self._cipher.encrypt(bytes(BLOCK))
        self._whole_subkey = double(int.from_bytes(first, "big"))
        self._padded_subkey = double(self._whole_subkey)
        self._chained = first  # the last block of the cipher
        self._vector = bytes(BLOCK)  # the last block of the two sides

    def sign(self, message: bytes) -> bytes:
        """Return the MAC of a message, 8 bytes, and go on from it."""
        rest = len(message) % BLOCK
        subkey = self._whole_subkey
        blocks = bytearray(message)
        if rest or not message:
            blocks += b"\x80" + bytes(BLOCK - 1 - rest)
            subkey = self._padded_subkey
        add_to_block(blocks, len(blocks) - BLOCK, subkey)
        return self._chain(blocks)[-BLOCK : -BLOCK + MAC_SIZE]

    def verify(self, answer: bytes) -> bytes:
        """Return the data of an answer without its MAC. Raise CardError ("garbled") if it is not the card's."""
        data = answer[:-MAC_SIZE]
        if len(answer) < MAC_SIZE or not equal(self.sign(data + _OK), answer[-MAC_SIZE:]):
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
        clear = self._aes(self._key, MODE_CBC, self._vector).decrypt(answer)
        self._vector = answer[-BLOCK:]
        data = clear[:length]
        if not equal(clear[length:], checksum(data + _OK) + bytes(len(clear) - length - CRC_SIZE)):
            raise CardError("garbled")
        return data

    def _chain(self, blocks: bytearray) -> bytes:
        add_to_block(blocks, 0, int.from_bytes(self._chained, "big") ^ int.from_bytes(self._vector, "big"))
        cipher = self._cipher.encrypt(blocks)
        self._chained = self._vector = cipher[-BLOCK:]
        return cipher


def checksum(data: bytes) -> bytes:
    """Return the CRC32 of enciphered data, 4 bytes: that of ISO 3309 without its final inversion (section 8.3.2)."""
    return ((crc32(data) & 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(CRC_SIZE, "little")


def _turned(number: bytes) -> bytes:
    """Return a number with its first byte behind the others."""
    return number[1:] + number[:1]
