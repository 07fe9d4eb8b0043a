"""`wattpurse console`: the service console of a meter on a serial port, by the terminal of `mpremote`.

The meter is not interrupted by this, and goes on metering.
"""

import subprocess
import sys

from wattpurse_tools.deploy.link import MPREMOTE


def add_parser(subparsers) -> None:
    """Adds `console`."""
    parser = subparsers.add_parser("console", help="open the service console of a meter on a serial port")
    parser.add_argument("port", help="serial port, for instance /dev/ttyACM0")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Hands the terminal over until it is left. Raises OSError where there is none."""
    if not sys.stdin.isatty():
        raise OSError("the console wants a terminal; a program may write lines to the port and read the answers itself")
    print(f"Console of the meter on {arguments.port}: 'help' lists the commands, Ctrl-] leaves.", file=sys.stderr)
    print("Ctrl-C stops the meter; Ctrl-D starts it anew, or its watchdog within eight seconds.", file=sys.stderr)
    return subprocess.run([*MPREMOTE, "connect", arguments.port, "resume", "repl"]).returncode
