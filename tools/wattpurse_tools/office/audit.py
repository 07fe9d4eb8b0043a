"""The audit trail: one entry for each action, chained by hashes. Its caller opens the transaction."""

import hashlib
import json
import time

from django.db import connection

from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.record.models import AuditEntry

_FIRST = "0" * 64
_CHAIN = 0x41554454  # the number of the lock, any that nothing else has
_LAST_HASH = CompiledValues(lambda: AuditEntry.objects.order_by("-id").values_list("hash")[:1])


def note(actor: Actor, action: str, subject: str, **detail: object) -> AuditEntry:
    """Append an entry to the audit trail and return it."""
    _wait_for_others()
    entry = AuditEntry(
        time_s=int(time.time()),
        operator=actor.operator,
        address=actor.address,
        action=action,
        subject=subject,
        detail=detail,
        previous_hash=next((link for (link,) in _LAST_HASH.rows()), _FIRST),
    )
    entry.hash = hash_of(entry)
    entry.save(force_insert=True)
    return entry


def _wait_for_others() -> None:
    """Let no other transaction append until this one ends. SQLite has one writer at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN])


def hash_of(entry: AuditEntry) -> str:
    """Return the hash of an entry, over the hash of the one before and all its fields."""
    fields = (
        entry.previous_hash,
        entry.time_s,
        entry.operator,
        entry.address,
        entry.action,
        entry.subject,
        entry.detail,
    )
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def first_broken() -> int | None:
    """Return the number of the first entry that does not fit the one before, or None."""
    previous = _FIRST
    for entry in AuditEntry.objects.order_by("id").iterator():
        if entry.previous_hash != previous or hash_of(entry) != entry.hash:
            return entry.pk
        previous = entry.hash
    return None
