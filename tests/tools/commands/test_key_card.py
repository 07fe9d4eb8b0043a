"""`wattpurse card` with key cards, end to end: files in a folder, the station's record, and a meter that they pay."""

import json
import shutil
from pathlib import Path

import pytest

from tests.samples import NEW_YEAR_S
from tests.services.desk_bench import METER, DeskBench
from tests.tools import station_office
from tests.tools.meter_bench import card_in_hand
from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse_tools import cli
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.key_history import KeyHistory

KWH_PULSES = 3_200
MILLION = 1_000_000


class KeyMeter(DeskBench):
    """A meter of the contract key-card with the keys of the key file, which takes its cards from the folder."""

    def __init__(self, site_keys):
        self.new_meter(site_keys.meter_key(METER), site_keys.site_key)
        self.ledger.change(lambda account: setattr(account, "contract", contracts.KeyCard))

    def use(self, name, pulses):
        """Insert the card while energy is used. Return the outcomes."""
        with card_in_hand(name) as card:
            self.outcomes.clear()
            self.field.insert(card)
            self.look()
            self.ledger.advance(self.timekeeper.now_s(), pulses)
            self.look(2)
            self.field.remove(card)
            self.look(3)
        return list(self.outcomes)


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """Make an office in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with station_office.opened(tmp_path) as office:
        yield office


@pytest.fixture
def meter():
    return KeyMeter(station_office.current())


def run(*arguments):
    return cli.main(["card", *arguments])


def refusal(capsys, *arguments):
    """Return the reason with which a command is refused."""
    capsys.readouterr()
    assert run(*arguments) == 1
    return capsys.readouterr().err


def read(capsys, name):
    capsys.readouterr()
    assert run("read", name, "--json") == 0
    return json.loads(capsys.readouterr().out)["key_card"]


def new_card(name="room12", kind="ntag213", price="0.30", *further):
    assert run("new", name, "--kind", kind, "--key-card", "--price", price, *further) == 0


@pytest.mark.parametrize("kind", ["classic-1k", "ntag213", "ntag215", "ntag216", "desfire"])
def test_card_is_made_topped_up_used_and_read(kind, meter, capsys):
    new_card("room12", kind, "0.30", "--user", "12")
    assert run("topup", "room12", "--amount", "10.00") == 0
    assert meter.use("room12", KWH_PULSES) == [outcome.ACCEPTED]
    found = read(capsys, "room12")
    assert (found["balance"], found["loaded"], found["user"]) == (10 * MILLION - 300_000, 10 * MILLION, 12)
    assert run("topup", "room12", "--amount", "5") == 0
    meter.use("room12", KWH_PULSES)
    assert read(capsys, "room12")["balance"] == 15 * MILLION - 600_000


def test_price_and_allowance_are_on_the_card(meter, capsys):
    new_card("class", "classic-1k", "0", "--allowance", "2/day")
    assert run("reprice", "class", "--price", "0.50", "--allowance", "1/day") == 0
    run("topup", "class", "--amount", "1")
    meter.use("class", 2 * KWH_PULSES)
    found = read(capsys, "class")
    assert (found["balance"], found["used_mwh"], found["period"]) == (500_000, MILLION, "day")
    assert run("read", "class") == 0
    assert "0.50 EUR per kWh, 1.000 kWh free each day" in capsys.readouterr().out


def test_older_image_is_reported_and_not_topped_up(meter, capsys):
    new_card()
    run("topup", "room12", "--amount", "10.00")
    shutil.copy("cards/room12.json", "old.json")
    meter.use("room12", KWH_PULSES)
    read(capsys, "room12")
    shutil.copy("cards/room12.json", "newest.json")
    shutil.copy("old.json", "cards/room12.json")
    assert "an older image" in refusal(capsys, "topup", "room12", "--amount", "1")
    assert "an older image" in read(capsys, "room12")["flaw"]
    shutil.copy("newest.json", "cards/room12.json")
    assert run("topup", "room12", "--amount", "1") == 0
    assert read(capsys, "room12")["balance"] == 11 * MILLION - 300_000


def test_money_that_this_station_did_not_load_is_named(capsys):
    new_card()
    with station_office.current().older_record():
        assert run("topup", "room12", "--amount", "5") == 0
    capsys.readouterr()
    assert run("read", "room12") == 0
    assert "unsold     5.00 EUR: not loaded by this station" in capsys.readouterr().out
    assert read(capsys, "room12")["unsold"] == 0


def test_sale_that_did_not_reach_the_card_is_written_later(capsys, monkeypatch):
    new_card()
    frames = []
    work = CardReader.work

    def torn(self, card, step):
        if not frames:
            return work(self, card, step)
        self.model.faults.lift(frames[0])
        return work(self, card, step)

    monkeypatch.setattr(CardReader, "work", torn)
    frame = topped_up = 0
    while not topped_up:
        frame += 1
        frames[:] = [frame]
        topped_up = run("topup", "room12", "--amount", "1") == 0
        frames.clear()
        assert run("repair", "room12") == 0
        found = read(capsys, "room12")
        assert (found["missing"], found["balance"] % MILLION) == (0, 0)
    assert found["loaded"] >= 15 * MILLION


def test_sale_that_did_not_reach_a_desfire_card_is_written_later(capsys, monkeypatch):
    new_card("room12", "desfire")
    frames = []
    converse = CardReader.converse

    def torn(self, card, begin, answer):
        if frames:
            self.model.faults.lift(frames[0])
        return converse(self, card, begin, answer)

    monkeypatch.setattr(CardReader, "converse", torn)
    frame = topped_up = 0
    while not topped_up:
        frame += 7
        frames[:] = [frame]
        topped_up = run("topup", "room12", "--amount", "1") == 0
        frames.clear()
        assert run("repair", "room12") == 0
        found = read(capsys, "room12")
        assert (found["missing"], found["balance"] % MILLION) == (0, 0)
    assert found["loaded"] >= 2 * MILLION


def test_desfire_card_is_erased_and_made_anew_above_its_numbers(meter, capsys):
    new_card("room12", "desfire", "0.30", "--allowance", "1/day")
    run("topup", "room12", "--amount", "3")
    meter.use("room12", 2 * KWH_PULSES)
    assert "--forfeit" in refusal(capsys, "erase", "room12")
    assert run("erase", "room12", "--forfeit") == 0
    assert "2.70 EUR" in capsys.readouterr().out
    new_card("room12", "desfire")
    assert run("topup", "room12", "--amount", "2") == 0
    assert meter.use("room12", KWH_PULSES) == [outcome.ACCEPTED]
    assert read(capsys, "room12")["balance"] == 2 * MILLION - 300_000


def test_desfire_card_is_repriced(meter, capsys):
    new_card("room12", "desfire", "0")
    assert run("reprice", "room12", "--price", "0.50", "--allowance", "1/day") == 0
    run("topup", "room12", "--amount", "1")
    meter.use("room12", 2 * KWH_PULSES)
    found = read(capsys, "room12")
    assert (found["balance"], found["used_mwh"], found["period"]) == (500_000, MILLION, "day")


def test_desfire_card_gets_new_keys(shop, capsys, monkeypatch):
    new_card("room12", "desfire")
    run("topup", "room12", "--amount", "3")
    card = json.loads(bytes.fromhex(json.loads(Path("cards/room12.json").read_text())["memory"]))
    shop.vault.roll(shop.person.ticket)
    monkeypatch.setattr(KeyHistory, "common_site_version", lambda self: 2)
    assert run("rekey", "room12") == 0
    renewed = json.loads(bytes.fromhex(json.loads(Path("cards/room12.json").read_text())["memory"]))
    keys = [next(iter(one.values()))["keys"] for one in (card, renewed)]
    assert [version for _, version in keys[1]] == [2] * 4
    assert all(old[0] != new[0] for old, new in zip(*keys, strict=True))
    assert read(capsys, "room12")["balance"] == 3 * MILLION


def test_a_memory_card_takes_no_more_than_the_site_permits_and_a_desfire_card_does(capsys, shop):
    new_card()
    new_card("safe", "desfire")
    shop.vault.change_memory_cards(2 * MILLION)
    assert run("topup", "room12", "--amount", "2") == 0
    assert "at most 2.00 EUR here" in refusal(capsys, "topup", "room12", "--amount", "0.01")
    assert read(capsys, "room12")["balance"] == 2 * MILLION
    assert run("topup", "safe", "--amount", "50") == 0
    assert "cannot hold that much" in refusal(capsys, "topup", "safe", "--amount", "214700")
    shop.vault.change_memory_cards(0)
    assert "DESFire" in refusal(capsys, "new", "other", "--kind", "ntag213", "--key-card", "--price", "1")
    assert run("read", "room12") == 0


def test_card_with_money_is_wiped_only_if_it_is_forfeited(capsys):
    new_card()
    run("topup", "room12", "--amount", "3")
    assert "--forfeit" in refusal(capsys, "erase", "room12")
    assert run("erase", "room12", "--forfeit") == 0
    assert "3.00 EUR" in capsys.readouterr().out
    new_card()


@pytest.mark.parametrize("readable", [True, False])
def test_a_card_that_was_erased_and_made_anew_is_no_older_image_for_the_meter(readable, meter, capsys):
    new_card()
    run("topup", "room12", "--amount", "3")
    for _ in range(3):
        meter.use("room12", KWH_PULSES)
    if not readable:
        card = json.loads(Path("cards/room12.json").read_text())
        memory = bytearray.fromhex(card["memory"])
        memory[16 + 48 :] = bytes(len(memory[16 + 48 :]))
        Path("cards/room12.json").write_text(json.dumps({**card, "memory": memory.hex()}))
    assert run("erase", "room12", "--forfeit") == 0
    new_card()
    assert run("topup", "room12", "--amount", "2") == 0
    assert read(capsys, "room12")["balance"] == 2 * MILLION
    assert meter.use("room12", KWH_PULSES) == [outcome.ACCEPTED]
    assert read(capsys, "room12")["balance"] == 2 * MILLION - 300_000


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("new", "a", "--kind", "ultralight", "--key-card", "--price", "1"), "has no room"),
        (("new", "a", "--kind", "ntag213", "--key-card"), "needs --price"),
        (("new", "a", "--kind", "ntag213", "--key-card", "--price", "five"), "price five"),
        (("new", "a", "--kind", "ntag213", "--key-card", "--price", "1", "--allowance", "2/year"), "2/day"),
        (("new", "a", "--kind", "ntag213", "--price", "1", "--meter", "5"), "--key-card"),
        (("topup", "room12", "--kwh", "5"), "takes money alone"),
        (("new", "room12", "--kind", "ntag213", "--key-card", "--price", "1"), "in use"),
        (("new", "b", "--kind", "desfire", "--meter", "5"), "can only be a key card"),
    ],
)
def test_refusal_has_the_remedy(words, reason, capsys):
    new_card()
    assert reason in refusal(capsys, *words)


def test_customers_card_cannot_be_repriced(capsys):
    run("new", "tenant", "--kind", "ntag213", "--meter", "5")
    assert "not a key card" in refusal(capsys, "reprice", "tenant", "--price", "1")


def test_older_record_learns_the_credit_that_another_station_loaded(meter, capsys):
    new_card()
    with station_office.current().older_record():
        run("topup", "room12", "--amount", "10.00")
    run("topup", "room12", "--amount", "1")
    assert read(capsys, "room12")["balance"] == 11 * MILLION
    assert meter.timekeeper.now_s() > NEW_YEAR_S
