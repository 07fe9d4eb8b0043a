"""Entry point on a board: build the board's devices, build the meter on them, run it."""

import asyncio

from wattpurse.app import Meter


def main() -> None:
    """Run until the board resets, or until somebody interrupts at the console.

    An interrupt leaves no coil under current and no task of this meter running.
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
