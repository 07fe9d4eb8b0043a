"""Files that only their owner reads, in folders that only their owner enters. The umask does not matter.

A file is never reached by a link: somebody could have planted it to make this program write elsewhere.
"""

import errno
import os
import stat
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_OTHERS = 0o077
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def make_folder(path: Path) -> None:
    """Make a folder with mode 0700, unless it is there. Raise ValueError if it is one that others may enter."""
    try:
        os.mkdir(path, FOLDER_MODE)
    except FileExistsError:
        check_folder(path)
    else:
        os.chmod(path, FOLDER_MODE)


def check_folder(path: Path) -> None:
    """Raise ValueError if a folder belongs to somebody else, or others may enter it."""
    found = os.stat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise ValueError(f"{path}: is no folder")
    _refuse_strangers(found, path, "700")


def create(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, onto the disk. Raise ValueError if the name is taken, even by a broken link."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE)
    except FileExistsError:
        raise ValueError(f"{path}: exists and is not overwritten") from None
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, FILE_MODE)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def read(path: Path) -> bytes:
    """Return the content of a file. Raise ValueError for a link and for a file that is not the owner's alone."""
    descriptor = _open(path)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def check(path: Path) -> None:
    """Raise ValueError if a file is a link, is not the owner's alone, or has a second name."""
    os.close(_open(path))


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | _SAFE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(f"{path}: is a link, and the office follows none here; remove it") from None
        raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path}: is no plain file; remove it")
        if found.st_nlink != 1:
            raise ValueError(f"{path}: has a second name, by which others may reach it; remove that name")
        _refuse_strangers(found, path, "600")
    except ValueError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_strangers(found: os.stat_result, path: Path, mode: str) -> None:
    if found.st_uid != os.geteuid():
        raise ValueError(f"{path}: belongs to another Unix user; work as the owner of the office")
    if found.st_mode & _OTHERS:
        raise ValueError(f"{path}: is open to other Unix users; close it with: chmod {mode} {path}")
