"""Reading documents that people write: every mistake is a ValueError that names the key and says what to write instead.

A reader is a function (value, where) that returns the value in the program's own units; `where` is the key's full
name, such as `rates[1].prices[0]`, and begins its error.
"""

import re
from datetime import datetime
from typing import Never

MILLION = 1_000_000
REQUIRED = object()


class Section:
    """One table of the document: keys are taken out, and what is left at the end is a mistake."""

    def __init__(self, values, where) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{where or 'the document'}: must be a table of keys and values")
        self._values = dict(values)
        self._where = where
        self._known = []

    def take(self, key, read, default=REQUIRED):
        """The value of a key as `read` returns it; `default` as it is when the key is absent."""
        self._known.append(key)
        where = f"{self._where}.{key}" if self._where else key
        if key in self._values:
            return read(self._values.pop(key), where)
        if default is REQUIRED:
            raise ValueError(f"{where}: is missing; add it")
        return default

    def finish(self) -> Never:
        """Raises ValueError if any key has not been taken."""
        for key in self._values:
            where = f"{self._where}.{key}" if self._where else key
            raise ValueError(f"{where}: unknown key; known here are {', '.join(self._known)}")


def each(read, lowest, highest):
    """Reader of a list of lowest to highest items, each read by `read`."""

    def read_each(values, where):
        if not isinstance(values, list) or not lowest <= len(values) <= highest:
            raise ValueError(f"{where}: must be a list of {lowest} to {highest} items")
        return [read(value, f"{where}[{index}]") for index, value in enumerate(values)]

    return read_each


def integer(lowest, highest):
    """Reader of a whole number."""

    def read(value, where):
        if type(value) is not int or not lowest <= value <= highest:
            raise ValueError(f"{where}: {value!r} will not do; write a whole number from {lowest} to {highest}")
        return value

    return read


def one_of(choices):
    """Reader of one word out of `choices`; returns its place."""

    def read(value, where):
        if value not in choices:
            raise ValueError(f"{where}: {value!r} is not known; write one of {', '.join(choices)}")
        return choices.index(value)

    return read


def matching(pattern, hint):
    """Reader of text that matches the whole pattern; returns the match."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value, where):
        matched = compiled.fullmatch(value) if isinstance(value, str) else None
        if not matched:
            raise ValueError(f"{where}: {value!r} will not do; {hint}")
        return matched

    return read


def decimal(unit, limit):
    """Reader of an exact decimal number in quotes, or a whole one; returns it in millionths, at most `limit`."""
    read_text = matching(r"(\d+)(?:\.(\d{1,6}))?", f'write {unit} in quotes, at most six decimals, such as "0.3125"')

    def read(value, where):
        matched = read_text(str(value) if type(value) is int else value, where)
        millionths = int(matched[1]) * MILLION + int((matched[2] or "").ljust(6, "0"))
        if millionths > limit:
            raise ValueError(f"{where}: {value} is too much; the most is {decimal_text(limit)}")
        return millionths

    return read


def instant(value, where):
    """Reads an ISO time with its offset; returns seconds since 1970 UTC."""
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
    if not 0 <= seconds <= 0xFFFFFFFF:
        raise ValueError(f"{where}: must lie between 1970 and 2106")
    return seconds


def decimal_text(millionths: int) -> str:
    """A whole number of millionths as the shortest exact decimal number."""
    whole, rest = divmod(millionths, MILLION)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")
