"""Data cards: one carries tokens to meters without a network, and statements back, even after a tear."""

# ruff: noqa: F811 fixtures

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from tests.tools.shop import open_station, shop, wattpurse  # noqa: F401
from wattpurse.cards import data_card
from wattpurse.core import outcome

METERS = (METER, METER + 1, METER + 2)
TWENTY = 20_000_000


@pytest.fixture
def meters(wattpurse):
    for number in METERS[1:]:
        wattpurse(f"meter add {number}")
    return [MeterBench(station_office.current(), number) for number in METERS]


def balances(wattpurse):
    """Return the last statement of each meter in the station's record."""
    with open_station() as station:
        rows = [station.statements.of_meter(number) for number in METERS]
    return [found[-1]["balance"] if found else None for found in rows]


class TestWalk:
    @pytest.mark.parametrize("kind", data_card.KINDS)
    @pytest.mark.parametrize("statements", ["short", "full"])
    def test_three_meters_get_tokens_and_give_statements(self, wattpurse, meters, kind, statements):
        wattpurse(f"walk new round --kind {kind} --statements {statements}")
        for number in METERS:
            wattpurse(f"token {number} money 20 --hex")
        wattpurse("walk load round")
        assert [one["meter"] for one in wattpurse.read("round")["tokens"]] == list(METERS)
        for meter in meters:
            assert meter.tap_file("round") == [outcome.ACCEPTED]
            assert meter.tap_file("round") == [outcome.NO_NEWS]
        assert [meter.balance for meter in meters] == [TWENTY] * 3
        lines = wattpurse("walk read round").splitlines()
        assert [line.split("  ")[0] for line in sorted(lines)] == [f"meter {number}" for number in METERS]
        assert all("balance 20.00 EUR  alarms none" in line for line in lines)
        assert balances(wattpurse) == [TWENTY] * 3
        assert wattpurse("walk read round") == "card round: no statements"
        assert wattpurse("walk load round") == "card round: no tokens for these meters; it brings their statements back"

    def test_full_statement_has_the_bought_credit(self, wattpurse, meters):
        for slots, bought in (("short", None), ("full", 0)):
            wattpurse(f"walk new {slots} --kind ntag216 --statements {slots}")
            meters[0].clock.advance_us(1_000_000)
            meters[0].tap_file(slots)
            wattpurse(f"walk read {slots}")
            with open_station() as station:
                assert station.statements.of_meter(METER)[-1]["bought"] == bought

    def test_load_takes_named_meters_alone_and_no_tokens_of_customers_cards(self, wattpurse, meters):
        wattpurse("walk new round --kind ntag216")
        wattpurse(f"card new anna --kind ntag216 --meter {METERS[0]}")
        wattpurse("card topup anna --amount 1")
        for number in METERS:
            wattpurse(f"token {number} money 3 --hex")
        said = wattpurse(f"walk load round --meters {METERS[0]} {METERS[2]}")
        assert [line.split()[-3].rstrip(",") for line in said.splitlines()] == [str(METERS[0]), str(METERS[2])]
        wattpurse(f"walk load round --meters {METERS[1]}")
        assert [one["meter"] for one in wattpurse.read("round")["tokens"]] == [METERS[1]]
        assert len(wattpurse(f"meter tokens {METERS[0]}").splitlines()) == 2

    def test_load_beyond_the_capacity_is_refused_and_changes_nothing(self, wattpurse, meters):
        wattpurse("walk new round --kind classic-1k")
        wattpurse(f"token {METER} money 3 --hex")
        wattpurse("walk load round")
        for _ in range(3):
            wattpurse(f"token {METERS[1]} money 3 --hex")
        assert "name fewer with --meters" in wattpurse.refusal("walk load round")
        assert [one["state"] for one in wattpurse.read("round")["tokens"]] == ["on card"]

    def test_copy_of_the_card_counts_once(self, wattpurse, meters):
        wattpurse("walk new round --kind ntag216")
        wattpurse(f"token {METER} money 20 --hex")
        wattpurse("walk load round")
        with open("cards/round.json") as card, open("cards/copy.json", "w") as copy:
            copy.write(card.read())
        meters[0].tap_file("copy")
        assert meters[0].tap_file("round") == [outcome.NO_NEWS]
        assert meters[0].balance == TWENTY

    def test_other_cards_are_no_data_cards(self, wattpurse, meters):
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        assert "card anna is a customer's card; make a data card with" in wattpurse.refusal("walk load anna")
        wattpurse("walk new round --kind ntag216")
        assert "is a data card, not a customer's" in wattpurse.refusal("card topup round --amount 1")
        assert "in use" in wattpurse.refusal("walk new round --kind ntag216")

    def test_statement_of_an_unknown_meter_is_reported(self, wattpurse):
        stranger = MeterBench(station_office.current(), 77)
        wattpurse("walk new round --kind ntag216")
        stranger.tap_file("round")
        assert "meter 77  a statement that cannot be opened" in wattpurse("walk read round")


class TestTears:
    @pytest.mark.parametrize("kind", data_card.KINDS)
    def test_card_torn_away_at_any_frame_of_a_tap(self, wattpurse, meters, kind):
        """Tear at the second of three meters. The first one's data stays, and one more tap completes the second's."""
        wattpurse(f"walk new round --kind {kind}")
        for number in METERS:
            wattpurse(f"token {number} money 20 --hex")
        wattpurse("walk load round")
        meters[0].tap_file("round")
        with open("cards/round.json") as card:
            start = card.read()
        meters[1].look()
        frames = meters[1].model.statistics.frames
        meters[1].tap_file("round")
        frames = meters[1].model.statistics.frames - frames
        for frame in range(1, frames + 1, 3):
            with open("cards/round.json", "w") as card:
                card.write(start)
            second = MeterBench(station_office.current(), METERS[1])
            second.look()
            second.model.faults.lift_during_write(frame, frame)
            second.model.faults.lift(frame + 1)
            second.tap_file("round")
            second.tap_file("round")
            assert second.balance == TWENTY
            read = sorted(line for line in wattpurse("walk read round").splitlines() if "balance" in line)
            assert [line.split("  ")[0] for line in read] == [f"meter {number}" for number in METERS[:2]], frame

    def test_interrupted_load_is_completed_by_the_next(self, wattpurse, meters, monkeypatch):
        from wattpurse_tools.station.card_files import CardFiles

        wattpurse("walk new round --kind ntag216")
        wattpurse(f"token {METER} money 20 --hex")
        save = CardFiles.save

        def fails(self, name, card):
            raise OSError("no room on the disk")

        monkeypatch.setattr(CardFiles, "save", fails)
        assert "no room on the disk" in wattpurse.refusal("walk load round")
        monkeypatch.setattr(CardFiles, "save", save)
        assert wattpurse(f"meter tokens {METER}") == "token 1  20.00 EUR, issued"
        wattpurse("walk load round")
        assert meters[0].tap_file("round") == [outcome.ACCEPTED]
