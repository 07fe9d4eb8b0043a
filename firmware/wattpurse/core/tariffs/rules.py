"""The rules of a tariff: the fields of a decoded table, their limits, and the check of the limits.

The fields are a dict:

    version 0..2^32-1                   activation_s, seconds since 1970 UTC, 0..LATEST_S
    currency, three capital letters     decimals shown 0..6             customer_class 0..255
    zone, a calendar.Zone               standing_charge_microunits per local day
    allowance_mwh, free energy per local month
    month_charge_microunits, fixed per local month      minimum_microunits, the least charge of a local month
    demand_microunits_per_kw, for the month's maximum demand, the highest mean power of a half hour
    levies: 0..4 of (name of 1..7 printable ASCII characters, kind of the levy, value); names differ; the value is a
        percentage in hundredths (PER_CENT, 1..10,000) or micro-units per kWh (PER_KWH)
    rates: 1..8 of (name of 1..6 printable ASCII characters, prices in micro-units per kWh, block limits in mWh);
        names differ; 1..6 prices, one block limit fewer, ascending; a block ends when the counted consumption reaches
        its limit
    blocks_of_total: True if the blocks of a rate count the consumption at all rates, else at this rate
    blocks_by_day: True if they count that of the local day, else of the local month
    free_in_blocks: True if free energy counts towards the blocks
    day_types: 1..8 of ((minute of local day, rate), ...), 1..12 each, ascending, the first at minute 0
    seasons: 1..8 of (month, day, (day type Monday, ..., day type Sunday, day type on holidays)), ascending;
        the last runs over New Year up to the first
    holidays: 0..64 of (month, day, year), ascending by year, month, day; year 0 is every year, else 2001..2127
"""

from wattpurse.core.tariffs.calendar import LATEST_S, days_in_month

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Sequence

RATE_LIMIT = 8
NAME_LIMIT = 6
LEVY_LIMIT = 4
LEVY_NAME_LIMIT = 7
BLOCK_LIMIT = 6
DAY_TYPE_LIMIT = 8
SWITCH_LIMIT = 12
SEASON_LIMIT = 8
HOLIDAY_LIMIT = 64
MONEY_LIMIT = 1 << 40  # micro-units, for a price and for the standing charge
ENERGY_LIMIT = (1 << 48) - 1  # mWh
FIRST_HOLIDAY_YEAR = 2001
LAST_HOLIDAY_YEAR = 2127

PER_CENT = 0
PER_KWH = 1
WHOLE_PERCENT = 10_000  # a levy of 100 %

# The fields of a tariff without a charge beside energy and days, whose blocks count each rate by month.
NO_FURTHER_CHARGES = {
    "month_charge_microunits": 0,
    "minimum_microunits": 0,
    "demand_microunits_per_kw": 0,
    "levies": (),
    "blocks_of_total": False,
    "blocks_by_day": False,
    "free_in_blocks": True,
}

_LEAP_YEAR = 2000  # a date without a year may be 29 February


def check_range(what: str, value: int, lowest: int, highest: int) -> int:
    """Return the value. Raise ValueError with its name if it is outside lowest..highest."""
    if not lowest <= value <= highest:
        raise ValueError(f"tariff: {what} is {value}, allowed are {lowest} to {highest}")
    return value


def check_fields(fields: dict) -> None:
    """Raise ValueError with the reason unless every field keeps the rules."""
    check_range("version", fields["version"], 0, 0xFFFFFFFF)
    check_range("activation", fields["activation_s"], 0, LATEST_S)
    currency = fields["currency"]
    if len(currency) != 3 or [letter for letter in currency if not "A" <= letter <= "Z"]:
        raise ValueError("tariff: currency must be three capital letters")
    check_range("decimals", fields["decimals"], 0, 6)
    check_range("customer class", fields["customer_class"], 0, 255)
    check_range("standing charge", fields["standing_charge_microunits"], 0, MONEY_LIMIT)
    check_range("allowance", fields["allowance_mwh"], 0, ENERGY_LIMIT)
    check_range("charge per month", fields["month_charge_microunits"], 0, MONEY_LIMIT)
    check_range("minimum charge", fields["minimum_microunits"], 0, MONEY_LIMIT)
    check_range("price of the maximum demand", fields["demand_microunits_per_kw"], 0, MONEY_LIMIT)
    _check_levies(fields["levies"])
    rates, day_types = fields["rates"], fields["day_types"]
    check_range("number of rates", len(rates), 1, RATE_LIMIT)
    for rate in rates:
        _check_rate(rate)
    if len({name for name, _, _ in rates}) != len(rates):
        raise ValueError("tariff: two rates have the same name")
    check_range("number of day types", len(day_types), 1, DAY_TYPE_LIMIT)
    for day_type in day_types:
        _check_day_type(day_type, len(rates))
    _check_seasons(fields["seasons"], len(day_types))
    _check_holidays(fields["holidays"])


def _check_name(what: str, name: str, limit: int) -> None:
    check_range(f"length of a {what}'s name", len(name), 1, limit)
    for character in name:
        if not " " <= character <= "~":
            raise ValueError(f"tariff: a {what}'s name must be printable ASCII")


def _check_levies(levies: tuple) -> None:
    check_range("number of levies", len(levies), 0, LEVY_LIMIT)
    for name, kind, value in levies:
        _check_name("levy", name, LEVY_NAME_LIMIT)
        check_range("kind of levy " + name, kind, PER_CENT, PER_KWH)
        check_range("value of levy " + name, value, 1, WHOLE_PERCENT if kind == PER_CENT else MONEY_LIMIT)
    if len({name for name, _, _ in levies}) != len(levies):
        raise ValueError("tariff: two levies have the same name")


def _check_rate(rate: tuple) -> None:
    name, prices, limits_mwh = rate
    _check_name("rate", name, NAME_LIMIT)
    check_range("number of prices of " + name, len(prices), 1, BLOCK_LIMIT)
    if len(limits_mwh) != len(prices) - 1:
        raise ValueError(f"tariff: {name} needs one block limit fewer than prices")
    for price in prices:
        check_range("price of " + name, price, 0, MONEY_LIMIT)
    for limit_mwh in limits_mwh:
        check_range("block limit of " + name, limit_mwh, 1, ENERGY_LIMIT)
    _ascending("block limits of " + name, limits_mwh)


def _check_day_type(switches: tuple, rate_count: int) -> None:
    check_range("number of switches in a day type", len(switches), 1, SWITCH_LIMIT)
    if switches[0][0] != 0:
        raise ValueError("tariff: a day type must begin at minute 0")
    for minute, rate in switches:
        check_range("switch minute", minute, 0, 1439)
        check_range("rate in a day type", rate, 0, rate_count - 1)
    _ascending("switches of a day type", [minute for minute, _ in switches])


def _check_seasons(seasons: tuple, day_type_count: int) -> None:
    check_range("number of seasons", len(seasons), 1, SEASON_LIMIT)
    for month, day, day_types in seasons:
        _check_date(_LEAP_YEAR, month, day)
        check_range("number of days in a season", len(day_types), 8, 8)
        for day_type in day_types:
            check_range("day type in a season", day_type, 0, day_type_count - 1)
    _ascending("seasons", [(month, day) for month, day, _ in seasons])


def _check_holidays(holidays: tuple) -> None:
    check_range("number of holidays", len(holidays), 0, HOLIDAY_LIMIT)
    for month, day, year in holidays:
        if year:
            check_range("year of a holiday", year, FIRST_HOLIDAY_YEAR, LAST_HOLIDAY_YEAR)
        _check_date(year or _LEAP_YEAR, month, day)
    _ascending("holidays", [(year, month, day) for month, day, year in holidays])


def _check_date(year: int, month: int, day: int) -> None:
    check_range("month of a date", month, 1, 12)
    check_range("day of a date", day, 1, days_in_month(year, month))


def _ascending(what: str, values: "Sequence") -> None:
    for index in range(1, len(values)):
        if values[index - 1] >= values[index]:
            raise ValueError(f"tariff: {what} must ascend")
