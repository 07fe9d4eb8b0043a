"""The few file operations that work on both Pythons."""

import os

_DIRECTORY = 0x4000


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
