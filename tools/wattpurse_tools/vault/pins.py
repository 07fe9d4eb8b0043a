"""PINs of operators: at least six digits, kept as a hash by scrypt inside the sealed key file."""

import hashlib
import hmac
import os

SIZE = 6
SIZE_LIMIT = 20

_SALT_SIZE = 16
_N = 1 << 14
_R = 8
_P = 1
_MEMORY = 64 << 20
_HASH_SIZE = 32


def hash_pin(pin: str, work: int = _N) -> dict:
    """Return salt and hash of a PIN. Raise ValueError for a PIN that is too short or too plain."""
    if not pin.isascii() or not pin.isdigit() or not SIZE <= len(pin) <= SIZE_LIMIT:
        raise ValueError(f"a PIN has {SIZE} to {SIZE_LIMIT} digits")
    steps = {(int(after) - int(before)) % 10 for before, after in zip(pin, pin[1:], strict=False)}
    if steps in ({0}, {1}, {9}):
        raise ValueError("this PIN is one of the first that anybody tries; choose digits that do not count up or down")
    salt = os.urandom(_SALT_SIZE)
    return {"n": work, "salt": salt.hex(), "hash": _hash(pin, salt, work).hex()}


def is_pin(pin: str, kept: dict) -> bool:
    """Return True if `kept` is the salt and hash of this PIN."""
    found = _hash(pin, bytes.fromhex(kept["salt"]), kept["n"])
    return hmac.compare_digest(found, bytes.fromhex(kept["hash"]))


def _hash(pin: str, salt: bytes, work: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=work, r=_R, p=_P, maxmem=_MEMORY, dklen=_HASH_SIZE)
