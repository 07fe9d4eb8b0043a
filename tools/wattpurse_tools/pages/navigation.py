"""The ways between pages. Each `urls_*.py` may have NAVIGATION: rows of (address name, words, right).

A right may be several rights, one of which is enough.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from django.urls import reverse
from django.utils.functional import Promise

from wattpurse_tools.office.actor import Actor

# Modules of addresses with the address that they begin with.
PARTS = (
    ("urls_till", "till/"),
    ("urls_office", "office/"),
    ("urls_headend", "headend/"),
    ("urls_manager", "manager/"),
    ("urls_admin", "admin/"),
    ("urls_tenant", "t/"),
    ("urls_api", "api/"),
    ("urls_pay", "pay/"),
)


@dataclass(frozen=True)
class Link:
    """A way to a page."""

    address: str
    words: "str | Promise"
    is_here: bool


def part_modules() -> list[tuple[str, str]]:
    """Return module name and first address of each part that there is."""
    parts = [(f"wattpurse_tools.pages.{name}", first) for name, first in PARTS]
    return [(name, first) for name, first in parts if find_spec(name) is not None]


def links_for(actor: Actor, path: str) -> list[Link]:
    """Return the ways that a person has the right to."""
    links = []
    for name, _ in part_modules():
        for view, words, right in getattr(import_module(name), "NAVIGATION", ()):
            if right is None or actor.rights.intersection((right,) if isinstance(right, str) else right):
                address = reverse(view)
                links.append(Link(address, words, path.startswith(address)))
    return links
