"""The words of the pages in the languages of the shops are whole, fit their texts, and are compiled."""

import re

import pytest

from tests.house import translations

_VALUES = re.compile(r"%\(\w+\)s|%d|%s")


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_that_a_shop_sees_has_words(language):
    words = {
        (one.msgctxt or None, one.msgid, one.msgid_plural or None): one for one in translations.catalogue(language)
    }
    for text in translations.texts(translations.SHOP_SOURCES):
        assert text in words, f"{text[1]!r} is not in the {language} words; run: make translations"
        entry = words[text]
        forms = list(entry.msgstr_plural.values()) or [entry.msgstr]
        assert all(forms), f"{text[1]!r} has no words in {language}"


@pytest.mark.parametrize("language", ["de", "fr"])
def test_every_text_of_the_office_has_words(language):
    words = {
        (entry.msgctxt or None, entry.msgid, entry.msgid_plural or None): entry
        for entry in translations.catalogue(language)
    }
    assert words.keys() == translations.texts().keys(), (
        f"the {language} words do not fit the texts; run: make translations"
    )
    for entry in words.values():
        forms = list(entry.msgstr_plural.values()) or [entry.msgstr]
        assert all(forms), f"{entry.msgid!r} has no words in {language}"
        assert "fuzzy" not in entry.flags, f"nobody has checked the {language} words of {entry.msgid!r}"


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
