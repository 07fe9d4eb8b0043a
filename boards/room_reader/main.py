"""Entry point of the room reader: build its devices, and serve the meter."""

import asyncio

from boards.room_reader.board import RoomDevices
from wattpurse.services.room_board import RoomBoard


def main() -> None:
    """Run until somebody interrupts at the prompt. The watchdog resets a board that stays there."""
    try:
        asyncio.run(RoomBoard(RoomDevices()).run())
    finally:
        asyncio.new_event_loop()


if __name__ == "__main__":
    main()
