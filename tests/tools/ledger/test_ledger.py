"""The ledger: posting once, reversal, balances, and triggers that nothing passes by. On both databases."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Account, Entry, Transfer
from wattpurse_tools.ledger.posting import Event, Move, moved, moves_of, post, reverse

TODAY = Event(1_800_000_000, date(2027, 1, 15), "sale:1", 3, 1, 7, "words")
SALE = [
    Move(chart.sold("money"), chart.drawer(1, 7), "EUR", 16_810_000),
    Move(chart.tax("VAT"), chart.drawer(1, 7), "EUR", 3_190_000),
    Move(chart.issued("sale"), chart.meter(5), "EUR", 20_000_000),
]


def test_an_entry_moves_its_amounts_and_the_sum_stays_zero(any_database):
    entry = post("sale:1", "sale", SALE, TODAY)
    assert moves_of(entry) == SALE
    assert balances.balance(chart.drawer(1, 7), "EUR") == 20_000_000
    assert balances.balances("sold") == {("sold:money", "EUR"): -16_810_000}
    assert balances.balances_of_shift(7) == balances.balances("")
    assert balances.balances_of_day(TODAY.business_day, 1) == balances.balances("")
    assert balances.balances_of_day(TODAY.business_day, 2) == {}
    assert balances.sums_by_unit() == {"EUR": 0}
    assert balances.faults() == []


def test_the_same_entry_again_is_booked_once(any_database):
    first = post("sale:1", "sale", SALE, TODAY)
    assert post("sale:1", "sale", SALE, TODAY) == first
    assert (Entry.objects.count(), Transfer.objects.count()) == (1, 3)


def test_a_key_with_other_amounts_is_refused(any_database):
    post("sale:1", "sale", SALE, TODAY)
    with pytest.raises(ValueError, match="other amounts"):
        post("sale:1", "sale", SALE[:2], TODAY)
    with pytest.raises(ValueError, match="other amounts"):
        post("sale:1", "void", SALE, TODAY)


def test_a_reversal_moves_all_back_and_comes_once(any_database):
    entry = post("sale:1", "sale", SALE, TODAY)
    back = reverse(entry, "void:1", "void", TODAY)
    assert set(balances.balances("").values()) == {0}
    assert reverse(entry, "void:1", "void", TODAY) == back
    with pytest.raises(ValueError, match="reversed already"):
        reverse(entry, "void:2", "void", TODAY)


def test_a_reversal_can_pay_from_the_drawer_of_another_shift(any_database):
    entry = post("sale:1", "sale", SALE, TODAY)
    reverse(entry, "void:1", "void", TODAY, {chart.drawer(1, 7): chart.drawer(1, 8)})
    assert balances.balance(chart.drawer(1, 7), "EUR") == 20_000_000
    assert balances.balance(chart.drawer(1, 8), "EUR") == -20_000_000


@pytest.mark.parametrize("move", [Move("a", "b", "EUR", 0), Move("a", "b", "EUR", -1), Move("a", "a", "EUR", 1)])
def test_a_move_of_nothing_or_within_one_account_is_refused(office, move):
    with pytest.raises(ValueError, match="amount above zero"):
        post("x", "sale", [move], TODAY)


def test_an_entry_without_moves_is_refused(office):
    with pytest.raises(ValueError, match="moves something"):
        post("x", "sale", [], TODAY)


def test_an_amount_below_zero_moves_the_other_way():
    assert moved("a", "b", "s", -5) == [Move("b", "a", "s", 5)]
    assert moved("a", "b", "s", 0) == []


def test_an_entry_in_a_transaction_that_fails_is_not_there(any_database):
    with pytest.raises(RuntimeError), transaction.atomic():
        post("sale:1", "sale", SALE, TODAY)
        raise RuntimeError
    assert (Entry.objects.count(), Account.objects.count()) == (0, 0)
    post("sale:1", "sale", SALE, TODAY)


def test_a_transfer_between_two_units_is_refused_by_the_database(any_database):
    entry = post("sale:1", "sale", SALE, TODAY)
    euro, energy = Account.objects.get(code="drawer:1:7"), Account.objects.create(code="meter:5", unit="mWh")
    with pytest.raises(DatabaseError, match="one unit"), transaction.atomic():
        Transfer.objects.create(entry=entry, giver=euro, taker=energy, amount=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda: Transfer.objects.update(amount=1),
        lambda: Transfer.objects.all().delete(),
        lambda: Transfer.objects.first().delete(),
        lambda: Entry.objects.update(kind="other"),
        lambda: Account.objects.update(code="x"),
        lambda: Transfer.objects.bulk_update([_changed(Transfer.objects.first())], ["amount"]),
        lambda: _changed(Transfer.objects.first()).save(),
    ],
    ids=["update", "delete", "delete one", "update entries", "rename accounts", "bulk update", "save"],
)
def test_no_way_of_the_models_changes_the_ledger(any_database, change):
    post("sale:1", "sale", SALE, TODAY)
    with pytest.raises(DatabaseError), transaction.atomic():
        change()
    assert moves_of(Entry.objects.get()) == SALE


@pytest.mark.parametrize("table", ["ledger_transfers", "ledger_entries", "ledger_accounts"])
def test_raw_sql_does_not_change_the_ledger(any_database, table):
    post("sale:1", "sale", SALE, TODAY)
    statements = [f"UPDATE {table} SET id = id + 100", f"DELETE FROM {table}"]
    if connection.vendor == "postgresql":
        statements += [f"TRUNCATE {table} CASCADE", f"UPDATE ONLY {table} SET id = id"]
    else:
        statements += [f"REPLACE INTO {table} SELECT * FROM {table}"]
    for statement in statements:
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert moves_of(Entry.objects.get()) == SALE


def test_a_fault_below_the_triggers_is_found(office):
    post("sale:1", "sale", SALE, TODAY)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER ledger_transfers_one_unit")
        cursor.execute("DROP TRIGGER ledger_accounts_no_update")
        cursor.execute("UPDATE ledger_accounts SET unit = 'mWh' WHERE code = 'meter:5'")
    found = " ".join(balances.faults())
    assert "add up to" in found
    assert "moves one unit to an account of another" in found


CODES = ("drawer:1:7", "vendor:1", "sold:money", "meter:5", "owed:5")
MOVES = st.builds(
    Move, st.sampled_from(CODES), st.sampled_from(CODES), st.sampled_from(["EUR", "mWh"]), st.integers(1, 10**15)
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MOVES.filter(lambda move: move.giver != move.taker), min_size=1, max_size=6))
def test_balances_are_those_of_a_plain_sum(office, moves):
    before = balances.balances("")
    post(f"random:{Entry.objects.count()}", "sale", moves, TODAY)
    expected = dict(before)
    for move in moves:
        for code, sign in ((move.taker, 1), (move.giver, -1)):
            expected[code, move.unit] = expected.get((code, move.unit), 0) + sign * move.amount
    assert balances.balances("") == expected
    assert set(balances.sums_by_unit().values()) <= {0}


def _changed(transfer):
    transfer.amount += 1
    return transfer
