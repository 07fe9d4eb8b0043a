"""Tokens of twenty digits against the same construction made with the `cryptography` package and fractions of text."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import assume, given
from hypothesis import strategies as st

from boards.host.chips.aes import aes
from wattpurse.core.messages import short_token, token
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

KEYS = st.binary(min_size=16, max_size=16)
METERS = st.integers(1, 2**32 - 1)
TENANTS = st.integers(0, 2**24 - 1)
COUNTS = st.integers(1, 2**28 - 1)
ISSUERS = st.integers(0, 15)
DAY_S = 86_400


def all_amounts(step, decades):
    """List the amounts in the order of their values, from the words of the format alone."""
    amounts = [step * steps for steps in range(1, 10_000)]
    for decade in range(1, decades + 1):
        amounts += [step * 10**decade * steps for steps in range(1_000, 10_000)]
    return amounts


VALUES = (
    [(token.CREDIT_MONEY, amount) for amount in all_amounts(10_000, 5)]
    + [(token.CREDIT_ENERGY, amount) for amount in all_amounts(10_000, 5)]
    + [(token.DAYS, amount) for amount in all_amounts(DAY_S, 0)]
)
EDGES = [10**place + change for place in range(4, 14) for change in (-10_000, -5_000, -1, 0, 1, 10_000)]
PLACES = st.integers(0, len(VALUES) - 1)


def mac(key, message):
    code = CMAC(AES(key))
    code.update(message)
    return code.finalize()


def derived(key, words):
    """Derive a key by NXP AN10922: a CMAC over exactly two blocks."""
    data = b"\x01" + words
    subkey = int.from_bytes(mac_subkey(key, padded=len(data) < 32), "big")
    blocks = data if len(data) == 32 else (data + b"\x80").ljust(32, b"\x00")
    last = (int.from_bytes(blocks[16:], "big") ^ subkey).to_bytes(16, "big")
    return cbc_mac(key, blocks[:16] + last)


def cbc_mac(key, blocks):
    return Cipher(AES(key), CBC(bytes(16))).encryptor().update(blocks)[-16:]


def mac_subkey(key, padded):
    value = int.from_bytes(cbc_mac(key, bytes(16)), "big")
    for _ in range(2 if padded else 1):
        value = value << 1 ^ (((1 << 128) | 0x87) if value >> 127 else 0)
    return value.to_bytes(16, "big")


def oracle(meter_key, meter, issuer, count, tenant, place):
    """Return the nineteen digits before the check digit."""
    issuer_key = derived(meter_key, b"issuer" + bytes((issuer,))) if issuer else meter_key
    sealed = b"".join(number.to_bytes(4, "little") for number in (meter, issuer << 28 | count, tenant, place))
    bodies = 256 * len(VALUES)
    tags = 10**19 // (16 * bodies)
    tag = int.from_bytes(mac(derived(issuer_key, b"short token tag"), sealed), "big") % tags
    mask = int.from_bytes(mac(derived(issuer_key, b"short token mask"), tag.to_bytes(8, "little")), "big")
    masked = (count % 256 * len(VALUES) + place + mask) % bodies
    return str((tag * bodies + masked) * 16 + issuer).rjust(19, "0")


def pair_of(meter_key, issuer):
    return keys.short_token_keys(aes, keys.issuer_key(aes, meter_key, issuer))


@given(KEYS, METERS, ISSUERS, COUNTS, TENANTS, PLACES)
def test_digits_are_those_of_the_oracle_and_open_again(meter_key, meter, issuer, count, tenant, place):
    kind, amount = VALUES[place]
    pair = pair_of(meter_key, issuer)
    digits = short_token.seal_digits(aes, pair, meter, issuer << 28 | count, kind, amount, tenant)
    assert digits[:-1] == oracle(meter_key, meter, issuer, count, tenant, place)
    assert short_token.is_whole(digits)
    for newest in (max(0, count - 192), count - 1, count, min(2**28 - 1, count + 63)):
        one = short_token.open_digits(aes, pair, meter, newest, tenant, digits)
        assert (one.sequence, one.kind, one.fields(), one.tenant) == (issuer << 28 | count, kind, (amount,), tenant)


@given(KEYS, METERS, COUNTS, TENANTS, PLACES, st.integers(0, 2**28 - 1))
def test_no_window_takes_a_token_for_another(meter_key, meter, count, tenant, place, newest):
    kind, amount = VALUES[place]
    pair = pair_of(meter_key, 0)
    digits = short_token.seal_digits(aes, pair, meter, count, kind, amount, tenant)
    try:
        assert short_token.open_digits(aes, pair, meter, newest, tenant, digits).sequence == count
    except SealBroken:
        assert not newest - 63 <= count <= newest + 192


@given(KEYS, METERS, TENANTS, st.text("0123456789", min_size=20, max_size=20))
def test_random_digits_open_nothing(meter_key, meter, tenant, digits):
    try:
        short_token.open_digits(aes, pair_of(meter_key, 0), meter, 0, tenant, digits)
    except SealBroken:
        return
    raise AssertionError("random digits were opened")


@given(st.sampled_from(short_token.KINDS), st.integers(1, 10**14) | st.sampled_from(EDGES))
def test_nearest_amounts_are_those_of_the_list(row, amount):
    amounts = AMOUNTS[row[0]]
    below = max((one for one in amounts if one <= amount), default=None)
    above = min((one for one in amounts if one >= amount), default=None)
    assert short_token.nearest(row[0], amount) == (below, above)


@given(PLACES, st.integers(1, 9_999))
def test_an_amount_that_no_digits_hold_is_refused(place, change):
    kind, amount = VALUES[place]
    assume(amount + change not in AMOUNTS[kind])
    try:
        short_token.seal_digits(aes, pair_of(bytes(16), 0), 1, 1, kind, amount + change, 0)
    except ValueError:
        return
    raise AssertionError("an amount was rounded")


def test_the_tag_takes_all_that_the_body_leaves():
    assert len(VALUES) == short_token.VALUES
    assert short_token.TAGS >= 2**34
    assert 0 <= 10**19 - short_token.TAGS * short_token.BODIES * 16 < short_token.BODIES * 16


AMOUNTS = {kind: {amount for one, amount in VALUES if one == kind} for kind in {one for one, _ in VALUES}}
