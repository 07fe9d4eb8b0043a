"""What else happens to an account when credit comes, a day begins, or a balance is taken back: debts, emergency credit.

All of it follows from the account alone, so that a record which says "this was credited" leads to the same state
whenever it is replayed. Money is micro-units, energy mWh.
"""

from wattpurse.core.money.contract import ENERGY, MONEY
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED, NO_EMERGENCY
from wattpurse.core.money.terms import NO_LIMIT

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account

DAYS_OF_A_WEEK = 7

_MONDAY = 3  # 1970-01-01 was a Thursday
# Each purse, the standing number of its emergency credit, and the term that says how far it goes.
_EMERGENCIES = (
    (MONEY, "emergency_money", "emergency_microunits"),
    (ENERGY, "emergency_energy", "emergency_mwh"),
)
_CLEARED = (
    "debt_microunits",
    "debt_week_microunits",
    "emergency_money",
    "emergency_energy",
    "term_until_s",
    "dispenser_until_s",
)


def take_credit(account: "Account", unit: int, amount: int) -> None:
    """Credit `amount` of `unit`; what is in debt gets its share of it."""
    share = debt_share(account, unit, amount)
    account.credit_register(unit).bought += amount
    if share:
        _pay_debt(account, share)
    note_balance(account)


def balance_after(account: "Account", unit: int, amount: int) -> int:
    """What `take_credit` would bring the purse to."""
    return account.credit_register(unit).balance + amount - debt_share(account, unit, amount)


def debt_share(account: "Account", unit: int, amount: int) -> int:
    """What a top-up of `amount` pays back: the agreed percentage of what is left of it once the balance is at zero.

    What is owed for energy or on emergency credit is repaid first. Rounded down, and never more than the debt, nor than
    the cap leaves of the week.
    """
    percent = account.terms["debt_share_percent"]
    if unit != MONEY or percent == 0 or amount <= 0:
        return 0
    free = max(0, amount - max(0, -account.money.balance))
    return min(free * percent // 100, _most_of_debt(account))


def take_daily_debt(account: "Account") -> None:
    """The part of the weekly sum that falls on the day that just began.

    Seven parts, each the weekly sum's exact seventh rounded down where it ends, make the whole. Not below the floor,
    nor over the cap of the week: a part that would go there is not taken later, the debt just lasts longer.
    """
    weekly = account.terms["debt_weekly_microunits"]
    if weekly == 0 or account.contract.unit != MONEY:
        return
    day = (account.charged_day + _MONDAY) % DAYS_OF_A_WEEK
    part = weekly * (day + 1) // DAYS_OF_A_WEEK - weekly * day // DAYS_OF_A_WEEK
    part = min(part, _most_of_debt(account), account.money.balance - account.terms["debt_floor_microunits"])
    if part > 0:
        _pay_debt(account, part)


def note_balance(account: "Account") -> None:
    """Emergency credit is used up at its limit, and can be offered again when it is repaid: each purse's by itself.

    To be called after whatever may change a balance upwards, or a limit: recovery counts all energy between two records
    at once, and must come to what counting it pulse by pulse came to.
    """
    standing = account.standing
    for unit, name, limit in _EMERGENCIES:
        state = standing[name]
        if state == NO_EMERGENCY:
            continue
        balance = account.credit_register(unit).balance
        if balance > 0:
            standing.set(name, NO_EMERGENCY)
        elif state == EMERGENCY_ACCEPTED and balance <= -account.terms[limit]:
            standing.set(name, EMERGENCY_USED)


def take_back(account: "Account", sequence: int, unit: int, amount: int) -> None:
    """Token `sequence` takes up to `amount` (0: everything) out of one purse; the receipt says how much it was."""
    balance = max(0, account.credit_register(unit).balance)
    taken = balance if amount == 0 else min(amount, balance)
    account.credit_register(unit).bought -= taken
    _write_receipt(account, sequence, taken if unit == MONEY else 0, taken if unit == ENERGY else 0, 0)


def clear(account: "Account", sequence: int) -> None:
    """Token `sequence` brings both purses, the debt and what was bought of time to nothing.

    What they were, owing included, is on the receipt.
    """
    standing = account.standing
    money, energy = account.money.balance, account.energy.balance
    account.money.bought -= money
    account.energy.bought -= energy
    _write_receipt(account, sequence, money, energy, standing["debt_microunits"])
    standing.set("receipt_term_s", max(0, standing["term_until_s"] - account.time_s))
    for name in _CLEARED:
        standing.set(name, 0)


def _most_of_debt(account: "Account") -> int:
    """The most that may be paid back now: what is owed, within what the cap leaves of the week."""
    standing = account.standing
    cap = account.terms["debt_cap_microunits"]
    if cap == NO_LIMIT:
        return standing["debt_microunits"]
    paid = standing["debt_week_microunits"] if standing["debt_week"] == _week(account) else 0
    return min(standing["debt_microunits"], max(0, cap - paid))


def _pay_debt(account: "Account", amount: int) -> None:
    standing = account.standing
    _note_week(account)
    account.money.spend(amount)
    standing.set("debt_week_microunits", standing["debt_week_microunits"] + amount)
    standing.set("debt_microunits", standing["debt_microunits"] - amount)
    standing.set("debt_recovered_microunits", standing["debt_recovered_microunits"] + amount)


def _note_week(account: "Account") -> None:
    week = _week(account)
    if account.standing["debt_week"] != week:
        account.standing.set("debt_week", week)
        account.standing.set("debt_week_microunits", 0)


def _week(account: "Account") -> int:
    """Weeks since 1970, each from Monday on, by the newest day that was charged: a clock set back begins none anew."""
    return (account.charged_day + _MONDAY) // DAYS_OF_A_WEEK


def _write_receipt(account: "Account", sequence: int, microunits: int, mwh: int, debt_microunits: int) -> None:
    account.standing.set("receipt_sequence", sequence)
    account.standing.set("receipt_microunits", microunits)
    account.standing.set("receipt_mwh", mwh)
    account.standing.set("receipt_debt_microunits", debt_microunits)
    account.standing.set("receipt_term_s", 0)
