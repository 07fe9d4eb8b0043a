"""`wattpurse acceptance`: a builder, a simulated meter at a pseudo-terminal, and the signed record of both."""

import json
import re
import time
from pathlib import Path

import pytest

from boards.host.board import IMPULSES_PER_KWH
from tests.house.places import ROOT
from tests.services.console.console_bench import METER_NUMBER, PIN, Bench
from tests.tools.commands.test_export import Port, refusal
from wattpurse_tools import cli
from wattpurse_tools.acceptance.steps import BENCH, MAINS, PULSES, STEPS

# The load at which the simulated energy meter gives ten pulses in a second.
TEN_PULSES_W = 36_000_000 // IMPULSES_PER_KWH
ENERGY_LOAD_W = 1_200
ENERGY_S = 300
BENCH_FILE = f"acceptance-{METER_NUMBER}-bench.json"
MAINS_FILE = f"acceptance-{METER_NUMBER}-mains.json"


class Builder:
    """Answers the questions as a builder of a good meter, and moves the simulated hardware as they ask.

    `answers` replaces the answer to each question that begins with a text.
    """

    GOOD = {
        "Name of the builder": "Ada",
        "Name and licence": "Bea, 4711",
        "Insulation": "120",
        "Bench supply": "5.02",
        "Voltage of the net 3V3": "3,31",
        "Higher one of the gate": "0.01",
        "Pulse at U2": "154",
        "Falling 3V3": "2.93",
        "PIN": PIN,
    }

    def __init__(self, bench):
        self.answers = {}
        self.asked = []
        self.pulses = PULSES
        self.loose_pulses = 0
        self.meter_factor = 1
        self._bench = bench

    def input(self, question):
        self.asked.append(question)
        if question.startswith("Join S0+"):
            self.give_pulses(self.pulses)
        elif question.startswith("Pull the pulse cable"):
            self.give_pulses(self.loose_pulses)
        elif question.startswith("Note the register of M1"):
            self.use_energy()
        elif question.startswith("Open the cover"):
            self.touch(self._bench.hardware.cover)
        elif question.startswith("Hold a magnet"):
            self.touch(self._bench.hardware.magnet)
        elif question.startswith("Energy that the register"):
            return str(self.used_kwh * self.meter_factor)
        for beginning, answer in (*self.answers.items(), *self.GOOD.items()):
            if question.startswith(beginning):
                return answer
        return "y" if question.endswith("[y/n] ") else ""

    def give_pulses(self, count):
        hardware = self._bench.hardware
        hardware.source.set_contact(True)
        hardware.source.set_load_w(TEN_PULSES_W * count // PULSES)
        self.let_pass(1)
        hardware.source.set_load_w(0)

    def use_energy(self):
        source = self._bench.hardware.source
        source.set_contact(True)
        before = source.pulses_total
        source.set_load_w(ENERGY_LOAD_W)
        self.let_pass(ENERGY_S)
        source.set_load_w(0)
        self.used_kwh = (source.pulses_total - before) / self._bench.meter.ledger.account.impulses

    def touch(self, sensor):
        sensor.sense(True)
        for _ in range(20):
            self.let_pass(1)
            self._bench.meter.guard.step()
        sensor.sense(False)
        for _ in range(20):
            self.let_pass(1)
            self._bench.meter.guard.step()

    def let_pass(self, seconds):
        for _ in range(seconds):
            self._bench.wait(1)
            self._bench.meter.metering.step()


@pytest.fixture
def bench():
    bench = Bench()
    bench.commission()
    bench.log_in()
    for kind in ("cover", "magnet"):
        assert "refused" not in bench.say(f"terms set tamper_{kind} 1")
    bench.say("logout")
    bench.meter.board.reader.version = 0x92  # the bench starts no card desk, which would ask the reader
    return bench


@pytest.fixture
def builder(bench, monkeypatch):
    builder = Builder(bench)
    monkeypatch.setattr("builtins.input", builder.input)
    # The meter's clock is the bench's; this computer agrees with it.
    monkeypatch.setattr("wattpurse_tools.acceptance.talk.computer_now_s", bench.meter.timekeeper.now_s)
    return builder


@pytest.fixture
def port(bench):
    port = Port(bench)
    yield port
    port.close()


@pytest.fixture(autouse=True)
def public_key(tmp_path, monkeypatch, capsys):
    """Make a builder's key in an empty folder, and return its public key."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["acceptance-key", "builder.pem"]) == 0
    return capsys.readouterr().out.split()[-1]


def accept(port, stage=BENCH):
    return cli.main(["acceptance", port.path, "--stage", stage, "--key", "builder.pem"])


def record(name=BENCH_FILE):
    return json.loads(Path(name).read_text())


def result_of(step, name=BENCH_FILE):
    return next(one for one in record(name)["steps"] if one["step"] == step)


class TestTheWalk:
    def test_a_good_meter_is_accepted_on_the_bench_and_at_mains(self, port, builder, public_key, capsys):
        assert accept(port) == 0
        assert accept(port, MAINS) == 0
        assert "meter 40123 is accepted" in capsys.readouterr().out
        for name, stage in ((BENCH_FILE, BENCH), (MAINS_FILE, MAINS)):
            assert [one["step"] for one in record(name)["steps"]] == [
                step.name for step in STEPS if step.stage == stage
            ]
            assert record(name)["accepted"]
            assert cli.main(["acceptance-check", name, "--public", public_key]) == 0
        assert record(MAINS_FILE)["bench_signature"] == record()["signature"]
        assert record(MAINS_FILE)["electrician"] == "Bea, 4711"
        assert "the signature holds; the meter is accepted" in capsys.readouterr().out

    def test_the_record_names_the_meter_and_the_fingerprints_of_its_keys_and_no_secret(self, port, builder, bench):
        assert accept(port) == 0
        meter = record()["meter"]
        assert meter["meter_number"] == METER_NUMBER
        assert meter["unique_id"] == bench.meter.board.unique_id.hex()
        assert meter["meter_key_fingerprint"] == bench.facts("keys")["meter_key"]
        assert PIN not in Path(BENCH_FILE).read_text()

    def test_pulses_that_the_meter_does_not_count_fail(self, port, builder):
        builder.pulses = 8
        assert accept(port) == 1
        assert result_of("pulses") == {
            "step": "pulses",
            "passed": False,
            "result": "the meter counted 8 pulses, and 10 were given",
        }
        assert not record()["accepted"]

    def test_a_loose_cable_that_counts_fails(self, port, builder):
        builder.loose_pulses = 10
        assert accept(port) == 1
        assert "10 pulses of a loose cable" in result_of("loose cable")["result"]

    def test_a_seal_switch_that_is_never_seen_fails(self, port, builder):
        builder.touch = lambda sensor: None
        assert accept(port) == 1
        assert not result_of("seal switch")["passed"]
        assert not result_of("magnet")["passed"]

    def test_a_tamper_input_that_the_terms_ignore_is_recorded_as_not_tried(self, port, builder, bench):
        bench.log_in()
        bench.say("terms set tamper_magnet 0")
        assert accept(port) == 0
        assert result_of("magnet")["result"] == "not tried: the term tamper_magnet is 0"

    @pytest.mark.parametrize(
        ("question", "answer", "step"),
        [
            ("Insulation", "0.5", "insulation"),
            ("Pulse at U2 pin 6", "260", "one-shot open"),
            ("With both commands", "n", "interlock"),
            ("Falling 3V3", "2.6", "supervisor"),
            ("Did the contact open", "n", "relay"),
            ("Does the display show", "n", "display"),
            ("PIN", "111111", "login"),
        ],
    )
    def test_a_bad_answer_fails_its_step(self, port, builder, question, answer, step):
        builder.answers = {question: answer}
        assert accept(port) == 1
        assert not result_of(step)["passed"]

    def test_a_wrong_clock_fails(self, port, builder, bench, monkeypatch):
        monkeypatch.setattr(
            "wattpurse_tools.acceptance.talk.computer_now_s", lambda: bench.meter.timekeeper.now_s() + 60
        )
        assert accept(port) == 1
        assert "-60 s ahead of this computer" in result_of("clock")["result"]

    def test_an_energy_error_of_five_percent_fails(self, port, builder):
        assert accept(port) == 0
        builder.meter_factor = 1.05
        assert accept(port, MAINS) == 1
        assert "and M1 shows 0.0328125 kWh" in result_of("energy", MAINS_FILE)["result"]

    def test_a_question_is_repeated_until_the_answer_is_a_number(self, port, builder):
        answers = iter(["about five", "5.0"])
        good = builder.input

        def answer(question):
            return next(answers) if question.startswith("Bench supply") else good(question)

        builder.input = answer
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("builtins.input", answer)
            assert accept(port) == 0
        assert result_of("supply 5 V")["result"] == "5 V"


class TestWhatIsRefused:
    def test_mains_before_the_bench(self, port, builder, capsys):
        assert BENCH_FILE in refusal(capsys, "acceptance", port.path, "--stage", MAINS, "--key", "builder.pem")
        assert builder.asked == []

    def test_mains_for_a_meter_that_failed_on_the_bench(self, port, builder, capsys):
        builder.answers = {"Insulation": "0.5"}
        assert accept(port) == 1
        asked = len(builder.asked)
        said = refusal(capsys, "acceptance", port.path, "--stage", MAINS, "--key", "builder.pem")
        assert "failed on the bench" in said
        assert len(builder.asked) == asked

    def test_the_bench_record_of_another_board(self, port, builder, bench, capsys):
        assert accept(port) == 0
        bench.meter.board.unique_id = b"another board"
        said = refusal(capsys, "acceptance", port.path, "--stage", MAINS, "--key", "builder.pem")
        assert "is of another board" in said
        assert not Path(MAINS_FILE).exists()

    def test_a_record_is_never_replaced(self, port, builder, capsys):
        assert accept(port) == 0
        before = Path(BENCH_FILE).read_bytes()
        assert "exists; a record is kept" in refusal(capsys, "acceptance", port.path, "--key", "builder.pem")
        assert Path(BENCH_FILE).read_bytes() == before

    def test_a_meter_without_a_number(self, capsys):
        port = Port(Bench())
        assert "commission it first" in refusal(capsys, "acceptance", port.path, "--key", "builder.pem")
        port.close()

    def test_answers_that_end_early_leave_no_record(self, port, monkeypatch, capsys):
        def end(_question):
            raise EOFError

        monkeypatch.setattr("builtins.input", end)
        assert "nothing was recorded" in refusal(capsys, "acceptance", port.path, "--key", "builder.pem")
        assert not Path(BENCH_FILE).exists()

    def test_a_missing_key_names_the_command_that_makes_one(self, capsys):
        assert "wattpurse acceptance-key no.pem" in refusal(capsys, "acceptance", "/dev/null", "--key", "no.pem")

    def test_a_key_is_never_replaced(self, capsys):
        assert "is not overwritten" in refusal(capsys, "acceptance-key", "builder.pem")
        assert Path("builder.pem").stat().st_mode & 0o077 == 0


class TestTheSignature:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"passed": false', '"passed": true'),
            ('"accepted": false', '"accepted": true'),
            ("Ada", "Eve"),
            ("0.5", "500"),
        ],
    )
    def test_a_changed_record_does_not_hold(self, port, builder, public_key, capsys, old, new):
        builder.answers = {"Insulation": "0.5"}
        assert accept(port) == 1
        text = Path(BENCH_FILE).read_text()
        assert old in text
        Path(BENCH_FILE).write_text(text.replace(old, new))
        assert "was changed after it was signed" in refusal(
            capsys, "acceptance-check", BENCH_FILE, "--public", public_key
        )

    def test_a_record_signed_with_another_key_does_not_hold(self, port, builder, capsys):
        assert accept(port) == 0
        assert cli.main(["acceptance-key", "other.pem"]) == 0
        other = capsys.readouterr().out.split()[-1]
        assert "signed with another key" in refusal(capsys, "acceptance-check", BENCH_FILE, "--public", other)
        forged = {**record(), "public_key": other}
        Path(BENCH_FILE).write_text(json.dumps(forged))
        assert "was changed" in refusal(capsys, "acceptance-check", BENCH_FILE, "--public", other)

    def test_a_record_of_a_failed_meter_holds_and_is_not_accepted(self, port, builder, public_key, capsys):
        builder.answers = {"Insulation": "0.5"}
        assert accept(port) == 1
        capsys.readouterr()
        assert cli.main(["acceptance-check", BENCH_FILE, "--public", public_key]) == 1
        assert "the signature holds; the meter is NOT accepted" in capsys.readouterr().out

    def test_another_file_is_no_record(self, public_key, capsys):
        Path("x.json").write_text("[]")
        assert "is not a record" in refusal(capsys, "acceptance-check", "x.json", "--public", public_key)


def test_the_document_explains_every_step():
    text = (ROOT / "docs/hardware/testing.md").read_text()
    assert [step.name for step in STEPS if f"| {step.name} |" not in text] == []


def test_the_console_answers_of_the_document_are_those_of_a_meter(bench):
    text = (ROOT / "docs/hardware/testing.md").read_text()
    shown = [line.strip() for line in re.findall(r"^    > .*\n(?:    .*\n)*", text, re.MULTILINE)[0].splitlines()]
    said = []
    for command in [line[2:] for line in shown if line.startswith("> ")]:
        said += ["> " + command, *bench.say(command.replace("login 271828", f"login {PIN}")).splitlines()]
    assert shown == said


def test_the_computers_time_is_that_of_its_clock():
    from wattpurse_tools.acceptance.talk import computer_now_s

    assert abs(computer_now_s() - time.time()) < 2
