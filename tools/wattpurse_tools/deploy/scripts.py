"""MicroPython programs that `deploy` runs on the board. Each prints at most one line of JSON."""

from pathlib import Path

from wattpurse_tools.places import BOARDS

# The meter was interrupted: a coil may be under current. Another chip of the same family has other pins by the same
# numbers, so the chip is checked first. The script is short, for the board's memory is in pieces.
RELEASE_COILS = """
import machine, sys
if sys.platform != "{port}":
    raise ValueError("this is no {board}: its MicroPython is for " + sys.platform)
if not sys.implementation._machine.endswith(" with {chip}"):
    raise ValueError("this is no {board} with {chip}: it is a " + sys.implementation._machine)
for gpio in {coils}:
    machine.Pin(gpio, machine.Pin.OUT, value=0)
"""

# The watchdog of a running meter cannot be stopped, only fed, until the reset at the end. If that reset does not come
# within this many seconds, the feeding ends and the watchdog brings the meter back.
LONGEST_VISIT_S = 1200
FEED_WATCHDOG = """
import machine
watchdog = machine.WDT(timeout=8000)
feeder = machine.Timer({timer})
seconds = 0
def feed(_):
    global seconds
    seconds += 1
    if seconds < {longest_visit_s}:
        watchdog.feed()
feeder.init(period=1000, mode=machine.Timer.PERIODIC, callback=feed)
"""

# Only the port rp2 gives Python a part of the flash that depends on the image.
LOOK_AT_BOARD = """
import gc, json, os, sys
gc.collect()
def exists(path):
    try:
        return bool(os.stat(path))
    except OSError:
        return False
try:
    import rp2
    storage_blocks = rp2.Flash().ioctl(4, 0)
except ImportError:
    storage_blocks = 0
try:
    has_clamps = bool(__import__("boards.{board}.sampler"))
except ImportError:
    has_clamps = False
print(json.dumps(dict(
    version=list(sys.implementation.version[:3]), mpy=sys.implementation._mpy & 0xFF,
    machine=sys.implementation._machine, free_bytes=gc.mem_free(), storage_blocks=storage_blocks,
    has_clamps=has_clamps, has_fence=exists("/boards/{board}/stock_storage.mpy"),
    boot=open("/boot.py").read() if exists("/boot.py") else "")))
"""

# The port rp2 lets Python reach the end of the flash. The ring lies within.
RING_ON_STOCK_RP2 = """
import rp2
def ring_blocks():
    storage_offset = {flash_bytes} - rp2.Flash().ioctl(4, 0) * 4096
    return rp2.Flash(start={offset} - storage_offset, len={length})
"""

_HOLDS_LEDGER = """
import json
ring = ring_blocks()
sectors = ring.ioctl(4, 0)
start = bytearray(4)
def starts_with(sector):
    ring.readblocks(sector, start, 0)
    return bytes(start)
holds_ledger = any(starts_with(sector) == b"WPJ1" for sector in range(sectors))
"""
_TELL = "print(json.dumps(holds_ledger))\n"

LOOK_FOR_LEDGER = _HOLDS_LEDGER + _TELL

# A ring that holds a ledger is kept. Other content in its place is left over from an older filesystem.
CLEAR_RING = (
    _HOLDS_LEDGER
    + """
if not holds_ledger:
    for sector in range(sectors):
        ring.ioctl(6, sector)
"""
    + _TELL
)

LIST_FILES = """
import os, json
found = []
def look(folder):
    for entry in os.ilistdir(folder or "/"):
        path = folder + "/" + entry[0]
        look(path) if entry[1] == 0x4000 else found.append(path)
look("")
print(json.dumps(found))
"""

# An image is staged where stock MicroPython has its filesystem.
UNMOUNT_FILESYSTEM = """
import os
try:
    os.umount("/")
except OSError:
    pass
"""

REMOVE_FILES = """
import os
for path in {paths}:
    os.remove(path)
"""

HASH_FILES = """
import binascii, hashlib, json
def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            part = file.read(512)
            if not part:
                return binascii.hexlify(sha.digest()).decode()
            sha.update(part)
print(json.dumps(dict((path, digest(path)) for path in {paths})))
"""


def make_filesystem(board: str) -> str:
    """Return a script that makes the filesystem anew, off the ring. It needs no module of ours on the board."""
    modules = (BOARDS / "micropython/shared_blocks.py", BOARDS / board / "stock_storage.py")
    return "".join(map(_without_own_imports, modules)) + CLEAR_RING + "format_filesystem()\n"


def _without_own_imports(file: Path) -> str:
    lines = file.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("from boards."))
