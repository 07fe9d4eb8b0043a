"""`wattpurse deploy`: make a board that runs MicroPython into a meter, or a meter into one of the newest firmware.

A Pico writes the meter's image into its own flash (`deploy_image`): what is not in its image would have to live in its
memory, which is too small for that. On an ESP32 the compiled firmware is put into the filesystem (`deploy_filesystem`).
The ledger and the settings stay as they are. Nothing is metered meanwhile, and the load switch stays where it is.
"""

from wattpurse_tools.deploy import filesystem, image
from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.places import CHIP_BOARDS

START_TIMEOUT_S = 90  # an image is put in place before it starts, by slow flash within a minute

_WAYS = {"pico": image.deploy, "esp32": filesystem.deploy}


def add_parser(subparsers) -> None:
    """Adds `deploy`."""
    parser = subparsers.add_parser("deploy", help="make a board that runs MicroPython into a meter")
    parser.add_argument("board", choices=CHIP_BOARDS)
    parser.add_argument("port", help="serial port, for instance /dev/ttyACM0")
    parser.add_argument("--format", action="store_true", help="all files on a board with stock MicroPython may be lost")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Deploys and says what was done. Raises OSError or ValueError where the board or its content is not fit."""
    link = BoardLink(arguments.port)
    _WAYS[arguments.board](link, arguments.format)
    if not link.wait_for_meter(START_TIMEOUT_S):
        link.try_to_reset()
        raise OSError(f"the firmware arrived, but no meter answers on {arguments.port}")
    print("the meter is running")
    return 0
