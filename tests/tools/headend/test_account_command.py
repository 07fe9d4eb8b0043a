"""`wattpurse headend account`: accounts opened, changed, closed by two persons; a deposit; refusals and rights."""

import json
import os

import pytest

from tests.office_of_tests import CASHIER, PINS, SECOND
from tests.tools.headend.managed_site import add_tariff, add_tenancy
from tests.tools.office.selling_site import build_site
from tests.tools.office.test_books_commands import serving
from wattpurse_tools import cli
from wattpurse_tools.headend import accounts
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.record.models import ManagedAccount


@pytest.fixture
def run(office_folder, capsys):
    """Return a function that runs a command in the office, as an operator with a PIN if one is named."""
    build_site()
    add_tariff("household", 1)
    add_tenancy(4)

    def act(words, operator=None, status=0):
        line = [*words.split("|")[0].split(), *words.split("|")[1:], "--office", str(office_folder.path)]
        reader, writer = os.pipe()
        os.write(writer, f"{PINS.get(operator)}\n".encode())
        os.close(writer)
        mask = os.umask(0o022)
        try:
            signing = [] if operator is None else ["--as", str(operator), "--pin-fd", str(reader)]
            found = cli.main(line + signing)
        finally:
            os.umask(mask)
            os.close(reader)
        told = capsys.readouterr()
        assert (found == 0) == (status == 0), told
        return told.out if status == 0 else told.err

    with serving(office_folder):
        yield act


def test_an_account_is_opened_changed_and_closed_by_two_persons(run):
    assert "limit 5.00 EUR, priority 3" in run("headend account open 4 --limit 5 --priority 3")
    assert "limit 5.00 EUR, priority 3" in run("headend account open 4 --limit 9"), "it was open"
    assert "limit 5.00 EUR, priority 9" in run("headend account change 4 --priority 9")
    assert "limit 0.00 EUR, priority 9" in run("headend account change 4 --limit 0")
    assert "a deposit of 20.00 EUR" in run("headend account deposit 4 20.00 --by card")
    assert "a deposit of 25.50 EUR" in run("headend account deposit 4 5.50")
    assert "--reason TEXT" in run("headend account close 4", status=1)
    asked = run("headend account close 4 --reason|moves out")
    request = asked.split()[1]
    run(f"vault approve {request}", SECOND)
    told = run(f"headend account close 4 --by mobile --approval {request}")
    assert "The account at meter 4 is closed. Back to the customer: 25.50 EUR. Debt: 0.00 EUR." in told
    assert ManagedAccount.objects.get().closed_s is not None
    assert balances.balance(chart.bank("mobile"), "EUR") == -25_500_000
    assert "there is no open account at meter 4" in run("headend account close 4", status=1)
    assert "closed" in run("headend account list")
    (listed,) = json.loads(run("headend account list --json"))
    assert (listed["meter"], listed["limit_microunits"], listed["closed"] is None) == (4, 0, False)
    assert "0 findings" in run("office check")


def test_wrong_words_are_refused_with_the_reason(run):
    assert "no tenant at meter 3" in run("headend account open 3", status=1)
    assert "an account needs the contract managed" in run("headend account open 1", status=1)
    assert "no open account at meter 4" in run("headend account change 4 --limit 1", status=1)
    run("headend account open 4")
    assert "give --limit, --priority or both" in run("headend account change 4", status=1)
    assert "--limit x" in run("headend account change 4 --limit x", status=1)
    assert "whole coins" in run("headend account deposit 4 0", status=1)
    assert "at most 2 decimals" in run("headend account deposit 4 1.005", status=1)
    for wrong in ("open 4 --priority 10", "deposit 4 5 --by cash", "close 4 --by cash", "close"):
        with pytest.raises(SystemExit):
            run(f"headend account {wrong}")
    assert accounts.held_deposit(ManagedAccount.objects.get().pk) == 0


def test_a_cashier_does_nothing(run):
    run("headend account open 4")
    actions = ("list", "open 4", "change 4 --limit 9", "close 4")
    for action in actions:
        assert "right" in run(f"headend account {action}", CASHIER, status=1), action
    row = ManagedAccount.objects.get()
    assert (row.limit_microunits, row.closed_s) == (0, None)


def test_the_ways_to_pay_of_the_command_are_those_of_the_office():
    from wattpurse_tools.commands import headend_account
    from wattpurse_tools.office.sale_types import BANK_TYPES

    assert headend_account._BY == BANK_TYPES
