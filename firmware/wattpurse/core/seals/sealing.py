"""Encrypt then authenticate: the seal of tokens, statements and key cards.

A sealed message is `header || ciphertext || tag`. The payload is padded with zeros to whole blocks and encrypted with
AES-128-CBC. The IV is the header, padded with zeros and encrypted under the same key (NIST SP 800-38A, appendix C), so
that a header must not be used twice with one key. The tag is the first 8 bytes of the AES-CMAC over header and
ciphertext, under a second key (NIST SP 800-38B, appendix A, on tags of 64 bits).
"""

from wattpurse.core.seals.cmac import BLOCK, MODE_CBC, MODE_ECB, cmac, equal

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Aes

TAG_SIZE = 8


class SealBroken(Exception):
    """The tag does not match: not sealed with these keys, or changed since."""


class KeyPair:
    """The two keys of one purpose."""

    def __init__(self, encryption: bytes, authentication: bytes) -> None:
        self.encryption = encryption
        self.authentication = authentication


def sealed_size(header_size: int, payload_size: int) -> int:
    """Return the size in bytes of a sealed payload."""
    return header_size + (payload_size + BLOCK - 1) // BLOCK * BLOCK + TAG_SIZE


def seal(aes: "Aes", keys: KeyPair, header: bytes, payload: bytes) -> bytes:
    """Seal `payload` (1 byte or more) behind `header` (at most 16 bytes, in clear)."""
    padded = payload + bytes(-len(payload) % BLOCK)
    body = header + aes(keys.encryption, MODE_CBC, _iv(aes, keys, header)).encrypt(padded)
    return body + cmac(aes, keys.authentication, body)[:TAG_SIZE]


def unseal(aes: "Aes", keys: KeyPair, header_size: int, message: bytes) -> bytes:
    """Return the padded payload of `message`. Raise SealBroken before decryption if the message is not authentic."""
    authenticate(aes, keys, header_size, message)
    ciphertext = message[header_size:-TAG_SIZE]
    return aes(keys.encryption, MODE_CBC, _iv(aes, keys, message[:header_size])).decrypt(ciphertext)


def authenticate(aes: "Aes", keys: KeyPair, header_size: int, message: bytes) -> None:
    """Raise SealBroken if `message` is not authentic. Decrypt nothing."""
    body = message[:-TAG_SIZE]
    ciphertext_size = len(body) - header_size
    if ciphertext_size < BLOCK or ciphertext_size % BLOCK:
        raise SealBroken("wrong length")
    if not equal(cmac(aes, keys.authentication, body)[:TAG_SIZE], message[-TAG_SIZE:]):
        raise SealBroken("wrong tag")


def _iv(aes: "Aes", keys: KeyPair, header: bytes) -> bytes:
    return aes(keys.encryption, MODE_ECB).encrypt(header + bytes(BLOCK - len(header)))
