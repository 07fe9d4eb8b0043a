"""Text of files that people export: its encoding, its first lines, and a plain sentence for a file that is not text."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HEAD_BYTES = 65_536

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The bytes that text has besides printable characters: tab, line ends, form feed, and the end mark of old editors.
_CONTROLS = b"\t\n\r\x0c\x1a"
_UNPRINTABLE = bytes(code for code in range(32) if code not in _CONTROLS)
_KINDS = (
    (b"PK\x03\x04", "is a workbook or an archive, not text; save its sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, not text; save its sheet as CSV"),
    (b"\x1f\x8b", "is compressed, not text; unpack it"),
    (b"%PDF", "is a PDF document; export the values as CSV or XML"),
)


class TextFile:
    """A file of text, with its encoding. Raise OSError, or ValueError if the file is not text."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = self.path.name
        with self.path.open("rb") as file:
            first = file.read(HEAD_BYTES)
        self.encoding = _encoding_of(first, self.name)
        try:
            self.head = codecs.getincrementaldecoder(self.encoding)().decode(first)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self.name}: is not text; choose the file that the portal exports as CSV or XML"
            ) from error

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Open the file from its start. A fault of its encoding is a ValueError that names the file."""
        with self.path.open(encoding=self.encoding, newline="") as lines:
            try:
                yield lines
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{self.name}: is not text in {error.encoding.upper()} all through; save it as plain CSV in UTF-8"
                ) from error


def _encoding_of(first: bytes, name: str) -> str:
    """Return the encoding of the first bytes: by its mark, by its zero bytes, UTF-8, or else Windows-1252."""
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding
    for begin, words in _KINDS:
        if first.startswith(begin):
            raise ValueError(f"{name}: {words}")
    even, odd = first[0::2].count(0), first[1::2].count(0)
    if max(even, odd) > len(first) // 4 and min(even, odd) == 0:
        return "utf-16-be" if even else "utf-16-le"
    if first.translate(None, _UNPRINTABLE) != first:
        raise ValueError(f"{name}: is not text; choose the file that the portal exports as CSV or XML")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
