"""The warning before supply ends: two grades, by the credit left and by the time that it will last.

The warning makes no sound in the quiet hours that the terms set.
"""

from wattpurse.core.money.contract import MONEY
from wattpurse.core.money.friendly import is_between
from wattpurse.core.tariffs.calendar import DAY_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account
    from wattpurse.core.money.circumstances import Circumstances

NONE = 0
LOW = 1
VERY_LOW = 2

DAYS_WITHOUT_USE = 9999  # credit that lasts for ever


def grade(account: "Account", circumstances: "Circumstances") -> int:
    """Return NONE, LOW or VERY_LOW: the worst grade of credit left, days left and end of the contract."""
    terms = account.terms
    worst = NONE
    until_s = account.contract.until_s(account)
    if until_s is not None and until_s - circumstances.now_s <= terms["expiry_warning_days"] * DAY_S:
        worst = LOW if until_s - circumstances.now_s > DAY_S else VERY_LOW
    left = account.contract.credit_left(account)
    if left is None:
        return worst
    amounts = ("low_credit_microunits", "very_low_credit_microunits")
    if account.contract.unit != MONEY:
        amounts = ("low_credit_mwh", "very_low_credit_mwh")
    worst = max(worst, _grade_of(left, terms[amounts[0]], terms[amounts[1]]))
    days_left = circumstances.days_left
    if days_left is not None:
        days = terms["low_credit_days"], terms["very_low_credit_days"]
        worst = max(worst, _grade_of(days_left, days[0] or -1, days[1] or -1))
    return worst


def is_quiet(account: "Account") -> bool:
    """Return True in the quiet hours, by the local time of the account."""
    minute = account.tariff.zone.local_s(account.time_s) % DAY_S // 60
    return is_between(minute, account.terms["quiet_from_minute"], account.terms["quiet_to_minute"])


def days_left(balance: int, mean_daily: int) -> int:
    """Return the whole days that `balance` lasts at `mean_daily` of its unit.

    The result is 0 without credit, and DAYS_WITHOUT_USE at most.
    """
    if balance <= 0:
        return 0
    if not mean_daily:
        return DAYS_WITHOUT_USE
    return min(DAYS_WITHOUT_USE, balance // mean_daily)


def _grade_of(left: int, low: int, very_low: int) -> int:
    if left <= very_low:
        return VERY_LOW
    return LOW if left <= low else NONE
