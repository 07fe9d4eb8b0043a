"""The order of a token, as the station records it: the token's kind and body, and its meaning in words.

`unit` and `amount` are those of the credit sold: micro-units or mWh. A new key has its version as amount, and a change
of tenant the new tenant. All other orders have the unit "" and the amount 0.
"""

from wattpurse.core.messages import token

MONEY = token.MONEY
ENERGY = token.ENERGY
NO_UNIT = ""

# States of a token.
ISSUED = "issued"
ON_CARD = "on card"
REDEEMED = "redeemed"
FORFEITED = "forfeited"
VOIDED = "voided"  # the meter refused it for good, and it changed nothing
OUTSTANDING = (ISSUED, ON_CARD)

_CREDIT_BENEFITS = (token.MONEY, token.ENERGY, token.ENERGY_AND_TIME)
_BENEFITS = (*_CREDIT_BENEFITS, token.TIME)

# After one of these the meter writes a receipt of the credit that it took out.
TAKING = tuple(code for code, *_, benefit in token.KINDS if benefit == token.RECEIPT)
KEY_KINDS = tuple(code for code, *_, benefit in token.KINDS if benefit == token.KEY)
CREDIT_KINDS = tuple(code for code, *_, benefit in token.KINDS if benefit in _CREDIT_BENEFITS)
# Tokens that credit something. All others are orders.
BENEFIT_KINDS = tuple(code for code, *_, benefit in token.KINDS if benefit in _BENEFITS)

_CREDITS = {benefit: code for code, *_, benefit in token.KINDS if benefit in (MONEY, ENERGY)}


class Order:
    """One token that is not sealed yet: `kind`, `body` (bytes), `words`, `unit`, `amount`."""

    def __init__(
        self, kind: int, fields: tuple[int | bytes, ...], words: str, unit: str = NO_UNIT, amount: int = 0
    ) -> None:
        self.kind, self.body = token.make(kind, *fields)
        self.words = words
        self.unit = unit
        self.amount = amount


def duration_text(duration_s: int) -> str:
    """Return a time that was bought as text: days, then hours, minutes and seconds unless they are zero."""
    days, rest_s = divmod(duration_s, 86_400)
    parts = [f"{days} days"] if days or not rest_s else []
    if rest_s:
        parts.append(f"{rest_s // 3600:02}:{rest_s // 60 % 60:02}:{rest_s % 60:02}")
    return " ".join(parts)


def credit(unit: str, amount: int) -> Order:
    """Return the order for a credit of MONEY (micro-units) or ENERGY (mWh). Its amount takes the place of words."""
    return Order(_CREDITS[unit], (amount,), "", unit, amount)
