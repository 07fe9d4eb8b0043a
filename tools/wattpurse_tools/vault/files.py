"""The vault's folder: its lock, and its files, which only their owner reads and which are never reached by a link.

The folder is found by its real path, and locked by itself: two names of one folder make one lock.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from wattpurse_tools import private_files

READ_LIMIT = 64 << 20

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
            private_files.refuse_folder(os.fstat(self._descriptor), self.path)
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
        return private_files.open_new(self.path / name, os.O_RDWR, self._descriptor)

    def open(self, name: str, flags: int) -> int:
        """Return a descriptor of an existing file. Raise ValueError if it is none that the vault may trust."""
        return private_files.open_old(self.path / name, flags, self._descriptor)

    def check(self, name: str) -> Path:
        """Return the path of an existing file for a library that opens it. Raise ValueError as `open`."""
        os.close(self.open(name, os.O_RDONLY))
        return self.path / name

    def sync(self) -> None:
        """Put the names in the folder onto the disk."""
        os.fsync(self._descriptor)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VaultInUse(f"{self.path}: another process has this vault open; stop it first") from None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to a descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
