"""Readers of the fields of a document that a person wrote.

A reader is a function (value, where). It returns the value in the program's own units.
`where` is the full name of the field, such as `rates[1].prices[0]`.
A wrong value is a ValueError that begins with `where` and says how to write the value.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar, overload

from wattpurse.core.currency import MICROUNIT_DIGITS, exact_decimal_text
from wattpurse.core.tariffs.calendar import LATEST_S

MILLION = 10**MICROUNIT_DIGITS
REQUIRED = object()

Value = TypeVar("Value")
Default = TypeVar("Default")
# A document comes from TOML or JSON, so a value in it may be of any type.
Reader = Callable[[object, str], Value]


class Section:
    """One table of the document. Fields are taken out of it; a field that is left at the end is a mistake."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{where or 'the document'}: must be a table of keys and values")
        self._values = dict(values)
        self._where = where
        self._known: list[str] = []

    @overload
    def take(self, key: str, read: Reader[Value]) -> Value: ...

    @overload
    def take(self, key: str, read: Reader[Value], default: Default) -> Value | Default: ...

    def take(self, key: str, read: Reader[Value], default: object = REQUIRED) -> object:
        """Return the field as `read` returns it, or `default` unread if the field is absent."""
        self._known.append(key)
        where = f"{self._where}.{key}" if self._where else key
        if key in self._values:
            return read(self._values.pop(key), where)
        if default is REQUIRED:
            raise ValueError(f"{where}: is missing; add it")
        return default

    def finish(self) -> None:
        """Raise ValueError if a field was not taken."""
        for key in self._values:
            where = f"{self._where}.{key}" if self._where else key
            raise ValueError(f"{where}: unknown key; known here are {', '.join(self._known)}")


def each(read: Reader[Value], lowest: int, highest: int) -> Reader[list[Value]]:
    """Return a reader of a list with `lowest` to `highest` items, each read by `read`."""

    def read_each(values: object, where: str) -> list[Value]:
        if not isinstance(values, list) or not lowest <= len(values) <= highest:
            raise ValueError(f"{where}: must be a list of {lowest} to {highest} items")
        return [read(value, f"{where}[{index}]") for index, value in enumerate(values)]

    return read_each


def integer(lowest: int, highest: int) -> Reader[int]:
    """Return a reader of a whole number."""

    def read(value: object, where: str) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise ValueError(f"{where}: {value!r} will not do; write a whole number from {lowest} to {highest}")
        return value

    return read


def one_of(choices: Sequence[str]) -> Reader[int]:
    """Return a reader of one of the words in `choices`. The reader returns the word's index."""

    def read(value: object, where: str) -> int:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{where}: {value!r} is not known; write one of {', '.join(choices)}")
        return choices.index(value)

    return read


def matching(pattern: str, hint: str) -> Reader[re.Match[str]]:
    """Return a reader of text that matches the whole pattern. The reader returns the match."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: object, where: str) -> re.Match[str]:
        matched = compiled.fullmatch(value) if isinstance(value, str) else None
        if not matched:
            raise ValueError(f"{where}: {value!r} will not do; {hint}")
        return matched

    return read


def decimal(unit: str, limit: int) -> Reader[int]:
    """Return a reader of a decimal number in quotes, or of a whole number. The reader returns millionths, exactly.

    limit: the largest number accepted, in millionths.
    """
    read_text = matching(r"(\d+)(?:\.(\d{1,6}))?", f'write {unit} in quotes, at most six decimals, such as "0.3125"')

    def read(value: object, where: str) -> int:
        matched = read_text(str(value) if type(value) is int else value, where)
        millionths = int(matched[1]) * MILLION + int((matched[2] or "").ljust(MICROUNIT_DIGITS, "0"))
        if millionths > limit:
            raise ValueError(f"{where}: {value} is too much; the most is {exact_decimal_text(limit, 0)}")
        return millionths

    return read


def instant(value: object, where: str) -> int:
    """Return the seconds since 1970 UTC of an ISO time with its offset."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f'{where}: write a time with its offset, such as "2026-01-01T00:00:00+01:00"')
    if value.microsecond:
        raise ValueError(f"{where}: must be a whole second; leave the fraction out")
    seconds = int(value.timestamp())
    if not 0 <= seconds <= LATEST_S:
        raise ValueError(f"{where}: must lie between 1970 and 2105, the last year of a meter's clock")
    return seconds
