"""Documents as PDF: a strip as wide as receipt paper, with its font embedded.

Arabic is shaped and runs from right to left. The digits of a token are never put in another order.
"""

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue

from wattpurse_tools.pages.receipts import document as doc
from wattpurse_tools.pages.receipts.document import Document, Row
from wattpurse_tools.pages.receipts.fonts import BOLD, REGULAR, font_path

_WIDTH_MM = 80
_MARGIN_MM = 5
_LINE_MM = 5
_END_SHARE = 0.55  # the most of a line that the text at its end takes
_SIZES_PT = {doc.TITLE: 12, doc.TOTAL: 12, doc.DIGITS: 14}
_PLAIN_PT = 9


def pdf_of(document: Document) -> bytes:
    """Return a document as a PDF of one page."""
    trial = _page(document, height_mm=2_000)
    return bytes(_page(document, height_mm=trial.get_y() + _MARGIN_MM).output())


def _page(document: Document, height_mm: float) -> FPDF:
    pdf = FPDF(unit="mm", format=(_WIDTH_MM, max(height_mm, _WIDTH_MM)))
    pdf.set_margin(_MARGIN_MM)
    pdf.set_auto_page_break(False)
    pdf.set_lang(document.language)
    pdf.add_font("plex", "", font_path(REGULAR))
    pdf.add_font("plex", "B", font_path(BOLD))
    pdf.add_page()
    for row in document.rows:
        _draw(pdf, row, document.is_rtl)
    return pdf


def _draw(pdf: FPDF, row: Row, is_rtl: bool) -> None:
    if row.style == doc.RULE:
        pdf.ln(1)
        pdf.line(_MARGIN_MM, pdf.get_y(), _WIDTH_MM - _MARGIN_MM, pdf.get_y())
        return pdf.ln(1)
    pdf.set_text_shaping(True, direction="rtl" if is_rtl and row.style != doc.DIGITS else "ltr")
    pdf.set_font("plex", "B" if row.style in _SIZES_PT else "", _SIZES_PT.get(row.style, _PLAIN_PT))
    line_mm = _LINE_MM * pdf.font_size_pt / _PLAIN_PT
    top = pdf.get_y()
    end_mm = min(pdf.get_string_width(row.end) + 3, pdf.epw * _END_SHARE) if row.end else 0
    start_mm = pdf.epw - end_mm
    start_x = _MARGIN_MM + (end_mm if is_rtl else 0)
    bottom = _write(pdf, row.start, start_x, top, start_mm, line_mm, _start_side(row, is_rtl))
    if row.end:
        end_x = _MARGIN_MM + (0 if is_rtl else start_mm)
        bottom = max(bottom, _write(pdf, row.end, end_x, top, end_mm, line_mm, Align.L if is_rtl else Align.R))
    pdf.set_xy(_MARGIN_MM, bottom)


def _start_side(row: Row, is_rtl: bool) -> Align:
    if row.style == doc.DIGITS:
        return Align.C
    return Align.R if is_rtl else Align.L


def _write(pdf: FPDF, text: str, x: float, y: float, width_mm: float, line_mm: float, align: Align) -> float:
    """Write a text into a column and return the height of its bottom on the page."""
    if not text:
        return y + line_mm
    pdf.set_xy(x, y)
    pdf.multi_cell(width_mm, line_mm, text, align=align, output=MethodReturnValue.PAGE_BREAK)
    return pdf.get_y() + line_mm if pdf.get_y() == y else pdf.get_y()
