"""The currency of the office, in which it sells and its meters count.

An office has one currency, because its tills, its bank and its reports have one.
"""

from wattpurse.core.currency import Currency, currency_of
from wattpurse_tools.record.models import Site
from wattpurse_tools.station.station import Station


def currency_of_meter(station: Station, number: int | None) -> Currency:
    """Return the currency that a meter sells in, or the office's for a meter that the record does not have."""
    row = station.meter(number) if number else None
    return site_currency() if row is None else currency_of(dict(row))


def site_currency() -> Currency:
    """Return the currency of the office."""
    site = Site.objects.get()
    return Currency(site.currency, site.decimals)
