"""Bank statements of camt.053 and CSV: a credit is one notice, and a payout pairs with that of the provider."""

import time
from dataclasses import replace

import pytest
from django.utils.translation import override

from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers import bank, bank_csv, camt053
from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.notices import Malformed
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.record.models import Payment, PaymentNotice, Sale

HOUSE = Provider("bankhouse", "bank", settings={"payouts": {"stripe": "STRIPE PAYOUT"}})

ENTRY = """<Ntry>{ref}<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><NtryDtls>{details}</NtryDtls></Ntry>"""
DEBIT = '<Amt Ccy="EUR">40.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
DETAIL = """<TxDtls>{amount}<RltdPties><Dbtr><Nm>{payer}</Nm></Dbtr></RltdPties>
<RmtInf>{text}</RmtInf></TxDtls>"""


def detail(text, payer="A. Payer", amount=""):
    return DETAIL.format(text=text, payer=payer, amount=amount)


def entry(ref, text, amount="20.00", side="CRDT", status="BOOK", currency="EUR", details=None):
    return ENTRY.format(
        ref=f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else "",
        amount=amount,
        side=side,
        status=status,
        currency=currency,
        details=detail(f"<Ustrd>{text}</Ustrd>") if details is None else details,
    )


def message(*entries, version="02", head=""):
    inside = "".join(entries)
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{inside}</Stmt></BkToCstmrStmt></Document>
""".encode()


@pytest.mark.parametrize("version", ["02", "08"])
def test_credits_are_read_and_the_rest_is_told(version):
    status = "BOOK" if version == "02" else "<Cd>BOOK</Cd>"
    read = camt053.read(
        message(
            entry("R1", "Strom meter 1", status=status),
            entry("R2", "salary", side="DBIT", status=status),
            entry("R3", "meter 1", status=status.replace("BOOK", "PDNG")),
            entry("", "", status=status, details=detail("<Strd><CdtrRefInf><Ref>102</Ref></CdtrRefInf></Strd>")),
            version=version,
        )
    )
    assert [(one.amount_microunits, one.text) for one in read.entries] == [
        (20 * EUR, "Strom meter 1"),
        (20 * EUR, "102"),
    ]
    assert read.entries[0].number == "DE02120300000000202051/R1"
    assert read.entries[0].payer == "A. Payer"
    assert len(read.left_out) == 2


def test_a_batch_is_its_transactions_if_they_add_up():
    parts = [detail(f"<Ustrd>meter {n}</Ustrd>", amount=f'<Amt Ccy="EUR">{n}0.00</Amt>') for n in (1, 2)]
    for amount, expected in (("30.00", [10 * EUR, 20 * EUR]), ("31.00", [31 * EUR])):
        read = camt053.read(message(entry("R", "", amount, details="".join(parts))))
        assert [one.amount_microunits for one in read.entries] == expected
        assert [bool(one.doubt) for one in read.entries] == [len(expected) == 1] * len(expected)


ANNA, BERT = "<Ustrd>meter 1</Ustrd>", "<Ustrd>thank you</Ustrd>"


@pytest.mark.parametrize(
    ("amount", "details"),
    [
        (
            "99.00",
            [detail(ANNA, amount='<Amt Ccy="EUR">60.00</Amt>'), detail(BERT, amount='<Amt Ccy="EUR">40.00</Amt>')],
        ),
        ("100.00", [detail(ANNA), detail(BERT)]),
        ("20.00", [detail(ANNA, amount='<Amt Ccy="EUR">60.00</Amt>'), detail(BERT, amount=DEBIT)]),
        ("100.00", ["<Btch><NbOfTxs>2</NbOfTxs></Btch>", detail(ANNA)]),
    ],
)
def test_a_batch_that_is_not_divided_waits_for_a_person(office, manager, amount, details):
    build_site()
    now_s = int(time.time())
    bank.take(HOUSE, camt053.read(message(entry("R1", "", amount, details="".join(details)))), now_s)
    payments.work(office, manager, now_s)
    found = Payment.objects.get()
    assert (found.state, Sale.objects.count()) == (payments.SUSPENSE, 0)
    assert "batch" in found.reason


@pytest.mark.parametrize("text", ["NONREF", "NOTPROVIDED", "notprovided"])
def test_a_text_that_stands_for_no_reference_is_none(office, manager, text):
    build_site()
    now_s = int(time.time())
    entries = entry(text, "meter 1"), entry(text, "customer 102", "35.00"), entry(text, "meter 1", "50.00")
    first = message(*entries)
    assert bank.take(HOUSE, camt053.read(first), now_s).new == 3
    assert bank.take(HOUSE, camt053.read(first), now_s).known == 3
    next_day = message(entry(text, "meter 1")).replace(b"<Id>S1<", b"<Id>S2<")
    assert bank.take(HOUSE, camt053.read(next_day), now_s).new == 1
    payments.work(office, manager, now_s)
    assert list(Payment.objects.values_list("state", flat=True)) == [payments.SOLD] * 4


def test_an_entry_with_the_number_of_another_waits_for_a_person(office, manager):
    """Lose no entry of a bank that gives a number twice, and sell none twice of a bank that tells an entry twice."""
    build_site()
    now_s = int(time.time())
    one, other, again = entry("R1", "meter 1"), entry("R1", "meter 1", "35.00"), entry("R1", "meter 1")
    for _ in range(2):
        bank.take(HOUSE, camt053.read(message(one)), now_s)
        bank.take(HOUSE, camt053.read(message(other)), now_s)
        bank.take(HOUSE, camt053.read(message(one, again)), now_s)
    payments.work(office, manager, now_s)
    rows = Payment.objects.order_by("pk").values_list("state", "notice__amount_microunits")
    assert list(rows) == [
        (payments.SOLD, 20 * EUR),
        (payments.SUSPENSE, 35 * EUR),
        (payments.SUSPENSE, 20 * EUR),
    ]


def test_an_entry_of_zero_is_left_out_and_stops_nothing(office):
    read = camt053.read(message(entry("R1", "meter 1"), entry("R2", "interest", "0.00"), entry("R3", "customer 102")))
    assert (bank.take(HOUSE, read, 1).new, len(read.left_out)) == (2, 1)


def test_a_statement_is_recorded_whole_or_not_at_all(any_office):
    good = camt053.read(message(entry("R1", "meter 1"))).entries[0]
    read = bank.StatementRead((good, replace(good, number="R2", amount_microunits=0)), ())
    with pytest.raises(ValueError, match="amount"):
        bank.take(HOUSE, read, 1)
    assert PaymentNotice.objects.count() == 0


def test_a_long_number_fits_into_the_record(any_office):
    read = bank.StatementRead(
        tuple(bank.Entry(f"{'9' * 200}{place}", EUR, "EUR", "meter 1", "", 0) for place in (1, 2)), ()
    )
    assert [bank.take(HOUSE, read, 1).new for _ in range(2)] == [2, 0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        b"not xml",
        message(entry("R", "x", amount="1,5")),
        message(entry("R", "&e;"), head='<!DOCTYPE d [<!ENTITY e "boom">]>'),
    ],
)
def test_a_file_that_is_no_statement_is_refused(content):
    with pytest.raises(Malformed):
        camt053.read(content)


def test_a_statement_that_is_imported_twice_books_once(office, manager):
    build_site()
    now_s = int(time.time())
    read = camt053.read(message(entry("R1", "meter 1"), entry("R2", "for the cat"), entry("R3", "customer 102")))
    first, again = bank.take(HOUSE, read, now_s), bank.take(HOUSE, read, now_s)
    assert (first.new, first.known, again.new, again.known) == (3, 0, 0, 3)
    assert payments.work(office, manager, now_s) == 3
    states = list(Payment.objects.order_by("pk").values_list("state", flat=True))
    assert states == [payments.SOLD, payments.SUSPENSE, payments.SOLD]
    assert balances.balance(chart.bank("transfer"), "EUR") == 60 * EUR
    assert balances.balance(chart.suspense("payment"), "EUR") == -20 * EUR


@pytest.mark.parametrize("is_bank_first", [True, False])
def test_a_payout_of_a_provider_is_booked_once_and_reconciled(office, manager, is_bank_first):
    build_site()
    now_s = int(time.time())

    def by_bank():
        bank.take(HOUSE, camt053.read(message(entry("R9", "STRIPE PAYOUT 17"))), now_s)

    def by_provider():
        payments.record("stripe", "po_1", payments.PAYOUT, 20 * EUR, "EUR", "", "", now_s, "", now_s)

    for tell in (by_bank, by_provider) if is_bank_first else (by_provider, by_bank):
        tell()
        payments.work(office, manager, now_s)
    assert balances.balance(chart.bank("stripe"), "EUR") == 20 * EUR
    assert balances.balance(chart.provider("stripe"), "EUR") == -20 * EUR
    assert Payment.objects.exclude(reconciled_s=None).count() == 2


CSV = Provider(
    "bankcsv",
    "bank",
    settings={"columns": {"amount": "Betrag", "date": "Tag", "text": ["Zweck", "Ref"], "payer": "Name"}},
)
ROWS = """Tag;Betrag;Zweck;Ref;Name
20.11.2026;1.020,50;Zähler;1;Anna
20.11.2026;-5,00;fee;;
20.11.2026;1.020,50;Zähler;1;Anna
"""


def test_columns_of_csv_are_those_of_the_settings():
    read = bank_csv.read(CSV, ROWS.encode(), "EUR")
    assert [(one.amount_microunits, one.text, one.payer) for one in read.entries] == [
        (1_020_500_000, "Zähler 1", "Anna")
    ] * 2
    assert len({one.number for one in read.entries}) == 2
    assert read == bank_csv.read(CSV, ROWS.encode(), "EUR")
    with pytest.raises(Malformed):
        bank_csv.read(CSV, ROWS.replace("Betrag", "Summe").encode(), "EUR")


@pytest.mark.parametrize(
    ("text", "decimal", "group", "value"),
    [
        ("12.50", ".", "", 12_500_000),
        ("1.234,56", ",", ".", 1_234_560_000),
        ("-3", ".", "", -3_000_000),
        ("1,00,000.5", ".", ",", 100_000_500_000),
        ("1234,5", ",", ".", 1_234_500_000),
        ("1\u00a0234,50", ",", " ", 1_234_500_000),
    ],
)
def test_amounts_are_exact(text, decimal, group, value):
    assert micro_of_text(text, decimal, group) == value


@pytest.mark.parametrize("text", ["12.50", "1.23", "12.5000", ".500", "1.2345,00", "1,2,3", "1.000.00,5"])
def test_a_separator_of_thousands_is_no_decimal_point(text):
    with pytest.raises(ValueError, match="amount"):
        micro_of_text(text, ",", ".")


@pytest.mark.parametrize("row", ["20.11.2026;5,00;a;b;c;d", "20.11.2026;5,00", "20.11.2026;12.50;a;b;c"])
def test_a_row_of_another_length_or_with_another_separator_is_refused(row):
    with pytest.raises(Malformed, match="fields|amount"):
        bank_csv.read(CSV, f"Tag;Betrag;Zweck;Ref;Name\n{row}\n".encode(), "EUR")


@pytest.mark.parametrize(
    ("rows", "settings", "words"),
    [
        ("20.11.2026;5,00;a;b;c\n20.11.2026;12.50;a;b;c", {}, "line 3, column \"Betrag\": '12.50' is no amount"),
        ('20.11.2026;5,00;"a\nb";;\n2026-11-20;5,00;a;b;c', {}, "line 4, column \"Tag\": '2026-11-20' is no date"),
        ("20.11.2026;5,00;a; ;c", {"number": "Ref"}, 'line 2, column "Ref": it is empty'),
        ("", {"number": "Id"}, 'the file has no column "Id"; its columns are: Tag, Betrag, Zweck, Ref, Name'),
        ("", {"text": ["Zweck", "Id"]}, 'the file has no column "Id"'),
        ("", {"amount": None}, 'the settings of the bank do not tell the column "amount"'),
        ("20.11.2026;5,00;\xe4;b;c", {}, "the file is not in utf-8-sig; name its encoding"),
    ],
)
def test_a_fault_of_a_csv_file_tells_line_and_column(rows, settings, words):
    columns = {name: column for name, column in (CSV.settings["columns"] | settings).items() if column}
    content = f"Tag;Betrag;Zweck;Ref;Name\n{rows}\n".encode("latin-1")
    with pytest.raises(Malformed) as refused:
        bank_csv.read(replace(CSV, settings={"columns": columns}), content, "EUR")
    assert f"this is no statement with the columns of bankcsv: {words}" in str(refused.value)


def test_a_fault_of_a_csv_file_is_told_in_the_language_of_the_page():
    with override("de"), pytest.raises(Malformed) as refused:
        bank_csv.read(CSV, b"Tag;Betrag;Zweck;Ref;Name\n20.11.2026;12.50;a;b;c\n", "EUR")
    with override("de"):
        assert "Zeile 2, Spalte „Betrag“: '12.50' ist kein Geldbetrag" in in_words(refused.value)


def test_empty_fields_at_the_end_of_a_row_are_none():
    rows = b"Tag;Betrag;Zweck;Ref;Name\n20.11.2026;5,00;meter;1;Anna;;\n"
    assert bank_csv.read(CSV, rows, "EUR").entries[0].text == "meter 1"


@pytest.mark.parametrize("text", ["", "1e3", "1.2345678", "1,5", "½", "٣"])
def test_texts_that_are_no_amount_are_refused(text):
    with pytest.raises(ValueError, match="amount"):
        micro_of_text(text)


def test_nothing_is_recorded_of_a_file_that_breaks_off(office):
    with pytest.raises(Malformed):
        camt053.read(message(entry("R1", "meter 1"))[:-40])
    assert PaymentNotice.objects.count() == 0
