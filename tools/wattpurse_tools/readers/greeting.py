"""The end of the deployment of a reader board: the board answers by the frames of its own protocol."""

import time

from wattpurse.cards.mfrc522 import ReaderError
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.readers.desk_reader import PortLine, RealTicks, link_over

_ASK_EVERY_S = 2.0


def wait_for_reader(port: str, timeout_s: float, ask_every_s: float = _ASK_EVERY_S) -> str:
    """Begin sessions with the board until it answers. Return its identity. Raise OSError with the last reason."""
    end_s = time.monotonic() + timeout_s
    while True:
        try:
            return _identity_at(port)
        except ReaderError:  # the port of a board that starts anew is gone for a moment
            if time.monotonic() >= end_s:
                raise
        time.sleep(ask_every_s)


def _identity_at(port: str) -> str:
    line = PortLine(port)
    try:
        link = link_over(line, RealTicks())
        run_driver(link.begin())
        return (link.identity or b"").hex()
    finally:
        line.close()
