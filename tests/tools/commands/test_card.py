"""`wattpurse card` end to end: cards in a folder, the station's record, and a meter that reads the cards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from tests.tools.station_office import open_station
from wattpurse.cards import purse
from wattpurse.core import outcome
from wattpurse.core.currency import Currency
from wattpurse_tools import cli
from wattpurse_tools.commands.selling import SOLD_NOT_DONE
from wattpurse_tools.record.models import Site
from wattpurse_tools.station import shop as shops
from wattpurse_tools.station.card_files import CardFiles
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.order import credit

TWENTY = 20_000_000
TECHNICIAN = ("--service", "--technician", "7", "--expires", "2099-12-31")


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    """Make an office without meters in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with station_office.opened(tmp_path) as office:
        yield office


@pytest.fixture
def desk():
    return MeterBench(station_office.current())


def run(*arguments):
    return cli.main(["card", *arguments])


def refusal(capsys, *arguments, status=1):
    """Return the reason with which a command is refused."""
    capsys.readouterr()
    assert run(*arguments) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("wattpurse: ")
    assert captured.err.count("\n") == 1
    return captured.err


def read(capsys, name):
    capsys.readouterr()
    assert run("read", name, "--json") == 0
    return json.loads(capsys.readouterr().out)


def states(document):
    return [(one["sequence"], one["state"]) for one in document["tokens"]]


def new(name="anna", kind="classic-1k", meter=METER):
    assert run("new", name, "--kind", kind, "--meter", str(meter)) == 0


def top_up(name="anna", amount="20.00"):
    assert run("topup", name, "--amount", amount) == 0


def everything():
    """Return the content of every card file, and the last token number of every meter."""
    cards = {path.name: path.read_bytes() for path in Path("cards").glob("*.json")}
    with open_station() as station:
        made = [row["last_count"] for row in station.meters()]
    return cards, made


def damage(name):
    """Flip a bit of the order box of a card with open pages."""
    path = Path("cards", f"{name}.json")
    image = json.loads(path.read_text())
    memory = bytearray.fromhex(image["memory"])
    memory[4 * 4 + 5] ^= 1
    path.write_text(json.dumps({**image, "memory": memory.hex()}))


class TestRounds:
    @pytest.mark.parametrize("kind", purse.KINDS)
    def test_card_goes_to_the_meter_and_back(self, capsys, desk, kind):
        new(kind=kind)
        top_up()
        assert states(read(capsys, "anna")) == [(1, "on card")]
        assert desk.tap_file("anna") == [outcome.ACCEPTED]
        assert desk.balance == TWENTY
        document = read(capsys, "anna")
        assert document["card"]["kind"] == kind
        if kind == "ultralight":
            assert document["statement"] is None
            assert "use a new card" in refusal(capsys, "topup", "anna", "--amount", "1")
            return
        assert states(document) == [(1, "redeemed")]
        assert document["statement"]["balance"] == TWENTY
        assert document["statement"]["meter_number"] == METER
        top_up(amount="5.50")
        assert states(read(capsys, "anna")) == [(2, "on card")]
        assert desk.tap_file("anna") == [outcome.ACCEPTED]
        assert desk.balance == TWENTY + 5_500_000

    def test_tokens_collect_on_the_card_until_it_is_tapped(self, capsys, desk):
        new(kind="ntag216")
        for _ in range(5):
            top_up()
        assert len(states(read(capsys, "anna"))) == 5
        assert "no room" in refusal(capsys, "topup", "anna", "--amount", "1")
        desk.tap_file("anna")
        assert desk.balance == 5 * TWENTY
        top_up()
        assert states(read(capsys, "anna")) == [(6, "on card")]

    def test_energy_is_sold_by_the_watt_hour(self, capsys, desk):
        cli.main(["meter", "add", str(METER), "--contract", "prepaid-energy"])
        new()
        assert run("topup", "anna", "--kwh", "12.345") == 0
        desk.tap_file("anna")
        assert desk.ledger.account.energy.balance == 12_345_000

    def test_table_shows_twelve_months(self, capsys, desk):
        new()
        top_up("anna")

        def live(account):
            for month in range(14):
                account.consume((100 + month) * 1_000_000)
                account.registers.add_charge((100 + month) * 250_000)
                account.registers.enter_month(account.registers.month.index + 1)

        desk.ledger.change(live)
        desk.tap_file("anna")
        capsys.readouterr()
        assert run("read", "anna") == 0
        lines = capsys.readouterr().out.splitlines()
        assert f"meter      {METER}" in lines
        assert "token      1: 20.00 EUR, redeemed" in lines
        assert "total      1491.000 kWh" in lines
        assert "rate 1     1491.000 kWh" in lines
        assert "alarms     none" in lines
        months = [line.split() for line in lines[lines.index("") + 1 :]]
        assert months[0][0] == "month"
        assert [month[0] for month in months[1:4]] == ["2027-03*", "2027-02", "2027-01"]
        assert len(months[1:-1]) == 13
        assert months[2][1:] == ["113.000", "113.000", "56.50"]
        assert months[-2][0] == "2026-03"

    def test_service_card_opens_the_service_page(self, capsys, desk):
        assert cli.main(["meter", "add", str(METER)]) == 0
        assert run("new", "tech", "--kind", "ntag213", *TECHNICIAN) == 0
        assert desk.tap_file("tech") == [outcome.SERVICE]
        document = read(capsys, "tech")
        assert document["card"]["role"] == "service"
        assert document["service_pass"] == {
            "technician": 7,
            "expires": "2099-12-31T23:59:59Z",
            "meters": [METER],
        }
        assert "technician" in refusal(capsys, "topup", "tech", "--amount", "1")

    def test_a_service_card_names_its_meters_and_opens_no_other(self, capsys, desk):
        for number in (METER, METER + 1, METER + 2):
            assert cli.main(["meter", "add", str(number)]) == 0
        chosen = ("--meter", str(METER + 2), "--meter", str(METER + 1))
        capsys.readouterr()
        assert run("new", "some", "--kind", "ntag213", *TECHNICIAN, *chosen) == 0
        assert f"opens meters {METER + 2}, {METER + 1}" in capsys.readouterr().out
        assert desk.tap_file("some") == [outcome.NOT_THIS_METER]
        assert MeterBench(station_office.current(), METER + 1).tap_file("some") == [outcome.SERVICE]
        assert run("read", "some") == 0
        assert f"\nmeters     {METER + 2}, {METER + 1}\n" in capsys.readouterr().out
        assert run("new", "all", "--kind", "ntag215", *TECHNICIAN) == 0
        assert read(capsys, "all")["service_pass"]["meters"] == [METER, METER + 1, METER + 2]
        assert desk.tap_file("all") == [outcome.SERVICE]

    def test_more_meters_than_fit_a_service_card_are_refused(self, capsys):
        refused = refusal(capsys, "new", "tech", "--kind", "ntag213", *TECHNICIAN)
        assert "this station has no meter yet" in refused
        for number in range(1, 4):
            assert cli.main(["meter", "add", str(number)]) == 0
        reason = "a service card of kind ntag213 opens at most 2 meters, and these are 3: choose some with --meter"
        assert reason in refusal(capsys, "new", "tech", "--kind", "ntag213", *TECHNICIAN)
        assert "meter 9 is not known" in refusal(capsys, "new", "t", "--kind", "ntag213", *TECHNICIAN, "--meter", "9")
        assert not Path("cards", "tech.json").exists()
        twice = ("--meter", "1", "--meter", "1", "--meter", "2")
        assert run("new", "tech", "--kind", "ntag213", *TECHNICIAN, *twice) == 0
        assert read(capsys, "tech")["service_pass"]["meters"] == [1, 2]

    @pytest.mark.parametrize("kind", purse.KINDS)
    def test_each_kind_holds_as_many_meters_as_card_kinds_says(self, capsys, kind):
        capsys.readouterr()
        assert run("kinds", "--json") == 0
        room = {one["kind"]: one["meters_service"] for one in json.loads(capsys.readouterr().out)}[kind]
        for number in range(METER, METER + room + 1):
            assert cli.main(["meter", "add", str(number)]) == 0
        assert "at most" in refusal(capsys, "new", "tech", "--kind", kind, *TECHNICIAN)
        meters = [word for number in range(METER, METER + room) for word in ("--meter", str(number))]
        assert run("new", "tech", "--kind", kind, *TECHNICIAN, *meters) == 0
        last = MeterBench(station_office.current(), METER + room - 1)
        assert last.tap_file("tech") == [outcome.SERVICE]

    def test_erased_card_can_be_used_for_another_meter(self, capsys, desk):
        new()
        top_up()
        desk.tap_file("anna")
        uid = read(capsys, "anna")["card"]["uid"]
        assert run("erase", "anna") == 0
        assert read(capsys, "anna")["card"]["role"] == "blank"
        assert desk.tap_file("anna") == [outcome.UNREADABLE]
        assert "is blank" in refusal(capsys, "topup", "anna", "--amount", "1")
        new(meter=METER + 1)
        assert read(capsys, "anna")["card"] == {
            "name": "anna",
            "kind": "classic-1k",
            "uid": uid,
            "role": "customer",
            "meter": METER + 1,
        }


class TestRefusals:
    """Each refusal is one sentence, has exit status 1, and changes neither card nor record."""

    CASES = (
        (("topup", "anna", "--amount", "0"), "above zero"),
        (("topup", "anna", "--amount", "0.00"), "above zero"),
        (("topup", "anna", "--amount", "-5"), "above zero"),
        (("topup", "anna", "--amount", "nan"), "above zero"),
        (("topup", "anna", "--amount", "1e3"), "above zero"),
        (("topup", "anna", "--amount", "20,00"), "above zero"),
        (("topup", "anna", "--amount", "٢٠"), "above zero"),
        (("topup", "anna", "--amount", "20.001"), "at most 2 decimals"),
        (("topup", "anna", "--kwh", "1.2345"), "at most 3 decimals"),
        (("topup", "anna", "--amount", "999999999999"), "above zero"),
        (("topup", "anna", "--amount", "1000000001"), "at most 1000000000"),
        (("topup", "anna", "--amount", "1", "--meter", "7"), f"is for meter {METER}, not for meter 7"),
        (("topup", "full", "--amount", "1"), "no room beside token 2"),
        (("topup", "nobody", "--amount", "1"), "there is no card nobody"),
        (("topup", "../anna", "--amount", "1"), "no card name"),
        (("new", "anna", "--kind", "classic-1k", "--meter", str(METER)), "in use"),
        (("new", "anna", "--kind", "ntag213", "--meter", str(METER)), "is a classic-1k"),
        (("new", "bert", "--kind", "ntag213"), "needs --meter"),
        (("new", "bert", "--kind", "ntag213", "--meter", "0"), "a meter number is from 1"),
        (("new", "bert", "--kind", "ntag213", "--meter", "4294967296"), "a meter number is from 1"),
        (("new", "bert", "--kind", "ntag213", "--meter", "1", "--technician", "7"), "go with --service"),
        (("new", "bert", "--kind", "ntag213", "--service", "--technician", "7"), "needs --technician and --expires"),
        (("new", "b", "--kind", "ntag213", "--service", "--technician", "7", "--expires", "2020-01-01"), "lie ahead"),
        (("new", "b", "--kind", "ntag213", "--service", "--technician", "7", "--expires", "soon"), "such as 2027"),
        (("erase", "anna"), "token 1"),
    )

    @pytest.fixture
    def cards(self):
        new()
        top_up()
        new("full", "ntag213")
        top_up("full")

    @pytest.mark.parametrize(("arguments", "words"), CASES, ids=lambda value: " ".join(value) if value else "")
    def test_refusal(self, capsys, cards, arguments, words):
        before = everything()
        assert words in refusal(capsys, *arguments)
        assert everything() == before

    def test_card_on_a_meters_reader(self, capsys, cards):
        Path("cards/anna.in-field").touch()
        before = everything()
        for arguments in (("topup", "anna", "--amount", "1"), ("read", "anna"), ("erase", "anna", "--forfeit")):
            assert "lies on a meter's reader" in refusal(capsys, *arguments)
        assert everything() == before

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            "{}",
            '{"kind": "classic-1k", "uid": "00112233", "memory": "00"}',
            '{"kind": "classic-4k", "uid": "04112233445566", "memory": "00"}',
            '{"kind": "ntag213", "uid": "zz", "memory": "00"}',
            '{"kind": 5, "uid": 6, "memory": 7}',
        ],
    )
    def test_broken_card_file(self, capsys, text):
        Path("cards").mkdir(exist_ok=True)
        Path("cards/anna.json").write_text(text)
        assert "the card file is broken" in refusal(capsys, "topup", "anna", "--amount", "1")
        assert Path("cards/anna.json").read_text() == text

    def test_credit_that_the_meter_does_not_sell_by(self, capsys, cards, desk):
        desk.tap_file("anna")
        read(capsys, "anna")
        before = everything()
        assert "where kWh would do nothing" in refusal(capsys, "topup", "anna", "--kwh", "5")
        assert everything() == before

    def test_exactly_one_of_amount_and_kwh_is_needed(self):
        for arguments in ([], ["--amount", "1", "--kwh", "1"]):
            with pytest.raises(SystemExit) as exit_info:
                run("topup", "anna", *arguments)
            assert exit_info.value.code == 2

    def test_forfeited_tokens_are_printed(self, capsys, cards):
        assert run("erase", "anna", "--forfeit") == 0
        assert "forfeited: token 1" in capsys.readouterr().out
        new()
        top_up()
        assert states(read(capsys, "anna")) == [(3, "on card")]


class TestOtherStations:
    def test_folder_without_an_office_is_refused_with_the_remedy(self, capsys, tmp_path):
        assert "wattpurse office init" in refusal(capsys, "read", "anna", "--office", str(tmp_path / "none"))
        assert not (tmp_path / "none").exists()

    def test_classic_card_of_another_station_is_locked(self, capsys, tmp_path):
        new()
        cards = ("--cards", str(Path("cards").absolute()))
        with station_office.opened(tmp_path / "other", own_keys=True):
            for action in (("topup", "anna", "--amount", "1"), ("erase", "anna", "--forfeit"), ("read", "anna")):
                before = everything()
                assert "locked with other keys" in refusal(capsys, *action, *cards)
                assert everything() == before

    @pytest.mark.parametrize("serves", [False, True])
    def test_open_card_with_tokens_of_another_station(self, capsys, tmp_path, serves):
        new(kind="ntag215")
        top_up()
        cards = ("--cards", str(Path("cards").absolute()))
        with station_office.opened(tmp_path / "other", own_keys=True):
            if serves:
                assert cli.main(["meter", "add", str(METER)]) == 0
            before = everything()
            words = "this station has not made" if serves else "does not serve"
            assert words in refusal(capsys, "topup", "anna", "--amount", "1", *cards)
            assert "unknown to this station" in refusal(capsys, "erase", "anna", *cards)
            assert everything() == before

    def test_new_record_refuses_a_card_with_unknown_tokens_until_it_was_tapped(self, capsys, desk):
        new()
        for _ in range(3):
            top_up()
        station_office.current().forget_record()
        assert cli.main(["meter", "add", str(METER)]) == 0
        assert "has not made" in refusal(capsys, "topup", "anna", "--amount", "1")
        desk.tap_file("anna")
        assert "wattpurse meter resume" in refusal(capsys, "topup", "anna", "--amount", "1")
        assert cli.main(["meter", "resume", str(METER)]) == 0
        top_up()
        assert states(read(capsys, "anna")) == [(4, "on card")]
        assert desk.tap_file("anna") == [outcome.ACCEPTED]

    def test_older_record_does_not_use_numbers_again(self, capsys, desk):
        new()
        top_up()
        desk.tap_file("anna")
        read(capsys, "anna")
        with station_office.current().older_record():
            top_up()
            desk.tap_file("anna")
        assert "token 2 was redeemed and is not in this record" in refusal(capsys, "topup", "anna", "--amount", "1")
        assert cli.main(["meter", "resume", str(METER)]) == 0
        top_up()
        assert states(read(capsys, "anna")) == [(3, "on card")]
        assert desk.tap_file("anna") == [outcome.ACCEPTED]
        assert desk.balance == 3 * TWENTY


class TestFailures:
    """After any failure, each token that was made reaches its card in the end, and counts once."""

    @pytest.fixture
    def lift(self, monkeypatch):
        """Return `lift(frame)`: the next command loses its card at that frame of its reader. None: it keeps it."""
        planned = {"frame": None, "frames": 0}

        class UnsteadyReader(CardReader):
            def __init__(self, site_key, antenna):
                super().__init__(site_key, antenna)
                planned["reader"] = self
                if planned["frame"] is not None:
                    self.model.faults.lift_during_write(planned["frame"], planned["frame"])
                    self.model.faults.lift(planned["frame"] + 1)

        monkeypatch.setattr(shops, "CardReader", UnsteadyReader)

        def plan(frame):
            planned["frame"] = frame

        plan.frames_of_last_command = lambda: planned["reader"].model.statistics.frames
        return plan

    @pytest.mark.parametrize("kind", ["classic-1k", "ntag213", "ultralight"])
    def test_card_lifted_at_any_frame_of_a_top_up(self, capsys, desk, lift, kind):
        new("sample", kind)
        top_up("sample")
        frames = lift.frames_of_last_command()
        credit = failures = torn = 0
        # A meter that tells nothing back has 64 tokens at most that are not known to be redeemed.
        for frame in range(1, frames + 1, 1 if kind != "ultralight" else 2):
            name = f"card{frame}"
            lift(None)
            new(name, kind)
            before = everything()
            lift(frame)
            status = run("topup", name, "--amount", "20.00")
            lift(None)
            made = everything()[1] != before[1]
            if status == 0:
                assert made
            elif made:
                assert status == SOLD_NOT_DONE
                failures += 1
                torn += everything()[0][f"{name}.json"] != before[0][f"{name}.json"]
                assert f"card repair {name}" in capsys.readouterr().err
                assert run("repair", name) == 0
            else:
                assert everything() == before
            if made:
                assert desk.tap_file(name) == [outcome.ACCEPTED]
                credit += TWENTY
                run("read", name)
            assert desk.balance == credit
        assert failures > 3
        assert torn > 0

    def test_new_card_lifted_while_it_replaces_a_lost_one(self, capsys, desk, lift):
        new()
        top_up()
        new("carl")
        assert run("replace", "anna", "carl") == 0
        frames = lift.frames_of_last_command()
        Path("cards/carl.json").unlink()
        new("bert")
        lift(frames - 3)
        assert "card repair bert" in refusal(capsys, "replace", "carl", "bert")
        lift(None)
        assert run("repair", "bert") == 0
        assert desk.tap_file("bert") == [outcome.ACCEPTED]
        assert desk.balance == TWENTY

    def test_next_top_up_repairs_the_card(self, capsys, desk, lift):
        new()
        top_up()
        lift(lift.frames_of_last_command() - 3)
        assert run("topup", "anna", "--amount", "1") == SOLD_NOT_DONE
        lift(None)
        top_up(amount="2")
        assert states(read(capsys, "anna")) == [(1, "on card"), (2, "on card"), (3, "on card")]
        desk.tap_file("anna")
        assert desk.balance == TWENTY + 3_000_000

    @pytest.mark.parametrize("kind", ["classic-1k", "ntag213"])
    def test_card_lifted_while_it_is_erased_can_be_erased_again(self, capsys, lift, kind):
        new(kind=kind)
        top_up()
        for frame in (20, 30, 40):
            lift(frame)
            run("erase", "anna", "--forfeit")
        lift(None)
        assert run("erase", "anna", "--forfeit") == 0
        new(kind=kind, meter=METER + 1)

    def test_card_whose_only_box_is_damaged_is_known_by_its_uid(self, capsys, desk):
        new(kind="ntag213")
        damage("anna")
        assert run("repair", "anna") == 0
        top_up()
        damage("anna")
        top_up_refused = refusal(capsys, "topup", "anna", "--amount", "1")
        assert "no room beside token 1" in top_up_refused
        assert run("repair", "anna") == 0
        assert desk.tap_file("anna") == [outcome.ACCEPTED]

    def test_card_read_by_a_new_record_is_known_from_then_on(self, capsys, desk):
        new(kind="ntag213")
        station_office.current().forget_record()
        assert cli.main(["meter", "add", str(METER)]) == 0
        top_up()
        damage("anna")
        assert run("repair", "anna") == 0
        assert desk.tap_file("anna") == [outcome.ACCEPTED]

    def test_program_killed_before_the_card_file_is_written(self, capsys, desk, monkeypatch):
        new()
        save = CardFiles.save

        def killed(self, name, card):
            raise KeyboardInterrupt

        monkeypatch.setattr(CardFiles, "save", killed)
        assert run("topup", "anna", "--amount", "1") == 130
        monkeypatch.setattr(CardFiles, "save", save)
        assert run("repair", "anna") == 0
        assert "token 1 put on it" in capsys.readouterr().out
        assert run("repair", "anna") == 0
        assert "nothing was missing" in capsys.readouterr().out
        desk.tap_file("anna")
        assert desk.balance == 1_000_000

    def test_card_that_was_put_on_a_reader_meanwhile_is_not_overwritten(self, capsys, monkeypatch):
        new()
        before = Path("cards/anna.json").read_bytes()
        write_orders = purse.write_orders

        async def with_mark(*arguments):
            Path("cards/anna.in-field").touch()
            await write_orders(*arguments)

        monkeypatch.setattr(purse, "write_orders", with_mark)
        assert run("topup", "anna", "--amount", "1") == SOLD_NOT_DONE
        captured = capsys.readouterr()
        assert "receipt 1" in captured.out
        assert "card repair anna" in captured.err
        assert Path("cards/anna.json").read_bytes() == before
        monkeypatch.setattr(purse, "write_orders", write_orders)
        Path("cards/anna.in-field").unlink()
        assert run("repair", "anna") == 0
        assert states(read(capsys, "anna")) == [(1, "on card")]

    def test_unredeemed_token_is_not_left_behind_the_meters_window(self):
        with open_station() as station:
            station.add_meter(METER, Currency("EUR", 2))
            for sequence in range(1, 65):
                assert station.issue(METER, b"\x01\x02\x03\x04", credit("money", 1))["sequence"] == sequence
            with pytest.raises(ValueError, match="token 1 of meter"):
                station.issue(METER, b"\x01\x02\x03\x04", credit("money", 1))

    def test_simultaneous_sales_lose_no_token_and_repeat_none(self, capsys):
        names = ("anna", "bert")
        for name in names:
            new(name, "ntag216")
        command = [sys.executable, "-m", "wattpurse_tools.cli", "card", "topup"]
        with station_office.current().served():
            tills = [subprocess.Popen([*command, name, "--amount", "20.00"]) for name in names * 4]
            assert [till.wait(timeout=120) for till in tills] == [0] * 8
        found = [one["sequence"] for name in names for one in read(capsys, name)["tokens"]]
        assert sorted(found) == list(range(1, 9))


class TestKeysAndMeters:
    def test_meters_are_added_once_listed_and_shown_with_their_keys(self, capsys):
        assert cli.main(["meter", "add", "7"]) == 0
        assert cli.main(["meter", "add", "7"]) == 1
        assert cli.main(["meter", "keys", "8"]) == 1
        capsys.readouterr()
        assert cli.main(["meter", "list"]) == 0
        assert capsys.readouterr().out == "meter 7  EUR  tokens 0  sells by money\n"
        assert cli.main(["meter", "keys", "7"]) == 0
        site_keys = station_office.current()
        lines = capsys.readouterr().out.splitlines()
        assert lines[2] == f"meter key     {site_keys.meter_key(7).hex()}"
        assert lines[3] == f"site key      {site_keys.site_key.hex()}"

    def test_amounts_are_in_the_meters_currency(self, capsys):
        Site.objects.update(currency="JPY", decimals=0)
        cli.main(["meter", "add", "7"])
        new(meter=7)
        assert "write a whole number" in refusal(capsys, "topup", "anna", "--amount", "100.5")
        assert run("topup", "anna", "--amount", "100") == 0
        assert "100 JPY" in capsys.readouterr().out
