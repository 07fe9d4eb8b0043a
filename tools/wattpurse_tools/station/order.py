"""The order of a token, as the station records it: the token's kind and body, and its meaning in words.

`unit` and `amount` are those of the credit sold: micro-units, mWh, or seconds of a term. A new key has its version as
amount, a change of tenant the new tenant, a contract its code, and a permit its end. Others have the unit "" and the
amount 0.
"""

from wattpurse.core.messages import token
from wattpurse_tools.vault.interface import TokenOrder

MONEY = token.MONEY
ENERGY = token.ENERGY
TIME = token.TIME
NO_UNIT = ""
UNITS = (MONEY, ENERGY, TIME)

# States of a token.
ISSUED = "issued"
ON_CARD = "on card"
REDEEMED = "redeemed"
FORFEITED = "forfeited"
VOIDED = "voided"  # the meter refused it for good, and it changed nothing
OUTDATED = "outdated"  # behind the meter's window and not known to be redeemed: the meter refuses it from now on
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
_KEY_BODY_SIZE = 17  # version u8, key of 16 bytes


class Order:
    """One token that is not sealed yet: `kind`, `body` (bytes), `words`, `unit`, `amount`.

    `card` is the number of the card (`key_card.card_number`) that a receipt is for, or 0. The body of a new key is
    empty: the vault puts the key in.
    """

    def __init__(
        self,
        kind: int,
        fields: tuple[int | bytes, ...],
        words: str,
        unit: str = NO_UNIT,
        amount: int = 0,
        card: int = 0,
    ) -> None:
        self.kind = kind
        self.body = b"" if kind in KEY_KINDS else token.make(kind, *fields)[1]
        self.words = words
        self.unit = unit
        self.amount = amount
        self.card = card

    @property
    def sealed_size(self) -> int:
        """The size of the sealed token in bytes."""
        return token.sealed_token_size(bytes(_KEY_BODY_SIZE) if self.kind in KEY_KINDS else self.body)

    def for_tenant(self, tenant: int) -> TokenOrder:
        """Return the order as the vault takes it."""
        owner = tenant if token.is_personal(self.kind) else 0
        return TokenOrder(self.kind, self.body, owner, self.amount if self.kind in KEY_KINDS else None)


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


def term(duration_s: int) -> Order:
    """Return the order for time of a term."""
    return Order(token.DAYS, (duration_s,), duration_text(duration_s), TIME, duration_s)
