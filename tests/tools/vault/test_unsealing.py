"""The vault opens what the firmware seals, and refuses what the firmware refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.host.chips.aes import aes
from wattpurse.core.seals import sealing
from wattpurse.core.seals.sealing import KeyPair, SealBroken
from wattpurse_tools.vault.unsealing import unseal

KEYS = st.builds(KeyPair, st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
HEADERS = st.binary(max_size=16)


@given(KEYS, HEADERS, st.binary(min_size=1, max_size=300))
def test_a_sealed_message_opens(keys, header, payload):
    message = sealing.seal(aes, keys, header, payload)
    assert unseal(keys, len(header), message) == sealing.unseal(aes, keys, len(header), message)


@given(KEYS, HEADERS, st.binary(min_size=1, max_size=80), st.data())
def test_a_changed_message_is_refused(keys, header, payload, data):
    message = bytearray(sealing.seal(aes, keys, header, payload))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken, match="wrong tag"):
        unseal(keys, len(header), bytes(message))


@given(KEYS, st.integers(0, 16), st.binary(max_size=100))
def test_any_bytes_end_as_at_the_firmware(keys, header_size, message):
    with pytest.raises(SealBroken) as expected:
        sealing.unseal(aes, keys, header_size, message)
    with pytest.raises(SealBroken) as found:
        unseal(keys, header_size, message)
    assert str(found.value) == str(expected.value)
