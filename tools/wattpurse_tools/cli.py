"""The `wattpurse` command.

Each subcommand is a module with `add_parser(subparsers)`. It adds its parser and sets the default `run` to a function
that takes the parsed arguments and returns the exit status: 0 for done, 1 for refused or failed.
A wrong command line exits with 2. A ValueError or OSError from a subcommand becomes one line on standard error.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from typing import Protocol

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
from wattpurse_tools.completion import PrintCompletion

COMMANDS: tuple["Command", ...] = (
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


class Command(Protocol):
    """A module with a subcommand."""

    def add_parser(self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", /) -> None:
        """Add the parser of the subcommand."""


class ShowVersion(argparse.Action):
    """The option that prints the version of the installed package. It is looked up only when the option is given."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> None:
        """Print the version and exit."""
        from importlib.metadata import version

        print(f"wattpurse {version('wattpurse')}")
        parser.exit()


def build_parser(commands: Iterable[Command]) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, from the modules in `commands`."""
    parser = argparse.ArgumentParser(prog="wattpurse", description="Host tools of the Wattpurse prepaid meter.")
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="print the version and exit")
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        help="print a script with which the shell completes this command, and exit",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        command.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None, commands: Iterable[Command] = COMMANDS) -> int:
    """Run the command line `argv` (the process's own by default) and return its exit status."""
    try:
        arguments = build_parser(commands).parse_args(argv)
        status = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has left. Otherwise Python would report the pipe again when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"wattpurse: {' '.join(_words_of(error).split())}", file=sys.stderr)
        return FAILED
    return status


def _words_of(error: Exception) -> str:
    """Return the message of an error; for a file that the system refuses, its name and the reason."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
