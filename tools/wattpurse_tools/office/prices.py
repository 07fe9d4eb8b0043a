"""Prices and taxes: the price of a kWh, a day or a permit for a type of customer at a time, and the tax in it.

A price is gross: it contains the tax. All amounts on a receipt are whole units of the currency's last decimal.
Rounding is always this: an amount that is asked for is rounded up, so that nothing is sold below its price; a quantity
for an amount is rounded down to mWh or whole days; a tax is rounded half up, line by line; net is gross less tax.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q

from wattpurse.core.currency import MICROUNIT_DIGITS
from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.record.models import CustomerType, Price, TaxRate
from wattpurse_tools.refusals import Refusal

if TYPE_CHECKING:
    from django.db.models.query import ValuesQuerySet

# Things that have a price. The price of MONEY is 1: its row names the tax alone. FEE is charged once a sale.
KWH = "kwh"
DAY = "day"
PERMIT = "permit"
MONEY = "money"
FEE = "fee"
PRICED = (KWH, DAY, PERMIT, MONEY, FEE)

_MILLION = 1_000_000
_TAX_RATES = CompiledValues(
    lambda: TaxRate.objects.order_by("from_day", "pk").values_list("name", "from_day", "rate_ppm")
)


@dataclass(frozen=True)
class Charge:
    """A price that is in force: gross micro-units for one kWh or day, with the tax's name and rate in ppm."""

    gross_microunits: int
    tax_name: str = ""
    tax_ppm: int = 0


def smallest_unit(decimals: int) -> int:
    """Return the micro-units of one unit of the last decimal of a currency."""
    return 10 ** (MICROUNIT_DIGITS - decimals)


def charge_for(what: str, customer_type: CustomerType | None, currency: str, time_s: int, day: date) -> Charge | None:
    """Return the price in force, or None. A price for the customer's type comes before the price for all."""
    return charges_for((what,), customer_type, currency, time_s, day).get(what)


def charges_for(
    wanted: tuple[str, ...], customer_type: CustomerType | int | None, currency: str, time_s: int, day: date
) -> dict[str, Charge]:
    """Return the prices in force of several things, by thing. `customer_type` may be named by its primary key."""
    key = customer_type.pk if isinstance(customer_type, CustomerType) else customer_type
    rows = _prices(wanted).rows(currency, time_s, key)
    chosen = {what: (gross, tax or "") for what, gross, tax in rows}
    rates = _rates({tax for _, tax in chosen.values() if tax}, day)
    return {what: Charge(gross, tax, rates.get(tax, 0)) for what, (gross, tax) in chosen.items()}


def tax_in(gross_microunits: int, tax_ppm: int, decimals: int) -> int:
    """Return the tax that a gross amount contains, rounded half up to the currency's last decimal.

    An amount below zero contains the same tax below zero.
    """
    if gross_microunits < 0:
        return -tax_in(-gross_microunits, tax_ppm, decimals)
    unit = smallest_unit(decimals)
    divisor = (_MILLION + tax_ppm) * unit
    return (2 * gross_microunits * tax_ppm + divisor) // (2 * divisor) * unit


def gross_of_energy(charge: Charge, energy_mwh: int, decimals: int) -> int:
    """Return the price of an amount of energy, rounded up."""
    return round_up(-(-energy_mwh * charge.gross_microunits // _MILLION), decimals)


def energy_for(charge: Charge, gross_microunits: int) -> int:
    """Return the mWh that an amount of money buys, rounded down."""
    if charge.gross_microunits <= 0:
        raise Refusal("energy at the price 0 is not sold for an amount of money; name the kWh")
    return gross_microunits * _MILLION // charge.gross_microunits


def gross_of_days(charge: Charge, days: int, decimals: int) -> int:
    """Return the price of days of a term or of a permit, rounded up."""
    return round_up(days * charge.gross_microunits, decimals)


def days_for(charge: Charge, gross_microunits: int, decimals: int) -> int:
    """Return the whole days that an amount of money buys."""
    if charge.gross_microunits <= 0:
        raise Refusal("days at the price 0 are not sold for an amount of money; name the days")
    days = gross_microunits // charge.gross_microunits
    while days and gross_of_days(charge, days, decimals) > gross_microunits:
        days -= 1
    return days


def round_up(microunits: int, decimals: int) -> int:
    """Return an amount rounded up to the currency's last decimal."""
    unit = smallest_unit(decimals)
    return -(-microunits // unit) * unit


def round_down(microunits: int, decimals: int) -> int:
    """Return an amount rounded down to the currency's last decimal."""
    unit = smallest_unit(decimals)
    return microunits // unit * unit


@cache
def _prices(wanted: tuple[str, ...]) -> CompiledValues:
    """Return the query of the prices of several things until a moment, each after those that it takes the place of."""

    def prices(currency: str, time_s: int, customer_type: int) -> "ValuesQuerySet[Price, Any]":
        return (
            Price.objects.filter(what__in=wanted, currency=currency, from_s__lte=time_s)
            .filter(Q(customer_type=None) | Q(customer_type=customer_type))
            .order_by(F("customer_type").asc(nulls_first=True), "from_s", "pk")
            .values_list("what", "gross_microunits", "tax__name")
        )

    return CompiledValues(prices, "currency", 1, 2)


def _rates(names: set[str], day: date) -> dict[str, int]:
    """Return the rate of each tax on a day. A tax that begins later has the rate 0."""
    if not names:
        return {}
    return {name: rate_ppm for name, from_day, rate_ppm in _TAX_RATES.rows() if from_day <= day}
