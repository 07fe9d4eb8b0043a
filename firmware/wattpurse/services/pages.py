"""The content of each page of the display, in six positions.

A page has two functions: `value`, one integer that changes when the page does and is cheap enough to be compared
several times a second, and `text`, the page spelled out. Some pages exist only while they have something to show.
Numbers are rounded down, so that the display never shows more credit than there is; only a price is rounded to the
nearest. A number that does not fit loses decimals, then the page's letter. If that is not enough, dashes are shown,
never a number cut short.
"""

from wattpurse.core.currency import MICROUNIT_DIGITS, decimal_text
from wattpurse.core.money.contract import ENERGY, TIME, Dispenser
from wattpurse.core.money.registers import RATES
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.core.text import clock_text
from wattpurse.drivers.segments import POSITIONS

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account

CREDIT = 0
RATE = 1
TOTAL_ENERGY = 2
MONTH_ENERGY = 3
CLOCK = 4
UNTIL = 5
LEFT_TODAY = 6
DEBT = 7
DAYS_LEFT = 8
PAGES = 9

DASHES = "-" * POSITIONS

_DAY_MINUTES = 1440
_UNIT = 10**MICROUNIT_DIGITS  # micro-units
_ENERGY_DECIMALS = 2
_MWH_SHOWN = 10_000  # the last of those decimals
_SHORT_PRICE_POSITIONS = 3
_LONG_PRICE_POSITIONS = 4


def value(page: int, account: "Account", days_left: int | None = None) -> int:
    """Return an integer that changes when the page's text does, as long as `account` stays the same object.

    `days_left` is for how long its credit lasts (see `core.money.warning`), or None.
    """
    return days_left if page == DAYS_LEFT else _PAGES[page][0](account)


def text(page: int, account: "Account", days_left: int | None = None) -> str:
    """Return the text of the page: at most six positions, points not counted."""
    if page == DAYS_LEFT:
        return number_text("L", days_left * _UNIT, 0)
    return _PAGES[page][1](account)


def following(page: int, account: "Account | None", days_left: int | None = None) -> int:
    """Return the page that the button turns to from `page`: the next with something to show. `account` may be None."""
    while True:
        page = (page + 1) % PAGES
        if has_something_to_say(page, account, days_left):
            return page


def has_something_to_say(page: int, account: "Account | None", days_left: int | None = None) -> bool:
    """Return True if the page is there now. `account` may be None."""
    if page == DAYS_LEFT:
        return days_left is not None
    return page not in _CONDITIONS or (account is not None and _CONDITIONS[page](account))


def emergency_text(account: "Account") -> str:
    """Return the emergency credit on offer: "EC 5.00" in money, "EC 3.00" in kWh, fewer letters for a large one.

    A press gives the limit less the credit that was used below zero already.
    """
    offered = account.contract.emergency_limit(account) + min(0, account.credit_balance())
    decimals = _ENERGY_DECIMALS if account.contract.unit == ENERGY else account.tariff.currency.decimals
    for shown_decimals in range(decimals, -1, -1):
        digits = number_text(" ", offered, shown_decimals)
        if digits.startswith("  "):
            return "EC" + digits[2:]
    return "E" + digits[1:] if digits.startswith(" ") else digits


def number_text(letter: str, millionths: int, decimals: int) -> str:
    """Return the number behind the page's letter: `("C", 12_340_000, 2)` is "C 12.34"."""
    while True:
        digits = decimal_text(millionths, decimals)
        positions = _positions(digits)
        if positions < POSITIONS:
            return letter + " " * (POSITIONS - 1 - positions) + digits
        if decimals == 0:
            return digits if positions == POSITIONS else DASHES
        decimals -= 1


def price_text(rate: int, price_microunits: int, decimals: int) -> str:
    """Return the number of the rate, counted from 1, and its price per kWh.

    "r1 0.25" if three positions show the exact price. Otherwise the point behind the rate's number is the border and
    the price takes four: "r1.0.219".
    """
    for short_decimals in range(min(decimals, _SHORT_PRICE_POSITIONS - 1), -1, -1):
        price = decimal_text(price_microunits, short_decimals)
        is_exact = price_microunits % 10 ** (MICROUNIT_DIGITS - short_decimals) == 0
        if is_exact and _positions(price) <= _SHORT_PRICE_POSITIONS:
            return f"r{rate + 1}" + " " * (_LONG_PRICE_POSITIONS - _positions(price)) + price
    return f"r{rate + 1}." + _long_price(price_microunits)


def _long_price(price_microunits: int) -> str:
    """Return the price to the nearest, with as many decimals as four positions hold."""
    for decimals in range(_LONG_PRICE_POSITIONS - 1, -1, -1):
        half = 10 ** (MICROUNIT_DIGITS - decimals) // 2
        price = decimal_text(price_microunits + half, decimals)
        if _positions(price) <= _LONG_PRICE_POSITIONS:
            return price
    return "-" * _LONG_PRICE_POSITIONS


def _positions(digits: str) -> int:
    """Return the positions that a number takes; its point takes none."""
    return len(digits) - digits.count(".")


def _credit(account: "Account") -> int:
    if account.contract.unit == TIME:
        return _until(account)
    if account.contract.unit == ENERGY:
        return account.energy.balance // _MWH_SHOWN
    return account.tariff.currency.shown_units(account.credit_balance())


def _credit_text(account: "Account") -> str:
    if account.contract.unit == TIME:
        return _until_text(account)
    if account.contract.unit == ENERGY:
        return number_text("C", account.energy.balance, _ENERGY_DECIMALS)
    return number_text("C", account.credit_balance(), account.tariff.currency.decimals)


def _rate(account: "Account") -> int:
    if account.contract.unit == ENERGY:
        return account.rate
    return account.taxed_price() * RATES + account.rate


def _rate_text(account: "Account") -> str:
    if account.contract.unit == ENERGY:
        return f"r{account.rate + 1}    "
    return price_text(account.rate, account.taxed_price(), account.tariff.currency.decimals)


def _total_energy(account: "Account") -> int:
    return account.registers.total_mwh // _MWH_SHOWN


def _total_energy_text(account: "Account") -> str:
    return number_text("t", account.registers.total_mwh, _ENERGY_DECIMALS)


def _month_energy(account: "Account") -> int:
    return account.registers.month.total_mwh // _MWH_SHOWN


def _month_energy_text(account: "Account") -> str:
    return number_text("u", account.registers.month.total_mwh, _ENERGY_DECIMALS)


def _until(account: "Account") -> int:
    """Return the minutes until supply ends by itself, rounded down, to whole days while there are any."""
    minutes = max(0, account.contract.until_s(account) - account.time_s) // 60
    return minutes if minutes < _DAY_MINUTES else minutes - minutes % _DAY_MINUTES


def _until_text(account: "Account") -> str:
    """Return the days, or on the last one hours and minutes."""
    minutes = _until(account)
    if minutes >= _DAY_MINUTES:
        return number_text("d", minutes // _DAY_MINUTES * _UNIT, 0)
    return "d " + clock_text(minutes).replace(":", ".")


def _left_today(account: "Account") -> int:
    return max(0, account.terms["daily_limit_mwh"] - account.day_mwh) // _MWH_SHOWN


def _left_today_text(account: "Account") -> str:
    return number_text("n", max(0, account.terms["daily_limit_mwh"] - account.day_mwh), _ENERGY_DECIMALS)


def _energy_ends(account: "Account") -> bool:
    return account.contract.unit == ENERGY and account.contract.until_s(account) is not None


def _day_is_limited(account: "Account") -> bool:
    return account.contract is Dispenser and account.terms["daily_limit_mwh"] > 0


def _owes(account: "Account") -> bool:
    return account.standing["debt_microunits"] > 0


def _debt(account: "Account") -> int:
    return account.tariff.currency.shown_units(account.standing["debt_microunits"])


def _debt_text(account: "Account") -> str:
    return number_text("o", account.standing["debt_microunits"], account.tariff.currency.decimals)


def _time(account: "Account") -> int:
    return account.tariff.zone.local_s(account.time_s) % DAY_S // 60


def _time_text(account: "Account") -> str:
    return "h " + clock_text(_time(account)).replace(":", ".")


_PAGES = (
    (_credit, _credit_text),
    (_rate, _rate_text),
    (_total_energy, _total_energy_text),
    (_month_energy, _month_energy_text),
    (_time, _time_text),
    (_until, _until_text),
    (_left_today, _left_today_text),
    (_debt, _debt_text),
)
_CONDITIONS = {UNTIL: _energy_ends, LEFT_TODAY: _day_is_limited, DEBT: _owes}
