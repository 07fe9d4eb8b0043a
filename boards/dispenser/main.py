"""Entry point of a dispensing unit: build its devices, and run its program on them."""

import asyncio

from boards.dispenser.board import DispenserPico
from wattpurse.dispenser.app import Dispenser


def main() -> None:
    """Run until the board resets, or until somebody interrupts at the console."""
    try:
        asyncio.run(Dispenser(DispenserPico()).run())
    finally:
        asyncio.new_event_loop()


if __name__ == "__main__":
    main()
