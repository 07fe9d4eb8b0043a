"""A text in the record keeps its values, so a page shows it in any language; a row from before has the text alone."""

import pytest
from django.db import connection
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from wattpurse.core.currency import Currency
from wattpurse_tools.headend import payments
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.record.models import Payment, PaymentNotice
from wattpurse_tools.record.words_field import WordsField
from wattpurse_tools.refusals import Money, Words, all_of, one_of

EURO = Currency("EUR", 2)
LIMIT = "shop %(shop)s may take %(left)s more in cash until it brings money to the bank; book the deposit first"

texts = st.text(st.characters(codec="utf-8", exclude_characters="%\0"), min_size=1)
amounts = st.builds(Money, st.integers(0, 10**12), st.builds(Currency, st.just("EUR"), st.integers(0, 6)))
values = st.recursive(
    st.one_of(texts, st.integers(), amounts),
    lambda inner: st.builds(
        lambda text, named: Words(text + "".join(f" %({name})s" for name in named), **named),
        texts,
        st.dictionaries(st.sampled_from(("number", "amount", "state")), inner, max_size=3),
    ),
)


def parts_of(value):
    """Return all parts of a value, with their kinds."""
    if isinstance(value, Words):
        return Words, value.text, {name: parts_of(one) for name, one in value.values.items()}
    if isinstance(value, Money):
        return Money, value.microunits, value.currency
    return type(value), value


@given(values.filter(lambda one: isinstance(one, Words)))
def test_each_part_comes_back(words):
    field = WordsField()
    found = field.from_db_value(field.get_prep_value(words), None, connection)
    assert (found, parts_of(found)) == (str(words), parts_of(words))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_plain_text_comes_back(text):
    field = WordsField()
    assert field.from_db_value(field.get_prep_value(text), None, connection) == text


def new_payment(reason=""):
    payments.record("stripe", "pi_1", payments.PAID, 1, "EUR", "999", "A", 0, "", 0)
    Payment.objects.update_or_create(notice=PaymentNotice.objects.get(), defaults={"reason": reason})


def test_a_row_of_each_database_is_shown_in_the_language_of_the_page(any_office):
    reason = Words(LIMIT, shop=7, left=Money(1_234_500_000, EURO))
    new_payment(reason)
    found = Payment.objects.get().reason
    assert found == str(reason) and "1234.50 EUR" in found
    with translation.override("de"):
        assert "darf noch 1.234,50" in in_words(found)


@pytest.mark.parametrize("text", ["", "no meter is known by: 999", "[not of this form"])
def test_a_row_from_before_has_its_text(any_office, text):
    new_payment()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments SET reason = %s", [text])
    assert Payment.objects.get().reason == text
    with translation.override("de"):
        assert in_words(Payment.objects.get().reason) == text


def test_alternatives_and_lists_come_back():
    field, words = WordsField(), Words("%(one)s; %(other)s", one=one_of(("a", "b")), other=all_of(("c", "d")))
    found = field.from_db_value(field.get_prep_value(words), None, connection)
    assert (found, parts_of(found)) == ("a or b; c, d", parts_of(words))
