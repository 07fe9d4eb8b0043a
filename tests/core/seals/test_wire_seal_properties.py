"""The tags of the room's line against CMAC and CBC of another library."""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from boards.host.chips.aes import aes
from wattpurse.core.seals.wire_seal import ANSWER, REQUEST, WireSeal

KEYS = st.binary(min_size=16, max_size=16)
NONCES = st.binary(min_size=8, max_size=8)
MESSAGES = st.tuples(st.sampled_from((REQUEST, ANSWER)), st.integers(0, 255), st.binary(max_size=130))


def session_key(key, purpose, nonces):
    """Return the derived key: AN10922, section 2.2, with another library's CMAC."""
    data = b"\x01" + purpose + nonces
    padded = data + b"\x80" + bytes(31 - len(data))
    # AN10922 pads to 32 bytes with its own CMAC subkeys: the CMAC of the unpadded 18 bytes would have one block less.
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    zero = int.from_bytes(ecb.update(bytes(16)), "big")
    subkey = zero
    for _ in range(2):
        subkey = (subkey << 1) ^ ((1 << 128 | 0x87) if subkey >> 127 else 0)
    last = (int.from_bytes(padded[16:], "big") ^ subkey).to_bytes(16, "big")
    return Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor().update(padded[:16] + last)[-16:]


def expected_tag(key, nonces, count, direction, kind, content):
    message = struct.pack("<BBHI", direction, kind, len(content), count) + content
    padded = message + bytes(-len(message) % 16)
    cipher = Cipher(algorithms.AES(session_key(key, b"T", nonces)), modes.CBC(bytes(16)))
    return cipher.encryptor().update(padded)[-16:-8]


@given(KEYS, NONCES, NONCES, st.lists(MESSAGES, min_size=1, max_size=6))
def test_tags_are_the_cbc_mac_of_another_library(key, meter_nonce, room_nonce, messages):
    seal = WireSeal(aes, key, meter_nonce, room_nonce)
    for count, (direction, kind, content) in enumerate(messages):
        seal.count = count
        expected = expected_tag(key, meter_nonce + room_nonce, count, direction, kind, content)
        assert seal.tag(direction, kind, content) == expected


@given(KEYS, NONCES, NONCES)
def test_the_session_keys_are_those_of_the_derivation(key, meter_nonce, room_nonce):
    nonces = meter_nonce + room_nonce
    seal = WireSeal(aes, key, meter_nonce, room_nonce)
    secret = Cipher(algorithms.AES(session_key(key, b"S", nonces)), modes.ECB()).encryptor().update(b"0123456789abcdef")
    assert seal.hide(b"0123456789abcdef") == secret
    assert CMAC(algorithms.AES(key)).finalize() != secret
