"""The meaning of a press of the button, if the meter has a question."""

from wattpurse.core.money import supply
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, NO_EMERGENCY

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.account import Account


def asked(account: "Account | None", reason: int) -> tuple | None:
    """Return `(name, value)` of the standing number that a press sets now, or None. `reason` is one of `supply`."""
    if account is None:
        return None
    if reason == supply.UNCONFIRMED:
        return "unconfirmed", 0
    if reason == supply.POWER_LIMIT and account.standing["tripped"]:
        return "tripped", 0
    if reason == supply.NO_CREDIT and emergency_is_offered(account):
        return account.contract.emergency_name, EMERGENCY_ACCEPTED
    return None


def emergency_is_offered(account: "Account") -> bool:
    """Return True if the terms give emergency credit and it was not taken since it was last repaid."""
    contract = account.contract
    limit = contract.emergency_limit(account)
    return contract.emergency(account) == NO_EMERGENCY and account.credit_balance() > -limit
