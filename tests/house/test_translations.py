"""The words of the pages in the languages of the shops are whole, fit their texts, and are compiled."""

import ast
import re

import pytest

from tests.house import translations
from wattpurse.core.money import contract
from wattpurse_tools.headend import payments
from wattpurse_tools.office import refunds
from wattpurse_tools.office import sale_types as kinds
from wattpurse_tools.pages import known_words
from wattpurse_tools.station import order as orders
from wattpurse_tools.vault import interface

# A value, or a sign of one that is written wrong: "%(name)", "%( name)s", "% s".
_VALUES = re.compile(r"%(?:\([^)]*\)?)?\w?")
# The files whose refusals a cashier meets on a page, with the functions if others serve the command line alone.
CASHIER_FILES = {
    "office/actor.py": (),
    "office/counter.py": (),
    "office/learning.py": (),
    "office/prices.py": (),
    "office/reader.py": (),
    "office/sale_plan.py": (),
    "office/sales.py": (),
    "office/shifts.py": (),
    "office/tariff_rides.py": (),
    "office/tokens.py": (),
    "office/voids.py": (),
    "office/wishes.py": (),
    "station/key_card_vending.py": ("look", "flaw", "repair", "_sound_row"),
    "station/card_reader.py": ("unusable", "_with_card", "_found", "_open"),
    "station/reader_cards.py": (),
    "station/short_tokens.py": (),
    "station/vending.py": (
        "refuse",
        "_refuse_wrong_card",
        "_refuse_unknown_tokens",
        "_refuse_without_room",
        "_refuse_inactive",
    ),
    "desk/remote_cards.py": (),
}


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


@pytest.mark.parametrize(("name", "functions"), CASHIER_FILES.items())
def test_a_cashier_meets_no_refusal_without_a_translation(name, functions):
    tree = ast.parse((translations.TOOLS / name).read_text())
    known = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    met = [known[one] for one in functions] or [tree]
    nodes = [node for one in met for node in ast.walk(one)]
    raised = [node.exc for node in nodes if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    plain = [one for one in raised if isinstance(one.func, ast.Name) and one.func.id in ("ValueError", "OSError")]
    assert not plain, f"{name}:{plain[0].lineno}: raise a Refusal or a Failure, so that its words can be translated"


def test_every_contract_has_a_name():
    assert sorted(known_words.CONTRACTS) == sorted(one.name for one in contract.CONTRACTS)


def test_every_state_and_right_has_a_name():
    states = {orders.ISSUED, orders.ON_CARD, orders.REDEEMED, orders.FORFEITED, orders.VOIDED, orders.OUTDATED}
    assert set(known_words.TOKEN_STATES) == states
    assert set(known_words.RIGHTS) == set(interface.RIGHTS)
    sold = {kinds.SOLD, kinds.WRITTEN, kinds.VOIDING, kinds.VOIDED, kinds.REDEEMED_AFTER_VOID}
    assert set(known_words.SALE_STATES) == sold
    assert set(known_words.SALE_KINDS) == {kinds.SALE, kinds.VOID, kinds.FREE, kinds.REFUND, refunds.MOVED}


def test_every_kind_of_notice_and_state_of_a_payment_has_a_name():
    assert known_words.PAYMENT_STATES == payments.STATES
    assert set(known_words.NOTICE_KINDS) == set(payments.KINDS)


def test_every_action_of_the_audit_trail_has_a_name():
    names = {path: set(_actions(path)) for path in sorted(translations.TOOLS.rglob("*.py"))}
    assert sum(map(len, names.values())) > 40
    for path, found in names.items():
        assert found <= set(known_words.ACTIONS), f"{path.name}: {found - set(known_words.ACTIONS)} has no name"


def test_the_texts_of_the_agent_are_those_of_its_program():
    source = "".join(path.read_text() for path in sorted((translations.TOOLS / "desk").glob("*.py")))
    for text in known_words.AGENT_TEXTS:
        assert f'"{text}"' in source, text


def _actions(path):
    """Yield the actions that a file writes to the audit trail, as far as they are literals."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.note", "note") and len(node.args) > 1:
            action = node.args[1]
            for one in (action.body, action.orelse) if isinstance(action, ast.IfExp) else (action,):
                if isinstance(one, ast.Constant):
                    yield one.value
