"""Files of a meter whose image does not contain them: compiled firmware, the board's devices, start scripts."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from wattpurse_tools import boards
from wattpurse_tools.places import BOARDS, FIRMWARE, MPY_CROSS_FINDER, ROOT, UMQTT, UMQTT_FINDER

MQTT_LIBRARY = Path("umqtt/simple.py")
# Takes all current from the coils first. Then it starts counting: pulses that come earlier are lost.
COUNT_SCRIPT = """from boards.micropython import coils
from boards.{board}.pins import CHIP, GPIO

coils.release(GPIO, CHIP)

from boards.{board} import counter

counter.start_counting(GPIO["pulse"])

"""
# Mounts the filesystem so that it never touches the ring. Stock MicroPython would write there.
FENCE_SCRIPT = "from boards.{board} import stock_storage\n\nstock_storage.mount_filesystem()\n"


def stage(board: str, folder: Path) -> None:
    """Write every file of the board into `folder`, as it is to arrive. Raises ValueError if one does not compile."""
    mpy_cross = find_mpy_cross()
    subprocess.run(UMQTT_FINDER, check=True, stdout=subprocess.DEVNULL)
    architecture = boards.find(board).micropython.architecture
    for name in sources(board):
        _compile(mpy_cross, name, folder / name.with_suffix(".mpy"), architecture)
    _compile(mpy_cross, Path("boards") / board / "stock_board.py", folder / "board.mpy", architecture)
    shutil.copy(FIRMWARE / "main.py", folder / "main.py")
    (folder / "boot.py").write_text((COUNT_SCRIPT + FENCE_SCRIPT).format(board=board))


def sources(board: str) -> list[Path]:
    """Return the modules that the meter may import on a board, relative to the board's root."""
    packages = [BOARDS / "__init__.py", *(BOARDS / "micropython").glob("*.py"), *(BOARDS / board).glob("*.py")]
    of_boards = [file.relative_to(ROOT) for file in packages if file.name != "manifest.py"]
    of_firmware = [file.relative_to(FIRMWARE) for file in (FIRMWARE / "wattpurse").rglob("*.py")]
    return sorted([*of_boards, *of_firmware, MQTT_LIBRARY])


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`, by its path on the board."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {f"/{file.relative_to(folder).as_posix()}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def find_mpy_cross() -> str:
    """Return the path of the compiler; build it if need be."""
    return subprocess.run(MPY_CROSS_FINDER, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _compile(mpy_cross: str, name: Path, target: Path, architecture: str) -> None:
    """Compile one module. Tracebacks will give its path on the board.

    A module with viper is machine code for `architecture`. All others stay bytecode, which every processor runs.
    """
    source = {"wattpurse": FIRMWARE, "umqtt": UMQTT}.get(name.parts[0], ROOT) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    native = [f"-march={architecture}"] if "@micropython.viper" in source.read_text() else []
    command = [mpy_cross, *native, "-s", name.as_posix(), "-o", target, os.path.relpath(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{name} does not compile: {done.stderr.strip()}")
