"""The words of the pages in the languages of the shops are whole, fit their texts, and are compiled."""

import re

import pytest

from tests.house import translations

# A value, or a sign of one that is written wrong: "%(name)", "%( name)s", "% s".
_VALUES = re.compile(r"%(?:\([^)]*\)?)?\w?")


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_that_a_shop_sees_has_words(language):
    words = {
        (one.msgctxt or None, one.msgid, one.msgid_plural or None): one for one in translations.catalogue(language)
    }
    is_whole = language in translations.WHOLE_LANGUAGES
    for text in translations.texts() if is_whole else translations.texts(translations.SHOP_SOURCES):
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
