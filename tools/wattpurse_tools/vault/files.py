"""The vault's folder: its lock, and its files, which only their owner reads and which are never reached by a link.

The folder is found by its real path, and locked by itself: two names of one folder make one lock. A file is created
with the mode 0600 in spite of the umask. A file that others may read, that has a second name, or that is a link or a
device is refused.
"""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
READ_LIMIT = 64 << 20

_OTHERS = 0o077
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PART = ".part"


class VaultInUse(ValueError):
    """Another process has the vault open."""


class Folder:
    """The folder at `path`, locked until `close`. Raise ValueError if it is missing, in use or open to others."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(os.path.realpath(path))
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ValueError(f"{self.path}: there is no vault here; make one with: wattpurse vault init") from None
        except NotADirectoryError:
            raise ValueError(f"{self.path}: is no folder; a vault is a folder") from None
        try:
            self._refuse_strangers()
            self._lock()
        except (OSError, ValueError):
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """Unlock the folder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def has(self, name: str) -> bool:
        """Return True if there is something of this name, even a broken link."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raise ValueError if it is none that the vault may trust."""
        descriptor = self.open(name, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(READ_LIMIT + 1)
        if len(data) > READ_LIMIT:
            raise ValueError(f"{self.path / name}: is too long for a file of the vault")
        return data

    def replace(self, name: str, data: bytes) -> None:
        """Write a file. At any moment there is the old content or the new one, and the new one when this returns."""
        part = name + _PART
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=self._descriptor)
        descriptor = self.create(part)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(part, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        self.sync()

    def create(self, name: str) -> int:
        """Create a file that does not exist and return its descriptor. Raise ValueError if the name is taken."""
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE, dir_fd=self._descriptor)
        except FileExistsError:
            raise ValueError(f"{self.path / name}: exists and is not overwritten") from None
        os.fchmod(descriptor, FILE_MODE)
        return descriptor

    def open(self, name: str, flags: int) -> int:
        """Return a descriptor of an existing file. Raise ValueError if it is none that the vault may trust."""
        try:
            descriptor = os.open(name, flags | _SAFE, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ValueError(f"{self.path / name}: is a link, and the vault follows none; remove it") from None
            if error.errno == errno.ENXIO:
                raise ValueError(f"{self.path / name}: is no plain file; remove it") from None
            raise OSError(error.errno, error.strerror, str(self.path / name)) from None
        try:
            refuse_file(os.fstat(descriptor), self.path / name)
        except ValueError:
            os.close(descriptor)
            raise
        return descriptor

    def check(self, name: str) -> Path:
        """Return the path of an existing file for a library that opens it. Raise ValueError as `open`."""
        os.close(self.open(name, os.O_RDONLY))
        return self.path / name

    def sync(self) -> None:
        """Put the names in the folder onto the disk."""
        os.fsync(self._descriptor)

    def _refuse_strangers(self) -> None:
        found = os.fstat(self._descriptor)
        if found.st_uid != os.geteuid():
            raise ValueError(f"{self.path}: belongs to another Unix user; the vault runs as the owner of its folder")
        if found.st_mode & _OTHERS:
            raise ValueError(f"{self.path}: is open to other Unix users; close it with: chmod 700 {self.path}")

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VaultInUse(f"{self.path}: another process has this vault open; stop it first") from None


def refuse_file(found: os.stat_result, path: Path) -> None:
    """Raise ValueError unless `found` is a plain file of one name that belongs to this user alone."""
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path}: is no plain file; remove it")
    if found.st_uid != os.geteuid():
        raise ValueError(f"{path}: belongs to another Unix user, who may have planted it")
    if found.st_nlink != 1:
        raise ValueError(f"{path}: has a second name, by which others may reach it; remove that name")
    if found.st_mode & _OTHERS:
        raise ValueError(f"{path}: is open to other Unix users; close it with: chmod 600 {path}")


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to a descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
