"""The translations of the pages: extract the texts, keep the .po files, and compile the .mo files.

`make translations` adds new texts to each .po file without words, drops those that are gone, and compiles. People write
the words. A shop works in its own language, so the texts of `SHOP_SOURCES` and the refusals of
`REFUSING_ROOMS` have words in every language. The languages of `WHOLE_LANGUAGES` have words for every page.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "tools/wattpurse_tools/pages"
LOCALE = PAGES / "locale"
TOOLS = PAGES.parent
HEADEND = TOOLS / "headend"
HEADEND_LOCALE = HEADEND / "locale"
REFUSING_ROOMS = ("vault", "office", "station", "desk", "headend")
LANGUAGES = ("de", "fr", "es", "ar")
WHOLE_LANGUAGES = LANGUAGES
PLURALS = {
    "de": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "ar": "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2"
    " : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;",
}
SHOP_SOURCES = (
    "amount_texts.py",
    "known_words.py",
    "receipts/*.py",
    "urls_till.py",
    "views/till*.py",
    "views/login.py",
    "views/refusals.py",
    "access.py",
    "templates/pages/base.html",
    "templates/pages/login.html",
    "templates/pages/refusal.html",
    "templates/pages/till/*.html",
)

_TRANSLATE = re.compile(
    r"""{%\s*translate\s+(?P<quote>["'])(?P<text>.*?)(?P=quote)(?:\s+context\s+["'](?P<context>.*?)["'])?"""
    r"""(?:\s+as\s+\w+)?\s*%}"""
)
_BLOCK = re.compile(r"{%\s*blocktranslate[^%]*%}(?P<text>.*?){%\s*endblocktranslate\s*%}", re.DOTALL)
_PLURAL = re.compile(r"{%\s*plural\s*%}")
_VALUE = re.compile(r"{{\s*([\w.]+)\s*}}")
_CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "pgettext": 2, "ngettext": 2}
_REFUSALS = (
    "Words",
    "Refusal",
    "Failure",
    "NotPermitted",
    "ShiftIsOpen",
    "CannotCharge",
    "RegisterFell",
    "UnknownTariff",
    "UnknownFilter",
)

Text = tuple[str | None, str, str | None]  # context, text, plural


def texts(patterns: tuple[str, ...] = ("**/*.py", "**/*.html"), room: Path | None = None) -> dict[Text, list[str]]:
    """Return the texts of the files of a room, which is the pages by default, with the files of each."""
    folder = PAGES if room is None else room
    found: dict[Text, list[str]] = {}
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        of_file = _of_python(path.read_text()) if path.suffix == ".py" else _of_template(path.read_text())
        for text in of_file:
            places = found.setdefault(text, [])
            if path.relative_to(folder).as_posix() not in places:
                places.append(path.relative_to(folder).as_posix())
    return found


def refusal_texts() -> dict[Text, list[str]]:
    """Return the texts of the refusals that a page may show, with the files of each."""
    found: dict[Text, list[str]] = {}
    for path in [
        TOOLS / "refusals.py",
        *(path for room in REFUSING_ROOMS for path in sorted((TOOLS / room).rglob("*.py"))),
    ]:
        for call in refusal_calls(ast.parse(path.read_text())):
            if isinstance(call.args[0], ast.Constant) and call.args[0].value:
                found.setdefault((None, call.args[0].value, None), []).append(path.relative_to(TOOLS).as_posix())
    return found


def refusing_files() -> list[Path]:
    """Return the files whose refusals a page may show."""
    of_rooms = [path for room in REFUSING_ROOMS for path in sorted((TOOLS / room).rglob("*.py"))]
    return [TOOLS / "refusals.py", *of_rooms]


def refusal_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that make a refusal or its words. The first argument is the text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REFUSALS:
            yield node


def catalogue(language: str, locale: Path = LOCALE) -> polib.POFile:
    """Return the words of a language."""
    return polib.pofile(str(po_path(language, locale)), wrapwidth=120)


def po_path(language: str, locale: Path = LOCALE) -> Path:
    """Return the file of the words of a language."""
    return locale / language / "LC_MESSAGES/django.po"


def compiled(words: polib.POFile) -> bytes:
    """Return the compiled form of a language's words."""
    return words.to_binary()


def update() -> None:
    """Bring all .po files up to the texts, and compile them. The messages to customers have files of their own."""
    _update(texts() | refusal_texts(), LOCALE)
    _update(texts(room=HEADEND), HEADEND_LOCALE)


def _update(found: dict[Text, list[str]], locale: Path) -> None:
    for language in LANGUAGES:
        path = po_path(language, locale)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {_key(entry): entry for entry in catalogue(language, locale)} if path.exists() else {}
        words = polib.POFile(wrapwidth=120)
        words.metadata = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
            "Language": language,
            "Plural-Forms": PLURALS[language],
        }
        for text in sorted(found, key=lambda one: (one[1], one[0] or "")):
            words.append(known.get(text) or _entry(text, language))
        words.save(str(path))
        path.with_suffix(".mo").write_bytes(compiled(words))


def _entry(text: Text, language: str) -> polib.POEntry:
    context, singular, plural = text
    if plural is None:
        return polib.POEntry(msgctxt=context, msgid=singular)
    forms = int(PLURALS[language].removeprefix("nplurals=").partition(";")[0])
    return polib.POEntry(
        msgctxt=context, msgid=singular, msgid_plural=plural, msgstr_plural=dict.fromkeys(range(forms), "")
    )


def _key(entry: polib.POEntry) -> Text:
    return entry.msgctxt or None, entry.msgid, entry.msgid_plural or None


def _of_python(source: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in _CALLS:
            continue
        words = [one.value for one in node.args[: _CALLS[node.func.id]] if isinstance(one, ast.Constant)]
        if node.func.id == "pgettext":
            yield words[0], words[1], None
        elif words:
            yield None, words[0], words[1] if node.func.id == "ngettext" else None


def _of_template(source: str) -> Iterator[Text]:
    for match in _TRANSLATE.finditer(source):
        yield match["context"], match["text"], None
    for match in _BLOCK.finditer(source):
        singular, *plural = _PLURAL.split(_VALUE.sub(r"%(\1)s", match["text"]))
        yield None, singular, plural[0] if plural else None


if __name__ == "__main__":
    update()
