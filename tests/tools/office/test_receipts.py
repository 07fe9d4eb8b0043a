"""Receipts on every printer: the same rows, in the shop's language, with the digits of a token in their order."""

import io
from dataclasses import replace

import pytest
from django.utils import translation
from PIL import Image
from pypdf import PdfReader

from wattpurse_tools.office.sale_types import DEBT, ENERGY, FEE, Line, Tax
from wattpurse_tools.pages import amount_texts
from wattpurse_tools.pages.receipts import document as doc
from wattpurse_tools.pages.receipts.document import Bill, Buyer, Head, Place, Receipt, Row, Tokens, receipt_document
from wattpurse_tools.pages.receipts.pdf import pdf_of
from wattpurse_tools.pages.receipts.printer_bytes import PAPER_DOTS, printer_bytes, row_picture, text_lines

LANGUAGES = ("en", "de", "fr", "es", "ar")
DIGITS = "1234 5678 9012 3456 7890"
RECEIPT = Receipt(
    head=Head(17, 1_764_267_600, 7),
    place=Place("Kiosk am Hafen", "Hafenstraße 1, 20457 Hamburg", "DE 123", "Europe/Berlin", 2),
    buyer=Buyer(1001, "Jürgen Müller", "Liegeplatz 12", 10001, "https://office.example/t/abcd"),
    bill=Bill(
        lines=(
            Line(ENERGY, "25 kWh", 25_000_000, "mWh", 6_720_000, 8_000_000, Tax("VAT", 190_000)),
            Line(FEE, "fee", 1, "", 930_000, 1_000_000, Tax("reduced", 70_000)),
            Line(DEBT, "debt paid", 3_000_000, "EUR", 3_000_000, 3_000_000),
        ),
        currency="EUR",
        decimals=2,
        gross_microunits=12_000_000,
        payment="cash",
    ),
    tokens=Tokens((DIGITS,)),
)


def shown(language, receipt=RECEIPT, is_copy=False):
    """Return the document of a receipt in a language."""
    with translation.override(language):
        return receipt_document(receipt, is_copy)


def row_of(document, end):
    """Return the row whose end is a text."""
    return next(row for row in document.rows if row.end.replace("\N{NO-BREAK SPACE}", " ") == end)


def pdf_text(document):
    """Return the text of a document's PDF."""
    return PdfReader(io.BytesIO(pdf_of(document))).pages[0].extract_text()


def test_lines_and_taxes_are_on_the_receipt_and_add_up():
    found = shown("en")
    assert row_of(found, "8.00 EUR").start.replace("\N{NO-BREAK SPACE}", " ") == "Electricity, 25 kWh"
    assert row_of(found, "12.00 EUR").style == doc.TOTAL
    assert "VAT 19" in row_of(found, "1.28 EUR").start and "reduced 7" in row_of(found, "0.07 EUR").start
    assert [(tax.ppm, net, amount) for tax, net, amount in doc.tax_totals(RECEIPT.bill.lines)] == [
        (190_000, 6_720_000, 1_280_000),
        (70_000, 930_000, 70_000),
    ]


@pytest.mark.parametrize(
    "language, money, percent",
    [
        ("en", "1,234.50 EUR", "19 %"),
        ("de", "1.234,50 EUR", "19 %"),
        ("fr", "1 234,50 EUR", "19 %"),
        ("es", "1 234,50 EUR", "19 %"),
        ("ar", "1234,50 EUR", "19 %"),
    ],
)
def test_numbers_are_written_as_the_language_does(language, money, percent):
    with translation.override(language):
        told = amount_texts.money_text(1_234_500_000, "EUR")
        assert " ".join(told.split()) == money
        assert " ".join(amount_texts.percent_text(190_000).split()) == percent


def test_parts_of_the_smallest_coin_are_never_hidden():
    with translation.override("en"):
        assert amount_texts.money_text(1, "EUR").startswith("0.000001")
        assert amount_texts.money_text(-1_500_000, "EUR").startswith("-1.50")
        assert amount_texts.energy_text(1) == "0.000001\N{NO-BREAK SPACE}kWh"
        assert amount_texts.money_text(5_000_000, "JPY", 0) == "5\N{NO-BREAK SPACE}JPY"


def test_a_comma_and_a_point_separate_decimals_in_every_language():
    for language in LANGUAGES:
        with translation.override(language):
            assert amount_texts.parse_money("20,50") == amount_texts.parse_money("20.50") == 20_500_000
            assert amount_texts.parse_money("٢٠,٥٠") == 20_500_000
            for wrong in ("1.234,50", "1e3", "-1", "x", "0.001", "²"):
                with pytest.raises(ValueError):
                    amount_texts.parse_money(wrong)


def test_a_copy_and_a_cancellation_say_so():
    assert shown("en", is_copy=True).rows[0] == Row("COPY", style=doc.TITLE)
    reversal = shown("en", replace(RECEIPT, head=replace(RECEIPT.head, reverses=16)))
    assert row_of(reversal, "17").start == "Cancellation of receipt 16, receipt"
    assert all(row.style != doc.DIGITS for row in reversal.rows)
    assert any("cancelled" in row.start for row in shown("en", replace(RECEIPT, tokens=Tokens(is_voided=True))).rows)


def test_what_is_not_on_the_card_yet_is_on_the_receipt():
    assert any(
        "Not on the card" in row.start for row in shown("en", replace(RECEIPT, tokens=Tokens(is_owed=True))).rows
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pdf_has_the_receipt_and_its_own_font(language):
    found = shown(language)
    text = " ".join(pdf_text(found).split())
    assert DIGITS in text and "17" in text
    fonts = PdfReader(io.BytesIO(pdf_of(found))).pages[0]["/Resources"]["/Font"]
    descendants = [font.get_object()["/DescendantFonts"][0].get_object() for font in fonts.values()]
    assert all("/FontFile2" in one["/FontDescriptor"] for one in descendants)


def test_arabic_letters_are_joined_in_the_pdf():
    found = doc.document([Row("إيصال")])
    with translation.override("ar"):
        joined = pdf_of(doc.document([Row("إيصال")]))
    assert pdf_of(found) and joined
    glyphs = PdfReader(io.BytesIO(joined)).pages[0].get_contents().get_data()
    apart = pdf_of(doc.Document((Row("ا ي ص ا ل"),), "ar", True))
    assert glyphs != PdfReader(io.BytesIO(apart)).pages[0].get_contents().get_data()


def test_letters_of_europe_reach_the_printer_in_its_code_pages():
    sent = printer_bytes(shown("de"))
    assert sent.startswith(b"\x1b@") and b"Kiosk am Hafen" in sent
    assert "Müller".encode("cp437") in sent and "Hafenstraße".encode("cp437") in sent
    assert b"\x1dV" in sent[-8:]  # the paper is cut


def test_a_name_in_other_letters_is_printed_as_a_picture():
    plain = printer_bytes(shown("en"))
    named = printer_bytes(shown("en", replace(RECEIPT, buyer=replace(RECEIPT.buyer, name="أحمد"))))
    assert b"\x1dv0" not in plain and named.count(b"\x1dv0") == 1 and b"?" not in named.split(b"\x1dv0")[0]


def test_an_arabic_receipt_is_printed_as_pictures_as_wide_as_the_paper():
    sent = printer_bytes(shown("ar"))
    rows = len(shown("ar").rows)
    assert sent.count(b"\x1dv0") == rows
    assert b"\x1dv0\x00" + bytes((PAPER_DOTS // 8, 0)) in sent


def test_the_digits_of_a_token_keep_their_order_from_right_to_left():
    row = Row(DIGITS, style=doc.DIGITS)
    assert _ink(row_picture(row, PAPER_DOTS, is_rtl=True)) == _ink(row_picture(row, PAPER_DOTS, is_rtl=False))
    assert _ink(row_picture(Row(DIGITS), PAPER_DOTS, True)) != _ink(row_picture(Row(DIGITS), PAPER_DOTS, False))


def test_a_long_row_goes_to_more_lines_and_loses_no_letter():
    row = Row("Electricity of a very long name for the smallest of all papers", "1,234.50 EUR")
    lines = text_lines(row, 32)
    assert all(len(line) <= 32 for line in lines)
    assert "".join("".join(lines).split()) == "".join((row.start + row.end).split())
    assert "".join(text_lines(Row("x" * 70), 32)) == "x" * 70


def _ink(picture: Image.Image) -> bytes:
    return picture.tobytes()
