"""The virtual clock of a rehearsal: a small library in front of the C library moves the time of day of real processes.

Debian's libfaketime could move it too, but its version 0.9.10 lets Python's `time.sleep` fail while the monotonic clock
is left alone, and a monotonic clock that leaps ends the waits of programs.
"""

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

from wattpurse_tools.places import ROOT

OFFSET_FILE = "WATTPURSE_CLOCK_OFFSET"

_SOURCE = Path(__file__).with_name("virtual_clock.c")
_PACKAGES = ROOT / "tools/toolchain/debian-packages"
_FORMAT = "=q"
_TOLERANCE_S = 2


def is_virtual() -> bool:
    """Return True if this process has a virtual clock."""
    return OFFSET_FILE in os.environ


def restart_with_virtual_clock(folder: Path) -> None:
    """Run this program again with a virtual clock that shows the true time so far. It does not return."""
    library, offset = build(folder), folder / "clock-offset"
    offset.write_bytes(struct.pack(_FORMAT, 0))
    environment = os.environ | {"LD_PRELOAD": str(library), OFFSET_FILE: str(offset)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def build(folder: Path) -> Path:
    """Compile the library and return its path. Raise OSError if there is no compiler."""
    subprocess.run([_PACKAGES, "cc=gcc"], check=True)
    library = folder / "virtual_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"], check=True)
    return library


def set_time(true_s: int) -> None:
    """Set the clock of all processes ahead. Raise OSError if this process does not see the new time."""
    path = os.environ[OFFSET_FILE]
    with open(path, "r+b") as file:
        (offset_s,) = struct.unpack(_FORMAT, file.read())
        wanted_s = offset_s + true_s - int(time.time())
        if wanted_s > offset_s:
            file.seek(0)
            file.write(struct.pack(_FORMAT, wanted_s))
    if not 0 <= time.time() - true_s <= _TOLERANCE_S and time.time() < true_s:
        raise OSError("the virtual clock does not move: is the library in LD_PRELOAD?")
