"""No command overwrites a file that it did not make, or that it reads."""

import ast
import json
from pathlib import Path

import pytest

from tests.house.places import ROOT
from wattpurse_tools import cli, output_files
from wattpurse_tools.bench import bill as bench_bill
from wattpurse_tools.meter_link import record_files

EXAMPLES = ROOT / "tools/examples"
HOUSEHOLD = EXAMPLES / "tariff-household.toml"
OCTOBER = EXAMPLES / "load-october.csv"
FOREIGN = b"a letter to the landlord\n"

# Functions that write files that no person named: states, caches, and files that are never replaced.
OTHER_WRITERS = {
    "tools/wattpurse_tools/acceptance/record.py",  # records and keys, which are never replaced
    "tools/wattpurse_tools/bench/bill.py",  # load files in a temporary folder
    "tools/wattpurse_tools/bench/certificates.py",  # of a broker, in a temporary folder
    "tools/wattpurse_tools/bench/headend.py",  # its own figures in build/
    "tools/wattpurse_tools/bench/headend_recharge.py",  # users of meters, in a temporary folder
    "tools/wattpurse_tools/bench/rabbitmq.py",  # settings of nodes, in a temporary folder
    "tools/wattpurse_tools/headend/sms_gammu.py",  # messages in the folders of gammu-smsd
    "tools/wattpurse_tools/rehearsal/telephones.py",  # files of a story, in a temporary folder
    "tools/wattpurse_tools/rehearsal/virtual_clock.py",
    "tools/wattpurse_tools/bench/links.py",  # its own figures in build/, which it reads first
    "tools/wattpurse_tools/bench/mosquitto.py",  # settings and log of a broker, in a temporary folder
    "tools/wattpurse_tools/bench/office.py",  # its own figures in build/
    "tools/wattpurse_tools/commands/tariff.py",  # `tariff new` makes a file and replaces none
    "tools/wattpurse_tools/bench/meter.py",  # parts of a state, in a temporary folder
    "tools/wattpurse_tools/deploy/files.py",  # a copy of the firmware, in a temporary folder
    "tools/wattpurse_tools/deploy/image.py",
    "tools/wattpurse_tools/desk/printers.py",  # appends to the device of a printer
    "tools/wattpurse_tools/fob/bag.py",  # tokens that wait for delivery, for their owner's eyes alone
    "tools/wattpurse_tools/office/backup_file.py",  # backups, for their owner's eyes alone
    "tools/wattpurse_tools/office/database_tools.py",  # dumps beside a backup, which are never replaced
    "tools/wattpurse_tools/office/old_station.py",  # the lock of a station of before
    "tools/wattpurse_tools/office/tariff_plans.py",  # a load file, in a temporary folder
    "tools/wattpurse_tools/output_files.py",
    "tools/wattpurse_tools/pages/views/imports.py",  # uploads that wait for a confirmation, in the office folder
    "tools/wattpurse_tools/private_files.py",  # secrets, which are never replaced
    "tools/wattpurse_tools/station/card_files.py",  # virtual cards
}


@pytest.fixture
def source(tmp_path):
    """Return a copy of the example tariff."""
    path = tmp_path / "e7.toml"
    path.write_bytes(HOUSEHOLD.read_bytes())
    return path


def bill(*argv):
    return ["bill", "--tariff", HOUSEHOLD, "--load", OCTOBER, *argv]


def run(*argv):
    return cli.main([str(word) for word in argv])


def refusal(capsys, *argv):
    assert run(*argv) == 1
    return capsys.readouterr().err


def test_a_tariff_is_not_replaced_by_its_own_table(capsys, source):
    before = source.read_bytes()
    for more in ([], ["--force"]):
        assert "is read by this command" in refusal(capsys, "tariff", "encode", source, "-o", source, *more)
        assert source.read_bytes() == before


def test_the_same_file_by_another_name_is_the_same_file(capsys, source):
    link, hard = source.with_name("link.bin"), source.with_name("hard.bin")
    link.symlink_to(source)
    hard.hardlink_to(source)
    for name in (link, hard, source.parent / "." / "e7.toml"):
        assert "is read by this command" in refusal(capsys, "tariff", "encode", source, "-o", name, "--force")
    assert source.read_bytes() == HOUSEHOLD.read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        lambda out: ["tariff", "encode", HOUSEHOLD, "-o", out],
        lambda out: bill("--plot", out),
        lambda out: bill("--xlsx", out),
    ],
    ids=["tariff encode", "bill --plot", "bill --xlsx"],
)
def test_a_foreign_file_is_kept_without_force(capsys, tmp_path, command):
    target = tmp_path / "out"
    target.write_bytes(FOREIGN)
    said = refusal(capsys, *command(target))
    assert said == f"wattpurse: {target}: exists, and this command did not make it; name another file, or add --force\n"
    assert target.read_bytes() == FOREIGN
    assert run(*command(target), "--force") == 0
    made = target.read_bytes()
    assert made != FOREIGN
    assert run(*command(target)) == 0  # its own file it replaces
    capsys.readouterr()


@pytest.mark.parametrize("option", ["--plot", "--xlsx"])
@pytest.mark.parametrize("read", ["tariff", "load"])
def test_a_bill_replaces_neither_its_tariff_nor_its_load(capsys, source, tmp_path, option, read):
    load = tmp_path / "load.csv"
    load.write_bytes(OCTOBER.read_bytes())
    target = source if read == "tariff" else load
    before = target.read_bytes()
    argv = ["bill", "--tariff", source, "--load", load, option, target, "--force"]
    assert "is read by this command" in refusal(capsys, *argv)
    assert target.read_bytes() == before


def test_a_refused_output_prints_no_bill(capsys, tmp_path):
    target = tmp_path / "out.svg"
    target.write_bytes(FOREIGN)
    assert run(*bill("--plot", target)) == 1
    assert capsys.readouterr().out == ""


def test_picture_and_workbook_need_two_files(capsys, tmp_path):
    target = tmp_path / "out"
    assert "name two files" in refusal(capsys, *bill("--plot", target, "--xlsx", target))


def test_the_bench_keeps_a_foreign_file(capsys, tmp_path):
    target = tmp_path / "bench.json"
    target.write_bytes(FOREIGN)
    assert "did not make it" in refusal(capsys, "bench", "--output", target)
    assert target.read_bytes() == FOREIGN
    with pytest.raises(ValueError, match="did not make it"):
        bench_bill.main([str(target)])


@pytest.mark.parametrize("name", ["profile", "events", "topups", "months"])
def test_an_export_keeps_a_foreign_file(capsys, tmp_path, name):
    target = tmp_path / "records.csv"
    target.write_bytes(FOREIGN)
    assert "did not make it" in refusal(capsys, "export", "/dev/null", f"--{name}", target)
    assert target.read_bytes() == FOREIGN


def test_an_empty_file_and_a_terminal_hold_nothing_to_lose(capsys, tmp_path):
    target = tmp_path / "empty.bin"
    target.touch()
    assert run("tariff", "encode", HOUSEHOLD, "-o", target) == 0
    assert run("tariff", "encode", HOUSEHOLD, "-o", "/dev/null") == 0
    capsys.readouterr()


def test_a_new_version_of_a_table_replaces_the_old_one(capsys, source, tmp_path):
    table = tmp_path / "tariff.bin"
    assert run("tariff", "encode", source, "-o", table) == 0
    source.write_text(source.read_text().replace("version = 7", "version = 8"))
    assert run("tariff", "encode", source, "-o", table) == 0
    assert "8" in json.dumps(table.read_bytes().hex())
    capsys.readouterr()


def writers_of(tree):
    """Yield the calls in a module that write a file."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        modes = [word.value for word in (*node.args, *(one.value for one in node.keywords)) if is_text(word)]
        opens = name in ("open", "fdopen") and any(set(mode) & set("wax") and len(mode) < 4 for mode in modes)
        if name in ("write_text", "write_bytes", "copyfile", "copy") and name != "copy" or opens:
            yield name


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_command_writes_through_one_module():
    found = set()
    for path in sorted((ROOT / "tools/wattpurse_tools").rglob("*.py")):
        if list(writers_of(ast.parse(path.read_text()))):
            found.add(str(path.relative_to(ROOT)))
    assert found - OTHER_WRITERS == set()


def test_a_planted_writer_is_found():
    planted = "path.write_bytes(b'')\nopen(path, 'w')\npath.open('xb')\nPath(x).write_text('')\n"
    assert len(list(writers_of(ast.parse(planted)))) == 4
    assert list(writers_of(ast.parse("open(path)\nopen(path, 'rb')\n"))) == []


def test_the_help_names_force_wherever_a_file_is_written(capsys):
    for words in (["tariff", "encode"], ["bill"], ["bench"], ["export"]):
        with pytest.raises(SystemExit):
            cli.main([*words, "--help"])
        assert "--force" in capsys.readouterr().out


def test_a_missing_folder_is_an_error_that_names_the_file(capsys, tmp_path):
    target = Path(tmp_path / "none" / "tariff.bin")
    assert f"{target}: No such file or directory" in refusal(capsys, "tariff", "encode", HOUSEHOLD, "-o", target)


def test_begins_with_and_contains(tmp_path):
    path = tmp_path / "file"
    path.write_text("start_utc,kwh\n")
    assert output_files.begins_with("start_utc")(path)
    assert not output_files.begins_with("kwh")(path)
    assert output_files.contains("kwh")(path)


GARBAGE = bytes(range(256)) * 4


@pytest.mark.parametrize("suffix", [".toml", ".json", ".bin"])
@pytest.mark.parametrize("words", [["tariff", "check"], ["bill", "--load", str(OCTOBER), "--tariff"]])
def test_a_tariff_that_is_not_text_gets_a_sentence_that_names_it(capsys, tmp_path, suffix, words):
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(GARBAGE)
    said = refusal(capsys, *words, path)
    assert said.startswith(f"wattpurse: {path}: ")
    assert "codec" not in said


@pytest.mark.parametrize("text", ["version = ", "rates = 7\n"])
def test_a_wrong_tariff_among_several_is_named(capsys, tmp_path, text):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    assert str(path) in refusal(capsys, "bill", "--compare", HOUSEHOLD, path, "--load", OCTOBER)


def test_an_event_log_that_is_not_text_gets_a_sentence_that_names_it(tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(GARBAGE)
    with pytest.raises(ValueError, match=f"^{path}: is not text"):
        record_files.load_events(path)
