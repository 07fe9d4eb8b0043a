"""What else happens to an account when credit comes, a day begins, or a balance is taken back: debts, emergency credit.

All of it follows from the account alone, so that a record which says "this was credited" leads to the same state
whenever it is replayed. Money is micro-units, energy mWh.
"""

from wattpurse.core.contract import ENERGY, MONEY, TIME
from wattpurse.core.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED, NO_EMERGENCY
from wattpurse.core.terms import NO_LIMIT

DAYS_OF_A_WEEK = 7

_MONDAY = 3  # 1970-01-01 was a Thursday


def take_credit(account, unit: int, amount: int):
    """Credit `amount` of `unit`; what is in debt gets its share of it."""
    share = debt_share(account, unit, amount)
    account.purse(unit).bought += amount
    if share:
        _note_week(account)
        account.standing.set("debt_week_microunits", account.standing["debt_week_microunits"] + share)
        _pay_debt(account, share)
    note_balance(account)


def debt_share(account, unit: int, amount: int) -> int:
    """What a top-up of `amount` pays back: the agreed percentage of what is left of it once the balance is at zero.

    Rounded down, never more than the debt, and within a week never more than the cap.
    """
    percent = account.terms["debt_share_percent"]
    if unit != MONEY or percent == 0 or amount <= 0:
        return 0
    free = max(0, amount - max(0, -account.money.balance))
    share = min(free * percent // 100, account.standing["debt_microunits"])
    cap = account.terms["debt_cap_microunits"]
    if cap != NO_LIMIT:
        taken = account.standing["debt_week_microunits"] if account.standing["debt_week"] == _week(account.day) else 0
        share = min(share, max(0, cap - taken))
    return share


def take_daily_debt(account):
    """The part of the weekly sum that falls on the day that just began.

    Seven parts, each the weekly sum's exact seventh rounded down where it ends, make the whole. Not below the floor:
    a part that would go there is not taken later, the debt just lasts longer.
    """
    weekly = account.terms["debt_weekly_microunits"]
    debt = account.standing["debt_microunits"]
    if weekly == 0 or debt == 0 or account.contract.unit != MONEY:
        return
    day = (account.day + _MONDAY) % DAYS_OF_A_WEEK
    part = weekly * (day + 1) // DAYS_OF_A_WEEK - weekly * day // DAYS_OF_A_WEEK
    part = min(part, debt, max(0, account.money.balance - account.terms["debt_floor_microunits"]))
    if part:
        _pay_debt(account, part)


def note_balance(account):
    """Emergency credit is used up at its limit, and can be offered again when it is repaid."""
    standing = account.standing
    if standing["emergency"] == NO_EMERGENCY or account.contract.unit == TIME:
        return
    balance = account.purse(account.contract.unit).balance
    if balance > 0:
        standing.set("emergency", NO_EMERGENCY)
    elif standing["emergency"] == EMERGENCY_ACCEPTED and balance <= -account.contract.emergency_limit(account):
        standing.set("emergency", EMERGENCY_USED)


def take_back(account, sequence: int, unit: int, amount: int):
    """Token `sequence` takes up to `amount` (0: everything) out of one purse; the receipt says how much it was."""
    balance = max(0, account.purse(unit).balance)
    taken = balance if amount == 0 else min(amount, balance)
    account.purse(unit).bought -= taken
    _write_receipt(account, sequence, taken if unit == MONEY else 0, taken if unit == ENERGY else 0, 0)


def clear(account, sequence: int):
    """Token `sequence` brings both purses and the debt to zero; what they were, owing included, is on the receipt."""
    money, energy = account.money.balance, account.energy.balance
    account.money.bought -= money
    account.energy.bought -= energy
    _write_receipt(account, sequence, money, energy, account.standing["debt_microunits"])
    account.standing.set("debt_microunits", 0)
    account.standing.set("emergency", NO_EMERGENCY)


def _pay_debt(account, amount):
    standing = account.standing
    account.money.spend(amount)
    standing.set("debt_microunits", standing["debt_microunits"] - amount)
    standing.set("debt_recovered_microunits", standing["debt_recovered_microunits"] + amount)


def _note_week(account):
    week = _week(account.day)
    if account.standing["debt_week"] != week:
        account.standing.set("debt_week", week)
        account.standing.set("debt_week_microunits", 0)


def _week(day):
    """Weeks since 1970, each from Monday on."""
    return (day + _MONDAY) // DAYS_OF_A_WEEK


def _write_receipt(account, sequence, microunits, mwh, debt_microunits):
    account.standing.set("receipt_sequence", sequence)
    account.standing.set("receipt_microunits", microunits)
    account.standing.set("receipt_mwh", mwh)
    account.standing.set("receipt_debt_microunits", debt_microunits)
