"""Messages that could not be worked on: they are kept for people, told, and never stop the others.

The same message is kept once, with the number of times that it came. A limit of rows
ends a flood of messages: no client of the broker can fill the disk.
"""

import hashlib

from django.db.models import F

from wattpurse_tools.record.models import SetAside

BROKER = "broker"
ROWS_LIMIT = 10_000

_PAYLOAD_LIMIT = 4096
_TOPIC_LIMIT = 240
_REASON_LIMIT = 400


def put(source: str, topic: str, payload: bytes, reason: str, now_s: int) -> bool:
    """Keep a message with the reason, in words. Return True if it is new. The caller opens the transaction.

    The beginning of a long payload is kept. Beyond ROWS_LIMIT open messages, a new one is not kept.
    """
    digest = hashlib.sha256(topic.encode(errors="replace") + b"\0" + payload).hexdigest()
    if SetAside.objects.filter(digest=digest).update(count=F("count") + 1):
        return False
    if SetAside.objects.filter(is_closed=False)[:ROWS_LIMIT].count() >= ROWS_LIMIT:
        return False
    row = SetAside(
        digest=digest,
        source=source,
        topic=_storable(topic)[:_TOPIC_LIMIT],
        payload=payload[:_PAYLOAD_LIMIT],
        reason=_storable(reason)[:_REASON_LIMIT],
        first_s=now_s,
    )
    SetAside.objects.bulk_create([row], ignore_conflicts=True)  # another worker may have the same message
    return True


def _storable(text: str) -> str:
    """Return a text that PostgreSQL takes: it has no NUL, and no half of a surrogate pair."""
    return text.encode(errors="replace").decode().replace("\0", "?")
