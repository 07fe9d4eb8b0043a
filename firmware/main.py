"""Entry point on a board: take the board this image or file system has, build the meter on it, run it."""

import asyncio

from wattpurse.app import Meter


def main():
    """Runs until the board resets."""
    from board import build_board

    asyncio.run(Meter(build_board()).run())


if __name__ == "__main__":
    main()
