"""The boards of this repository: each folder of `boards/` with a `board.toml`, the facts for tools and tests.

`names` finds those of a role, which are the meters unless another one is named: a reader board and a dispensing unit
are none. `find` reads one and refuses a board that is not complete. A board with the key `like` has the chip, the
header and the deployment of that board, and its descriptor has the rest. A folder's name has `_` where a board's has
`-`. A script of the toolchain asks for one value:

    python -m wattpurse_tools.boards pico micropython.stubs
"""

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattpurse_tools.places import BOARDS

DESCRIPTOR = "board.toml"
_PINS = "pins.py"
_IMAGE = "image"
_FILESYSTEM = "filesystem"
WAYS = (_IMAGE, _FILESYSTEM)
METER = "meter"
READER = "reader"
DISPENSER = "dispenser"
ROLES = (METER, READER, DISPENSER)

_FILES = (
    DESCRIPTOR,
    "__init__.py",
    _PINS,
    "board.py",
    "counter.py",
    "storage.py",
    "manifest.py",
    "image/build",
    "image/manifest.py",
    "image/modules/_boot.py",
)
# The files of a board that is no meter.
_FILES_OF_ROLE = (
    DESCRIPTOR,
    "__init__.py",
    _PINS,
    "board.py",
    "main.py",
    "manifest.py",
    "image/build",
    "image/manifest.py",
    "image/modules/_boot.py",
)
_FILES_OF_WAY = {_IMAGE: (), _FILESYSTEM: ("stock_board.py", "stock_storage.py")}
_FILES_OF_DEFINITION = ("mpconfigboard.h", "mpconfigboard.cmake")

# Keys and their types, by section of the descriptor; the section "" is the top of the file.
_KEYS: dict[str, dict[str, type]] = {
    "": {"summary": str},
    "micropython": {"port": str, "architecture": str, "oldest": str, "stubs": str, "timer": int},
    "image": {"definitions": list},
    "deploy": {"way": str},
    "pins": {"gpio": list, "reserved": list, "input_only": list},
}
_KEYS_OF_WAY: dict[str, dict[str, type]] = {
    _IMAGE: {
        "machine": str,
        "flash_program": str,
        "flash_bytes": int,
        "stage_offset": int,
        "ring_offset": int,
        "ring_bytes": int,
        "stock_storage_sectors": int,
        "meter_storage_sectors": int,
    },
    _FILESYSTEM: {},
}


@dataclass(frozen=True)
class MicroPython:
    """The MicroPython that a board runs. `port` is its `sys.platform`, `architecture` that of mpy-cross."""

    port: str
    architecture: str
    oldest: tuple[int, int]
    stubs: str
    timer: int


@dataclass(frozen=True)
class FlashLayout:
    """Places in the flash of a board that writes its image itself, in bytes from the start of the flash."""

    flash_bytes: int
    stage_offset: int
    ring_offset: int
    ring_bytes: int
    stock_storage_sectors: int
    meter_storage_sectors: int

    def storage_sectors(self, has_image: bool) -> int:
        """Return the sectors that the board's MicroPython offers as storage."""
        return self.meter_storage_sectors if has_image else self.stock_storage_sectors


@dataclass(frozen=True)
class Deployment:
    """The way in which `deploy` makes the board a meter; the rest is for the way "image" alone."""

    way: str
    machine: str = ""
    flash_program: str = ""
    layout: FlashLayout | None = None


@dataclass(frozen=True)
class PinFacts:
    """Facts from the chip's data sheet that the wiring table must agree with.

    `header` has the header's pin for each of `gpio`, `functions` the GPIO numbers that a signal can be on.
    """

    gpio: tuple[int, ...]
    reserved: frozenset[int]
    input_only: frozenset[int]
    header: tuple[int, ...]
    functions: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Descriptor:
    """One board: its name, its role and the content of its descriptor."""

    name: str
    role: str
    summary: str
    micropython: MicroPython
    definitions: tuple[str, ...]
    deployment: Deployment
    pins: PinFacts

    @property
    def package(self) -> str:
        """The folder in `boards`, which is a Python package."""
        return folder_name(self.name)


def names(folder: Path = BOARDS, roles: tuple[str, ...] = (METER,)) -> list[str]:
    """Return the name of each board of these roles: a folder with a descriptor or a wiring table."""
    found = {file.parent for name in (DESCRIPTOR, _PINS) for file in folder.glob(f"*/{name}")}
    return sorted(board.name.replace("_", "-") for board in found if _role_of(board) in roles)


def folder_name(name: str) -> str:
    """Return the name of a board's folder."""
    return name.replace("-", "_")


def find(name: str, folder: Path = BOARDS) -> Descriptor:
    """Return the descriptor of a board. Raises ValueError that lists all that the board lacks."""
    table = _complete_table(name, folder)
    role = table.get("role", METER)
    micropython = dict(table["micropython"])
    major, minor = micropython.pop("oldest").split(".")
    return Descriptor(
        name=name,
        role=role,
        summary=table["summary"],
        micropython=MicroPython(oldest=(int(major), int(minor)), **micropython),
        definitions=tuple(table["image"]["definitions"]),
        deployment=_deployment(table["deploy"]),
        pins=_pin_facts(table["pins"]),
    )


def builder(name: str, folder: Path = BOARDS) -> Path:
    """Return the program that builds the image of a board and prints the folder of the image."""
    return folder / folder_name(name) / "image/build"


def _complete_table(name: str, folder: Path) -> dict:
    """Return the content of a descriptor. Raises ValueError that lists all that the board lacks."""
    board = folder / folder_name(name)
    file = board / DESCRIPTOR
    try:
        table = tomllib.loads(file.read_text()) if file.is_file() else {}
        if "like" in table:
            table = _likened(table, _complete_table(table["like"], folder))
        missing = _missing_files(board, table) + (_missing_keys(table) if file.is_file() else [])
    except tomllib.TOMLDecodeError as error:
        missing = [f"{DESCRIPTOR} is not valid TOML: {error}"]
        table = {}
    if missing:
        raise ValueError(f"boards/{name} is not complete: " + "; ".join(missing))
    return table


def _role_of(board: Path) -> str:
    """Return the role of the board in a folder. A descriptor that cannot be read is refused as that of a meter."""
    try:
        return tomllib.loads((board / DESCRIPTOR).read_text()).get("role", METER)
    except (OSError, tomllib.TOMLDecodeError):
        return METER


def _likened(table: dict, other: dict) -> dict:
    """Return the table of a board that is like another one. The image's definitions are those of the other board."""
    return other | table


def _missing_files(board: Path, table: dict) -> list[str]:
    if table.get("role", METER) != METER:
        return [f"the file {name} is missing" for name in _FILES_OF_ROLE if not (board / name).is_file()]
    way = _value(table, "deploy", "way")
    files = [*_FILES, *(_FILES_OF_WAY[way] if way in WAYS else ())]
    for definition in _value(table, "image", "definitions") or ():
        files += [f"image/{definition}/{name}" for name in _FILES_OF_DEFINITION]
    return [f"the file {name} is missing" for name in files if not (board / name).is_file()]


def _missing_keys(table: dict) -> list[str]:
    """Return the faults in the keys of a descriptor."""
    wrong = []
    for section, keys in _KEYS.items():
        wrong += _wrong_keys(table, section, keys)
    if table.get("role", METER) not in ROLES:
        wrong.append(f"role in {DESCRIPTOR} must be one of: {', '.join(ROLES)}")
    way = _value(table, "deploy", "way")
    if way is not None and way not in WAYS:
        wrong.append(f"deploy.way in {DESCRIPTOR} must be one of: {', '.join(WAYS)}")
    oldest = _value(table, "micropython", "oldest")
    if isinstance(oldest, str) and not re.fullmatch(r"\d+\.\d+", oldest):
        wrong.append(f'micropython.oldest in {DESCRIPTOR} must be like "1.25"')
    return wrong + (_wrong_keys(table, "deploy", _KEYS_OF_WAY[way]) if way in WAYS else [])


def _wrong_keys(table: dict, section: str, keys: dict[str, type]) -> list[str]:
    wrong = []
    for key, kind in keys.items():
        value = _value(table, section, key)
        path = f"{section}.{key}".lstrip(".")
        if value is None:
            wrong.append(f"{DESCRIPTOR} lacks the key {path}")
        elif not isinstance(value, kind):
            wrong.append(f"{path} in {DESCRIPTOR} must be of type {kind.__name__}")
    return wrong


def _value(table: dict, section: str, key: str) -> Any:  # noqa: ANN401 - any type that TOML has
    return (table.get(section, {}) if section else table).get(key)


def _deployment(section: dict) -> Deployment:
    if section["way"] != _IMAGE:
        return Deployment(section["way"])
    layout = {key: section[key] for key in FlashLayout.__dataclass_fields__}
    return Deployment(section["way"], section["machine"], section["flash_program"], FlashLayout(**layout))


def _pin_facts(section: dict) -> PinFacts:
    return PinFacts(
        gpio=tuple(section["gpio"]),
        reserved=frozenset(section["reserved"]),
        input_only=frozenset(section["input_only"]),
        header=tuple(section.get("header", ())),
        functions={signal: tuple(gpio) for signal, gpio in section.get("functions", {}).items()},
    )


def main(arguments: list[str]) -> int:
    """Print one value of a descriptor for a shell script. Returns 1 and says why if there is none."""
    if len(arguments) != 2:
        print("usage: python -m wattpurse_tools.boards BOARD SECTION.KEY", file=sys.stderr)
        return 2
    name, path = arguments
    known = names(roles=ROLES)
    if name not in known:
        print(f"There is no board {name}; boards: {', '.join(known)}", file=sys.stderr)
        return 1
    section, _, key = path.rpartition(".")
    try:
        value = _value(_complete_table(name, BOARDS), section, key)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if value is None:
        print(f"boards/{name}/{DESCRIPTOR} has no {path}", file=sys.stderr)
        return 1
    print(value)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
