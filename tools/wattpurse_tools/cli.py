"""The `wattpurse` command.

Each subcommand is a module with `add_parser(subparsers)`. It adds its parser and sets the default `run` to a function
that takes the parsed arguments and returns the exit status: 0 for done, 1 for refused or failed.
A run that names a subcommand imports the module of that one alone: importing all of them takes longer than most runs.
A wrong command line exits with 2. A ValueError or OSError from a subcommand becomes one line on standard error.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

from wattpurse_tools.completion import PrintCompletion

# The modules of `wattpurse_tools.commands`, in the order of the help. A subcommand has its module's name, with hyphens.
COMMANDS = (
    "acceptance",
    "acceptance_check",
    "acceptance_key",
    "bench",
    "bill",
    "card",
    "console",
    "deploy",
    "desk",
    "dispenser",
    "events_check",
    "export",
    "fob",
    "hardware",
    "headend",
    "keys",
    "meter",
    "mqtt",
    "office",
    "pins",
    "short_token",
    "reader",
    "readout",
    "station",
    "tariff",
    "token",
    "vault",
    "walk",
)

# The modules of subcommands that work on the record of an office. Django is set up before one of them is imported.
ON_RECORD = ("card", "dispenser", "events_check", "export", "fob", "keys", "meter", "mqtt", "station", "token", "walk")

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


def build_parser(commands: Iterable[Command | str]) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, from the modules in `commands`. A name is that of a module."""
    parser = argparse.ArgumentParser(prog="wattpurse", description="Host tools of the Wattpurse prepaid meter.")
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="print the version and exit")
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        help="print a script with which the shell completes this command, and exit",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        module = _module(command) if isinstance(command, str) else command
        module.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None, commands: Iterable[Command | str] = COMMANDS) -> int:
    """Run the command line `argv` (the process's own by default) and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = build_parser(_needed(words, commands)).parse_args(words)
        status = arguments.run(arguments)
        if sys.stdout is not None:  # it is None if the program was started with a closed output
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has left. Otherwise Python would report the pipe again when it closes stdout at exit.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"wattpurse: {' '.join(_words_of(error).split())}", file=sys.stderr)
        return FAILED
    return status


def _needed(words: list[str], commands: Iterable[Command | str]) -> Iterable[Command | str]:
    """Return the module that the first word names, or all `commands` if it names none."""
    name = words[0].replace("-", "_") if words else ""
    return [name] if name in [command for command in commands if isinstance(command, str)] else commands


def _module(name: str) -> Command:
    if name in ON_RECORD:
        from wattpurse_tools.record.office_folder import configure, folder_of

        configure(folder_of())
    return cast(Command, import_module(f"wattpurse_tools.commands.{name}"))


def _words_of(error: Exception) -> str:
    """Return the message of an error; for a file that the system refuses, its name and the reason."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
