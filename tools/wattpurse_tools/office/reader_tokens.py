"""The tokens of the agents at the tills' readers. The record has their hashes alone."""

import hashlib
import secrets

from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.record.models import Till

_TOKEN_BYTES = 32


def new_reader_token(actor: Actor, till: Till) -> str:
    """Make a new token for the agent of a till and return it. The former one ends. Right: manage, in the shop."""
    actor.require("manage", till.shop.number)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with transaction.atomic():
        till.reader_token_hash = _hash_of(token)
        till.save(update_fields=["reader_token_hash"])
        audit.note(actor, "reader token", f"till:{till.pk}", shop=till.shop.number, till=till.number)
    return token


def till_of(token: str) -> Till | None:
    """Return the till of an agent's token, or None. A till of a closed shop has none."""
    if not token:
        return None
    return Till.objects.filter(reader_token_hash=_hash_of(token), shop__is_active=True).first()


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
