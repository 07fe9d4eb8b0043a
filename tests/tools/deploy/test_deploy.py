"""Tests of `deploy`: the files for a board, refusals, and the scripts that run before any module of ours does."""

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from wattpurse_tools import boards
from wattpurse_tools.cli import main
from wattpurse_tools.deploy import files as deploy_files
from wattpurse_tools.deploy import filesystem as deploy_filesystem
from wattpurse_tools.deploy import image as deploy_image
from wattpurse_tools.deploy import scripts as deploy_scripts
from wattpurse_tools.deploy import visit
from wattpurse_tools.deploy.filesystem import check_memory, check_micropython, is_fenced, remove_old
from wattpurse_tools.deploy.image import check_board, check_clamps, check_files, stage
from wattpurse_tools.deploy.link import BoardLink

ROOT = Path(__file__).parents[3]
ESP32 = boards.find("esp32")
PICO = boards.find("pico")
STOCK_ESP32 = {
    "version": [1, 26, 0],
    "mpy": 6,
    "machine": "Generic ESP32 module with ESP32",
    "boot": "",
    "has_fence": False,
}


def pico(**change):
    """Return the facts of a stock Pico with some changes."""
    facts = {"machine": "Raspberry Pi Pico with RP2040", "storage_blocks": 352, "has_fence": False, "has_clamps": False}
    return facts | change


def test_every_module_of_a_meter_is_staged(tmp_path):
    deploy_files.stage("esp32", tmp_path)
    staged = set(deploy_files.hashes(tmp_path))
    firmware = ROOT / "firmware"
    for file in (firmware / "wattpurse").rglob("*.py"):
        assert f"/{file.relative_to(firmware).with_suffix('.mpy').as_posix()}" in staged
    assert {"/main.py", "/boot.py", "/board.mpy", "/boards/esp32/stock_storage.mpy"} <= staged
    assert not [path for path in staged if "host" in path or "pico" in path or "manifest" in path]
    assert all((tmp_path / path[1:]).read_bytes()[:2] == b"M\x06" for path in staged if path.endswith(".mpy"))


def test_traces_name_the_file_as_on_the_board(tmp_path):
    deploy_files.stage("esp32", tmp_path)
    assert b"wattpurse/app.py" in (tmp_path / "wattpurse/app.mpy").read_bytes()
    assert str(ROOT).encode() not in b"".join(file.read_bytes() for file in tmp_path.rglob("*.mpy"))


def test_a_fit_esp32_is_accepted():
    check_micropython(ESP32, STOCK_ESP32)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": [1, 25, 0]}, "1.26 or newer"),
        ({"mpy": 5}, "cannot run"),
        ({"machine": "Wattpurse on Generic ESP32 module with ESP32"}, "flash a new image"),
    ],
)
def test_other_esp32_are_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        check_micropython(ESP32, STOCK_ESP32 | change)


def test_memory_is_needed_for_the_files_and_to_work(tmp_path):
    (tmp_path / "module.mpy").write_bytes(bytes(100 * 1024))
    check_memory(ESP32, 246 * 1024, tmp_path)
    with pytest.raises(ValueError, match="about 246 KiB.*has 245 KiB"):
        check_memory(ESP32, 246 * 1024 - 1, tmp_path)


def test_a_fence_is_the_module_and_the_script_that_calls_it():
    boot = deploy_files.FENCE_SCRIPT.format(board="esp32")
    assert is_fenced(ESP32, STOCK_ESP32 | {"boot": boot, "has_fence": True})
    assert is_fenced(
        ESP32, STOCK_ESP32 | {"boot": deploy_files.COUNT_SCRIPT.format(board="esp32") + boot, "has_fence": True}
    )
    assert not is_fenced(ESP32, STOCK_ESP32 | {"boot": boot})
    assert not is_fenced(ESP32, STOCK_ESP32 | {"boot": "import webrepl\n", "has_fence": True})


@pytest.mark.parametrize("machine", ["Raspberry Pi Pico with RP2040", "Wattpurse on Raspberry Pi Pico with RP2040"])
def test_a_pico_is_accepted_whether_stock_or_a_meter(machine):
    check_board(PICO, pico(machine=machine, storage_blocks=192 if "Wattpurse" in machine else 352))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"machine": "Raspberry Pi Pico W with RP2040"}, "BOOTSEL.*RPI_PICO_W"),
        ({"machine": "Raspberry Pi Pico2 with RP2350"}, "BOOTSEL"),
        ({"storage_blocks": 256}, "256 sectors.*BOOTSEL"),
        ({"has_fence": True}, "settle"),
    ],
)
def test_other_boards_of_its_port_are_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        check_board(PICO, pico(**change))


def test_an_image_that_arrives_otherwise_is_not_put_in_place():
    class Link:
        def __init__(self):
            self.scripts = 0

        def run(self, *arguments):
            self.scripts += arguments.count("run")

        def execute(self, _code):
            return "0" * 64

    link = Link()
    with pytest.raises(OSError, match="not on the board as sent"):
        stage(link, PICO, bytes(100_000))
    assert link.scripts == 1 + -(-100_000 // 16_384)


@pytest.mark.parametrize("machine", ["Generic ESP32S3 module with ESP32S3", "Generic ESP32C3 module with ESP32C3"])
def test_another_chip_of_the_family_is_refused_before_a_pin_is_touched(monkeypatch, machine):
    class Link:
        def run(self, _exec, release, *_rest):
            self.script = release

    link = Link()
    visit.take_over(link, ESP32)
    touched = []

    class Pin:
        OUT = 3

        def __init__(self, gpio, mode, value):
            touched.append((gpio, value))

    def run_on(name):
        board_sys = types.SimpleNamespace(platform="esp32", implementation=types.SimpleNamespace(_machine=name))
        monkeypatch.setitem(sys.modules, "machine", types.SimpleNamespace(Pin=Pin))
        monkeypatch.setitem(sys.modules, "sys", board_sys)
        try:
            exec(link.script, {})
        finally:
            monkeypatch.undo()

    with pytest.raises(ValueError, match=f"this is no esp32 with ESP32: it is a {machine}"):
        run_on(machine)
    assert touched == []
    run_on("Generic ESP32 module with ESP32")
    assert touched == [(32, 0), (33, 0)]


def test_a_meter_that_takes_no_interrupt_asks_for_a_login(monkeypatch):
    done = subprocess.CompletedProcess([], 1, "", "mpremote.transport.TransportError: could not enter raw repl\n")
    monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_options: done)
    with pytest.raises(OSError, match="log in at its console"):
        BoardLink("/dev/null").run("reset")


def test_a_deployment_that_fails_lets_the_board_go(monkeypatch):
    class Link:
        resets = 0

        def run(self, *_arguments):
            raise KeyboardInterrupt

        def execute(self, _code):
            return pico()

        def try_to_reset(self):
            self.resets += 1

    link = Link()
    monkeypatch.setattr(deploy_image, "build_image", lambda board, with_clamps: b"image")
    monkeypatch.setattr(visit, "take_over", lambda link, board: None)
    monkeypatch.setattr(deploy_image, "give_up_filesystem", lambda link, board, may_format: None)
    with pytest.raises(KeyboardInterrupt):
        deploy_image.deploy(link, PICO, False)
    assert link.resets == 1


def test_an_image_without_clamps_does_not_replace_one_with_them():
    check_clamps(pico(), False)
    check_clamps(pico(), True)
    check_clamps(pico(has_clamps=True), True)
    with pytest.raises(ValueError, match="say --clamps"):
        check_clamps(pico(has_clamps=True), False)


def test_a_board_without_a_converter_for_clamps_refuses_them():
    with pytest.raises(ValueError, match="metering chip"):
        deploy_filesystem.deploy(None, ESP32, False, with_clamps=True)


def test_clamps_choose_the_image_that_has_memory_for_them(monkeypatch, tmp_path):
    commands = []
    (tmp_path / "firmware.bin").write_bytes(b"image")

    def build(command, **_options):
        commands.append(command[1:])
        return subprocess.CompletedProcess(command, 0, f"{tmp_path}\n")

    monkeypatch.setattr(subprocess, "run", build)
    assert deploy_image.build_image(PICO) == deploy_image.build_image(PICO, True) == b"image"
    assert commands == [[], ["--clamps"]]


def test_a_meter_does_not_become_a_reader():
    layout = deploy_image.layout_of(boards.find("desk-reader"))
    link = BoardLink("no-port")
    link.execute = lambda code: "WPJ1" in code
    with pytest.raises(ValueError, match="ledger of a meter"):
        deploy_image.check_no_meter(link, layout)
    link.execute = lambda code: False
    deploy_image.check_no_meter(link, layout)


def test_a_reader_that_is_taken_over_has_no_coil_to_release(monkeypatch):
    ran = []
    link = BoardLink("no-port")
    monkeypatch.setattr(link, "run", lambda *arguments: ran.append(arguments))
    visit.take_over(link, boards.find("desk-reader"))
    release = ran[0][1]
    assert "for gpio in ():" in release and "rp2" in release
    compile(release, "release", "exec")


def test_files_are_lost_only_if_they_may_be():
    check_files([], False)
    check_files(["/boot.py"], True)
    with pytest.raises(ValueError, match=r"\(/a, /b, /c and more\).*FORMAT=1"):
        check_files(["/d", "/c", "/b", "/a"], False)


class RecordedLink:
    """A board with these files. Removed files are listed in `removed`."""

    def __init__(self, files):
        self.files = files
        self.removed = []

    def execute(self, code):
        if code == deploy_scripts.LIST_FILES:
            return self.files
        self.removed += [path for path in self.files if repr(path) in code]
        return None


def test_only_files_that_hide_a_new_module_are_removed():
    old = ["/main.py", "/board.py", "/wattpurse/app.py", "/boards/old.mpy"]
    link = RecordedLink([*old, "/wattpurse/app.mpy", "/notes"])
    remove_old(link, {"/main.py": "", "/wattpurse/app.mpy": ""})
    assert sorted(link.removed) == sorted(old)


@pytest.mark.parametrize(("files", "visits"), [([], 0), (["/notes"], 0), (["/notes", "/boot.py"], 1)])
def test_a_boot_script_is_removed_and_its_work_stopped(monkeypatch, files, visits):
    link, visited = RecordedLink(files), []
    monkeypatch.setattr(deploy_image, "take_over", lambda link, board: visited.append(board))
    deploy_image.give_up_filesystem(link, PICO, True)
    assert len(visited) == visits
    assert link.removed == ["/boot.py"] * visits


# The unix port stands in for an ESP32: littlefs is real, the partition is the model.
ESP32_ON_UNIX = """
import vfs
from tests.boards import chip_fakes
storage = chip_fakes.Esp32Partition(176, address=0x370000 - 32 * 4096)
chip_fakes.Esp32Partition.partitions = {{"vfs": storage}}
chip_fakes.install("esp32", Partition=chip_fakes.Esp32Partition)
storage.memory[{damage_at}:{damage_at} + 4] = {damage}
vfs.umount("/")
vfs.mount(vfs.VfsPosix(), "/")
"""
ESP32_AFTER = """
ring = bytes(storage.memory[32 * 4096:])
import json, os
print(json.dumps([ring == b"\\xff" * len(ring), ring[4 * 4096:4 * 4096 + 4] == b"WPJ1", os.listdir("/")]))
"""


def make_filesystem_on_unix(damage: bytes):
    """Return the output of the script, then whether the ring is blank, whether it holds a ledger, and the files."""
    before = ESP32_ON_UNIX.format(damage_at=36 * 4096, damage=damage)
    program = before + deploy_scripts.make_filesystem("esp32") + ESP32_AFTER
    done = subprocess.run([ROOT / "tools/toolchain/unix-run", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_on_an_esp32_the_ring_is_cleared_if_it_holds_no_ledger():
    assert make_filesystem_on_unix(b"lfs!") == [False, [True, False, []]]


def test_on_an_esp32_a_ledger_is_kept():
    assert make_filesystem_on_unix(b"WPJ1") == [True, [False, True, []]]


def test_a_port_that_is_not_there_is_an_error_of_one_line(capsys):
    with pytest.raises(OSError, match="/dev/no-such-port"):
        BoardLink("/dev/no-such-port").execute("print(1)")
    assert main(["deploy", "esp32", "/dev/no-such-port"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_wiring_is_printed(capsys):
    assert main(["pins", "pico"]) == 0
    printed = capsys.readouterr().out
    assert "open_coil" in printed and "3.3 V" in printed
