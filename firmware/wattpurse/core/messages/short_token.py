"""Tokens of twenty decimal digits, for a keypad: a credit of money, energy or days for one meter, once only.

    twenty digits: nineteen digits of a number, and a check digit (Damm 2004)
    number: (tag * BODIES + masked body) * 16 + issuer
    body: (count of the token modulo COUNTS) * VALUES + value
    value: kind and amount, see `KINDS`
    tag: AES-CMAC modulo TAGS, over meter number u32, token number u32, tenant u32, value u32
    masked body: (body + AES-CMAC of the tag) modulo BODIES

A short token has the number of a full token (see `money.token_windows`): the two are forms of one token, and the meter
redeems it once in either form. The digits have room for the lower part of the count alone. The meter takes the count
from the 64 of its window and the 192 above that. The tag seals the whole number, so a count that was taken wrongly is
not authentic.

**Construction.** It is SIV (Rogaway and Shrimpton 2006, RFC 5297) in mixed radix: the tag is a pseudo-random function
of the whole token, and the mask is another one of the tag. Their keys are derived for one meter and one issuer. So
nothing depends on a small permutation, as in NIST SP 800-38G, and all values that the body leaves over belong to the
tag: TAGS is 20 345 560 722, or 34.2 bits. The issuer is in clear, because a meter that tries sixteen keys loses four
bits. A meter tries two keys while its key changes, which costs one bit. A reader of the digits learns the issuer alone,
unless two tokens of a meter have equal tags: among 1 000 tokens with a chance of 1 in 40 000.

**Guesses.** A guess credits something with a chance below 1 in TAGS. After the first twelve, `services.attempts` lets
one guess be made an hour: 8 766 in a year. A year of guesses succeeds with a chance of 1 in 2.3 million. After 1.6
million years success is as likely as not. docs/keypad.md has these figures, and `wattpurse short-token` prints them.

**Typing.** The check digit finds every wrong digit and every two neighbours that changed places. Anybody can calculate
it, so it tells nothing, and a meter need not count such an entry as a guess.
"""

import struct

from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import COUNT_LIMIT, ISSUERS, WINDOW, count_of, issuer_of, number_of
from wattpurse.core.seals.cmac import cmac, equal
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.core.tariffs.calendar import DAY_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes

DIGITS = 20
COUNTS = 256

# An amount has four significant digits: 1 to 9999 steps, then 1000 to 9999 tens, hundreds and so on of steps.
_LOWEST = 1_000
_HIGHEST = 9_999
_DECADE = _HIGHEST - _LOWEST + 1

# kind, step, decades above 9999 steps, the term that limits it, steps of the term in one of its units
KINDS = (
    (token.CREDIT_MONEY, 10_000, 5, "short_token_limit_microunits", 1),
    (token.CREDIT_ENERGY, 10_000, 5, "short_token_limit_mwh", 1),
    (token.DAYS, DAY_S, 0, "short_token_limit_days", DAY_S),
)

VALUES = sum(_HIGHEST + decades * _DECADE for _, _, decades, _, _ in KINDS)
BODIES = COUNTS * VALUES
TAGS = 10 ** (DIGITS - 1) // (BODIES * ISSUERS)

_TAG_BYTES = 5
_SEALED = "<IIII"
_MASKED = "<Q"
# A totally anti-symmetric quasigroup: row by the digits before, column by the next digit.
_DAMM = b"0317598642709215486342068713591750983426612304597836742095815869720134894536201794386172052581436790"


def check_digit(digits: str) -> str:
    """Return the check digit of `digits`. It is "0" for digits that end with their own."""
    interim = 0
    for digit in digits:
        interim = _DAMM[10 * interim + int(digit)] - 48
    return str(interim)


def is_whole(digits: str) -> bool:
    """Return True for twenty digits of which the last fits the others: a typing error is found here."""
    return len(digits) == DIGITS and all("0" <= digit <= "9" for digit in digits) and check_digit(digits) == "0"


def grouped(digits: str) -> str:
    """Return the digits in groups of four."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def limit_of(kind: int) -> tuple:
    """Return the name of the term that limits short tokens of this kind, and the amount of one of its units."""
    for code, _, _, name, unit in KINDS:
        if code == kind:
            return name, unit
    raise ValueError("twenty digits hold credit of money, energy or days, and no other kind")


def nearest(kind: int, amount: int) -> tuple:
    """Return the highest amount up to `amount` and the lowest from it on that a short token can hold.

    The two are equal if it can hold the amount itself. One of them is None if there is none on that side. Raise
    ValueError for another kind.
    """
    step, decades = _row(kind)[1:3]
    highest = _HIGHEST * 10**decades * step
    scale = step
    while amount // scale > _HIGHEST and scale < 10**decades * step:
        scale *= 10
    below, above = amount // scale * scale, (amount + scale - 1) // scale * scale
    return (min(below, highest) if below > 0 else None), (None if above > highest else max(above, step))


def seal_digits(
    aes: "Aes", keys: "KeyPair", meter_number: int, sequence: int, kind: int, amount: int, tenant: int
) -> str:
    """Return the twenty digits of a token. `keys` are the `short_token_keys` of its issuer.

    Raise ValueError for a kind or an amount that a short token does not hold.
    """
    value = _value_of(kind, amount)
    tag = _tag(aes, keys, meter_number, sequence, tenant, value)
    body = count_of(sequence) % COUNTS * VALUES + value
    masked = (body + _mask(aes, keys, tag)) % BODIES
    number = (tag * BODIES + masked) * ISSUERS + issuer_of(sequence)
    digits = f"{number:019d}"
    return digits + check_digit(digits)


def issuer_of_digits(digits: str) -> int:
    """Return the issuer that the digits name, not yet proven."""
    return int(digits[:-1]) % ISSUERS


def open_digits(
    aes: "Aes", keys: "KeyPair", meter_number: int, newest_count: int, tenant: int, digits: str
) -> token.Token:
    """Return the token of twenty digits, proven authentic for this meter and tenant. Raise SealBroken for others.

    `newest_count` is the newest redeemed count of the issuer. A token up to 256 counts older than the window opens as
    well, so that its owner is told that it is used.
    """
    issuer = issuer_of_digits(digits)
    tag, masked = divmod(int(digits[:-1]) // ISSUERS, BODIES)
    if tag >= TAGS:
        raise SealBroken("no token")
    low, value = divmod((masked - _mask(aes, keys, tag)) % BODIES, VALUES)
    kind, amount = _amount_of(value)
    lowest = max(1, newest_count - WINDOW + 1)
    count = lowest + (low - lowest) % COUNTS
    for candidate in (count, count - COUNTS):
        if 0 < candidate <= COUNT_LIMIT:
            number = number_of(issuer, candidate)
            expected = _tag(aes, keys, meter_number, number, tenant, value)
            if equal(_bytes(expected), _bytes(tag)):
                return token.Token(number, kind, token.make(kind, amount)[1], tenant)
    raise SealBroken("wrong tag")


def _tag(aes: "Aes", keys: "KeyPair", meter_number: int, sequence: int, tenant: int, value: int) -> int:
    sealed = struct.pack(_SEALED, meter_number, sequence, tenant, value)
    return int.from_bytes(cmac(aes, keys.authentication, sealed), "big") % TAGS


def _mask(aes: "Aes", keys: "KeyPair", tag: int) -> int:
    return int.from_bytes(cmac(aes, keys.encryption, struct.pack(_MASKED, tag)), "big") % BODIES


def _bytes(tag: int) -> bytes:
    return tag.to_bytes(_TAG_BYTES, "big")


def _row(kind: int) -> tuple:
    limit_of(kind)
    return [row for row in KINDS if row[0] == kind][0]


def _value_of(kind: int, amount: int) -> int:
    """Return the number of kind and amount. Raise ValueError if the amount is none that a short token holds."""
    first = 0
    for code, step, decades, _, _ in KINDS:
        if code == kind and amount > 0 and amount % step == 0:
            steps, decade = amount // step, 0
            while steps > _HIGHEST and steps % 10 == 0 and decade < decades:
                steps, decade = steps // 10, decade + 1
            if steps <= _HIGHEST:
                return first + (steps - 1 if decade == 0 else _HIGHEST + (decade - 1) * _DECADE + steps - _LOWEST)
        first += _HIGHEST + decades * _DECADE
    raise ValueError("a token of twenty digits does not hold this kind or this amount")


def _amount_of(value: int) -> tuple:
    """Return `(kind, amount)` of a value below VALUES."""
    row = 0
    while value >= _size(row):
        value -= _size(row)
        row += 1
    kind, step = KINDS[row][:2]
    if value < _HIGHEST:
        return kind, (value + 1) * step
    decade, steps = divmod(value - _HIGHEST, _DECADE)
    return kind, (steps + _LOWEST) * 10 ** (decade + 1) * step


def _size(row: int) -> int:
    """Return the number of amounts of a row of KINDS."""
    return _HIGHEST + KINDS[row][2] * _DECADE
