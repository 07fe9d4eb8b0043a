"""The only way in which a command writes a file that a person named.

A command may replace a file that it made itself, in an earlier run. Any other file is refused unless `--force` is
given. A file that the command reads is refused even then, so that a slip of the keyboard costs no tariff and no load
profile.
"""

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path

# A test of an existing file: True if the command that asks made it.
IsOwn = Callable[[Path], bool]

_START_BYTES = 4096


def add_force_option(parser: argparse.ArgumentParser) -> None:
    """Add `--force`."""
    parser.add_argument(
        "--force", action="store_true", help="overwrite a file that this command did not make; never one that it reads"
    )


def check(path: Path, is_own: IsOwn, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise ValueError if `path` may not be written. Call it before long work.

    is_own: tells whether this command made an existing file. inputs: the files that the command reads.
    """
    for source in inputs:
        if path.exists() and source.exists() and os.path.samefile(path, source):
            raise ValueError(f"{path}: is read by this command; write to another file")
    if force or not path.is_file() or path.stat().st_size == 0:
        return  # nothing is lost; a terminal or a pipe is no file either
    if not is_own(path):
        raise ValueError(f"{path}: exists, and this command did not make it; name another file, or add --force")


def write(path: Path, data: bytes, is_own: IsOwn, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Write a file as `check` permits it. Raise ValueError or OSError."""
    check(path, is_own, force, inputs)
    path.write_bytes(data)


def begins_with(*beginnings: str) -> IsOwn:
    """Return a test whether a file begins with one of these texts."""
    starts = tuple(text.encode() for text in beginnings)
    return lambda path: _start_of(path).startswith(starts)


def contains(*marks: str) -> IsOwn:
    """Return a test whether the start of a file contains one of these texts."""
    texts = [mark.encode() for mark in marks]
    return lambda path: any(text in _start_of(path) for text in texts)


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START_BYTES)
