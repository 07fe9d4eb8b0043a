"""The MQTT library on the simulated board: CPython lacks the older names of the modules that the library imports."""

import sys

_FOLDER = "build/umqtt"
_NAMES = ("socket", "struct", "binascii")


def make_importable() -> None:
    """Let `import umqtt.simple` work on CPython. MicroPython has the names, and `unix-run` the folder."""
    if sys.implementation.name == "micropython":
        return
    root = __file__.rpartition("/boards/")[0]
    if f"{root}/{_FOLDER}" not in sys.path:
        sys.path.append(f"{root}/{_FOLDER}")
    for name in _NAMES:
        sys.modules.setdefault("u" + name, __import__(name))
