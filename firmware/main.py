"""Entry point on a board: take the board this image or file system has, build the meter on it, run it."""

import asyncio

from wattpurse.app import Meter


def main() -> None:
    """Runs until the board resets, or until someone at its console interrupts it.

    Then no coil stays under current, and no task is left that would go on beside those of another meter.
    """
    from board import build_board

    board = build_board()
    try:
        asyncio.run(Meter(board).run())
    finally:
        board.load_switch.release()
        asyncio.new_event_loop()


if __name__ == "__main__":
    main()
