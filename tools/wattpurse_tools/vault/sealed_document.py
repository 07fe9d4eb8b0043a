"""A JSON document under a passphrase: scrypt makes the key, and AES-256-GCM seals the document.

    {"format": 1, "n": 131072, "r": 8, "p": 1, "salt": hex, "nonce": hex, "sealed": hex}

All members but the last are authenticated too. Each writing takes a new nonce.
"""

import json
import os
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

FORMAT = 1
PASSPHRASE_SIZE = 12

_KEY_SIZE = 32
_SALT_SIZE = 16
_NONCE_SIZE = 12
_SCRYPT_N_LIMIT = 1 << 19
_SCRYPT_R_LIMIT = 16
_SCRYPT_P_LIMIT = 8
_SEALED = "sealed"
_MEMBERS = {"format", "n", "r", "p", "salt", "nonce", _SEALED}


@dataclass(frozen=True)
class Cost:
    """The work of one guess at a passphrase, in the parameters of scrypt. The default takes 128 MB, half a second."""

    n: int = 1 << 17
    r: int = 8
    p: int = 1


def canonical(value: object) -> bytes:
    """Return the one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


class Sealer:
    """The key of one passphrase: it seals a document again without the passphrase."""

    def __init__(self, cost: Cost, salt: bytes, key: bytes) -> None:
        self._cost = cost
        self._salt = salt
        self._key = key

    @classmethod
    def new(cls, passphrase: str, cost: Cost) -> Self:
        """Return a sealer with a new salt. Raise ValueError for a passphrase that is too short."""
        if len(passphrase) < PASSPHRASE_SIZE:
            raise ValueError(f"the passphrase of a vault has at least {PASSPHRASE_SIZE} characters; take some words")
        salt = os.urandom(_SALT_SIZE)
        return cls(cost, salt, _key(passphrase, cost, salt))

    def seal(self, document: dict) -> bytes:
        """Return the sealed document."""
        nonce = os.urandom(_NONCE_SIZE)
        head = {
            "format": FORMAT,
            "n": self._cost.n,
            "r": self._cost.r,
            "p": self._cost.p,
            "salt": self._salt.hex(),
            "nonce": nonce.hex(),
        }
        sealed = AESGCM(self._key).encrypt(nonce, canonical(document), canonical(head))
        return json.dumps(head | {_SEALED: sealed.hex()}).encode() + b"\n"

    @classmethod
    def open(cls, data: bytes, passphrase: str) -> tuple[Self, dict]:
        """Return sealer and document. Raise ValueError if the data is none of these, or the passphrase is wrong."""
        head, sealed = _split(data)
        cost, salt = Cost(head["n"], head["r"], head["p"]), bytes.fromhex(head["salt"])
        key = _key(passphrase, cost, salt)
        try:
            opened = AESGCM(key).decrypt(bytes.fromhex(head["nonce"]), sealed, canonical(head))
        except InvalidTag:
            raise ValueError("the passphrase is wrong, or the file was changed") from None
        return cls(cost, salt, key), json.loads(opened)


def _split(data: bytes) -> tuple[dict, bytes]:
    try:
        head = json.loads(data)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or head.get("format") is None:
        raise ValueError("this is not the sealed key file of a vault")
    if head["format"] != FORMAT:
        raise ValueError(
            f"the file is of format {head['format']}, and this program knows {FORMAT}: use a newer program"
        )
    numbers = [head.get(name) for name in ("n", "r", "p")]
    limits = (_SCRYPT_N_LIMIT, _SCRYPT_R_LIMIT, _SCRYPT_P_LIMIT)
    plausible = set(head) == _MEMBERS and all(
        type(number) is int and 1 <= number <= limit for number, limit in zip(numbers, limits, strict=True)
    )
    if not plausible or head["n"] < 2 or head["n"] & head["n"] - 1:
        raise ValueError("this is not the sealed key file of a vault: its head is broken")
    try:
        texts = [bytes.fromhex(head[name]) for name in ("salt", "nonce", _SEALED)]
    except (TypeError, ValueError):
        texts = [b""]
    if len(texts) != 3 or len(texts[1]) != _NONCE_SIZE:
        raise ValueError("this is not the sealed key file of a vault: its head is broken")
    del head[_SEALED]
    return head, texts[2]


def _key(passphrase: str, cost: Cost, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_KEY_SIZE, n=cost.n, r=cost.r, p=cost.p).derive(passphrase.encode())
