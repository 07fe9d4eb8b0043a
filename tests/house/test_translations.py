"""The words of the pages in the languages of the shops are whole, fit their texts, and are compiled."""

import ast
import re

import pytest

from tests.house import translations

# A value, or a sign of one that is written wrong: "%(name)", "%( name)s", "% s".
_VALUES = re.compile(r"%(?:\([^)]*\)?)?\w?")
# The files whose refusals a cashier meets on a page.
CASHIER_FILES = (
    "office/actor.py",
    "office/counter.py",
    "office/learning.py",
    "office/prices.py",
    "office/reader.py",
    "office/sale_plan.py",
    "office/sales.py",
    "office/shifts.py",
    "office/tariff_rides.py",
    "office/tokens.py",
    "office/voids.py",
    "office/wishes.py",
    "station/short_tokens.py",
)


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_that_a_shop_sees_has_words(language):
    words = {
        (one.msgctxt or None, one.msgid, one.msgid_plural or None): one for one in translations.catalogue(language)
    }
    is_whole = language in translations.WHOLE_LANGUAGES
    of_pages = translations.texts() if is_whole else translations.texts(translations.SHOP_SOURCES)
    for text in of_pages | translations.refusal_texts():
        assert text in words, f"{text[1]!r} is not in the {language} words; run: make translations"
        entry = words[text]
        forms = list(entry.msgstr_plural.values()) or [entry.msgstr]
        assert all(forms), f"{text[1]!r} has no words in {language}"
        assert "fuzzy" not in entry.flags, f"the words of {text[1]!r} in {language} are not checked"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_words_have_the_values_of_their_text(language):
    for entry in translations.catalogue(language):
        values = sorted(_VALUES.findall(entry.msgid_plural or entry.msgid))
        for words in [entry.msgstr, *entry.msgstr_plural.values()]:
            assert not words or sorted(_VALUES.findall(words)) == values, (language, entry.msgid, words)


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_compiled_words_are_current(language):
    path = translations.po_path(language)
    assert path.with_suffix(".mo").read_bytes() == translations.compiled(translations.catalogue(language)), (
        f"{path.with_suffix('.mo')} is older than its words; run: make translations"
    )


def test_a_block_with_a_plural_is_one_text_with_two_forms(tmp_path, monkeypatch):
    block = "{% blocktranslate count count=all %}{{ count }} card{% plural %}{{ count }} cards{% endblocktranslate %}"
    (tmp_path / "cards.html").write_text(block)
    monkeypatch.setattr(translations, "PAGES", tmp_path)
    assert list(translations.texts()) == [(None, "%(count)s card", "%(count)s cards")]


def test_every_refusal_has_a_text_that_a_translator_can_see():
    for path in translations.refusing_files():
        for call in translations.refusal_calls(ast.parse(path.read_text())):
            first = call.args[0]
            is_seen = not isinstance(first, ast.JoinedStr | ast.BinOp | ast.IfExp)
            assert is_seen, f"{path.name}:{call.lineno}: write a literal with places such as %(number)s for values"


def test_a_refusal_has_a_value_for_each_place_of_its_text():
    for path in translations.refusing_files():
        for call in translations.refusal_calls(ast.parse(path.read_text())):
            if isinstance(call.args[0], ast.Constant):
                places = set(re.findall(r"%\((\w+)\)s", call.args[0].value))
                given = {one.arg for one in call.keywords}
                assert places == given, f"{path.name}:{call.lineno}: places {places}, values {given}"


@pytest.mark.parametrize("name", CASHIER_FILES)
def test_a_cashier_meets_no_refusal_without_a_translation(name):
    tree = ast.parse((translations.TOOLS / name).read_text())
    raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    plain = [one for one in raised if isinstance(one.func, ast.Name) and one.func.id in ("ValueError", "OSError")]
    assert not plain, f"{name}:{plain[0].lineno}: raise a Refusal or a Failure, so that its words can be translated"
