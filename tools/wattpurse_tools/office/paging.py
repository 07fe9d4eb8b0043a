"""Lists in slices, paged by a key, and the numbers of their rows by state.

The cost of a page does not grow with its place in the list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

SLICE_SIZE = 50


@dataclass(frozen=True)
class Slice:
    """Some rows of a list. `following` is the key to ask for the next rows with, or None after the last ones."""

    rows: list[Any]
    following: int | str | None


def slice_of(
    rows: QuerySet[Any], key: str, after: int | str | None = None, falling: bool = False, size: int = SLICE_SIZE
) -> Slice:
    """Return the rows whose unique `key` follows `after`, in the order of the key."""
    if after is not None:
        rows = rows.filter(**{f"{key}__{'lt' if falling else 'gt'}": after})
    found = list(rows.order_by(f"-{key}" if falling else key)[: size + 1])
    is_more = len(found) > size
    found = found[:size]
    return Slice(found, getattr(found[-1], key) if is_more else None)


def state_counts(rows: QuerySet[Any], states: Iterable[str]) -> dict[str, int]:
    """Return the number of rows in each `state`: first `states` in their order, and then others that rows have."""
    return dict.fromkeys(states, 0) | dict(rows.order_by().values_list("state").annotate(Count("pk")))
