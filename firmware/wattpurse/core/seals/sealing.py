"""Encrypt then authenticate: the one way in which tokens and statements are closed and opened.

A sealed message is `header || ciphertext || tag`. The payload is padded with zeros to whole blocks and encrypted with
AES-128-CBC; its IV is the header, padded with zeros, encrypted under the same key (NIST SP 800-38A, appendix C), so a
header must not be used twice with one key. The tag is the first 8 bytes of the AES-CMAC over header and ciphertext
(NIST SP 800-38B, appendix A, on tags of 64 bits), under a key of its own.
"""

from wattpurse.core.seals.cmac import BLOCK, MODE_CBC, MODE_ECB, cmac, equal

TAG_SIZE = 8


class SealBroken(Exception):
    """The tag does not match: not sealed with these keys, or changed since."""


class KeyPair:
    """The two keys of one purpose."""

    def __init__(self, encryption: bytes, authentication: bytes) -> None:
        self.encryption = encryption
        self.authentication = authentication


def sealed_size(header_size: int, payload_size: int) -> int:
    """Bytes that a payload takes when it is sealed."""
    return header_size + (payload_size + BLOCK - 1) // BLOCK * BLOCK + TAG_SIZE


def seal(aes, keys: KeyPair, header: bytes, payload: bytes) -> bytes:
    """Seal `payload` (1 byte or more) behind `header` (at most 16 bytes, in clear)."""
    padded = payload + bytes(-len(payload) % BLOCK)
    body = header + aes(keys.encryption, MODE_CBC, _iv(aes, keys, header)).encrypt(padded)
    return body + cmac(aes, keys.authentication, body)[:TAG_SIZE]


def unseal(aes, keys: KeyPair, header_size: int, message: bytes) -> bytes:
    """The padded payload of `message`. Raises SealBroken, before anything is decrypted, if it is not authentic."""
    authenticate(aes, keys, header_size, message)
    ciphertext = message[header_size:-TAG_SIZE]
    return aes(keys.encryption, MODE_CBC, _iv(aes, keys, message[:header_size])).decrypt(ciphertext)


def authenticate(aes, keys: KeyPair, header_size: int, message: bytes) -> None:
    """Raises SealBroken if `message` is not authentic; nothing is decrypted."""
    body = message[:-TAG_SIZE]
    ciphertext_size = len(body) - header_size
    if ciphertext_size < BLOCK or ciphertext_size % BLOCK:
        raise SealBroken("wrong length")
    if not equal(cmac(aes, keys.authentication, body)[:TAG_SIZE], message[-TAG_SIZE:]):
        raise SealBroken("wrong tag")


def _iv(aes, keys, header):
    return aes(keys.encryption, MODE_ECB).encrypt(header + bytes(BLOCK - len(header)))
