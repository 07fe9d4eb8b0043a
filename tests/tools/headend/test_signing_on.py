"""A process of the head-end acts as the operator of its command line, and as nobody else."""

import pytest

from tests.office_of_tests import CASHIER, PINS
from wattpurse_tools import cli
from wattpurse_tools.commands import headend_rounds
from wattpurse_tools.headend import rounds
from wattpurse_tools.headend.signing_on import HeadendOperator


def test_an_operator_signs_on_with_its_pin(office):
    assert HeadendOperator(office, CASHIER, PINS[CASHIER]).actor().operator == CASHIER


@pytest.mark.parametrize(("operator", "pin", "words"), [(3, None, "--pin-file too"), (None, "1", "--operator too")])
def test_half_of_a_sign_on_is_refused(office, operator, pin, words):
    with pytest.raises(ValueError, match=words):
        HeadendOperator(office, operator, pin)


@pytest.mark.parametrize("action", ["engine", "payments"])
def test_the_command_refuses_half_of_a_sign_on(office_folder, tmp_path, capsys, action):
    pin = tmp_path / "pin"
    pin.touch(0o600)
    pin.write_text(PINS[CASHIER])
    command = ["headend", action, "--office", str(office_folder.path)]
    assert cli.main([*command, "--operator", str(CASHIER)]) == 1
    assert "give --pin-file too" in capsys.readouterr().err
    assert cli.main([*command, "--pin-file", str(pin)]) == 1
    assert "give --operator too" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["engine", "payments", "start"])
@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "often"])
def test_a_time_between_rounds_is_above_zero(capsys, action, seconds):
    with pytest.raises(SystemExit):
        cli.main(["headend", action, "--every", seconds])
    assert "write seconds above 0" in capsys.readouterr().err


def test_the_payment_worker_tells_its_rounds(office, monkeypatch):
    ends = iter([False, True])
    monkeypatch.setattr(headend_rounds, "office_of", lambda _: office)
    monkeypatch.setattr(headend_rounds, "ended_by_signal", lambda: lambda: next(ends))
    assert cli.main(["headend", "payments", "--every", "0.001"]) == 0
    assert rounds.PAYMENTS in rounds.last()
