"""Faults at the station are refused, doubted or said. The name of each test says the attempt."""

# ruff: noqa: F811 fixtures

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from tests.tools.shop import has_contract, meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse_tools import cli
from wattpurse_tools.commands.selling import SOLD_NOT_DONE
from wattpurse_tools.station.card_files import CardFiles
from wattpurse_tools.station.order import credit

OTHER = METER + 1
TWENTY = 20_000_000


@pytest.fixture
def anna(wattpurse, meter):
    """Make a customer's card with 80.00 that the meter has taken, and a statement that was read."""
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse("card topup anna --amount 80")
    meter.tap_file("anna")
    wattpurse("card read anna")
    return "anna"


def give_back(wattpurse, meter):
    """Let the meter give its credit back to the card anna."""
    wattpurse(f"token {METER} refund money all --card anna")
    assert meter.tap_file("anna") == [outcome.ACCEPTED]


def forge(meter, **changes):
    """Change the standing numbers of a meter, as somebody does who has its key."""

    def alter(account):
        for name, value in changes.items():
            account.standing.set(name, value)

    meter.ledger.change(alter)


class TestForgedReceipts:
    def test_a_receipt_of_9000_is_not_moved_to_another_meter(self, wattpurse, meter, anna):
        wattpurse(f"meter add {OTHER}")
        give_back(wattpurse, meter)
        forge(meter, receipt_microunits=9_000_000_000)
        meter.tap_file("anna")
        for line in (f"card transfer anna --to {OTHER}", "card settle anna --paid"):
            said = wattpurse.refusal(line)
            assert "is in doubt" in said
            assert "at most 80000000 can have been in the meter" in said
            assert "--despite-doubt" in said

    def test_a_receipt_that_names_another_card_than_its_token(self, wattpurse, meter, anna):
        wattpurse(f"card new bert --kind ntag216 --meter {METER}")
        give_back(wattpurse, meter)
        thief = wattpurse.read("bert")["card"]["uid"]
        number = int.from_bytes(bytes.fromhex(thief)[-4:], "big")
        forge(meter, receipt_card=number)
        meter.tap_file("bert")
        wattpurse("card read bert")
        with open_station() as station:
            assert "it names card" in station.receipts.of_meter(METER)[0]["doubt"]

    def test_a_receipt_of_a_sale_that_was_not_sold_here(self, wattpurse, meter, anna):
        meter.ledger.change(lambda account: setattr(account.money, "bought", account.money.bought + 9 * TWENTY))
        give_back(wattpurse, meter)
        said = wattpurse.refusal("card settle anna --paid")
        assert "the meter bought 260000000 of money, and this record sold 80000000" in said

    def test_two_persons_settle_a_receipt_in_doubt(self, tmp_path, capsys, monkeypatch):
        with station_office.opened(tmp_path / "two", persons=2) as office:
            second = office.vault.sign_on(2, station_office.PINS[2])

            def run(line, status=0):
                capsys.readouterr()
                assert cli.main(line.split()) == status, capsys.readouterr().err
                captured = capsys.readouterr()
                return captured.err if status else captured.out

            def approved(line):
                said = run(f"{line} --reason checked", 1)
                number = said.partition("request ")[2].partition(" ")[0]
                office.vault.approve(second.ticket, number)
                return run(f"{line} --approval {number}")

            monkeypatch.chdir(office.folder.path)
            run(f"meter add {METER}")
            bench = MeterBench(office)
            run(f"card new anna --kind ntag216 --meter {METER}")
            run("card topup anna --amount 80")
            bench.tap_file("anna")
            run("card read anna")
            approved(f"token {METER} refund money all --card anna")
            bench.tap_file("anna")
            forge(bench, receipt_microunits=70_000_000)
            bench.tap_file("anna")
            assert "is in doubt" in run("card settle anna --paid", 1)
            assert "a second person has to approve" in run("card settle anna --paid --despite-doubt", 1)
            assert "; paid out" in approved("card settle anna --paid --despite-doubt")


class TestRestoredRecords:
    def test_a_restored_record_pays_no_receipt_a_second_time(self, wattpurse, meter, anna):
        give_back(wattpurse, meter)
        wattpurse("card read anna")
        with station_office.current().older_record():
            wattpurse("card settle anna --paid")
        assert "; paid out" in wattpurse("card settle anna")
        assert "not settled already" in wattpurse.refusal("card settle anna --paid")

    def test_a_restored_record_that_lost_the_token_loses_no_receipt(self, wattpurse, meter, anna):
        with station_office.current().older_record():
            give_back(wattpurse, meter)
        said = wattpurse("card settle anna")
        assert "80.00 EUR; not settled yet; IN DOUBT: its token is not in this record" in said

    def test_a_second_statement_does_not_stop_a_meter_that_was_looked_into(self, wattpurse, meter, anna):
        with station_office.current().older_record():
            wattpurse("card topup anna --amount 20")
            meter.tap_file("anna")
        wattpurse("card read anna")
        assert "wattpurse meter resume" in wattpurse.refusal("card topup anna --amount 1")
        wattpurse(f"meter resume {METER}")
        wattpurse("card topup anna --amount 1")
        meter.tap_file("anna")
        wattpurse("card topup anna --amount 2")
        assert meter.balance == 101_000_000


class TestTenants:
    @pytest.mark.parametrize("words", ["debt 5", "permit 2099-01-01T00:00:00+00:00", "term confirm_closing 1"])
    def test_an_open_order_does_not_pass_to_the_next_tenant(self, wattpurse, meter, anna, words):
        if "permit" in words:
            meter.ledger.change(lambda account: setattr(account, "contract", contracts.Managed))
            meter.tap_file("anna")
            wattpurse("card read anna")
        wattpurse(f"token {METER} {words} --hex")
        said = wattpurse.refusal(f"token {METER} tenant 2 --card anna")
        assert f"wattpurse meter forfeit {METER} 2" in said
        wattpurse(f"meter forfeit {METER} 2")
        wattpurse(f"token {METER} tenant 2 --card anna")

    def test_the_next_tenants_card_does_not_settle_what_was_typed_for_the_former(self, wattpurse, meter, anna):
        meter.type(wattpurse(f"token {METER} tenant 2 --hex"))
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"card new bert --kind ntag216 --meter {METER}")
        meter.tap_file("bert")
        said = wattpurse.refusal("card settle bert --paid")
        assert "belongs to tenant 0, and this card to tenant 2" in said
        assert "80.00 EUR; paid out" in wattpurse("card settle anna --paid")

    def test_owed_energy_does_not_vanish_in_a_transfer(self, wattpurse, meter, anna):
        wattpurse(f"meter add {OTHER}")
        meter.ledger.change(lambda account: account.energy.spend(3_000_000))
        wattpurse(f"token {METER} tenant 2 --card anna")
        meter.tap_file("anna")
        assert "3 kWh are owed" in wattpurse.refusal(f"card transfer anna --to {OTHER}")
        assert "paid out" in wattpurse("card settle anna --paid")


class TestUselessTokens:
    @pytest.mark.parametrize(
        ("contract", "words", "idle", "helps"),
        [
            ("term", "money 5", "money", "days of the term"),
            ("term", "energy 5", "kWh", "days of the term"),
            ("managed", "money 5", "money", "days of a permit"),
            ("prepaid-money", "days 3", "days of the term", "money"),
            ("prepaid-money", "energy 3", "kWh", "money"),
            ("prepaid-energy", "money 3", "money", "kWh"),
            ("dispenser", "money 3", "money", "kWh with a daily limit or kWh"),
        ],
    )
    def test_credit_that_lies_idle_is_refused_with_what_helps(self, wattpurse, contract, words, idle, helps):
        wattpurse(f"meter add {OTHER} --contract {contract}")
        said = wattpurse.refusal(f"token {OTHER} {words} --hex")
        assert said.endswith(f"has the contract {contract}, where {idle} would do nothing; sell {helps}\n")

    def test_a_permit_for_a_meter_that_needs_none_is_refused_with_what_helps(self, wattpurse):
        said = wattpurse.refusal(f"token {METER} permit 2099-01-01T00:00:00+00:00 --hex")
        assert "it would lie idle" in said
        assert f"wattpurse token {METER} money AMOUNT" in said

    def test_credit_for_a_contract_that_is_on_its_way_is_sold(self, wattpurse):
        wattpurse(f"meter add {OTHER} --contract prepaid-money")
        wattpurse(f"token {OTHER} contract term --hex")
        assert wattpurse(f"token {OTHER} days 3 --hex")
        wattpurse(f"card new eva --kind ntag216 --meter {OTHER}")
        assert "5 days for meter" in wattpurse("card topup eva --amount 5")

    def test_a_permit_that_ends_before_the_one_in_force(self, wattpurse, meter):
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")
        meter.ledger.change(lambda account: setattr(account, "contract", contracts.Managed))
        has_contract("managed")
        wattpurse(f"token {METER} permit 2099-01-01T00:00:00+00:00 --card anna")
        meter.tap_file("anna")
        wattpurse("card read anna")
        said = wattpurse.refusal(f"token {METER} permit 2098-01-01T00:00:00+00:00 --card anna")
        assert "has a permit that ends later, at 2099-01-01T00:00:00Z" in said

    @pytest.mark.parametrize("kind", ["clock", "clock-back"])
    def test_a_clock_of_2020(self, wattpurse, kind):
        said = wattpurse.refusal(f"token {METER} {kind} 2020-01-01T00:00:00+00:00 --hex")
        assert "lies in the past" in said
        assert f"wattpurse token {METER} {kind}" in said


class TestCards:
    def test_an_erased_cards_old_image_is_not_accepted_again(self, wattpurse, anna):
        wattpurse("card topup anna --amount 5")
        image = Path("cards/anna.json").read_text()
        wattpurse("card erase anna --forfeit")
        with open_station() as station:
            uid = json.loads(image)["uid"]
            assert station.card(bytes.fromhex(uid))["state"] == "erased"
        Path("cards/anna.json").write_text(image)
        for line in ("card read anna", "card topup anna --amount 1", "card settle anna"):
            assert "was erased, and now has an older content again" in wattpurse.refusal(line)
        wattpurse("card erase anna --forfeit")
        wattpurse(f"card new anna --kind ntag216 --meter {METER}")

    def test_a_key_card_keeps_its_allowance_when_it_is_repriced(self, wattpurse):
        wattpurse("card new room --kind classic-1k --key-card --price 0.30 --allowance 2/day")
        wattpurse("card erase room --forfeit")
        wattpurse("card new room --kind classic-1k --key-card --price 0.30 --allowance 2/day")
        wattpurse("card reprice room --price 0.40")
        assert "0.40 EUR per kWh, 2.000 kWh free each day" in wattpurse("card read room")
        wattpurse("card reprice room --price 0.40 --allowance none")
        assert "free each day" not in wattpurse("card read room")

    def test_an_outdated_token_leaves_the_slot_of_its_card(self, wattpurse, meter, anna):
        wattpurse(f"card new late --kind ntag213 --meter {METER}")
        wattpurse("card topup late --amount 1")
        assert "no room beside token 2" in wattpurse.refusal("card topup late --amount 1")
        meter.ledger.change(lambda account: account.tokens.mark(66))
        meter.tap_file("anna")
        wattpurse("card read anna")
        with open_station() as station:
            assert station.token(METER, 2)["state"] == "outdated"
        wattpurse(f"meter resume {METER}")
        assert ", token 67; receipt 3 of shop 1" in wattpurse("card topup late --amount 1")

    def test_a_sale_that_did_not_reach_its_card_is_offered_at_the_next_read(self, wattpurse, anna):
        before = Path("cards/anna.json").read_text()
        wattpurse("card topup anna --amount 5")
        Path("cards/anna.json").write_text(before)
        assert "missing    2: 5.00 EUR, sold, and not on the card" in wattpurse("card read anna")
        assert [one["sequence"] for one in wattpurse.read("anna")["missing"]] == [2]

    def test_two_programs_that_write_one_card_lose_no_token(self, wattpurse, anna):
        with open_station():
            shops = [station_office.current().shop() for _ in range(2)]
        reads = [one.cards.read("anna") for one in shops]
        for one, read in zip(shops, reads, strict=True):
            one.vending.put(read, credit("money", TWENTY), METER)
        assert [one["state"] for one in wattpurse.read("anna")["tokens"]] == ["on card", "on card"]


class TestWhatIsSaid:
    def test_a_sale_that_is_not_on_its_card_ends_with_a_status_of_its_own(self, capsys, wattpurse, anna, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(CardFiles, "save", full)
        capsys.readouterr()
        assert cli.main(["card", "topup", "anna", "--amount", "5", "--json"]) == SOLD_NOT_DONE
        document = json.loads(capsys.readouterr().out)
        assert (document["outcome"], document["tokens"][0]["amount"]) == ("not on the card", 5_000_000)

    def test_a_sale_is_said_as_a_document(self, wattpurse, anna):
        document = json.loads(wattpurse("card topup anna --amount 5 --json"))
        assert document["outcome"] == "done"
        assert document["tokens"][0]["issued"].endswith("Z")
        token = json.loads(wattpurse(f"token {METER} money 5 --hex --json"))["tokens"][0]
        assert (token["meter"], token["text"]) == (METER, "5.00 EUR")
        listed = json.loads(wattpurse("meter list --json"))
        assert (listed[0]["meter"], listed[0]["contract"]) == (METER, "prepaid-money")

    def test_a_reader_that_has_left_does_not_hide_the_sale(self, wattpurse, anna):
        sold = self._sell(">&-")
        assert sold.returncode == SOLD_NOT_DONE
        assert "sold, and the output failed" in sold.stderr
        assert "20.00 EUR for meter" in sold.stderr

    def test_ctrl_c_during_a_sale_says_what_was_sold(self, capsys, wattpurse, anna, monkeypatch):
        save = CardFiles.save

        def interrupted(*arguments):
            os.kill(os.getpid(), signal.SIGINT)
            save(*arguments)

        monkeypatch.setattr(CardFiles, "save", interrupted)
        capsys.readouterr()
        assert cli.main(["card", "topup", "anna", "--amount", "5"]) == 0
        captured = capsys.readouterr()
        assert "5.00 EUR for meter" in captured.out
        assert "interrupted after the sale" in captured.err

    def _sell(self, closed):
        command = f"{sys.executable} -m wattpurse_tools.cli card topup anna --amount 20 {closed}"
        with station_office.current().served():
            return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120)


class TestMeters:
    def test_a_meter_with_a_typing_error_is_removed(self, wattpurse):
        wattpurse("meter add 77")
        assert wattpurse("meter remove 77") == "meter 77: removed"
        assert "is not known" in wattpurse.refusal("meter remove 77")

    def test_a_meter_with_history_stays(self, wattpurse, anna):
        assert "kept for ever" in wattpurse.refusal(f"meter remove {METER}")

    def test_the_contract_is_learned_from_statements(self, wattpurse, meter, anna):
        meter.ledger.change(lambda account: setattr(account, "contract", contracts.Term))
        meter.tap_file("anna")
        wattpurse("card read anna")
        assert json.loads(wattpurse("meter list --json"))[0]["contract"] == "term"
        assert "would do nothing; sell days" in wattpurse.refusal(f"token {METER} money 1 --card anna")
        assert "1 days for meter" in wattpurse("card topup anna --amount 1")
