"""Bank statements of camt.053 and CSV: a credit is one notice, and a payout pairs with that of the provider."""

import time

import pytest

from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers import bank, bank_csv, camt053
from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.notices import Malformed
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.record.models import Payment, PaymentNotice

HOUSE = Provider("bankhouse", "bank", settings={"payouts": {"stripe": "STRIPE PAYOUT"}})

ENTRY = """<Ntry>{ref}<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><NtryDtls>{details}</NtryDtls></Ntry>"""
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
    [("12.50", ".", "", 12_500_000), ("1.234,56", ",", ".", 1_234_560_000), ("-3", ".", "", -3_000_000)],
)
def test_amounts_are_exact(text, decimal, group, value):
    assert micro_of_text(text, decimal, group) == value


@pytest.mark.parametrize("text", ["", "1e3", "1.2345678", "1,5", "½", "٣"])
def test_texts_that_are_no_amount_are_refused(text):
    with pytest.raises(ValueError, match="amount"):
        micro_of_text(text)


def test_nothing_is_recorded_of_a_file_that_breaks_off(office):
    with pytest.raises(Malformed):
        camt053.read(message(entry("R1", "meter 1"))[:-40])
    assert PaymentNotice.objects.count() == 0
