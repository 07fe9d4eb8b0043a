"""The few file operations that work on both Pythons."""

import os

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import IO


_DIRECTORY = 0x4000
_STATUS_SHIFT = 8  # the exit status is in the upper byte


def make_folder(path: str) -> None:
    """Make the folder and its parents if they are missing."""
    parent = path.rstrip("/").rpartition("/")[0]
    if parent and not exists(parent):
        make_folder(parent)
    if not exists(path):
        os.mkdir(path)


def exists(path: str) -> bool:
    """Return True if there is a file or folder of that name."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def remove(path: str) -> None:
    """Remove a file if it exists."""
    if exists(path):
        os.remove(path)


def remove_folder(path: str) -> None:
    """Remove a folder with everything in it."""
    for name in os.listdir(path):
        inner = path + "/" + name
        if os.stat(inner)[0] & _DIRECTORY:
            remove_folder(inner)
        else:
            os.remove(inner)
    os.rmdir(path)


def write_whole(path: str, text: str) -> None:
    """Replace a file's content. A reader meanwhile, or after a crash, finds the old or the new content."""
    temporary = path + ".new"
    with open(temporary, "w") as file:
        file.write(text)
    os.rename(temporary, path)


def quoted(path: str) -> str:
    """Return the path as one word of a shell."""
    return "'" + path.replace("'", "'\\''") + "'"


def lock(path: str) -> "IO[str] | None":
    """Lock the file `path`, made if it is missing. Return the open file that holds the lock, None if another has it.

    The lock ends when the file is closed or the process dies, so no stale lock is left. Raises OSError if there is no
    program to lock with.
    """
    file = open(path, "a")  # noqa: SIM115 the open file is the lock
    try:
        locked = _lock_opened(file.fileno())
    except OSError:
        file.close()
        raise
    if not locked:
        file.close()
        return None
    return file


def _lock_opened(descriptor: int) -> bool:
    """Lock an open file. MicroPython has no `fcntl`: there `flock` locks the file that it inherits."""
    try:
        import fcntl
    except ImportError:
        status = os.system(f"flock -n {descriptor}") >> _STATUS_SHIFT
        if status > 1:
            raise OSError("the program `flock` of util-linux is needed to lock a folder")
        return status == 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
