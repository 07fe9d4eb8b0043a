"""The characters and parts of an SMS (3GPP TS 23.038, 6.2.1 and TS 23.040, 9.2.3.24.1).

A text of the GSM 7-bit alphabet has 160 septets in one part, or 153 in each of several. A character of the extension
takes two, and is never cut. Any other text is UCS-2, with 70 units in one part or 67 in each of several.
"""

import unicodedata

GSM_7BIT, UCS_2 = "gsm 7-bit", "ucs-2"

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_ALIKE = {"\u00a0": " ", "\u202f": " ", "\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-"}
_SIZES = {GSM_7BIT: (160, 153), UCS_2: (70, 67)}


def parts(text: str) -> tuple[str, int]:
    """Return the coding of a text, and the number of parts that it is sent in."""
    coding, cut = split(text)
    return coding, len(cut)


def split(text: str) -> tuple[str, list[str]]:
    """Return the coding of a text, and the text of each part."""
    coding = GSM_7BIT if is_gsm(text) else UCS_2
    whole, each = _SIZES[coding]
    if sum(_size(character, coding) for character in text) <= whole:
        return coding, [text]
    cut, used = [""], 0
    for character in text:
        size = _size(character, coding)
        if used + size > each:
            cut.append("")
            used = 0
        cut[-1] += character
        used += size
    return coding, cut


def is_gsm(text: str) -> bool:
    """Return True if GSM 7-bit has all characters of a text."""
    return _BASIC.union(_EXTENSION).issuperset(text)


def shortened(text: str) -> str:
    """Return a text in GSM 7-bit if it is Latin: a letter that the alphabet lacks loses its accent. Else the text."""
    plain = "".join(_plain(_ALIKE.get(character, character)) for character in text)
    if is_gsm(plain):
        return plain
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def _plain(character: str) -> str:
    return character if is_gsm(character) else unicodedata.normalize("NFD", character)[:1]


def _size(character: str, coding: str) -> int:
    if coding == GSM_7BIT:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
