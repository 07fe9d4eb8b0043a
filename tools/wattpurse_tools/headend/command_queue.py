"""The queue of tokens on their way to meters by the network.

A token is queued once, by its key, in the transaction that makes it. A sender that dies leaves the command waiting, and
sends it again: the meter uses a token once. A command is done when the meter says so, or when a statement shows that
its token was redeemed.
"""

from collections.abc import Sequence

from wattpurse_tools.record.models import Command, Token

WAITING = "waiting"
SENT = "sent"
DONE = "done"
REFUSED = "refused"
GIVEN_UP = "given up"
OPEN_STATES = (WAITING, SENT)


def queue(tokens: Sequence[Token], wish: str, key: str, now_s: int, expires_s: int | None = None) -> list[Command]:
    """Queue tokens of one meter, oldest first, and return their commands. The same key again queues nothing more.

    `wish` is their purpose in a word. After `expires_s` nobody sends them any more.
    """
    rows = [
        Command(
            key=f"{key}:{place}",
            meter_id=token.meter_id,  # type: ignore[attr-defined]
            token=token,
            wish=wish,
            created_s=now_s,
            next_s=now_s,
            expires_s=expires_s,
        )
        for place, token in enumerate(tokens)
    ]
    Command.objects.bulk_create(rows, ignore_conflicts=True)
    return list(Command.objects.filter(key__in=[row.key for row in rows]).order_by("pk"))
