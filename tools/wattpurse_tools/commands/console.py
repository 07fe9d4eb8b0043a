"""`wattpurse console`: the service console of a meter on a serial port, in the terminal of `mpremote`.

The meter continues to meter while the console is open.
"""

import argparse
import subprocess
import sys

from wattpurse_tools.deploy.link import MPREMOTE


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `console`."""
    parser = subparsers.add_parser("console", help="open the service console of a meter on a serial port")
    parser.add_argument("port", help="the serial port of the meter, such as /dev/ttyACM0")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Connect the terminal to the meter until the user leaves. Raise OSError without a terminal."""
    if not sys.stdin.isatty():
        raise OSError("the console wants a terminal; a program can write lines to the port and read the answers itself")
    print(f"Console of the meter on {arguments.port}: 'help' lists the commands, Ctrl-] leaves.", file=sys.stderr)
    print(
        "After a login, Ctrl-C stops the meter; Ctrl-D restarts it, or its watchdog does within eight seconds.",
        file=sys.stderr,
    )
    return subprocess.run([*MPREMOTE, "connect", arguments.port, "resume", "repl"]).returncode
