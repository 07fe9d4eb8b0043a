"""The currency of each meter, as the station's record has it, and of the whole site.

A key card is sold for every meter of the site, so its money is shown in the currency of the site.
"""

from wattpurse.core.currency import Currency, currency_of
from wattpurse_tools.record.models import Meter
from wattpurse_tools.station.station import Station

DEFAULT = Currency("EUR", 2)


def currency_of_meter(station: Station, number: int | None) -> Currency:
    """Return the currency that a meter sells in, or the site's for a meter that the record does not have."""
    row = station.meter(number) if number else None
    return site_currency(station) if row is None else currency_of(dict(row))


def site_currency(_station: Station) -> Currency:
    """Return the currency that all meters sell in, or the default if there is no meter.

    If there are several, the code names them all ("EUR or JPY"), with the most decimals of any.
    """
    currencies = _currencies()
    if not currencies:
        return DEFAULT
    codes = sorted({currency.code for currency in currencies})
    return Currency(" or ".join(codes), max(currency.decimals for currency in currencies))


def currency_for_new_meter(station: Station) -> Currency:
    """Return the currency of a meter that a card is made for before the meter is added.

    Raise ValueError, with the remedy, if the station's meters sell in several.
    """
    if len(_currencies()) > 1:
        raise ValueError(
            f"this station sells in {site_currency(station).code}; add the meter first, with its currency: "
            "wattpurse meter add NUMBER --currency CODE --decimals N"
        )
    return site_currency(station)


def _currencies() -> set[Currency]:
    sold_in = Meter.objects.values_list("currency", "decimals").distinct()
    return {Currency(code, decimals) for code, decimals in sold_in}
