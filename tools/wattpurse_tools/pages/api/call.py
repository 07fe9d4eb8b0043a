"""One call of a program, as the functions behind the routes get it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.pages.api.problems import Problem
from wattpurse_tools.record.models import Shop


@dataclass(frozen=True)
class Call:
    """A call: `shop` and `actor` are those of the token, `names` the numbers in the path, `key` its idempotency key."""

    office: Office
    actor: Actor
    shop: Shop
    request: HttpRequest
    body: dict
    names: Mapping[str, int]
    key: str = ""


def not_found(words: str) -> Problem:
    """Return the problem of a thing that is not there, or that is another shop's."""
    return Problem("not-found", words)
