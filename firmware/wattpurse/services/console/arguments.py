"""Strict reading of console arguments: return the value, or raise a ValueError that says the expected form."""

import binascii

KEY_SIZE = 16
PIN_SHORTEST = 4
PIN_LONGEST = 8

_LONGEST_NUMBER = 19
_DIGITS = "0123456789"
_HEX_DIGITS = _DIGITS + "abcdefABCDEF"


def expect(arguments: list, usage: str, fewest: int, most: int | None = None) -> None:
    """Raise ValueError, showing `usage`, unless there are `fewest` to `most` arguments.

    Without `most` there must be exactly `fewest`.
    """
    if not fewest <= len(arguments) <= (fewest if most is None else most):
        raise ValueError("usage: " + usage)


def number(text: str, name: str, lowest: int, highest: int) -> int:
    """Return a whole number in plain decimal digits, from `lowest` to `highest`."""
    digits = text[1:] if text.startswith("-") and lowest < 0 else text
    if _consists_of(digits, _DIGITS) and len(digits) <= _LONGEST_NUMBER:
        value = int(text)
        if lowest <= value <= highest:
            return value
    raise ValueError(f"{name} must be a whole number from {lowest} to {highest}")


def hex_bytes(text: str, name: str) -> bytes:
    """Return bytes written as two hex digits each."""
    if len(text) % 2 or not _consists_of(text, _HEX_DIGITS):
        raise ValueError(name + " must be written in hex, two digits for each byte")
    return binascii.unhexlify(text)


def digits(words: list, count: int) -> str:
    """Return `count` decimal digits, written in any groups."""
    text = "".join(words)
    if len(text) != count or not _consists_of(text, _DIGITS):
        raise ValueError(f"write all {count} digits, for example in groups of four")
    return text


def key(text: str, name: str) -> bytes:
    """Return an AES-128 key written as 32 hex digits."""
    if len(text) != 2 * KEY_SIZE or not _consists_of(text, _HEX_DIGITS):
        raise ValueError(f"{name} must be {2 * KEY_SIZE} hex digits")
    return binascii.unhexlify(text)


def pin(text: str) -> str:
    """Return a PIN of 4 to 8 digits."""
    if not PIN_SHORTEST <= len(text) <= PIN_LONGEST or not _consists_of(text, _DIGITS):
        raise ValueError(f"a PIN has {PIN_SHORTEST} to {PIN_LONGEST} digits")
    return text


def calibration(text: str) -> tuple:
    """Return `(impulses, kWh)` of `3200` or `3200/1`. The account checks their ranges."""
    impulses, slash, per_kwh = text.partition("/")
    if not slash:
        per_kwh = "1"
    return number(impulses, "impulses", 1, 10**9), number(per_kwh, "kWh", 1, 10**9)


def _consists_of(text: str, allowed: str) -> bool:
    for character in text:
        if character not in allowed:
            return False
    return bool(text)
