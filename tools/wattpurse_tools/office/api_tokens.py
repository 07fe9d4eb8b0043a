"""Tokens of shops' programs: made by a manager, shown once, kept as a hash, revoked at any time.

A program works as an operator of the vault, with the limits of that operator. The operator's PIN is needed to make the
token. It is kept under a key that is made from the token's secret, which is nowhere in the record.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.users import shop_of
from wattpurse_tools.record.models import ApiToken
from wattpurse_tools.vault.interface import CARDS, MANAGE, ORDER, SELL

RIGHTS_OF_PROGRAMS = (SELL, ORDER, CARDS)

_PREFIX = "wattpurse"
_PUBLIC_BYTES = 6
_SECRET_BYTES = 32
_NONCE_SIZE = 12
_NAME_SIZE = 64
_PURPOSE = b"wattpurse PIN of a token"


@dataclass(frozen=True)
class Found:
    """A token that is in force, with the PIN of its operator."""

    token: ApiToken
    pin: str


def add(
    office: Office,
    actor: Actor,
    name: str,
    shop: int,
    operator: int,
    pin: str,
    rights: Sequence[str] = (SELL,),
    expires_s: int | None = None,
) -> tuple[ApiToken, str]:
    """Make a token for a program of a shop. Return it with the text that is shown once. Right: manage."""
    actor.require(MANAGE)
    place = shop_of(shop)
    if not 1 <= len(name) <= _NAME_SIZE or not name.isprintable():
        raise ValueError(f"a token has a name of 1 to {_NAME_SIZE} letters")
    unknown = [right for right in rights if right not in RIGHTS_OF_PROGRAMS]
    if unknown or not rights:
        raise ValueError(f"the rights of a program are of: {', '.join(RIGHTS_OF_PROGRAMS)}")
    if expires_s is not None and expires_s <= time.time():
        raise ValueError("the token would have expired already; name a day to come")
    session = office.keys.sign_on(operator, pin)
    office.keys.sign_off(session.ticket)
    missing = [right for right in rights if right not in session.rights]
    if missing:
        raise ValueError(
            f"operator {operator} has no right to {', '.join(missing)}; a program has at most those rights"
        )
    public, secret = secrets.token_hex(_PUBLIC_BYTES), secrets.token_bytes(_SECRET_BYTES)
    with transaction.atomic():
        token = ApiToken.objects.create(
            public_part=public,
            secret_hash=_hash(secret),
            name=name,
            shop=place,
            operator=operator,
            rights=list(rights),
            sealed_pin=_sealed(secret, public, pin),
            created_by=actor.operator,
            created_s=int(time.time()),
            expires_s=expires_s,
        )
        audit.note(
            actor, "token added", f"token:{public}", name=name, shop=shop, operator=operator, rights=list(rights)
        )
    return token, f"{_PREFIX}_{public}_{secret.hex()}"


def revoke(actor: Actor, public_part: str) -> ApiToken:
    """End a token. Right: manage. A token that has ended stays so."""
    actor.require(MANAGE)
    with transaction.atomic():
        token = ApiToken.objects.select_for_update().filter(public_part=public_part).first()
        if token is None:
            raise ValueError(f"there is no token {public_part}; list them with: wattpurse office token list")
        if token.revoked_s is None:
            token.revoked_s = int(time.time())
            token.save(update_fields=["revoked_s"])
            audit.note(actor, "token revoked", f"token:{public_part}", name=token.name)
    return token


def all_tokens(actor: Actor) -> list[ApiToken]:
    """Return all tokens, the newest first. Right: manage."""
    actor.require(MANAGE)
    return list(ApiToken.objects.select_related("shop").order_by("-id"))


def find(text: str) -> Found | None:
    """Return the token of a text, or None if it is none, was revoked or has expired."""
    prefix, _, rest = text.partition("_")
    public, _, secret_text = rest.partition("_")
    try:
        secret = bytes.fromhex(secret_text)
    except ValueError:
        return None
    token = ApiToken.objects.select_related("shop").filter(public_part=public).first()
    kept = "0" * 64 if token is None else token.secret_hash
    is_right = hmac.compare_digest(_hash(secret), kept) and prefix == _PREFIX
    if token is None or not is_right or token.revoked_s is not None or not token.shop.is_active:
        return None
    if token.expires_s is not None and token.expires_s <= time.time():
        return None
    try:
        return Found(token, _opened(secret, public, bytes(token.sealed_pin)))
    except InvalidTag:
        return None


def _hash(secret: bytes) -> str:
    """Return the hash of a secret. It is 256 random bits, so it needs no slow hash."""
    return hashlib.sha256(secret).hexdigest()


def _key(secret: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, _PURPOSE).derive(secret))


def _sealed(secret: bytes, public: str, pin: str) -> bytes:
    nonce = os.urandom(_NONCE_SIZE)
    return nonce + _key(secret).encrypt(nonce, pin.encode(), public.encode())


def _opened(secret: bytes, public: str, sealed: bytes) -> str:
    return _key(secret).decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], public.encode()).decode()
