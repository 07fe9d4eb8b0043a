"""The first steps of every deployment: stop the board's program, keep the board harmless, and ask for its facts."""

import contextlib
import importlib
from collections.abc import Iterator

from wattpurse_tools.boards import Descriptor
from wattpurse_tools.deploy import scripts
from wattpurse_tools.deploy.link import BoardLink

IMAGE_NAME = "Wattpurse"


@contextlib.contextmanager
def visit(link: BoardLink, board: Descriptor) -> Iterator[None]:
    """Take the board over for the work inside the `with` block. Reset the board if the work ends early."""
    is_done = False
    try:
        take_over(link, board)
        yield
        is_done = True
    finally:
        if not is_done:
            link.try_to_reset()


def take_over(link: BoardLink, board: Descriptor) -> None:
    """Stop the program on the board, release both coils, and feed the watchdog from now on.

    One command does all three: a running watchdog would not wait for a second one. Raises OSError, also for a board of
    another port or with another chip, before any pin is touched.
    """
    pins = importlib.import_module(f"boards.{board.package}.pins")
    release = scripts.RELEASE_COILS.format(
        board=board.package,
        port=board.micropython.port,
        chip=pins.CHIP,
        coils=tuple(pins.GPIO[name] for name in ("open_coil", "close_coil") if name in pins.GPIO),
    )
    feed = scripts.FEED_WATCHDOG.format(timer=board.micropython.timer, longest_visit_s=scripts.LONGEST_VISIT_S)
    link.run("exec", release, "+", "soft-reset", "+", "exec", feed)


def look(link: BoardLink, board: Descriptor) -> dict:
    """Return facts about the board, which must have been taken over."""
    facts = link.execute(scripts.LOOK_AT_BOARD.format(board=board.package))
    if not isinstance(facts, dict):
        raise OSError(f"{link.port}: the board printed no facts about itself")
    return facts


def has_image(facts: dict) -> bool:
    """Return True if the board runs an image of the meter, firmware included."""
    return facts["machine"].startswith(IMAGE_NAME)
