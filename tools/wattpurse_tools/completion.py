"""Completion of the `wattpurse` command by the shell: names of commands, options, choices and files."""

import argparse
from collections.abc import Iterator
from pathlib import Path

SHELLS = ("bash", "zsh", "tcsh")

_FOLDER = "DIR"


class PrintCompletion(argparse.Action):
    """The option that prints the completion script of a shell."""

    def __init__(self, option_strings: list[str], dest: str, **options: object) -> None:
        super().__init__(option_strings, dest, metavar="SHELL", choices=SHELLS, default=argparse.SUPPRESS, **options)  # pyright: ignore[reportArgumentType]

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        shell: object,
        _option: str | None = None,
    ) -> None:
        """Print the script and exit."""
        print(script(parser, str(shell)))
        parser.exit()


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of `parser` for one of SHELLS."""
    import shtab  # only here: no other run of the command needs it

    for action in all_actions(parser):
        if action.type is Path:
            # shtab reads this attribute.
            action.complete = shtab.DIRECTORY if action.metavar == _FOLDER else shtab.FILE  # pyright: ignore[reportAttributeAccessIssue]
    return shtab.complete(parser, shell)


def all_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every option and argument of the parser and of its subcommands."""
    for action in parser._actions:
        yield action
        for _, subparser in subparsers_of(action):
            yield from all_actions(subparser)


def subparsers_of(action: argparse.Action) -> list[tuple[str, argparse.ArgumentParser]]:
    """Return `(name, parser)` of each subcommand that the action chooses from."""
    return list(action.choices.items()) if isinstance(action, argparse._SubParsersAction) else []
