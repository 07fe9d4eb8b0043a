"""Work that begins at the same moment in several threads, each with connections of its own to the database."""

import threading
from collections.abc import Callable

from django.db import connections

_START_S = 20
_END_S = 60


def run_together(work: Callable[[], object], count: int = 3) -> list[Exception]:
    """Do `work` in `count` threads at once. Return the exceptions that they raised."""
    start, faults = threading.Barrier(count), []

    def begin() -> None:
        try:
            start.wait(timeout=_START_S)
            work()
        except Exception as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=begin) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=_END_S)
    return faults
