"""The notice of an adapter, and the refusals of its messages."""

from dataclasses import dataclass

from wattpurse_tools.headend import payments
from wattpurse_tools.record.models import PaymentNotice

_MICRO_DECIMALS = 6


class Forged(ValueError):
    """A message whose signature, path or age is wrong. The answer has no reason."""


class Malformed(ValueError):
    """A message that is signed and cannot be read."""


@dataclass(frozen=True)
class Notice:
    """A notice of a payment. `reference` names the meter, or the number of the payment that was paid back."""

    number: str
    kind: str
    amount_microunits: int
    currency: str
    reference: str
    payer: str
    paid_s: int

    def record(self, provider: str, body: str, now_s: int, doubt: str = "") -> PaymentNotice:
        """Keep the notice, once by its number. `doubt` is the reason why a person has to decide about it, or empty."""
        return payments.record(
            provider,
            self.number,
            self.kind,
            self.amount_microunits,
            self.currency,
            self.reference,
            self.payer,
            self.paid_s,
            body,
            now_s,
            doubt,
        )


def micro_of_minor(amount: int, decimals: int) -> int:
    """Return micro-units of an amount in the smallest unit of a currency."""
    return amount * 10 ** (_MICRO_DECIMALS - decimals)
