"""Amounts against Python's exact fractions and decimals."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattpurse.core.currency import Currency

MILLION = 1_000_000
currencies = st.builds(Currency, st.sampled_from(("EUR", "JPY", "KWD")), st.integers(0, 6))
amounts = st.integers(-(10**18), 10**18 - 1)


def number_in(text: str, currency: Currency) -> Decimal:
    """Return the number in front of the code."""
    number, code = text.split(" ")
    assert code == currency.code
    return Decimal(number)


@given(currencies, amounts)
def test_text_is_the_amount_rounded_down(currency, microunits):
    shown = number_in(currency.text(microunits), currency)
    step = Fraction(1, 10**currency.decimals)
    assert Fraction(shown) == floor(Fraction(microunits, MILLION) / step) * step
    assert -shown.as_tuple().exponent == currency.decimals
    assert currency.shown_units(microunits) == Fraction(shown) / step


@given(currencies, amounts)
def test_exact_text_is_the_amount_with_no_digit_too_many(currency, microunits):
    shown = number_in(currency.exact_text(microunits), currency)
    assert Fraction(shown) == Fraction(microunits, MILLION)
    places = -shown.as_tuple().exponent
    assert places >= currency.decimals
    if places > currency.decimals:
        assert shown.as_tuple().digits[-1] != 0


@given(currencies, st.integers(0, 10**12 - 1))
def test_amounts_that_can_be_sold_are_read_back(currency, units):
    microunits = units * 10 ** (6 - currency.decimals)
    assert currency.text(microunits) == currency.exact_text(microunits)
    assert currency.parse(currency.text(microunits)) == microunits
    assert currency.parse(currency.text(microunits).removesuffix(f" {currency.code}")) == microunits


@given(currencies, st.decimals(min_value=0, max_value=10**11, allow_nan=False, places=7))
def test_number_is_read_as_decimal_reads_it_or_refused(currency, number):
    text = format(number, "f")
    if Fraction(number) % Fraction(1, 10**currency.decimals):
        expected = f"at most {currency.decimals} decimals" if currency.decimals else "whole number, without decimals"
        with pytest.raises(ValueError, match=expected):
            currency.parse(text)
    else:
        assert currency.parse(text) == Fraction(number) * MILLION


@given(currencies, st.text(alphabet="0123456789.-+eE_, \u0661EURJPYKWD", max_size=20))
def test_any_text_is_read_exactly_or_refused(currency, text):
    try:
        microunits = currency.parse(text)
    except ValueError:
        return
    assert Fraction(text.removesuffix(f" {currency.code}")) * MILLION == microunits
