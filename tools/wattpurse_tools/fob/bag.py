"""The bag of a fob: a file with the tokens that it takes to meters, and the statements that it brings back.

    {"format": 1, "tokens": [{"meter", "sequence", "sealed", "text", "outcome"}, ...],
        "statements": [{"meter", "content"}, ...]}

`sealed` and `content` are hexadecimal digits. `outcome` is null until the meter has told one. The file is readable by
its owner alone. It is replaced as a whole, so a fob that loses its power has the old one or the new one.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from wattpurse.core import outcome
from wattpurse_tools.tariffs.fields import Section, each, integer, matching

FORMAT = 1
# Behind these outcomes the meter has nothing more to do with a token.
DONE = (outcome.ACCEPTED, outcome.NO_NEWS, outcome.USED, outcome.OUTDATED)

_MOST = 100_000
_number = integer(0, (1 << 32) - 1)
_outcome = integer(0, 255)
_digits = matching(r"([0-9a-f]{2})+", "write hexadecimal digits")


class CarriedToken(TypedDict):
    """A token in the bag; `sealed` is in hexadecimal digits."""

    meter: int
    sequence: int
    sealed: str
    text: str
    outcome: int | None


def carried(meter: int, sequence: int, sealed: bytes, text: str) -> CarriedToken:
    """Return a token for a bag, before its meter has told an outcome."""
    return {"meter": meter, "sequence": sequence, "sealed": sealed.hex(), "text": text, "outcome": None}


class BroughtStatement(TypedDict):
    """A statement in the bag; `content` is in hexadecimal digits: its number and the sealed statement."""

    meter: int
    content: str


class BagDocument(TypedDict):
    """The content of a bag's file."""

    format: int
    tokens: list[CarriedToken]
    statements: list[BroughtStatement]


def document_of(tokens: list[CarriedToken], statements: list[BroughtStatement]) -> BagDocument:
    """Return the content of a bag with these tokens and statements."""
    return {"format": FORMAT, "tokens": tokens, "statements": statements}


class Bag:
    """The tokens and statements in the file at `path`. A file that does not exist is an empty bag."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tokens: list[CarriedToken] = []
        self.statements: list[BroughtStatement] = []
        if path.exists():
            self._load()

    def put(self, tokens: Iterable[CarriedToken]) -> int:
        """Put tokens into the bag that are not there yet. Return their number."""
        known = {token["sealed"] for token in self.tokens}
        new = [token for token in tokens if token["sealed"] not in known]
        self.tokens += new
        self._save()
        return len(new)

    def waiting(self, meter: int) -> list[CarriedToken]:
        """Return the tokens that a meter has still to take, in their order."""
        return [token for token in self.tokens if token["meter"] == meter and token["outcome"] not in DONE]

    def note_outcome(self, sealed: bytes, result: int) -> None:
        """Note the outcome that a meter has told."""
        for token in self.tokens:
            if token["sealed"] == sealed.hex():
                token["outcome"] = result
        self._save()

    def bring(self, meter: int, content: bytes) -> None:
        """Put a statement into the bag. Several of a meter may wait there for the office."""
        self.statements.append({"meter": meter, "content": content.hex()})
        self._save()

    def hand_in(self, statement: BroughtStatement) -> None:
        """Take a statement out, after the office has recorded it."""
        self.statements.remove(statement)
        self._save()

    def drop_done(self) -> None:
        """Drop the tokens with which their meters have nothing more to do."""
        self.tokens = [token for token in self.tokens if token["outcome"] not in DONE]
        self._save()

    def _load(self) -> None:
        try:
            document = Section(json.loads(self._path.read_text(encoding="utf-8")), "")
            document.take("format", integer(FORMAT, FORMAT))
            self.tokens = document.take("tokens", each(_read_token, 0, _MOST))
            self.statements = document.take("statements", each(_read_statement, 0, _MOST))
            document.finish()
        except ValueError as error:
            raise ValueError(f"{self._path}: is no bag of a fob: {error}") from error

    def _save(self) -> None:
        """Replace the file. The new one is durable before it takes the name of the old one."""
        document = document_of(self.tokens, self.statements)
        new = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)


def _read_token(values: object, where: str) -> CarriedToken:
    section = Section(values, where)
    token: CarriedToken = {
        "meter": section.take("meter", _number),
        "sequence": section.take("sequence", _number),
        "sealed": section.take("sealed", _hex),
        "text": section.take("text", _text),
        "outcome": section.take("outcome", _outcome_or_none),
    }
    section.finish()
    return token


def _read_statement(values: object, where: str) -> BroughtStatement:
    section = Section(values, where)
    statement: BroughtStatement = {
        "meter": section.take("meter", _number),
        "content": section.take("content", _hex),
    }
    section.finish()
    return statement


def _hex(value: object, where: str) -> str:
    return _digits(value, where)[0]


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: must be a text")
    return value


def _outcome_or_none(value: object, where: str) -> int | None:
    return None if value is None else _outcome(value, where)
