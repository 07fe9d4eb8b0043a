"""An office of any size, made in SQL in bulk: customers with their meters, three years of sales and statements.

The rows follow from their number alone. Sale k is of customer k modulo the customers, in shop k modulo the shops, so
times and receipt numbers rise together. Indexes are dropped while rows come, and made again after it.
"""

import contextlib
import time
from collections.abc import Iterator
from datetime import date

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection

from wattpurse_tools.bench.office_sizes import SHOPS, Size
from wattpurse_tools.record.models import (
    Card,
    Contract,
    Customer,
    Installation,
    Meter,
    MonthlyReading,
    Premises,
    Price,
    Sale,
    SaleLine,
    Shift,
    Shop,
    Statement,
    TaxRate,
    Tenancy,
    Till,
    Token,
)

FIRST_METER = 20_000_000
MONTHS = 36
GROSS = 20_000_000
TAX = 3_193_277  # 19 % in GROSS

_DAY_S = 86_400
_SPAN_S = MONTHS * 30 * _DAY_S
_SEALED = bytes(36)
_FILLED = (
    Customer,
    Premises,
    Meter,
    Contract,
    Installation,
    Tenancy,
    Card,
    Token,
    Sale,
    SaleLine,
    Statement,
    MonthlyReading,
)

# Rows by number i from 0. Integer division and the modulo are the same in both databases.
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "


def fill(size: Size, now_s: int) -> None:
    """Fill the open record of a new office."""
    _settings(size)
    start_s = now_s - _SPAN_S
    with _without_indexes():
        for table, columns, count, select in _inserts(size, start_s):
            began = time.monotonic()
            others = _defaults(table, columns.split())
            names = ", ".join([*columns.split(), *others])
            values = ", ".join([select, *others.values()])
            sql = f"INSERT INTO {table} ({names}) {_NUMBERS.format(last=count - 1)} SELECT {values} FROM n"
            with connection.cursor() as cursor:
                cursor.execute(sql)
            print(f"  {table}: {count:,} rows in {time.monotonic() - began:.0f} s", flush=True)
    _end(size)


def _defaults(table: str, columns: list[str]) -> dict[str, str]:
    """Return the defaults of the columns that are not named, as SQL."""
    model = next(one for one in apps.get_models() if one._meta.db_table == table)
    found = {}
    for one in model._meta.concrete_fields:
        if one.column not in columns:
            value = None if one.null else one.get_default()
            if isinstance(value, bool):
                found[one.column] = _true() if value else _false()
            else:
                found[one.column] = "NULL" if value is None else f"'{value}'"
    return found


def _settings(size: Size) -> None:
    """Make the shops with a till each, and a price with tax."""
    tax = TaxRate.objects.create(name="VAT", rate_ppm=190_000, from_day=date(2020, 1, 1))
    Price.objects.create(what="money", currency="EUR", gross_microunits=1_000_000, tax=tax, from_s=0)
    Till.objects.all().delete()
    Shop.objects.all().delete()
    Shop.objects.bulk_create(
        Shop(id=number, number=number, name=f"Shop {number}", last_receipt=size.customers * size.each // SHOPS)
        for number in range(1, SHOPS + 1)
    )
    Till.objects.bulk_create(Till(id=number, shop_id=number, number=1, last_z=1) for number in range(1, SHOPS + 1))
    Shift.objects.bulk_create(
        Shift(id=number, till_id=number, operator=100 + number, opened_s=0, closed_s=1, z_number=1)
        for number in range(1, SHOPS + 1)
    )


def _inserts(size: Size, start_s: int) -> Iterator[tuple[str, str, int, str]]:
    """Yield table, columns, number of rows and the values of row i, as SQL."""
    people, each = size.customers, size.each
    sales = people * each
    sale_of_token = f"((i % {each}) * {people} + i / {each})"
    sold_s, token_s = (f"({start_s} + CAST({sale} AS bigint) * {_SPAN_S} / {sales})" for sale in ("i", sale_of_token))
    day = _day_of(sold_s)
    yield (
        "customers",
        "id number name language email phone address note created_s is_active",
        people,
        f"i + 1, i + 1, 'Customer ' || i, 'en', '', '030' || i, 'Street ' || (i % 997), '', {start_s}, {_true()}",
    )
    yield "premises", "id name address feeder_id", people, "i + 1, 'Flat ' || i, '', NULL"
    yield (
        "meters",
        "number currency decimals last_count unit contract told_s key_version site_version tenant is_stopped"
        " stop_reason is_retired alarms balance days_left added_s excused",
        people,
        f"{FIRST_METER} + i, 'EUR', 2, {each}, 'money', 'prepaid-money', {start_s + _SPAN_S} - i % 2592000, 1, 1, 0,"
        f" {_false()}, '', {_false()}, '', i % 40000000, i % 60, {start_s}, '{{}}'",
    )
    yield (
        "contracts",
        "id meter_id name from_s until_s",
        people,
        f"i + 1, {FIRST_METER} + i, 'prepaid-money', {start_s}, NULL",
    )
    limit = "short_token_limit_microunits"
    yield "short_limits", "id meter_id name value", people, f"i + 1, {FIRST_METER} + i, '{limit}', 100000000"
    yield (
        "installations",
        "id meter_id premises_id from_s until_s start_mwh end_mwh",
        people,
        f"i + 1, {FIRST_METER} + i, i + 1, {start_s}, NULL, 0, NULL",
    )
    yield (
        "tenancies",
        "id premises_id customer_id meter_number tenant from_s until_s page_code",
        people,
        f"i + 1, i + 1, i + 1, {FIRST_METER} + i, 0, {start_s}, NULL, NULL",
    )
    yield (
        "cards",
        "uid name meter_number role kind state tenancy_id issued_s tenant",
        people,
        f"'04' || (1000000000 + i), 'card-' || i, {FIRST_METER} + i, 'customer', 'ntag215', 'active', i + 1, {start_s},"
        " 0",
    )
    yield (
        "sales",
        "id shop_id till_id shift_id receipt_number client_key kind state time_s business_day operator customer_id"
        " tenancy_id meter_number card_uid carrier currency gross_microunits tax_microunits payment_type reverses_id"
        " request_hash",
        sales,
        f"i + 1, i % {SHOPS} + 1, i % {SHOPS} + 1, i % {SHOPS} + 1, i / {SHOPS} + 1, 'bench:' || i, 'sale', 'written',"
        f" {sold_s}, {day}, 101 + i % {SHOPS}, i % {people} + 1, i % {people} + 1, {FIRST_METER} + i % {people},"
        f" '04' || (1000000000 + i % {people}), 'card', 'EUR', {GROSS}, {TAX}, 'cash', NULL, ''",
    )
    yield (
        "sale_lines",
        "id sale_id what text quantity unit net_microunits tax_ppm tax_name tax_microunits gross_microunits",
        sales,
        f"i + 1, i + 1, 'money', 'credit', {GROSS}, 'EUR', {GROSS - TAX}, 190000, 'VAT', {TAX}, {GROSS}",
    )
    yield (
        "tokens",
        "id meter_id sequence kind words unit amount issued_s card sealed state operator redeemed_s tenant after"
        " receipt_card tenancy_id sale_id",
        sales,
        f"i + 1, {FIRST_METER} + i / {each}, i % {each} + 1, 1, '', 'money', {GROSS}, {token_s},"
        f" '04' || (1000000000 + i / {each}), {_bytes()},"
        f" 'redeemed', 101, {token_s} + 3600, 0, 0, 0, i / {each} + 1, {sale_of_token} + 1",
    )
    yield from _ledger(people, sales, sold_s, day)
    yield (
        "statements",
        "id meter_id time_s number unit contract balance bought charged taken total_mwh alarms event_link"
        " has_other_issuers content read_s",
        people * MONTHS,
        f"i + 1, {FIRST_METER} + i / {MONTHS}, {start_s} + (i % {MONTHS} + 1) * 2592000 - 60, i % {MONTHS} + 1, 'money',"
        f" 1, 5000000, {each * GROSS} * (i % {MONTHS} + 1) / {MONTHS},"
        f" {each * GROSS} * (i % {MONTHS} + 1) / {MONTHS} - 5000000,"
        f" 0, 100000000 * (i % {MONTHS} + 1), '', NULL, {_false()}, '{{}}', 0",
    )
    first = (1970 + start_s // 31_556_952) * 12
    yield (
        "monthly_readings",
        "id meter_id month total_wh rate_wh charge_microunits is_closed",
        people * MONTHS,
        f"i + 1, {FIRST_METER} + i / {MONTHS}, {first} + i % {MONTHS}, 90000 + i % 40000, '[90000]', 28000000,"
        f" {_true()}",
    )


def _ledger(people: int, sales: int, sold_s: str, day: str) -> Iterator[tuple[str, str, int, str]]:
    """Yield the accounts, an entry for each sale, and three transfers for each entry."""
    drawers, meters = 10, 1000
    yield (
        "ledger_accounts",
        "id code unit",
        3,
        ("i + 1, CASE i WHEN 0 THEN 'sold:money' WHEN 1 THEN 'tax:VAT' ELSE 'issued:sale' END, 'EUR'"),
    )
    yield "ledger_accounts", "id code unit", SHOPS, f"i + {drawers}, 'drawer:' || (i + 1) || ':' || (i + 1), 'EUR'"
    yield "ledger_accounts", "id code unit", people, f"i + {meters}, 'meter:' || ({FIRST_METER} + i), 'EUR'"
    yield (
        "ledger_entries",
        "id key kind time_s business_day document operator shop shift words reverses_id",
        sales,
        f"i + 1, 'sale:' || (i + 1), 'sale', {sold_s}, {day}, 'sale:' || (i + 1), 101 + i % {SHOPS}, i % {SHOPS} + 1,"
        f" i % {SHOPS} + 1, '', NULL",
    )
    drawer = f"(i / 3) % {SHOPS} + {drawers}"
    yield (
        "ledger_transfers",
        "id entry_id giver_id taker_id amount",
        3 * sales,
        f"i + 1, i / 3 + 1, i % 3 + 1, CASE i % 3 WHEN 2 THEN (i / 3) % {people} + {meters} ELSE {drawer} END,"
        f" CASE i % 3 WHEN 0 THEN {GROSS - TAX} WHEN 1 THEN {TAX} ELSE {GROSS} END",
    )


def _day_of(time_s: str) -> str:
    return f"date({time_s}, 'unixepoch')" if connection.vendor == "sqlite" else f"CAST(to_timestamp({time_s}) AS date)"


def _bytes() -> str:
    return f"x'{_SEALED.hex()}'" if connection.vendor == "sqlite" else f"'\\x{_SEALED.hex()}'::bytea"


def _true() -> str:
    return "1" if connection.vendor == "sqlite" else "true"


def _false() -> str:
    return "0" if connection.vendor == "sqlite" else "false"


@contextlib.contextmanager
def _without_indexes() -> Iterator[None]:
    """Drop the indexes of all tables for a `with` block, and make them again. References are not checked meanwhile."""
    tables = [model._meta.db_table for name in ("record", "ledger") for model in apps.get_app_config(name).get_models()]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        else:
            cursor.execute(
                "SELECT indexname, indexdef, tablename FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT IN"
                " (SELECT conname FROM pg_constraint)"
            )
        indexes = [(name, sql) for name, sql, table in cursor.fetchall() if table in tables]
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        fast = ("PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -400000")
        if connection.vendor == "postgresql":
            fast = (
                "SET session_replication_role = replica",
                "SET maintenance_work_mem = '512MB'",
                "SET synchronous_commit = off",
            )
        for statement in fast:
            cursor.execute(statement)
    try:
        yield
    finally:
        began = time.monotonic()
        with connection.cursor() as cursor:
            for _, sql in indexes:
                cursor.execute(sql)
            cursor.execute("ANALYZE")
        print(f"  {len(indexes)} indexes in {time.monotonic() - began:.0f} s", flush=True)
        connection.close()


def _end(size: Size) -> None:
    """Let new rows come after those that were made."""
    models = [model for name in ("record", "ledger") for model in apps.get_app_config(name).get_models()]
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(sql)
    for model in _FILLED:
        if not model._default_manager.exists():
            raise ValueError(f"{model._meta.db_table} is empty")
    if Sale.objects.filter(shop_id=1).count() != size.customers * size.each // SHOPS:
        raise ValueError("the receipts of shop 1 have a gap")
