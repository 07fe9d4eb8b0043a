"""A new folder in boards/ with a descriptor is found by the tools and tests; an incomplete one is refused with reasons.

The new board `uno` is a copy of the Pico, planted in a copy of this repository's boards, tools and house tests.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.places import ROOT
from wattpurse_tools import boards

COPIED = ("boards", "firmware", "tests/house", "tools/toolchain", "tools/on_board", "tools/wattpurse_tools")
IGNORED = shutil.ignore_patterns("__pycache__", ".node_modules")


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Return a copy of the repository with a board more. It shares the virtual environment."""
    root = tmp_path_factory.mktemp("tree")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=IGNORED)
    for name in ("Makefile", "manifest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    plant(root / "boards")
    venv = root / ".venv"
    venv.mkdir()
    (venv / "bin").symlink_to(ROOT / ".venv/bin")
    (venv / ".installed").write_text(f"# {root}\n" + (root / "pyproject.toml").read_text())
    stubs = root / "build/stubs/uno-stubs"
    stubs.mkdir(parents=True)
    (stubs / ".installed").write_text("uno-stubs==1.25.0.*")
    return root


def plant(folder: Path) -> Path:
    """Make the board `uno` in `folder` and return its own folder."""
    board = folder / "uno"
    shutil.copytree(ROOT / "boards/pico", board, ignore=IGNORED)
    for file in board.rglob("*.py"):
        file.write_text(file.read_text().replace("boards.pico", "boards.uno").replace("pico/", "uno/"))
    descriptor = board / "board.toml"
    descriptor.write_text(descriptor.read_text().replace("micropython-rp2-rpi_pico-stubs", "uno-stubs"))
    return board


def run(tree, *command):
    """Run a program in the copy and return the finished process."""
    environment = {"PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin", "PYTHONPATH": f"{tree}/firmware:{tree}/tools:{tree}"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["deploy", "pins"])
def test_the_command_offers_the_new_board(tree, command):
    done = run(tree, "python", "-m", "wattpurse_tools.cli", command, "--help")
    assert ",pico," in done.stdout and ",uno}" in done.stdout, done.stderr


def test_the_wiring_of_the_new_board_is_printed(tree):
    done = run(tree, "python", "-m", "wattpurse_tools.cli", "pins", "uno")
    assert done.returncode == 0 and "open_coil" in done.stdout, done.stderr


def test_deploy_knows_the_way_onto_the_new_board(tree):
    program = (
        "from wattpurse_tools import boards\n"
        "from wattpurse_tools.commands import deploy\n"
        "board = boards.find('uno')\n"
        "print(deploy._WAYS[board.deployment.way].__module__, boards.builder('uno').relative_to(boards.BOARDS))\n"
    )
    done = run(tree, "python", "-c", program)
    assert done.stdout == "wattpurse_tools.deploy.image uno/image/build\n", done.stderr


def test_the_stubs_of_the_new_board_are_installed(tree):
    done = run(tree, tree / "tools/toolchain/stubs", "uno")
    assert done.stdout == f"{tree}/build/stubs/uno-stubs\n", done.stderr


def test_make_finds_the_image_and_the_emulator_of_the_new_board(tree):
    assert "boards/uno/image/build" in run(tree, "make", "--dry-run", "image", "BOARD=uno").stdout
    assert "boards/uno/emulate" in run(tree, "make", "--dry-run", "run", "BOARD=uno").stdout


def test_the_house_tests_cover_the_new_board(tree):
    files = [f"tests/house/{name}.py" for name in ("test_boards", "test_types", "test_compile")]
    done = run(tree, "python", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files)
    for name in ("test_pins_exist_and_are_free[uno]", "test_no_file_has_type_errors[uno]"):
        assert name in done.stdout, done.stdout + done.stderr
    assert "test_firmware_compiles[uno]" in done.stdout


def test_the_house_tests_of_the_new_board_pass(tree):
    command = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/house/test_boards.py", "-k", "uno")
    done = run(tree, *command)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout


def without_key(board: Path, line_start: str) -> None:
    """Remove the descriptor's line that begins with `line_start`."""
    descriptor = board / "board.toml"
    lines = descriptor.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(line_start)]
    assert len(kept) == len(lines) - 1
    descriptor.write_text("".join(kept))


DAMAGE = {
    "the file pins.py is missing": lambda board: (board / "pins.py").unlink(),
    "the file board.toml is missing": lambda board: (board / "board.toml").unlink(),
    "the file image/manifest.py is missing": lambda board: (board / "image/manifest.py").unlink(),
    "the file image/build is missing": lambda board: (board / "image/build").unlink(),
    "the file image/RPI_PICO/mpconfigboard.h is missing": lambda board: (
        board / "image/RPI_PICO/mpconfigboard.h"
    ).unlink(),
    "board.toml lacks the key summary": lambda board: without_key(board, "summary"),
    "board.toml lacks the key micropython.stubs": lambda board: without_key(board, "stubs"),
    "board.toml lacks the key deploy.way": lambda board: without_key(board, "way"),
    "board.toml lacks the key deploy.stage_offset": lambda board: without_key(board, "stage_offset"),
    "board.toml lacks the key pins.gpio": lambda board: without_key(board, "gpio"),
    "micropython.timer in board.toml must be of type int": lambda board: replace(board, "timer = -1", 'timer = "-1"'),
    "deploy.way in board.toml must be one of: image, filesystem": lambda board: replace(
        board, '"image"\nm', '"usb"\nm'
    ),
    "the file stock_board.py is missing": lambda board: replace(board, '"image"\nm', '"filesystem"\nm'),
    'micropython.oldest in board.toml must be like "1.25"': lambda board: replace(board, '"1.25"', '"new"'),
    "board.toml is not valid TOML": lambda board: replace(board, "[pins]", "[pins"),
}


def replace(board: Path, old: str, new: str) -> None:
    """Replace a part of the descriptor."""
    descriptor = board / "board.toml"
    text = descriptor.read_text()
    assert old in text
    descriptor.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("reason", DAMAGE)
def test_an_incomplete_board_is_found_and_refused(tmp_path, reason):
    board = plant(tmp_path)
    assert boards.find("uno", tmp_path).name == "uno"
    DAMAGE[reason](board)
    assert boards.names(tmp_path) == ["uno"]
    with pytest.raises(ValueError, match="boards/uno is not complete") as caught:
        boards.find("uno", tmp_path)
    assert reason in str(caught.value)


def test_an_incomplete_board_is_an_error_of_one_line_at_the_command(tree):
    manifest = tree / "boards/uno/image/manifest.py"
    kept = manifest.read_text()
    manifest.unlink()
    try:
        done = run(tree, "python", "-m", "wattpurse_tools.cli", "deploy", "uno", "/dev/no-such-port")
        stubs = run(tree, tree / "tools/toolchain/stubs", "uno")
        house = run(tree, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/house/test_boards.py")
    finally:
        manifest.write_text(kept)
    reason = "boards/uno is not complete: the file image/manifest.py is missing"
    assert done.returncode == 1 and done.stderr == f"wattpurse: {reason}\n"
    assert stubs.returncode == 1 and stubs.stderr == f"{reason}\n"
    assert house.returncode == pytest.ExitCode.INTERRUPTED and reason in house.stdout  # an error while collecting


def test_a_board_that_does_not_exist_is_named():
    assert boards.main(["no-such-board", "micropython.port"]) == 1


def test_the_simulated_board_and_the_shared_code_are_no_boards_of_a_chip():
    assert not {"host", "micropython"} & set(boards.names())
