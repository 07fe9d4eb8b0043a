"""The program behind a call: its token, its limits, and its session at the vault.

A session at the vault is kept in this process, by token, and begun again when it has ended.
"""

import threading
import time

from django.core.cache import cache
from django.http import HttpRequest

from wattpurse_tools.office import api_tokens
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.api_tokens import Found
from wattpurse_tools.office.office import Office
from wattpurse_tools.pages import login_limits
from wattpurse_tools.pages.access import address_of
from wattpurse_tools.pages.api.problems import Problem
from wattpurse_tools.pages.login_limits import TooManyTries
from wattpurse_tools.record.models import ApiToken
from wattpurse_tools.vault.interface import Refused, Session, SignOnNeeded

CALLS_PER_MINUTE = 600

_MINUTE_S = 60
_USED_EVERY_S = 60
_BEARER = "bearer "


class _Tickets:
    """The tickets of this process, by the number of the token and the fingerprint of the vault."""

    lock = threading.Lock()
    by_token: dict[tuple[int, str], str] = {}


def caller_of(request: HttpRequest, office: Office) -> tuple[ApiToken, Actor]:
    """Return token and actor of a call. Raise Problem if the token is not in force or calls too often."""
    header = request.headers.get("Authorization", "")
    address = address_of(request)
    if not header.lower().startswith(_BEARER):
        raise _unauthorized("send the header Authorization: Bearer TOKEN")
    found = api_tokens.find(header[len(_BEARER) :].strip())
    if found is None:
        _count_wrong(address)
        raise _unauthorized("the token is wrong, was revoked or has expired; a manager makes another one")
    _refuse_too_many(found.token)
    session = _session(office, found)
    _note_use(found.token)
    rights = frozenset(session.rights) & frozenset(found.token.rights)
    where = f"{address} token {found.token.public_part}"[:64]
    return found.token, Actor(session.operator, session.ticket, rights, found.token.shop.number, where)


def _session(office: Office, found: Found) -> Session:
    place = (found.token.pk, office.keys.fingerprint())
    ticket = _Tickets.by_token.get(place, "")
    try:
        return office.keys.session(ticket)
    except SignOnNeeded:
        pass
    with _Tickets.lock:
        try:
            return office.keys.session(_Tickets.by_token.get(place, ""))
        except SignOnNeeded:
            pass
        try:
            session = office.keys.sign_on(found.token.operator, found.pin)
        except Refused as error:
            words = (
                f"the vault does not sign operator {found.token.operator} on: {error}; a manager makes another token"
            )
            raise _unauthorized(words) from None
        _Tickets.by_token[place] = session.ticket
    return session


def _refuse_too_many(token: ApiToken) -> None:
    """Raise Problem if a token has called too often in this minute."""
    now_s = int(time.time())
    key = f"api-calls:{token.pk}:{now_s // _MINUTE_S}"
    cache.add(key, 0, timeout=2 * _MINUTE_S)
    try:
        count = cache.incr(key)
    except ValueError:  # it was dropped to make room
        return
    if count > CALLS_PER_MINUTE:
        wait_s = _MINUTE_S - now_s % _MINUTE_S
        words = f"a token may call {CALLS_PER_MINUTE} times a minute; try again in {wait_s} seconds"
        raise Problem("too-many-requests", words, headers={"Retry-After": str(wait_s)})


def _count_wrong(address: str) -> None:
    try:
        login_limits.count_try({f"api:{address}": login_limits.ADDRESS})
    except TooManyTries as refusal:
        raise Problem("too-many-requests", str(refusal), headers={"Retry-After": str(refusal.wait_s)}) from None


def _note_use(token: ApiToken) -> None:
    now_s = int(time.time())
    if token.used_s is None or token.used_s <= now_s - _USED_EVERY_S:
        ApiToken.objects.filter(pk=token.pk).update(used_s=now_s)


def _unauthorized(words: str) -> Problem:
    return Problem("unauthorized", words, headers={"WWW-Authenticate": 'Bearer realm="Wattpurse"'})
