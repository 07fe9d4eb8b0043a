"""Debts, emergency credit and receipts: effects on an account when credit comes, a day begins or a balance is taken
back.

All of them follow from the account alone, so that a replayed record always leads to the same state. Money is
micro-units, energy mWh.
"""

from wattpurse.core.money import friendly
from wattpurse.core.money.contract import ENERGY, MONEY
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED, NO_EMERGENCY
from wattpurse.core.money.terms import NO_LIMIT

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account

DAYS_OF_A_WEEK = 7

_MONDAY = 3  # 1970-01-01 was a Thursday
# The unit of a credit register, the standing number of its emergency credit, and the term with the limit of it.
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
    "demand_mwh",
)


def take_credit(account: "Account", unit: int, amount: int) -> None:
    """Credit `amount` of `unit`. A debt gets its share of it."""
    share = debt_share(account, unit, amount)
    account.credit_register(unit).bought += amount
    if share:
        _pay_debt(account, share)
    note_balance(account)


def balance_after(account: "Account", unit: int, amount: int) -> int:
    """Return the balance after `take_credit`."""
    return account.credit_register(unit).balance + amount - debt_share(account, unit, amount)


def debt_share(account: "Account", unit: int, amount: int) -> int:
    """Return the part of a top-up of `amount` that pays debt back: a percentage of the part above a zero balance.

    Energy charged without credit and emergency credit are repaid first. The share is rounded down, and limited by the
    debt and by the rest of the weekly cap.
    """
    percent = account.terms["debt_share_percent"]
    if unit != MONEY or percent == 0 or amount <= 0:
        return 0
    free = max(0, amount - max(0, -account.money.balance))
    return min(free * percent // 100, _most_of_debt(account))


def take_daily_debt(account: "Account") -> None:
    """Charge the day that just began with its part of the weekly debt payment.

    The seven parts of a week are exact sevenths of the sum, rounded down at their ends, and add up to it. A part is
    limited by the floor of the balance and by the weekly cap. The rest is not charged later: the debt just lasts
    longer.
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
    """Update the emergency credit of each credit register: used up at its limit, on offer again once it is repaid.

    Call after a balance rises or a limit changes. Recovery counts all energy between two records at once, and must
    reach the same state as the running meter that counted pulse by pulse.
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


def take_back(account: "Account", sequence: int, card: int, unit: int, amount: int) -> None:
    """Take up to `amount` (0: everything) out of one credit register for token `sequence`, and write the receipt.

    `card` is the number of the card that the token names.
    """
    balance = max(0, account.credit_register(unit).balance)
    taken = balance if amount == 0 else min(amount, balance)
    account.credit_register(unit).take_out(taken)
    _write_receipt(account, sequence, card, taken if unit == MONEY else 0, taken if unit == ENERGY else 0)


def clear(account: "Account", sequence: int, card: int) -> None:
    """Set both credit registers, the debt, prepaid time and time owed to zero for token `sequence`, made for `card`.

    The receipt has the former balances, including negative ones. The maximum demand of the month begins again: the
    next tenant does not pay for that of the one before.
    """
    standing = account.standing
    money = account.money.take_out(account.money.balance)
    energy = account.energy.take_out(account.energy.balance)
    debt, term_s = standing["debt_microunits"], max(0, standing["term_until_s"] - account.time_s)
    _write_receipt(account, sequence, card, money, energy, debt, term_s)
    standing.add("debt_taken_microunits", debt)
    standing.add("term_taken_s", term_s)
    for name in _CLEARED:
        standing.set(name, 0)
    if standing["friendly_until_s"]:
        standing.set("friendly_since_s", account.time_s)  # the next tenant owes no time for the friendly hours before


def term_end_s(account: "Account", now_s: int, duration_s: int) -> int:
    """Return the end of the term after a purchase. A renewal before its end adds to it; a later one begins now."""
    return max(account.standing["term_until_s"], now_s) + duration_s


def extend_term(account: "Account", now_s: int, duration_s: int) -> None:
    """Extend the term by time that a token bought at `now_s`. Time owed for friendly hours is paid back first."""
    standing = account.standing
    standing.add("term_bought_s", duration_s)
    owed_s = friendly.owed_s(account, now_s)
    if duration_s <= owed_s:
        standing.add("friendly_since_s", duration_s)
        return
    standing.set("term_until_s", term_end_s(account, now_s, duration_s - owed_s))
    if owed_s:
        standing.set("friendly_until_s", 0)


def debt_after(account: "Account", amount: int) -> int:
    """Return the debt after `change_debt`."""
    return max(0, account.standing["debt_microunits"] + amount)


def change_debt(account: "Account", amount: int) -> None:
    """Add an amount to the debt. An amount below zero takes debt off, down to no debt."""
    standing = account.standing
    change = debt_after(account, amount) - standing["debt_microunits"]
    standing.add("debt_microunits", change)
    standing.add("debt_added_microunits" if change > 0 else "debt_reduced_microunits", abs(change))


def _most_of_debt(account: "Account") -> int:
    """Return the largest amount that may be paid back now: the debt, within the rest of the weekly cap."""
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
    """Return the weeks since 1970, from Mondays, by the newest charged day: a clock set back begins no new week."""
    return (account.charged_day + _MONDAY) // DAYS_OF_A_WEEK


def _write_receipt(
    account: "Account",
    sequence: int,
    card: int,
    microunits: int,
    mwh: int,
    debt_microunits: int = 0,
    term_s: int = 0,
) -> None:
    """Write the receipt of token `sequence`: who it is for, and the credit, debt and time that were taken out."""
    standing = account.standing
    standing.set("receipt_sequence", sequence)
    standing.set("receipt_card", card)
    standing.set("receipt_tenant", standing["tenant"])
    standing.set("receipt_microunits", microunits)
    standing.set("receipt_mwh", mwh)
    standing.set("receipt_debt_microunits", debt_microunits)
    standing.set("receipt_term_s", term_s)
