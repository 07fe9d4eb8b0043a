"""`wattpurse deploy`: turn a board that runs MicroPython into a meter or a reader, or give it the newest firmware.

The descriptor of the board names the way: "image" (`deploy.image`) or "filesystem" (`deploy.filesystem`). The ledger
and the settings stay as they are. During the deployment nothing is metered, and the load switch keeps its position.
"""

import argparse

from wattpurse_tools import boards
from wattpurse_tools.deploy import filesystem, image
from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.readers.greeting import wait_for_reader

START_TIMEOUT_S = 90  # an image is put in place before it starts; slow flash takes up to a minute

_WAYS = {"image": image.deploy, "filesystem": filesystem.deploy}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `deploy`."""
    parser = subparsers.add_parser("deploy", help="make a board that runs MicroPython into a meter")
    parser.add_argument("board", choices=boards.names(roles=(boards.METER, boards.READER)))
    parser.add_argument("port", help="serial port, for instance /dev/ttyACM0")
    parser.add_argument("--format", action="store_true", help="all files on a board with stock MicroPython may be lost")
    parser.add_argument("--clamps", action="store_true", help="the image that measures with clamps, see docs/ct.md")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Deploy and print the outcome. Raises OSError or ValueError if the board or its content is not fit."""
    board = boards.find(arguments.board)
    link = BoardLink(arguments.port)
    _WAYS[board.deployment.way](link, board, arguments.format, arguments.clamps)
    if board.role != boards.METER:
        return _greet(arguments.port)
    if not link.wait_for_meter(START_TIMEOUT_S):
        link.try_to_reset()
        raise OSError(f"the firmware arrived, but no meter answers on {arguments.port}")
    print("the meter is running")
    return 0


def _greet(port: str) -> int:
    """Wait until the reader board answers, and print who it is. Raises OSError, with the remedy, if it does not."""
    identity = wait_for_reader(port, START_TIMEOUT_S)
    print(f"the reader {identity} is running")
    return 0
