"""Entry point of the desk reader: build its devices, and serve the computer."""

import asyncio

from boards.desk_reader.board import build_reader_board


def main() -> None:
    """Run until a tool asks for MicroPython's prompt. The watchdog resets a board that stays there."""
    board = build_reader_board()
    try:
        asyncio.run(board.run())
    finally:
        asyncio.new_event_loop()


if __name__ == "__main__":
    main()
