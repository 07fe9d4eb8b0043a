"""`make run` for each contract: the real commands of the station make meter and card; the first tap brings supply."""

import os
import shlex

import pytest

from boards.host import run
from boards.host.world.commissioning import CONTRACT, customer_from, customer_of, meet_broker, open_world
from boards.host.world.guide import Guide
from boards.host.world.world import FIRST_S
from tests.house.places import ROOT
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply
from wattpurse.core.money.token_windows import TokenWindows
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
        world, cards, state = open_world(*folders, 1, name)
        assert world.account.contract.name == name
        world.run_for(2)
        world.insert(cards.take(customer_of(name).card))
        assert world.run_until(lambda: world.hardware.relay.contact_closed, 5)
        world.close()
        state.close()

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("reason", [supply.ON, supply.NO_CREDIT, supply.EXPIRED, supply.ORDERED_OFF])
    def test_suggested_command_line_exists(self, name, reason):
        hint = Guide(customer_of(name), "office-data/cards", ".").hint(FakeWorld(reason), None)
        _, _, words = hint.partition(".venv/bin/wattpurse ")
        arguments = build_parser(COMMANDS).parse_args(shlex.split(words))
        assert callable(arguments.run)

    def test_second_run_in_the_folder_is_refused_while_the_first_lasts(self, folders):
        os.mkdir(folders[2])
        world, _, state = open_world(*folders, 1)
        world.close()
        with pytest.raises(ValueError, match="another run has the meter in the folder"):
            open_world(*folders, 1)
        state.close()
        again, _, state = open_world(*folders, 1)
        again.close()
        state.close()

    def test_a_meter_speaks_with_the_broker_that_is_named_on_its_first_run_and_later(self, folders):
        os.mkdir(folders[2])
        for port in (1884, 1885):
            world, _, state = open_world(*folders, 1)
            meet_broker(world, f"127.0.0.1:{port}")
            assert world.type_line("mqtt")[0].split() == ["broker", f"127.0.0.1:{port}"]
            assert world.run_until(lambda world=world: world.meter.link.state != "off", 5)
            with pytest.raises(ValueError, match="refused: a name needs a name server"):
                meet_broker(world, "broker.example")
            state.save(world)
            world.close()
            state.close()

    def test_another_contract_than_that_of_the_folder_is_refused_and_no_contract_takes_that_of_the_folder(
        self, folders
    ):
        os.mkdir(folders[2])
        world, _, state = open_world(*folders, 1, "term")
        world.close()
        state.close()
        with pytest.raises(ValueError, match="has a meter with the contract term"):
            open_world(*folders, 1, "managed")
        world, _, state = open_world(*folders, 1)
        assert customer_from(state.customer).card == "guest"
        world.close()
        state.close()

    def test_new_meter_beside_an_earlier_one_has_a_number_and_a_card_of_its_own(self, folders):
        os.mkdir(folders[2])
        world, _, state = open_world(*folders, 1)
        world.close()
        state.close()
        world, cards, state = open_world(folders[0] + "-2", *folders[1:], 1)
        assert state.customer == {"contract": CONTRACT, "meter_number": 10_000_101, "card": "tenant-2"}
        assert cards.names() == ["tenant", "tenant-2"]
        world.insert(cards.take("tenant"))
        world.run_for(3)
        assert world.account.money.bought == 0
        world.close()
        state.close()

    def test_each_contract_has_its_own_meter_and_card(self):
        customers = [customer_of(name) for name in NAMES]
        assert len({customer.meter_number for customer in customers}) == len(NAMES)
        assert len({customer.card for customer in customers}) == len(NAMES)


class FakeWorld:
    """A meter in one state of supply."""

    mains_on = True
    tokens = TokenWindows()
    tokens.mark(1)

    def __init__(self, reason):
        self._reason = reason
        self.meter = self.account = self

    def decide(self):
        return self._reason

    def now_s(self):
        return FIRST_S


class TestArguments:
    def test_each_contract_has_its_own_folder_unless_one_is_named(self):
        def folder(*words):
            return run.folders(run.arguments(words))[0]

        assert folder() == "meter"
        assert folder("--contract", "term") == "meter-term"
        assert folder("--contract", "term", "--state", "here") == "here"

    def test_a_meter_with_clamps_has_its_own_folder(self):
        def folder(*words):
            return run.folders(run.arguments(words))[0]

        assert folder("--front-end", "ct") == "meter-ct"
        assert folder("--front-end", "chip") == "meter-chip"
        assert folder("--front-end", "pulse") == "meter"
        assert folder("--front-end", "ct", "--contract", "term") == "meter-term-ct"

    def test_an_unknown_front_end_is_refused_with_the_known_ones(self, capsys):
        assert run.main(["--front-end", "shunt"]) == 2
        assert "pulse or ct" in capsys.readouterr().out

    def test_a_readout_head_needs_the_screen(self, capsys):
        assert run.main(["--readout", "--story"]) == 2
        assert "start in a terminal" in capsys.readouterr().out

    def test_unknown_contract_is_refused_with_the_list_of_contracts(self, capsys):
        assert run.main(["--contract", "barter"]) == 2
        assert "term" in capsys.readouterr().out

    @pytest.mark.parametrize("words", [["--contract"], ["--state", "--story"], ["--cards", ""], ["--colour"]])
    def test_words_that_are_not_understood_are_refused_with_the_usage(self, words, capsys):
        assert run.main(words) == 2
        assert "usage" in capsys.readouterr().out

    def test_help_explains_every_option(self, capsys):
        assert run.main(["--help"]) == 0
        said = capsys.readouterr().out
        for option in ("--contract", "--front-end", "--state", "--cards", "--desk", "--bluetooth", "--story"):
            assert f"\n  {option}" in said

    @pytest.mark.parametrize(
        "words",
        [
            ["--contract", "term"],
            ["--state", "x"],
            ["--cards", "x"],
            ["--desk", "x"],
            ["--story", "--contract", "account"],
        ],
    )
    def test_option_that_the_story_has_no_use_for_is_refused_in_words(self, words, capsys, monkeypatch):
        monkeypatch.setattr(run.terminal, "is_interactive", lambda: False)
        assert run.main(words) == 2
        said = capsys.readouterr().out
        assert "Start it in a terminal" in said
        assert " ".join(words[-2:]) in said

    def test_story_is_told_of_its_own_contract(self, monkeypatch):
        told = []
        monkeypatch.setattr("boards.host.world.story.tell", lambda: told.append(1) or 0)
        assert run.main(["--story", "--contract", CONTRACT]) == 0
        assert told == [1]
