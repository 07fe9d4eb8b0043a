"""The check of the books finds every fault that is planted below the triggers, and nothing in sound books."""

import json

import pytest
from django.db import connection

from tests.tools.office.selling_site import EUR, FLOAT, PaperCard, build_site, money, new_shift, request
from wattpurse.core.money.contract import KeyCard, PrepaidMoney
from wattpurse_tools.office import checking, sales, shifts, voids
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.findings import LISTED, Finding, listed
from wattpurse_tools.record.models import Meter, MeterReceipt, Sale, Shop, Site, Statement, Token


def live(office, cashier):
    """Sell three times, void one of the sales, and close the shift."""
    build_site()
    shift, card = new_shift(office, cashier), PaperCard("04aa", 1)
    made = [sales.sell(office, cashier, request(shift, card=card, wish=money(10)), card) for _ in range(3)]
    voids.void(office, cashier, made[2].sale, shift.pk, card)
    shifts.count_cash(office, cashier, shift, FLOAT + 20 * EUR)
    shifts.close_shift(office, cashier, shift)
    first = Token.objects.order_by("sequence")[0]
    Token.objects.filter(pk=first.pk).update(state="redeemed", redeemed_s=1_800_000_000)
    for number, bought in ((1, 0), (2, 10 * EUR)):
        Statement.objects.create(
            meter_id=1,
            time_s=1_799_999_999 + number,
            number=number,
            unit="money",
            contract=1,
            balance=bought,
            bought=bought,
            charged=0,
            taken=0,
            total_mwh=number * 1000,
        )


@pytest.fixture
def lived(office, cashier):
    live(office, cashier)
    return office


def plant(*statements):
    """Change rows below the models: triggers and rules of the tables are off for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount != 0, statement


def findings(office, manager):
    return checking.check(office, manager).findings


def test_sound_books_have_no_finding(any_office, cashier, manager):
    live(any_office, cashier)
    checked = checking.check(any_office, manager)
    assert checked.findings == ()
    assert (checked.rows["sales"], checked.rows["tokens"], checked.stopped) == (4, 3, ())
    assert json.loads(json.dumps(checked.as_dict()))["sound"]


def test_who_may_not_manage_checks_nothing(office, cashier):
    with pytest.raises(NotPermitted):
        checking.check(office, cashier)


FIRST_SALE = "(SELECT id FROM ledger_entries WHERE key = 'sale:1')"
PLANTS = {
    "an amount of a shift is changed": (
        "UPDATE ledger_transfers SET amount = amount + 1 WHERE id = 1",
        "is closed, and its drawer is not empty",
    ),
    "an amount of a sale is changed": (
        "UPDATE ledger_transfers SET amount = amount + 1"
        f" WHERE id = (SELECT min(id) FROM ledger_transfers WHERE entry_id = {FIRST_SALE})",
        "another amount into the till",
    ),
    "an amount below zero": ("UPDATE ledger_transfers SET amount = -5 WHERE id = 1", "moves -5"),
    "a transfer within an account": ("UPDATE ledger_transfers SET taker_id = giver_id WHERE id = 1", "moves"),
    "a transfer between units": (
        "UPDATE ledger_accounts SET unit = 'mWh' WHERE id = (SELECT taker_id FROM ledger_transfers WHERE id = 1)",
        "between two units",
    ),
    "an account has gone": (
        "DELETE FROM ledger_accounts WHERE code = 'sold:money'",
        "has no giver|has no taker",
    ),
    "an entry has gone": (f"DELETE FROM ledger_entries WHERE id = {FIRST_SALE}", "has no entry"),
    "the transfers of an entry have gone": (
        f"DELETE FROM ledger_transfers WHERE entry_id = {FIRST_SALE}",
        "has no transfers",
    ),
    "a part of a reversal has gone": (
        "DELETE FROM ledger_transfers WHERE id = (SELECT max(t.id) FROM ledger_transfers t JOIN ledger_entries e"
        " ON e.id = t.entry_id WHERE e.reverses_id IS NOT NULL)",
        "does not reverse all",
    ),
    "a receipt has gone": ("DELETE FROM sales WHERE receipt_number = 2", "receipt 2 is missing"),
    "the newest receipt has gone": ("DELETE FROM sales WHERE receipt_number = 4", "its counter stands at 4"),
    "a receipt over another amount": ("UPDATE sales SET gross_microunits = 9 WHERE id = 1", "lines do not make"),
    "another tax": ("UPDATE sales SET tax_microunits = tax_microunits + 1 WHERE id = 1", "another tax"),
    "a line that does not add up": ("UPDATE sale_lines SET tax_microunits = 1 WHERE id = 1", "do not make its gross"),
    "a void of a part": ("UPDATE sales SET gross_microunits = -1 WHERE reverses_id IS NOT NULL", "not the reversal"),
    "voided without a reversal": ("UPDATE sales SET state = 'voided' WHERE id = 1", "there is no reversal"),
    "a token of another meter": ("UPDATE tokens SET meter_id = 2 WHERE sequence = 1", "another meter"),
    "more credit in a token": ("UPDATE tokens SET amount = amount * 2 WHERE sequence = 1", "its tokens another amount"),
    "a Z report has gone": ("UPDATE shifts SET z_number = 2", "Z reports"),
    "a shift is closed without a report": ("UPDATE shifts SET z_number = NULL", "without a Z report"),
    "redeemed without a proof": ("UPDATE tokens SET redeemed_s = NULL WHERE sequence = 1", "no statement proves"),
    "outstanding though used": ("UPDATE tokens SET state = 'issued' WHERE sequence = 1", "though it was used"),
    "a token that the vault did not make": (
        "UPDATE tokens SET sequence = 99 WHERE sequence = 2",
        "vault's counters end",
    ),
    "a token of another issuer": ("UPDATE tokens SET sequence = 536870913 WHERE sequence = 2", "another issuer"),
    "a meter bought more than was sold": ("UPDATE statements SET bought = 99000000 WHERE number = 2", "has bought"),
    "a meter bought less than it redeemed": ("UPDATE statements SET bought = 5 WHERE number = 2", "less than"),
    "a meter gave back without a receipt": ("UPDATE statements SET taken = 5 WHERE number = 2", "has given back 5"),
    "energy goes back": ("UPDATE statements SET total_mwh = 0 WHERE number = 2", "total energy went back"),
    "purchases go back": ("UPDATE statements SET bought = 20000000 WHERE number = 1", "credit bought went back"),
    "an entry of the trail is changed": ("UPDATE audit_entries SET operator = 7 WHERE id = 2", "entry 2"),
    "an entry of the trail has gone": ("DELETE FROM audit_entries WHERE id = 2", "entry 3"),
    "other keys": ("UPDATE site SET key_fingerprint = '00'", "other keys than the vault"),
    "other keys of a version": ('UPDATE site SET key_fingerprints = \'{"1": "00"}\'', "other keys of this version"),
    "a version that the vault has not": (
        "UPDATE site SET key_fingerprints = json_set(key_fingerprints, '$.9', '00')",
        "no such keys",
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found(lived, manager, name):
    statement, words = PLANTS[name]
    plant(statement)
    found = findings(lived, manager)
    assert found
    assert any(part in f"{one.subject}: {one.words}" for one in found for part in words.split("|")), found


def test_a_number_that_stands_twice_is_found(lived, manager):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE copies AS SELECT * FROM tokens")
        cursor.execute("UPDATE copies SET id = id + 100")
        cursor.execute("INSERT INTO copies SELECT * FROM tokens")
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("DROP TABLE tokens")
        cursor.execute("ALTER TABLE copies RENAME TO tokens")
    assert any("is 2 tokens" in one.words for one in findings(lived, manager))


def test_receipts_that_record_and_vault_know_differently_are_found(lived, manager, second):
    MeterReceipt.objects.create(
        meter_id=1, sequence=1, money=0, energy=0, debt=0, term_s=0, told_s=1, settled="paid out"
    )
    MeterReceipt.objects.create(meter_id=1, sequence=2, money=0, energy=0, debt=0, term_s=0, told_s=1)
    document = {"meter": 1, "sequence": 2, "words": "paid out"}
    approval = lived.keys.propose(manager.ticket, "settle", document, "moved out")
    lived.keys.approve(second.ticket, approval)
    lived.keys.settle(manager.ticket, 1, 2, "paid out", approval)
    found = [one.words for one in findings(lived, manager) if one.check == "receipts of meters"]
    assert any("receipt 1 is settled in the record (paid out)" in words for words in found)
    assert any("receipt 2 is open in the record" in words for words in found)


def test_a_log_of_the_vault_that_was_changed_is_found(lived, manager):
    log = lived.folder.vault / "log"
    lines = log.read_bytes().splitlines(keepends=True)
    at = next(place for place, line in enumerate(lines) if b'"issue"' in line)
    lines[at] = (
        lines[at].replace(b'"purpose":"sale"', b'"purpose":"free"').replace(b'"purpose": "sale"', b'"purpose": "free"')
    )
    log.write_bytes(b"".join(lines))
    assert any(one.check == "vault log" for one in findings(lived, manager))


def test_stopped_meters_are_told(lived, manager):
    Meter.objects.filter(number=2).update(is_stopped=True)
    assert checking.check(lived, manager).stopped == (2,)


def test_receipt_numbers_that_a_restore_left_out_are_no_gap(lived, manager):
    from wattpurse_tools.office import backups, restoring

    made = backups.make(lived.folder, manager)
    restoring.restore(lived, manager, made.path, receipts={1: 9})
    assert Shop.objects.get(number=1).last_receipt == 9
    assert findings(lived, manager) == ()


def test_a_disagreement_that_a_manager_looked_into_is_no_finding(lived, manager):
    plant("UPDATE statements SET bought = 30000001 WHERE number = 2")
    assert findings(lived, manager)
    Meter.objects.filter(number=1).update(excused={"money": 1})
    assert findings(lived, manager) == ()


def tell(number, contract, bought):
    """Let meter 1 tell a further statement, and return it as the vault opens it."""
    facts = {"unit": "money", "contract": contract.code, "bought": bought, "charged": 0, "taken": 0}
    time_s, total_mwh = 1_799_999_999 + number, number * 1_000
    Statement.objects.create(meter_id=1, time_s=time_s, number=number, balance=0, total_mwh=total_mwh, **facts)
    totals = {"money": {"bought": bought}, "energy": {"bought": 0}, "term_bought_s": 0}
    return {"meter_number": 1, "time_s": time_s, "windows": {0: (3, 0)}, "totals": totals, **facts}


def test_a_meter_may_buy_from_key_cards_what_no_token_has(lived, manager):
    from wattpurse_tools.station.station import Station

    station = Station(lived.keys, manager)
    steps = (
        (3, KeyCard, 90 * EUR),
        (4, KeyCard, 91 * EUR),
        (5, PrepaidMoney, 91 * EUR + 500),
        (6, PrepaidMoney, 91 * EUR + 500),
    )
    for step in steps:
        assert station.statements.disagreements(tell(*step), {}) == []
        assert station.statements.findings(1) == []
        assert findings(lived, manager) == ()


def test_a_meter_that_had_key_cards_once_is_watched_again(lived, manager):
    from wattpurse_tools.station.station import Station

    tell(3, KeyCard, 90 * EUR)
    tell(4, PrepaidMoney, 90 * EUR)
    last = tell(5, PrepaidMoney, 150 * EUR)
    assert any("has bought" in one.words for one in findings(lived, manager))
    assert Station(lived.keys, manager).statements.disagreements(last, {})


def test_many_findings_of_a_kind_are_counted():
    made = list(listed(Finding("check", str(number), "words") for number in range(LISTED + 5)))
    assert (len(made), made[-1].words) == (LISTED + 1, "5 further findings of this kind")


def test_site_without_settings_is_found(lived, manager):
    Site.objects.all().delete()
    assert any("office init" in one.words for one in findings(lived, manager))
    assert Sale.objects.exists()
