"""The run of a driver's coroutine on a computer, where each wait of the driver blocks."""

from collections.abc import Coroutine
from typing import TypeVar

Result = TypeVar("Result")


def run_driver(step: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine of a driver that waits in its calls, so that no other task could run. Return its result."""
    while True:
        try:
            step.send(None)
        except StopIteration as end:
            return end.value
