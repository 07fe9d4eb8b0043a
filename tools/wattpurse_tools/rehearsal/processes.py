"""The processes of an office in a rehearsal: they are found below their supervisor, and killed without a warning."""

import contextlib
import os
import signal
from pathlib import Path

BROKERS = ("mosquitto", "wattpurse_tools.headend.python_broker")


class Processes:
    """The processes that a supervisor keeps alive. `supervisor` is the number of its own process."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor

    def kill_broker(self) -> bool:
        """Kill the broker of either kind. Return False if none runs."""
        return any([self._kill(words) for words in BROKERS])

    def kill_action(self, action: str) -> bool:
        """Kill the processes of an action of `wattpurse headend`. Return False if none runs."""
        return self._kill("headend", action)

    def _kill(self, *words: str) -> bool:
        found = _children(self._supervisor, words)
        for number in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return bool(found)


def _children(parent: int, words: tuple[str, ...]) -> list[int]:
    """Return the children of a process that have these words in their command lines. A program counts by its name."""
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            line = (place / "cmdline").read_bytes().split(b"\0")
            its_parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        names = {word.decode(errors="replace") for word in line} | {Path(line[0].decode(errors="replace")).name}
        if its_parent == parent and names.issuperset(words):
            found.append(int(place.name))
    return found
