"""Passphrases and PINs for a command: from a file descriptor, from the environment, or asked for at the terminal.

They are no arguments of a command line, which every process of the machine may read.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from getpass import getpass

PASSPHRASE_VARIABLE = "WATTPURSE_PASSPHRASE"

_SIZE_LIMIT = 1 << 16


class Lines:
    """The lines of a file descriptor, each used once. They are read when the first is asked for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[str] | None = None

    def next(self, name: str) -> str:
        """Return the next line. Raise ValueError if there is none."""
        if self._lines is None:
            with os.fdopen(self._descriptor, encoding="utf-8", closefd=False) as file:
                self._lines = file.read(_SIZE_LIMIT).splitlines()
        if not self._lines:
            raise ValueError(f"file descriptor {self._descriptor} has no line for the {name}")
        return self._lines.pop(0)


def add_passphrase_option(parser: ArgumentParser) -> None:
    """Add `--passphrase-fd`."""
    parser.add_argument(
        "--passphrase-fd", type=int, metavar="N", help="read the passphrase from this file descriptor, one line"
    )


def add_pin_option(parser: ArgumentParser) -> None:
    """Add `--pin-fd`."""
    parser.add_argument("--pin-fd", type=int, metavar="N", help="read each PIN as a line of this file descriptor")


def passphrase(arguments: Namespace) -> str:
    """Return the passphrase of an existing vault. It leaves the environment of this process."""
    return _given(arguments) or _asked("Passphrase of the vault: ")


def new_passphrase(arguments: Namespace, name: str = "Passphrase of the new vault") -> str:
    """Return a new passphrase, asked for twice at a terminal."""
    return _given(arguments) or _asked_twice(name)


def pin_lines(arguments: Namespace) -> Lines | None:
    """Return the lines with PINs, or None if they are asked for at the terminal."""
    return None if arguments.pin_fd is None else Lines(arguments.pin_fd)


def pin(lines: Lines | None, name: str) -> str:
    """Return an existing PIN."""
    return lines.next(name) if lines else _asked(f"{name}: ")


def new_pin(lines: Lines | None, name: str) -> str:
    """Return a new PIN, asked for twice at a terminal."""
    return lines.next(name) if lines else _asked_twice(name)


def _given(arguments: Namespace) -> str | None:
    if arguments.passphrase_fd is not None:
        return Lines(arguments.passphrase_fd).next("passphrase")
    return os.environ.pop(PASSPHRASE_VARIABLE, None)


def _asked_twice(name: str) -> str:
    first = _asked(f"{name}: ")
    if _asked("The same again: ") != first:
        raise ValueError("the two are not the same; nothing was changed")
    return first


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise ValueError("there is no terminal to ask at; name a file descriptor with --passphrase-fd or --pin-fd")
    return getpass(prompt)
