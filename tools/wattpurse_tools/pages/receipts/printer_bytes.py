"""Documents as the bytes of a receipt printer (ESC/POS).

Rows in Latin letters are printed as text, in the code pages of the printer's profile. Rows with other letters, and the
whole of an Arabic document, are printed as pictures: few printers have Arabic letters, and none of them joins them.
"""

from escpos.printer import Dummy
from PIL import Image, ImageDraw, ImageFont

from wattpurse_tools.pages.receipts import document as doc
from wattpurse_tools.pages.receipts.document import Document, Row
from wattpurse_tools.pages.receipts.fonts import BOLD, REGULAR, font_path

COLUMNS = 42
PAPER_DOTS = 512

_TEXT_DOTS = 24
_LARGE_DOTS = 36
_LINE_SPACE = 1.5
_LAST_LATIN = 0xFF
_SIGNS = "\u202f\u20ac"


def printer_bytes(document: Document, columns: int = COLUMNS, dots: int = PAPER_DOTS) -> bytes:
    """Return the bytes that print a document and cut the paper. `columns` and `dots` are the width of the paper."""
    printer = Dummy()
    printer.hw("INIT")
    for row in document.rows:
        if document.is_rtl or not _is_printable(row.start + row.end):
            printer.image(row_picture(row, dots, document.is_rtl), impl="bitImageRaster", center=False)
        else:
            _print_text(printer, row, columns)
    printer.cut()
    return printer.output


def text_lines(row: Row, columns: int) -> list[str]:
    """Return the lines of a row of text, with the end of the row at the right."""
    if row.style == doc.RULE:
        return ["-" * columns]
    if not row.end:
        return _wrapped(row.start, columns)
    if len(row.start) + 1 + len(row.end) > columns:
        return [*_wrapped(row.start, columns), *(part.rjust(columns) for part in _wrapped(row.end, columns))]
    return [row.start + row.end.rjust(columns - len(row.start))]


def _is_printable(text: str) -> bool:
    """Return True if a printer's own code pages have every letter of a text."""
    return all(ord(letter) <= _LAST_LATIN or letter in _SIGNS for letter in text)


def _print_text(printer: Dummy, row: Row, columns: int) -> None:
    is_large = row.style == doc.DIGITS
    is_bold = row.style in (doc.TITLE, doc.TOTAL, doc.DIGITS)
    printer.set(align="center" if is_large else "left", bold=is_bold, double_height=is_large, double_width=False)
    for line in text_lines(row, columns):
        printer.text(line.replace("\u00a0", " ").replace("\u202f", " ") + "\n")


def _wrapped(text: str, columns: int) -> list[str]:
    """Return a text in lines of at most `columns` letters, broken between words where that is possible."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if len(joined) <= columns:
            line = joined
            continue
        lines += [line] if line else []
        while len(word) > columns:
            lines.append(word[:columns])
            word = word[columns:]
        line = word
    return [*lines, line]


def row_picture(row: Row, dots: int, is_rtl: bool) -> Image.Image:
    """Return a row as a black and white picture."""
    is_large = row.style == doc.DIGITS
    size = _LARGE_DOTS if is_large else _TEXT_DOTS
    weight = BOLD if row.style in (doc.TITLE, doc.TOTAL, doc.DIGITS) else REGULAR
    font = ImageFont.truetype(font_path(weight), size, layout_engine=ImageFont.Layout.BASIC)
    lines = _picture_lines(row, font, dots, is_rtl and not is_large)
    height = int(size * _LINE_SPACE)
    picture = Image.new("1", (dots, height * len(lines)), 1)
    draw = ImageDraw.Draw(picture)
    for number, (start, end) in enumerate(lines):
        y = number * height
        spare = dots - font.getlength(start)
        start_x = spare // 2 if is_large else spare if is_rtl else 0
        draw.text((start_x, y), start, font=font, fill=0)
        draw.text((0 if is_rtl else dots - font.getlength(end), y), end, font=font, fill=0)
    if row.style == doc.RULE:
        draw.line((0, height // 2, dots, height // 2), fill=0, width=2)
    return picture


def _picture_lines(row: Row, font: ImageFont.FreeTypeFont, dots: int, is_rtl: bool) -> list[tuple[str, str]]:
    """Return the lines of a row, joined and in the order of the eye: the text at its start, and that at its end."""
    end = _seen(row.end, is_rtl)
    lines = _measured(row.start, font, dots, is_rtl)
    if font.getlength(lines[-1]) + font.getlength(end) + font.size <= dots:
        return [*((line, "") for line in lines[:-1]), (lines[-1], end)]
    return [*((line, "") for line in lines), ("", end)]


def _measured(text: str, font: ImageFont.FreeTypeFont, dots: int, is_rtl: bool) -> list[str]:
    """Return a text as it is seen, in lines that are at most `dots` wide."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if line and font.getlength(_seen(joined, is_rtl)) > dots:
            lines.append(_seen(line, is_rtl))
            joined = word
        line = joined
    return [*lines, _seen(line, is_rtl)]


def _seen(text: str, is_rtl: bool) -> str:
    """Return a text with its Arabic letters joined, in the order in which the eye sees them."""
    from arabic_reshaper import reshape
    from bidi import get_display

    return str(get_display(reshape(text), base_dir="R" if is_rtl else "L"))
