"""CMAC of any message against that of the `cryptography` package."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from boards.host.chips.aes import aes
from wattpurse.core.seals.cmac import cmac, diversify, equal

KEYS = st.binary(min_size=16, max_size=16)


def reference(key, message):
    function = CMAC(AES(key))
    function.update(message)
    return function.finalize()


@given(KEYS, st.binary(max_size=100))
def test_cmac(key, message):
    assert cmac(aes, key, message) == reference(key, message)


def doubled(block):
    """Multiply by x in GF(2^128), one bit at a time."""
    bits = [byte >> bit & 1 for byte in block for bit in range(7, -1, -1)]
    carry, bits = bits[0], bits[1:] + [0]
    if carry:
        for place in (120, 125, 126, 127):
            bits[place] ^= 1
    return bytes(sum(bits[at + n] << 7 - n for n in range(8)) for at in range(0, 128, 8))


def reference_diversify(key, data):
    """Derive a key by the text of AN10922, section 2.2: pad to 32 bytes, then CBC-MAC with the subkey."""
    subkey = doubled(Cipher(AES(key), ECB()).encryptor().update(bytes(16)))
    message = b"\x01" + data
    if len(message) < 32:
        subkey = doubled(subkey)
        message = (message + b"\x80").ljust(32, b"\x00")
    last = bytes(left ^ right for left, right in zip(message[16:], subkey, strict=True))
    return Cipher(AES(key), CBC(bytes(16))).encryptor().update(message[:16] + last)[16:]


@given(KEYS, st.binary(min_size=1, max_size=31))
def test_diversify(key, data):
    assert diversify(aes, key, data) == reference_diversify(key, data)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_equal(left, right):
    assert equal(left, right) is (left == right)
