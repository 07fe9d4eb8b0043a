"""A finding of a check of the books: the name of the check, its subject, and the words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# The findings of one check that are listed. More of a kind say no more.
LISTED = 20


@dataclass(frozen=True)
class Finding:
    """A contradiction in the record: the name of the check, its subject such as "meter 1001", and the words."""

    check: str
    subject: str
    words: str


def listed(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings, and the number of the others as a last one."""
    more, last = 0, None
    for number, last in enumerate(findings):
        if number < LISTED:
            yield last
        else:
            more += 1
    if more and last is not None:
        yield Finding(last.check, "more", f"{more:,} further findings of this kind")
