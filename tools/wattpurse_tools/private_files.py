"""Files that only their owner reads, in folders that only their owner enters. The umask does not matter.

A file is never reached by a link: somebody could have planted it to make this program write elsewhere. A function that
takes `folder` opens the file in the folder of this descriptor, which `path` names for messages.
"""

import errno
import os
import secrets
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
    refuse_folder(os.stat(path), path)


def refuse_folder(found: os.stat_result, path: Path) -> None:
    """Raise ValueError unless `found` is a folder that belongs to this user alone."""
    if not stat.S_ISDIR(found.st_mode):
        raise ValueError(f"{path}: is no folder")
    _refuse_strangers(found, path, "700")


def open_new(path: Path, flags: int = os.O_WRONLY, folder: int | None = None) -> int:
    """Create a file with mode 0600 and return its descriptor. Raise ValueError if there is something of its name."""
    name = path if folder is None else path.name
    try:
        descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE, dir_fd=folder)
    except FileExistsError:
        raise ValueError(f"{path}: exists and is not overwritten") from None
    os.fchmod(descriptor, FILE_MODE)
    return descriptor


def create(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, onto the disk. Raise ValueError if there is something of its name."""
    with os.fdopen(open_new(path), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Write a file with mode 0600, onto the disk, in place of the one of its name. A reader has the old or the new one.

    A link of this name is replaced, and is not followed.
    """
    part = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    create(part, content)
    os.replace(part, path)
    sync_folder(path.parent)


def read(path: Path) -> bytes:
    """Return the content of a file. Raise ValueError for a link and for a file that is not the owner's alone."""
    with os.fdopen(open_old(path, os.O_RDONLY), "rb") as file:
        return file.read()


def check(path: Path) -> None:
    """Raise ValueError if a file is a link, is not the owner's alone, or has a second name."""
    os.close(open_old(path, os.O_RDONLY))


def open_old(path: Path, flags: int, folder: int | None = None) -> int:
    """Return a descriptor of an existing file. Raise ValueError for a link, a device, or a file that others share."""
    try:
        descriptor = os.open(path if folder is None else path.name, flags | _SAFE, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(f"{path}: is a link, and none is followed here; remove it") from None
        if error.errno == errno.ENXIO:
            raise ValueError(f"{path}: is no plain file; remove it") from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        _refuse_file(os.fstat(descriptor), path)
    except ValueError:
        os.close(descriptor)
        raise
    return descriptor


def sync_folder(path: Path) -> None:
    """Put the names in a folder onto the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_file(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path}: is no plain file; remove it")
    if found.st_nlink != 1:
        raise ValueError(f"{path}: has a second name, by which others may reach it; remove that name")
    _refuse_strangers(found, path, "600")


def _refuse_strangers(found: os.stat_result, path: Path, mode: str) -> None:
    if found.st_uid != os.geteuid():
        raise ValueError(f"{path}: belongs to another Unix user; work as its owner")
    if found.st_mode & _OTHERS:
        raise ValueError(f"{path}: is open to other Unix users; close it with: chmod {mode} {path}")
