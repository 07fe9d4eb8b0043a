"""Tags on the frames between a meter and its room reader, so that nobody else on the line is believed.

Both ends have a pairing key of 16 bytes. Each session derives two keys from it and from a nonce of either end, by
`cmac.Derivation`. A tag is the first 8 bytes of a CBC-MAC. The message begins with its direction, its length and its
number in the session, so no message is the begin of another one, and CBC-MAC is safe (Bellare, Kilian, Rogaway, "The
security of the cipher block chaining message authentication code", section 1.2). A frame that is recorded and sent
again has another number or another session, and its tag is wrong.

The set-up of a key costs as much as ten blocks, so one cipher makes all tags of a session. It chains each message to
the one before. The block that it would chain is added to the message first, so that both cancel out.
"""

import struct

from wattpurse.core.seals.cmac import BLOCK, MODE_CBC, MODE_ECB, Derivation, equal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

TAG_SIZE = 8
NONCE_SIZE = 8
KEY_SIZE = 16

REQUEST = 0
ANSWER = 1

_HEAD = "<BBHI"
_HEAD_SIZE = 8
_FOR_TAGS = b"T"
_FOR_SECRETS = b"S"


class WireSeal:
    """One session. `count` is the number of the request under way; both ends count alike."""

    def __init__(self, aes: "Aes", key: bytes, asker_nonce: bytes, answerer_nonce: bytes) -> None:
        nonces = asker_nonce + answerer_nonce
        derivation = Derivation(aes, key)
        self.count = 0
        self._tags = aes(derivation.key(_FOR_TAGS + nonces), MODE_CBC, bytes(BLOCK))
        self._chained = 0
        self._secrets = aes, derivation.key(_FOR_SECRETS + nonces)

    def tag(self, direction: int, kind: int, content: "bytes | bytearray | memoryview") -> bytes:
        """Return the tag of a message: REQUEST or ANSWER, its kind, its content."""
        size = len(content)
        end = _HEAD_SIZE + size
        blocks = bytearray((end + BLOCK - 1) // BLOCK * BLOCK)
        struct.pack_into(_HEAD, blocks, 0, direction, kind, size, self.count)
        blocks[_HEAD_SIZE:end] = content
        first = int.from_bytes(blocks[:BLOCK], "big") ^ self._chained
        blocks[:BLOCK] = first.to_bytes(BLOCK, "big")
        last = self._tags.encrypt(blocks)[-BLOCK:]
        self._chained = int.from_bytes(last, "big")
        return last[:TAG_SIZE]

    def is_authentic(self, direction: int, kind: int, content: "bytes | memoryview", tag: bytes) -> bool:
        """Return True if the tag is that of the message."""
        return equal(self.tag(direction, kind, content), bytes(tag))

    def hide(self, block: bytes) -> bytes:
        """Encrypt one block of a request: nobody on the line reads it. Equal blocks of a session look equal."""
        aes, key = self._secrets
        return aes(key, MODE_ECB).encrypt(block)

    def reveal(self, block: bytes) -> bytes:
        """Decrypt a block that `hide` encrypted."""
        aes, key = self._secrets
        return aes(key, MODE_ECB).decrypt(block)
