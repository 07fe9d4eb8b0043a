"""Currencies: how an amount of money is shown and typed. Integers only: micro-units, millionths of the currency's unit.

The meter rounds an amount down to the currency's decimals, so that it never shows credit that is not there.
The station shows every digit.
"""

MICROUNIT_DIGITS = 6

_MILLION = 1_000_000
_WHOLE_DIGITS_LIMIT = 12


class Currency:
    """A currency: its code in ISO 4217, and the decimals (0..6) that an amount is shown and sold with."""

    def __init__(self, code: str, decimals: int) -> None:
        self.code = code
        self.decimals = decimals

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Currency) and (self.code, self.decimals) == (other.code, other.decimals)

    def __hash__(self) -> int:
        return hash((self.code, self.decimals))

    def __repr__(self) -> str:
        return f"Currency({self.code!r}, {self.decimals})"

    def shown_units(self, microunits: int) -> int:
        """Return the amount in units of the last decimal shown, rounded down."""
        return microunits // 10 ** (MICROUNIT_DIGITS - self.decimals)

    def text(self, microunits: int) -> str:
        """Return the amount, rounded down, with the code: `12.34 EUR`."""
        return f"{decimal_text(microunits, self.decimals)} {self.code}"

    def exact_text(self, microunits: int) -> str:
        """Return the exact amount with the code: `12.34 EUR`, or `12.345 EUR` if the amount needs more decimals."""
        return f"{exact_decimal_text(microunits, self.decimals)} {self.code}"

    def parse(self, text: str) -> int:
        """Return the micro-units of an amount of zero or more, with or without the code behind it.

        Raise ValueError, with the reason, for any other text.
        """
        end = " " + self.code
        return parse_decimal(text[: -len(end)] if text.endswith(end) else text, self.decimals)


def currency_of(record: dict) -> Currency:
    """Return the currency that `record` names: a tariff's fields, a report of the console, a meter's row."""
    return Currency(record["currency"], record["decimals"])


def decimal_text(millionths: int, decimals: int) -> str:
    """Return millionths as a number with 0 to 6 decimals, rounded down: `decimal_text(12_345_678, 2)` is `12.34`."""
    shown = millionths // 10 ** (MICROUNIT_DIGITS - decimals)
    sign = "-" if shown < 0 else ""
    whole, fraction = divmod(abs(shown), 10**decimals)
    if decimals == 0:
        return f"{sign}{whole}"
    digits = str(fraction)
    return f"{sign}{whole}.{'0' * (decimals - len(digits))}{digits}"


def exact_decimal_text(millionths: int, decimals: int) -> str:
    """Return millionths as an exact number with at least that many decimals."""
    while millionths % 10 ** (MICROUNIT_DIGITS - decimals):
        decimals += 1
    return decimal_text(millionths, decimals)


def parse_decimal(text: str, decimals: int) -> int:
    """Return the millionths in a decimal number of zero or more. Zeros beyond the last decimal are accepted.

    Raise ValueError, with the reason, for any other text.
    """
    whole, point, fraction = text.partition(".")
    if not _is_digits(whole) or len(whole) > _WHOLE_DIGITS_LIMIT or (point and not _is_digits(fraction)):
        raise ValueError(f"write a number above zero, such as {decimal_text(20 * _MILLION, decimals)}")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f"write at most {decimals} decimals" if decimals else "write a whole number, without decimals")
    return int(whole) * _MILLION + int(fraction + "0" * (MICROUNIT_DIGITS - len(fraction)))


def _is_digits(text: str) -> bool:
    return text != "" and all("0" <= character <= "9" for character in text)
