"""Troubles with readers name their remedy, in `wattpurse reader` and in the commands that sell."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.ultralight import UltralightCard
from tests.tools.readers.pcsc_card import PcscCard
from wattpurse_tools import cli
from wattpurse_tools.readers import pcsc, troubles
from wattpurse_tools.readers.pcsc import Service, Worker, connect, named
from wattpurse_tools.readers.troubles import ReaderTrouble, module_words, trouble_of

UID = bytes.fromhex("04112233445566")


@pytest.fixture
def run(capsys):
    """Return a runner: `run("reader list")` returns `(status, output, error)`."""

    def run(line):
        capsys.readouterr()
        status = cli.main(line.split())
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def ntag():
    return PcscCard(UltralightCard("ntag215", UID))


def test_a_reader_is_listed_with_its_card(reader, run):
    reader.lay(ntag())
    status, out, _ = run("reader list")
    assert status == 0
    assert out.splitlines()[0] == f"{reader.name} (ACS ACR122U): ntag215 card {UID.hex()}"
    status, out, _ = run("reader list --json")
    first = json.loads(out)[0]
    assert first["card"] == {"uid": UID.hex(), "kind": "ntag215"}
    assert first["trouble"] is None


def test_a_trial_goes_step_by_step_and_writes_nothing(reader, run):
    card = PcscCard(ClassicCard(bytes.fromhex("a1b2c3d4")))
    before = bytes(card.card.memory)
    reader.lay(card)
    status, out, _ = run("reader test acr122 --json")
    trial = json.loads(out)
    assert (status, trial["good"]) == (0, True)
    results = {one["step"]: one["result"] for one in trial["steps"]}
    assert results["card"] == "a1b2c3d4"
    assert results["kind"] == "classic-1k"
    assert "new" in results["keys"]
    assert "ms a command" in results["speed"]
    assert bytes(card.card.memory) == before
    assert not any(one.startswith("ffd6") for one in card.log)


def test_a_trial_without_a_card_says_so(reader, run):
    status, out, _ = run("reader test")
    assert status == 1
    assert "card: FAILS: no card lies on the reader" in out


def test_a_wrong_name_lists_the_readers(reader, run):
    status, out, _ = run("reader test omnikey")
    assert status == 1
    assert reader.name in out


def test_a_reader_that_another_program_holds_is_told_with_the_remedy(reader, monkeypatch):
    monkeypatch.setattr(pcsc, "SHARING_S", 0.3)
    reader.lay(ntag())
    held = connect("acr122")
    try:
        with pytest.raises(ReaderTrouble, match="scdaemon"):
            connect("acr122")
    finally:
        held.close()
    connect("acr122").close()


def test_a_program_waits_for_another_that_is_soon_done(reader):
    reader.lay(ntag())
    held = connect("")
    threading.Timer(0.5, held.close).start()
    begin = time.monotonic()
    connect("").close()
    assert time.monotonic() - begin > 0.3


def test_no_service_names_its_package(reader):
    # libpcsclite reads the name of its socket once in a process.
    environment = {**os.environ, "PCSCLITE_CSOCK_NAME": "/nowhere/pcscd.comm"}
    command = [sys.executable, "-m", "wattpurse_tools.cli", "reader", "list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "apt-get install pcscd" in done.stderr


def test_a_service_that_ends_is_told_with_the_remedy(reader, run):
    reader.lay(ntag())
    connection = connect("")
    try:
        reader.stop()
        with pytest.raises(ReaderTrouble):
            connection.transmit(bytes.fromhex("ffca000000"))
        connection.close()
        assert "pcscd" in run("reader list")[2]
    finally:
        reader.start()
    assert run("reader list")[0] == 0


def test_no_pyscard_is_told_with_the_remedy(monkeypatch, run):
    monkeypatch.setitem(sys.modules, "smartcard", None)
    status, _, error = run("reader list")
    assert status == 1
    assert "wattpurse[readers]" in error


@pytest.mark.parametrize(
    ("code", "words"),
    (
        (troubles.NO_SERVICE, "apt-get install pcscd"),
        (troubles.SERVICE_STOPPED, "systemctl start"),
        (troubles.DENIED, "polkit"),
        (troubles.NO_ACCESS, "polkit"),
        (troubles.SHARING, "another program"),
        (troubles.UNPLUGGED, "unplugged"),
        (troubles.REMOVED, "no card"),
        (troubles.NO_READERS, "plug it in"),
        (0x80100123, "0x80100123"),
        (-0x7FEFFFE3, "pcscd"),  # pyscard gives some codes with a sign
    ),
)
def test_each_code_has_words(code, words):
    assert words in str(trouble_of(code))


def test_a_kernel_module_that_has_taken_the_reader_is_named(tmp_path):
    modules = tmp_path / "modules"
    modules.write_text("usbhid 65536 0 - Live 0x0\npn533 16384 1 pn533_usb, Live 0x0\npn533_usb 16384 0 - Live 0x0\n")
    words = module_words(modules)
    assert "sudo modprobe -r pn533_usb" in words
    assert "blacklist pn533_usb" in words
    modules.write_text("usbhid 65536 0 - Live 0x0\n")
    assert module_words(modules) == ""
    assert module_words(tmp_path / "none") == ""


def test_a_name_of_two_readers_is_refused_and_slots_of_one_reader_are_one():
    two = ["ACS ACR122U PICC Interface 00 00", "ACS ACR122U PICC Interface 01 00"]
    with pytest.raises(ReaderTrouble, match="name one"):
        named("acr122", two)
    assert named(two[1], two) == two[1]
    assert named("", ["Reader 00 00", "Reader 00 01"]) == "Reader 00 00"
    with pytest.raises(ReaderTrouble, match="plug it in"):
        named("", [])


def test_a_call_that_hangs_is_given_up_and_the_reader_is_not_asked_again():
    release = threading.Event()
    worker = Worker(0.2)
    with pytest.raises(ReaderTrouble, match="does not answer"):
        worker.call(release.wait, 30)
    begin = time.monotonic()
    with pytest.raises(ReaderTrouble, match="does not answer"):
        worker.call(int)
    assert time.monotonic() - begin < 0.2
    release.set()
    worker.end()


def test_a_service_of_readers_that_is_closed_leaves_no_thread(reader):
    before = threading.active_count()
    for _ in range(5):
        with Service() as service:
            service.readers()
    time.sleep(0.2)
    assert threading.active_count() <= before
