"""The talk of an acceptance with its two sides: the builder at a terminal, and the meter at its console."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from wattpurse_tools.meter_link.line import MeterLine


class Failed(Exception):
    """A step whose result is not good enough. The text is the reason."""


def computer_now_s() -> int:
    """Return the time of this computer, in UTC seconds since 1970."""
    return int(datetime.now(UTC).timestamp())


class Talk:
    """The builder, whom `ask(question)` asks for a line, and the meter on `line`.

    `ask_secret` shows nothing of the line.
    """

    def __init__(self, line: MeterLine, ask: Callable[[str], str], ask_secret: Callable[[str], str]) -> None:
        self._line = line
        self._ask = ask
        self._ask_secret = ask_secret

    def now_s(self) -> int:
        """Return the time of this computer."""
        return computer_now_s()

    def yes(self, question: str) -> bool:
        """Return the answer to a question of yes or no. Ask again until it is one of them."""
        while True:
            answer = self._ask(f"{question} [y/n] ").strip().lower()
            if answer in ("y", "yes", "n", "no"):
                return answer.startswith("y")

    def number(self, question: str) -> float:
        """Return the number that the builder types. Ask again until it is one."""
        while True:
            try:
                return float(self._ask(f"{question}: ").strip().replace(",", "."))
            except ValueError:
                continue

    def pause(self, work: str) -> None:
        """Wait until the builder has done some work."""
        self._ask(f"{work}. Then press Enter ")

    def words(self, question: str) -> str:
        """Return a line that the builder types. Ask again while it is empty."""
        while True:
            answer = self._ask(f"{question}: ").strip()
            if answer:
                return answer

    def secret(self, question: str) -> str:
        """Return a line that is not shown and not recorded."""
        return self._ask_secret(f"{question}: ").strip()

    def facts(self, report: str) -> dict[str, Any]:
        """Return the facts of a report of the meter. Raise Failed if it refuses."""
        try:
            return self._line.ask(report)
        except ValueError as error:
            raise Failed(str(error)) from error

    def order(self, command: str, expected: str) -> None:
        """Give the meter a command. Raise Failed unless its answer has the expected words."""
        answer = self._line.order(command)
        if expected not in answer:
            raise Failed(f"the meter answered {' '.join(answer.split())!r} instead of {expected!r}")
