"""The `wattpurse` command.

Each subcommand is a module of this package with `add_parser(subparsers)`, which adds its parser and sets the default
`run` to a function that takes the parsed arguments and returns the exit status: 0 done, 1 refused or failed.
A wrong command line exits with 2. A ValueError or OSError from a subcommand becomes one line on standard error.
"""

import argparse
import os
import sys

from wattpurse_tools.commands import (
    bench,
    bill,
    card,
    console,
    deploy,
    events_check,
    export,
    keys,
    meter,
    pins,
    station,
    tariff,
    token,
    walk,
)

COMMANDS = (
    bench,
    bill,
    card,
    console,
    deploy,
    events_check,
    export,
    keys,
    meter,
    pins,
    station,
    tariff,
    token,
    walk,
)

FAILED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141


def build_parser(commands) -> argparse.ArgumentParser:
    """The parser of the whole command line, from the modules in `commands`."""
    parser = argparse.ArgumentParser(prog="wattpurse", description="Host tools of the Wattpurse prepaid meter.")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        command.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None, commands=COMMANDS) -> int:
    """Run the command line `argv` (the process's own by default) and return its exit status."""
    arguments = build_parser(commands).parse_args(argv)
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has left. Python would complain once more when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"wattpurse: {' '.join(_words_of(error).split())}", file=sys.stderr)
        return FAILED
    return status


def _words_of(error):
    """What is wrong; of a file that the system refuses, its name and why."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
