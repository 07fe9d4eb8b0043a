"""The station's record survives lost cards, a restored older copy, and cards that are read out of order."""

# ruff: noqa: F811 `shop` and `desk` are fixtures

import json
from pathlib import Path

import pytest

from boards.host.cards.images import from_image
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.commands.test_card import (  # noqa: F401 `shop` and `desk` are fixtures
    TWENTY,
    desk,
    everything,
    new,
    open_station,
    read,
    refusal,
    run,
    shop,
    states,
    top_up,
)
from wattpurse.core import outcome
from wattpurse.core.currency import Currency
from wattpurse_tools import cli
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.order import credit

UID = b"\x01\x02\x03\x04"
WINDOW = 64


def meter(*arguments):
    return cli.main(["meter", *arguments])


def statement(top, window, time_s=1, unit="money"):
    return {
        "meter_number": METER,
        "windows": {0: (top, window)},
        "unit": unit,
        "time_s": time_s,
        "contract": 1,
        "balance": 0,
        "total_mwh": 0,
        "alarms": [],
    }


def sealed(sequence):
    with open_station() as station:
        return station.token(METER, sequence)["sealed"]


@pytest.fixture
def station():
    with open_station() as opened:
        opened.add_meter(METER, Currency("EUR", 2))
        yield opened


class TestLostCards:
    @pytest.mark.parametrize("kind", ["classic-1k", "ultralight"])
    def test_credit_is_moved_to_another_card_unchanged_and_counts_once(self, capsys, desk, kind):
        new("anna", kind)
        top_up()
        lost = Path("cards/anna.json").read_text()
        token = sealed(1)
        Path("cards/anna.json").unlink()
        new("bert")
        assert run("replace", "anna", "bert") == 0
        assert "token 1 taken over from card anna" in capsys.readouterr().out
        assert sealed(1) == token
        assert states(read(capsys, "bert")) == [(1, "on card")]
        assert desk.tap_file("bert") == [outcome.ACCEPTED]
        desk.tap(from_image(json.loads(lost)))
        assert desk.balance == TWENTY
        assert states(read(capsys, "bert")) == [(1, "redeemed")]

    def test_lost_card_that_was_tapped_before_does_not_count_again(self, capsys, desk):
        new("anna", "ultralight")
        top_up()
        desk.tap_file("anna")
        new("bert")
        assert run("replace", "anna", "bert") == 0
        desk.tap_file("bert")
        assert desk.balance == TWENTY
        assert states(read(capsys, "bert")) == [(1, "redeemed")]
        assert run("repair", "anna") == 0
        assert states(read(capsys, "anna")) == []

    def test_broken_card_is_replaced_by_one_of_its_name(self, capsys, desk):
        new()
        top_up()
        top_up(amount="1.00")
        Path("cards/anna.json").write_text("broken")
        assert "broken" in refusal(capsys, "read", "anna")
        Path("cards/anna.json").unlink()
        new()
        assert run("replace", "anna", "anna") == 0
        assert desk.tap_file("anna") == [outcome.ACCEPTED]
        assert desk.balance == TWENTY + 1_000_000
        assert run("replace", "anna", "anna") == 0
        assert "nothing taken over" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("lost", "name", "words"),
        [
            ("nobody", "bert", "no card nobody is known"),
            ("anna", "nobody", "there is no card nobody"),
            ("anna", "full", "no room for token 1"),
            ("anna", "other", f"card anna is for meter {METER}, card other for meter {METER + 1}"),
        ],
    )
    def test_refusal_changes_nothing(self, capsys, lost, name, words):
        new()
        top_up()
        new("bert")
        new("full", "ntag213")
        top_up("full")
        new("other", meter=METER + 1)
        before = everything()
        assert words in refusal(capsys, "replace", lost, name)
        assert everything() == before
        assert states(read(capsys, "anna")) == [(1, "on card")]

    def test_selling_continues_after_the_lost_token_is_forfeited(self, station, capsys):
        station.add_card(UID, "anna", METER)
        for sequence in range(1, WINDOW + 1):
            assert station.issue(METER, UID, credit("money", TWENTY))["sequence"] == sequence
        with pytest.raises(ValueError, match=f"card replace anna NEW,.* meter forfeit {METER} 1$"):
            station.issue(METER, UID, credit("money", TWENTY))
        assert meter("forfeit", str(METER), "1", "2") == 0
        assert f"meter {METER}: token 2, 20.00 EUR, is forfeited" in capsys.readouterr().out
        with open_station() as again:
            assert again.issue(METER, UID, credit("money", TWENTY))["sequence"] == WINDOW + 1
            assert again.token(METER, 1)["state"] == orders.FORFEITED

    def test_only_outstanding_tokens_are_forfeited(self, capsys):
        new()
        top_up()
        for sequences, words in ((("1", "2"), "token 2 of meter 1002 was not issued"), (("1", "1"), "")):
            assert meter("forfeit", str(METER), *sequences) == (1 if words else 0)
            assert words in capsys.readouterr().err
        assert meter("forfeit", str(METER), "1") == 1
        assert "is forfeited already" in capsys.readouterr().err


class TestStatements:
    def test_forfeited_token_is_not_redeemed_by_its_age(self, station):
        station.issue(METER, UID, credit("money", 1))
        station.forfeit(METER, [1])
        station.learn(statement(1 + WINDOW, (1 << WINDOW) - 1))
        assert station.token(METER, 1)["state"] == orders.FORFEITED

    def test_forfeited_token_that_the_meter_redeemed_is_redeemed(self, station):
        station.issue(METER, UID, credit("money", 1))
        station.forfeit(METER, [1])
        station.learn(statement(WINDOW, 1 << WINDOW - 1))
        assert station.token(METER, 1)["state"] == orders.REDEEMED

    def test_unit_of_a_meter_is_taken_from_the_newest_statement(self, station):
        station.learn(statement(3, 7, time_s=200, unit="energy"))
        station.learn(statement(2, 3, time_s=100, unit="money"))
        assert station.meter(METER)["unit"] == "energy"
        station.learn(statement(3, 7, time_s=201, unit="money"))
        assert station.meter(METER)["unit"] == "money"

    def test_redeemed_numbers_that_this_station_never_issued(self, station):
        station.issue(METER, UID, credit("money", 1))
        assert station.redeemed_elsewhere(statement(3, 0b101)) == [3]
        assert station.redeemed_elsewhere(statement(100, 1 << 63 | 1)) == [37, 100]


class TestOlderRecord:
    @pytest.fixture
    def restored(self, desk):
        """Restore the record from before token 2 was sold. Token 2 is on the card anna."""
        new()
        new("bert")
        top_up()
        with station_office.current().older_record():
            top_up()

    def test_restored_record_goes_on_with_the_numbers_of_the_vault(self, capsys, restored):
        top_up("bert")
        assert states(read(capsys, "bert")) == [(3, "on card")]

    def test_restored_record_names_tokens_that_it_did_not_sell_and_stops(self, capsys, desk, restored):
        assert states(read(capsys, "anna")) == [(1, "on card"), (2, "unknown to this station")]
        assert "has not made" in refusal(capsys, "topup", "anna", "--amount", "1")
        assert desk.tap_file("anna") == [outcome.ACCEPTED]
        document = read(capsys, "anna")
        assert states(document) == [(1, "redeemed"), (2, "unknown to this station, its number redeemed")]
        assert document["statement"]["redeemed_elsewhere"] == [2]
        assert run("read", "anna") == 0
        assert "redeemed   2: not issued in this station's record" in capsys.readouterr().out
        before = everything()
        assert f"wattpurse meter resume {METER}" in refusal(capsys, "topup", "bert", "--amount", "1")
        assert everything() == before
        assert meter("resume", str(METER)) == 0
        assert "token 2 was redeemed and is not in this record" in capsys.readouterr().out
        assert meter("resume", str(METER)) == 1
        read(capsys, "anna")
        top_up("bert")
        assert states(read(capsys, "bert")) == [(3, "on card")]

    def test_program_killed_between_number_and_token_uses_the_next_number(self, capsys, monkeypatch):
        def killed(*_):
            raise KeyboardInterrupt

        new()
        with monkeypatch.context() as patch:
            patch.setattr(stations.Station, "_add_token", killed)
            assert run("topup", "anna", "--amount", "1") == 130
        assert station_office.current().vault.last_count(METER) == 1
        top_up()
        assert states(read(capsys, "anna")) == [(2, "on card")]
