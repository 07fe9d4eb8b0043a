"""Sales at the command line are sales of a shop: receipts, ledger, shift and audit trail, and books that agree."""

# ruff: noqa: F811 fixtures
import json
import random

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.shop import meter, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse_tools import cli
from wattpurse_tools.commands.selling import SOLD_NOT_DONE
from wattpurse_tools.commands.station_options import actor_of
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import checking, refunds
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import AuditEntry, Sale, Shift, Token
from wattpurse_tools.station.card_files import CardFiles

TWENTY = 20_000_000
INTERRUPTED = 130


def findings():
    """Return the findings of the check of the books."""
    office = station_office.current()
    return checking.check(Office(office.folder, office.vault), actor_of(office.shop())).findings


@pytest.fixture
def anna(wattpurse):
    wattpurse(f"card new anna --kind classic-1k --meter {METER}")


def test_a_day_at_the_command_line_leaves_books_that_agree(wattpurse, meter, anna):
    wattpurse("card topup anna --amount 20.00")
    meter.tap_file("anna")
    wattpurse("card read anna")
    wattpurse(f"token {METER} money 5.00 --hex")
    wattpurse(f"token {METER} refund money 3.00 --card anna")
    meter.tap_file("anna")
    wattpurse("card read anna")
    assert "3.00 EUR" in wattpurse("card settle anna --paid")
    wattpurse("card new guest --kind ntag216 --key-card --price 0.30")
    wattpurse("card topup guest --amount 10.00")
    assert "not counted yet" in wattpurse("station x")
    assert "expected   32.00 EUR" in wattpurse("station count 31.00")
    closed = wattpurse("station z")
    assert "Z report 1" in closed
    assert "difference -1.00 EUR" in closed
    wattpurse("station deposit 31.00 slip-1")
    assert findings() == ()


def test_every_credit_that_is_typed_has_a_receipt_without_a_gap(wattpurse, anna):
    wattpurse("card topup anna --amount 20.00")
    wattpurse(f"token {METER} money 5.00 --hex")
    wattpurse(f"token {METER} money 1.00 --card anna")
    assert list(Sale.objects.order_by("pk").values_list("receipt_number", flat=True)) == [1, 2, 3]
    assert not Token.objects.filter(sale=None).exists()
    drawer = Shift.objects.get()
    assert balances.balance(chart.drawer(1, drawer.pk), "EUR") == 26_000_000


def test_the_document_of_a_sale_has_its_receipt(wattpurse, anna):
    document = json.loads(wattpurse("card topup anna --amount 20.00 --payment card --json"))
    receipt = document["receipt"]
    assert (receipt["shop"], receipt["number"], receipt["gross_microunits"], receipt["payment"]) == (
        1,
        1,
        TWENTY,
        "card",
    )
    assert [line["what"] for line in receipt["lines"]] == ["money"]
    assert document["tokens"][0]["amount"] == TWENTY


def test_the_same_key_sells_once(wattpurse, anna):
    first = wattpurse("card topup anna --amount 20.00 --client-key monday-7")
    again = wattpurse("card topup anna --amount 20.00 --client-key monday-7")
    assert again == f"{first}, made before"
    assert "with another content" in wattpurse.refusal("card topup anna --amount 21.00 --client-key monday-7")
    assert Sale.objects.count() == 1


def test_money_buys_kwh_for_a_meter_of_prepaid_energy_at_the_price_of_the_office(wattpurse):
    wattpurse("meter add 77 --contract prepaid-energy")
    wattpurse("card new eva --kind classic-1k --meter 77")
    assert "eva: 80.000 kWh for meter 77" in wattpurse("card topup eva --amount 20.00")
    wattpurse("station price kwh 0.40")
    assert "eva: 50.000 kWh for meter 77" in wattpurse("card topup eva --amount 20.00")


def test_a_meter_has_prepaid_money_unless_it_is_told_otherwise(wattpurse):
    wattpurse("meter add 77")
    wattpurse("meter add 78 --contract term")
    wattpurse("card new eva --kind classic-1k --meter 79")
    listed = {one["meter"]: (one["contract"], one["unit"]) for one in json.loads(wattpurse("meter list --json"))}
    money = ("prepaid-money", "money")
    assert listed == {METER: money, 77: money, 78: ("term", "money"), 79: money}
    assert "eva: 20.00 EUR for meter 79" in wattpurse("card topup eva --amount 20.00")


def test_a_contract_decides_what_is_sold(wattpurse):
    wattpurse("meter add 78 --contract dispenser")
    wattpurse("meter add 79 --contract managed")
    wattpurse("meter add 80 --contract term")
    wattpurse("token 80 days 3 --hex")
    assert "sell" in wattpurse.refusal("token 79 days 3 --hex")
    assert "kWh" in wattpurse.refusal("token 78 days 3 --hex")


def test_credit_for_nothing_needs_a_reason(wattpurse, anna):
    assert "--free needs --reason" in wattpurse.refusal("card topup anna --amount 5.00 --free")


def test_a_sum_is_hidden_until_the_cash_is_counted(wattpurse, anna):
    wattpurse("card topup anna --amount 20.00")
    assert "20.00" not in wattpurse("station x")
    assert "count the cash" in wattpurse.refusal("station z")
    assert "20.00" in wattpurse("station count 20.00")


def test_two_operators_have_shifts_of_their_own(wattpurse, anna):
    office = station_office.current()
    wattpurse("card topup anna --amount 20.00")
    other = office.hire(2, ("sell",))
    office.person = other
    wattpurse("card new two --kind ntag213 --operator 2 --expires 2099-12-31")
    wattpurse("card topup anna --amount 1.00 --operator two")
    assert sorted(Shift.objects.values_list("operator", flat=True)) == [1, 2]


def test_each_command_is_in_the_audit_trail_with_its_words(wattpurse, anna):
    wattpurse(f"meter keys {METER}")
    names = list(AuditEntry.objects.filter(action="command").order_by("pk").values_list("subject", flat=True))
    assert names == ["meter add", "card new", "meter keys"]
    assert AuditEntry.objects.get(subject="card new").detail["words"]["name"] == "anna"


def test_a_printed_token_is_alone_on_standard_output(capsys, meter):
    assert cli.main(f"token {METER} money 5.00 --hex".split()) == 0
    captured = capsys.readouterr()
    assert meter.type(captured.out.strip().splitlines()[-1]) == outcome.ACCEPTED
    assert captured.err == "wattpurse: receipt 1 of shop 1 over 5.00 EUR\n"


def test_a_crash_between_sale_and_card_sells_once_by_the_same_key(wattpurse, meter, anna, monkeypatch, capsys):
    line = "card topup anna --amount 20.00 --client-key monday-7"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CardFiles, "save", killed)
        assert cli.main(line.split()) == INTERRUPTED
    assert Sale.objects.get().state == "sold"
    assert "sold, and not on the card" in wattpurse("card read anna")
    assert wattpurse(line).endswith("receipt 1 of shop 1 over 20.00 EUR, made before")
    assert Sale.objects.get().state == "written"
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    wattpurse("card read anna")
    assert meter.balance == TWENTY
    assert findings() == ()


def test_a_sale_that_ended_with_status_3_is_written_by_card_repair(wattpurse, meter, anna, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(CardFiles, "save", full)
        assert cli.main(["card", "topup", "anna", "--amount", "20.00"]) == SOLD_NOT_DONE
    captured = capsys.readouterr()
    assert "receipt 1 of shop 1 over 20.00 EUR" in captured.out
    assert "wattpurse card repair anna" in captured.err
    assert Sale.objects.get().state == "sold"
    assert wattpurse("card repair anna") == "card anna: token 1 put on it"
    assert Sale.objects.get().state == "written"
    assert wattpurse("card repair anna") == "card anna: nothing was missing"
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    wattpurse("card read anna")
    assert findings() == ()


def test_a_crash_between_vault_and_record_pays_a_receipt_once_by_the_same_key(wattpurse, meter, anna, monkeypatch):
    wattpurse("card topup anna --amount 20.00")
    meter.tap_file("anna")
    wattpurse("card read anna")
    wattpurse(f"token {METER} refund money all --card anna")
    meter.tap_file("anna")

    line = "card settle anna --paid --client-key out-1"

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(refunds, "write_receipt", killed)
        assert cli.main(line.split()) == INTERRUPTED
    assert station_office.current().vault.settled(METER) != {}
    assert Sale.objects.filter(kind="refund").count() == 0
    assert "settled" in wattpurse.refusal("card settle anna --paid --client-key out-2")
    for _ in range(2):
        assert wattpurse(line).endswith("20.00 EUR; paid out")
    assert "not settled already" in wattpurse.refusal("card settle anna --paid")
    assert Sale.objects.filter(kind="refund").count() == 1
    assert findings() == ()


def test_owed_energy_comes_off_what_is_paid_out(wattpurse, meter, anna):
    wattpurse("card topup anna --amount 20.00")
    meter.tap_file("anna")
    wattpurse("card read anna")
    meter.ledger.change(lambda account: account.energy.spend(3_000_000))
    wattpurse(f"token {METER} tenant 2 --card anna")
    meter.tap_file("anna")
    assert "paid out" in wattpurse("card settle anna --paid")
    assert Sale.objects.order_by("pk").last().gross_microunits == -TWENTY + 3 * 250_000
    assert findings() == ()


@pytest.mark.parametrize("seed", range(2))
def test_random_commands_leave_books_that_agree(wattpurse, meter, capsys, seed):
    choose = random.Random(seed)
    for name in ("anna", "bert"):
        wattpurse(f"card new {name} --kind ntag216 --meter {METER}")
    for _ in range(20):
        name = choose.choice(("anna", "bert"))
        line = choose.choice(
            (
                f"card topup {name} --amount {choose.randrange(1, 30)}.00",
                f"token {METER} money 2.00 --hex",
                f"token {METER} refund money 1.00 --card {name}",
                f"card settle {name} --paid",
                f"card read {name}",
                "station x",
                f"card erase {name} --forfeit",
                f"card new {name} --kind ntag216 --meter {METER}",
                "tap",
            )
        )
        if line == "tap":
            meter.tap_file(name)
        else:
            assert cli.main(line.split()) in (0, 1)  # a refusal is right too
        capsys.readouterr()
    assert findings() == ()
