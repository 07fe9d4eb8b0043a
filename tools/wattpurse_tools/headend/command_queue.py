"""The queue of tokens on their way to meters by the network.

A token is queued once, by its key, in the transaction that makes it. A sender that dies leaves the command waiting, and
sends it again: the meter uses a token once. A command is done when the meter says so, or when a statement shows that
its token was redeemed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.record.models import Command, Token
from wattpurse_tools.station import lost_orders
from wattpurse_tools.station.order import FORFEITED, OUTDATED, REDEEMED, VOIDED

if TYPE_CHECKING:
    from django.db.models.query import ValuesQuerySet

WAITING = "waiting"
SENT = "sent"
DONE = "done"
REFUSED = "refused"
GIVEN_UP = "given up"
OPEN_STATES = (WAITING, SENT)
STATES = (*OPEN_STATES, DONE, REFUSED, GIVEN_UP)

LATER_S = 60

# Outcomes that a meter tells (see wattpurse.core.messages.mqtt). All others are refusals.
_DONE = ("accepted", "used")
_LATER = ("ledger-failed", "out-of-order")
_LOST = (VOIDED, OUTDATED, FORFEITED)
_ENDED = (REDEEMED, *_LOST)
_OUTCOME_LIMIT = 24
_PATIENCE_S = 300  # a meter's clock may be ahead of the office's by so much
_REFUSED_S = 86_400  # a refused token is tried again after so long, for a meter may well refuse it each time


def _to_compare(meter_number: int) -> "ValuesQuerySet[Command, Any]":
    """Return the commands of a meter that do not agree with their tokens for good."""
    rows = Command.objects.filter(meter_id=meter_number).order_by("pk")
    rows = rows.exclude(state=DONE, token__state=REDEEMED).exclude(state=REFUSED, token__state__in=_LOST)
    rows = rows.exclude(state=GIVEN_UP, token__state__in=_ENDED)
    return rows.values_list("pk", "state", "outcome", "answered_s", "token__state")


_TO_COMPARE = CompiledValues(_to_compare, 1)  # each statement that tells news asks it


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


def answered(meter_number: int, sequence: int, outcome: str, is_redeemed: bool, now_s: int) -> bool:
    """Book the answer of a meter to a token. Return True if it changed a command.

    Anybody at the broker can write an answer, so it moves no money and no token: it only ends the sending. If a later
    statement does not show what the answer told, the sending begins anew (see `compare`).
    """
    state = DONE if is_redeemed or outcome in _DONE else WAITING if outcome in _LATER else REFUSED
    facts: dict[str, object] = {"state": state, "outcome": outcome[:_OUTCOME_LIMIT], "answered_s": now_s}
    if state == WAITING:
        facts["next_s"] = now_s + LATER_S
    rows = Command.objects.filter(meter_id=meter_number, token__sequence=sequence, state__in=OPEN_STATES)
    is_changed = bool(rows.update(**facts))
    if is_changed and state == REFUSED:
        _note_lost(meter_number, token__sequence=sequence)
    return is_changed


def compare(meter_number: int, told_s: int, now_s: int) -> None:
    """Compare the commands of a meter with its tokens, after a statement of the meter's time `told_s` was recorded.

    A redeemed token is done, even if the answer was another one. If the meter said that it has a token, and its later
    statement does not show the token, it is sent again: the answer was forged, or the meter has lost it. A refused
    token that the statement shows neither voided nor outdated is sent again too, once a day: the answer was forged, or
    the reason of the meter may be gone, such as a balance at its limit.
    """
    for key, command_state, outcome, answered_s, state in _TO_COMPARE.rows(meter_number):
        if state == REDEEMED:
            if command_state == REFUSED:
                _note_lost(meter_number, pk=key)  # it was taken for lost
            _change(key, now_s, state=DONE, outcome=outcome or "redeemed")
        elif state in _ENDED:
            _change(key, now_s, state=REFUSED, outcome=outcome or state)
        elif told_s > (answered_s or 0) + _PATIENCE_S and _is_to_send_again(command_state, answered_s or 0, now_s):
            _change(key, now_s, state=WAITING, next_s=now_s, outcome="")


def _note_lost(meter_number: int, **which: int) -> None:
    """Note that the token of a command was lost, or was not lost after all."""
    for kind in Command.objects.filter(meter_id=meter_number, **which).values_list("token__kind", flat=True):
        lost_orders.note(meter_number, kind)


def _is_to_send_again(command_state: str, answered_s: int, now_s: int) -> bool:
    return command_state == DONE or (command_state == REFUSED and now_s >= answered_s + _REFUSED_S)


def _change(key: int, now_s: int, **facts: object) -> None:
    Command.objects.filter(pk=key).update(answered_s=now_s, **facts)
