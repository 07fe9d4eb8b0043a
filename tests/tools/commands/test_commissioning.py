"""`make run` for each contract: the real commands of the station make meter and card; the first tap brings supply."""

import os
import shlex

import pytest

from boards.host import run
from boards.host.world.commissioning import customer_of, open_world, top_up_hint
from tests.house.places import ROOT
from wattpurse.core.money import contract as contracts
from wattpurse_tools.cli import COMMANDS, build_parser

NAMES = [contract.name for contract in contracts.CONTRACTS]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Make empty folders for meter, cards and station. The `wattpurse` command is found as `make run` finds it."""
    monkeypatch.setenv("PATH", f"{ROOT}/.venv/bin:{os.environ['PATH']}")
    monkeypatch.chdir(ROOT)
    return [str(tmp_path / name) for name in ("meter", "cards", "desk")]


class TestOpenWorld:
    @pytest.mark.parametrize("name", NAMES)
    def test_card_that_was_made_brings_supply(self, folders, name):
        os.mkdir(folders[2])
        world, cards, _ = open_world(*folders, 1, name)
        assert world.account.contract.name == name
        world.run_for(2)
        world.insert(cards.take(customer_of(name).card))
        assert world.run_until(lambda: world.hardware.relay.contact_closed, 5)
        world.close()

    @pytest.mark.parametrize("name", NAMES)
    def test_suggested_command_line_exists(self, name):
        hint = top_up_hint("meter", "cards", ".", contract=name)
        assert len(hint) < 80
        _, _, words = hint.partition(".venv/bin/wattpurse ")
        arguments = build_parser(COMMANDS).parse_args(shlex.split(words))
        assert callable(arguments.run)

    def test_each_contract_has_its_own_meter_and_card(self):
        customers = [customer_of(name) for name in NAMES]
        assert len({customer.meter_number for customer in customers}) == len(NAMES)
        assert len({customer.card for customer in customers}) == len(NAMES)


class TestArguments:
    def test_each_contract_has_its_own_folder_unless_one_is_named(self):
        assert run.arguments([])["state"] == "meter"
        assert run.arguments(["--contract", "term"])["state"] == "meter-term"
        assert run.arguments(["--contract", "term", "--state", "here"])["state"] == "here"

    def test_unknown_contract_is_refused_with_the_list_of_contracts(self, capsys):
        assert run.main(["--contract", "barter"]) == 2
        assert "term" in capsys.readouterr().out
        assert run.main(["--contract"]) == 2
        assert "usage" in capsys.readouterr().out
