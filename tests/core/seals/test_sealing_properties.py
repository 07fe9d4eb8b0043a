"""Sealed messages against the same construction made with the `cryptography` package alone."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from boards.host.chips.aes import aes
from wattpurse.core.seals.sealing import KeyPair, SealBroken, seal, unseal

KEYS = st.binary(min_size=16, max_size=16)


def reference_seal(pair, header, payload):
    ecb = Cipher(AES(pair.encryption), ECB()).encryptor()
    iv = ecb.update(header.ljust(16, b"\x00"))
    cbc = Cipher(AES(pair.encryption), CBC(iv)).encryptor()
    body = header + cbc.update(payload.ljust(-(-len(payload) // 16) * 16, b"\x00"))
    tag = CMAC(AES(pair.authentication))
    tag.update(body)
    return body + tag.finalize()[:8]


@given(KEYS, KEYS, st.binary(max_size=16), st.binary(min_size=1, max_size=100))
def test_seal_and_unseal(encryption, authentication, header, payload):
    pair = KeyPair(encryption, authentication)
    message = seal(aes, pair, header, payload)
    assert message == reference_seal(pair, header, payload)
    assert unseal(aes, pair, len(header), message) == payload.ljust(-(-len(payload) // 16) * 16, b"\x00")


@given(st.binary(max_size=80), st.integers(0, 16))
def test_noise_is_never_opened(message, header_size):
    try:
        unseal(aes, KeyPair(bytes(16), bytes(range(16))), header_size, message)
    except SealBroken:
        return
    raise AssertionError("noise was opened")
