"""What every deployment begins with: the board stands still, harms nothing meanwhile, and says what it is."""

import contextlib
import importlib

from wattpurse_tools.deploy import scripts
from wattpurse_tools.deploy.link import BoardLink

IMAGE_NAME = "Wattpurse"

_PORTS = {"pico": "rp2", "esp32": "esp32"}
_TIMERS = {"pico": -1, "esp32": 0}


@contextlib.contextmanager
def visit(link: BoardLink, board: str):
    """The board is taken over; whatever ends the work on it early, it is started anew."""
    is_done = False
    try:
        take_over(link, board)
        yield
        is_done = True
    finally:
        if not is_done:
            link.try_to_reset()


def take_over(link: BoardLink, board: str) -> None:
    """Stop what runs on the board, see that no coil stays under current, and keep its watchdog content.

    One command for all three: a watchdog that ran would not wait for another. Raises OSError, also for another board.
    """
    gpio = importlib.import_module(f"boards.{board}.pins").GPIO
    release = scripts.RELEASE_COILS.format(
        board=board, port=_PORTS[board], coils=(gpio["open_coil"], gpio["close_coil"])
    )
    longest_visit_s = scripts.LONGEST_VISIT_S
    feed = scripts.FEED_WATCHDOG.format(timer=_TIMERS[board], longest_visit_s=longest_visit_s)
    link.run("exec", release, "+", "soft-reset", "+", "exec", feed)


def look(link: BoardLink, board: str) -> dict:
    """What the board, which was taken over, is."""
    return link.execute(scripts.LOOK_AT_BOARD.format(board=board))


def has_image(facts: dict) -> bool:
    """Whether the board runs an image of the meter, firmware included."""
    return facts["machine"].startswith(IMAGE_NAME)
