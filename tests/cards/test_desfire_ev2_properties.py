"""The messages of DESFire EV2 sessions against the definition, computed with the `cryptography` package."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given
from hypothesis import strategies as st

from boards.host.chips.aes import aes
from wattpurse.cards.desfire_ev2 import Session, session_keys
from wattpurse.cards.iso14443 import CardError

KEYS = st.binary(min_size=16, max_size=16)
IDENTIFIERS = st.binary(min_size=4, max_size=4)
COUNTS = st.integers(0, 0xFFF0)


def cmac(key, message):
    function = CMAC(AES(key))
    function.update(message)
    return function.finalize()


def padded(data):
    """Return `data` with a one and zeros to whole blocks: as much of it as PKCS #7 would add."""
    padder = PKCS7(128).padder()
    size = len(padder.update(data) + padder.finalize())
    return (data + b"\x80").ljust(size, b"\0")


def vector(key, label, transaction, count):
    start = label + transaction + bytes((count % 256, count // 256)) + bytes(8)
    return Cipher(AES(key), ECB()).encryptor().update(start)


def mac(key, code, count, transaction, data):
    return cmac(key, bytes((code, count % 256, count // 256)) + transaction + data)[1::2]


@given(KEYS, KEYS, KEYS)
def test_session_keys(key, own, other):
    """Compute the vectors bit by bit as AN12343 numbers them: byte 15 is the first one."""
    a, b = own[::-1], other[::-1]
    parts = (
        a[14:16][::-1],
        bytes(x ^ y for x, y in zip(a[8:14], b[10:16], strict=True))[::-1],
        b[0:10][::-1],
        a[:8][::-1],
    )
    numbers = b"\x00\x01\x00\x80" + b"".join(parts)
    assert session_keys(aes, key, own, other) == (cmac(key, b"\xa5\x5a" + numbers), cmac(key, b"\x5a\xa5" + numbers))


@given(KEYS, KEYS, IDENTIFIERS, COUNTS, st.binary(min_size=1, max_size=100))
def test_commands(enciphering, proving, transaction, count, data):
    session = Session(aes, enciphering, proving, transaction, count)
    assert session.sign(data) == mac(proving, data[0], count, transaction, data[1:])
    cipher = Cipher(AES(enciphering), CBC(vector(enciphering, b"\xa5\x5a", transaction, count))).encryptor()
    assert session.encipher(data) == cipher.update(padded(data))
    assert session.count == count


@given(KEYS, KEYS, IDENTIFIERS, COUNTS, st.binary(min_size=1, max_size=100), st.integers(0, 10**6))
def test_answers(enciphering, proving, transaction, count, data, bit):
    cipher = Cipher(AES(enciphering), CBC(vector(enciphering, b"\x5a\xa5", transaction, count + 1))).encryptor()
    sent = cipher.update(padded(data))
    answer = sent + mac(proving, 0, count + 1, transaction, sent)
    session = Session(aes, enciphering, proving, transaction, count)
    assert session.decipher(session.verify(answer), len(data)) == data
    bit %= 8 * len(answer)
    forged = bytearray(answer)
    forged[bit // 8] ^= 1 << bit % 8
    for other in (bytes(forged), answer):  # the second one comes again
        try:
            session.verify(other)
        except CardError:
            continue
        raise AssertionError("a forged or old answer was taken")


@given(
    KEYS,
    KEYS,
    IDENTIFIERS,
    COUNTS,
    st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=1, max_size=70)), max_size=12),
)
def test_a_session_sets_its_keys_once_and_each_message_stands_alone(enciphering, proving, transaction, count, messages):
    """Send all kinds of messages in one session: of those before it, each depends on their count alone."""
    set_keys = []

    def counting_aes(key, *mode):
        set_keys.append(key)
        return aes(key, *mode)

    session = Session(counting_aes, enciphering, proving, transaction, count)
    deciphered = 0
    for way, data in messages:
        if way == 0:
            assert session.sign(data) == mac(proving, data[0], count, transaction, data[1:])
        elif way == 1:
            cipher = Cipher(AES(enciphering), CBC(vector(enciphering, b"\xa5\x5a", transaction, count))).encryptor()
            assert session.encipher(data) == cipher.update(padded(data))
        else:
            count += 1
            sent = data
            if way == 3:
                cipher = Cipher(AES(enciphering), CBC(vector(enciphering, b"\x5a\xa5", transaction, count))).encryptor()
                sent = cipher.update(padded(data))
                deciphered += 1
            answer = sent + mac(proving, 0, count, transaction, sent)
            assert session.opened(answer, len(data) if way == 3 else None) == data
        assert session.count == count
    assert len(set_keys) == 2 + deciphered


@given(KEYS, KEYS, IDENTIFIERS, COUNTS, st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=4))
def test_commands_that_are_signed_ahead(enciphering, proving, transaction, count, commands):
    session = Session(aes, enciphering, proving, transaction, count)
    for place, command in enumerate(commands):
        assert session.sign(command) == mac(proving, command[0], count + place, transaction, command[1:])
        session.foresee()
    assert session.count == count
    for place in range(len(commands)):
        assert session.verify(mac(proving, 0, count + place + 1, transaction, b"")) == b""
    assert session.count == count + len(commands)
    assert session.sign(b"\xc7", 1) == mac(proving, 0xC7, session.count + 1, transaction, b"")
