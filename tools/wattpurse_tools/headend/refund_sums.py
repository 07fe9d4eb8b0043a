"""The sum of a payment that its provider has paid back, from the notices about it in any order and number.

A refund's notice tells the sum of all refunds so far, and that of a refund that failed tells its own amount: the
provider has that money again. Each has the provider's time. The notices are taken in the order of these times, so one
that comes late, twice, or before another changes nothing but what is not booked yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """A notice about refunds of one payment."""

    time_s: int
    is_failure: bool
    amount_microunits: int


def paid_back(notices: Iterable[Told]) -> int:
    """Return the sum that is paid back after all notices. In one second a refund is before its failure."""
    total = 0
    for told in sorted(notices, key=lambda one: (one.time_s, one.is_failure, one.amount_microunits)):
        amount = told.amount_microunits
        total = max(0, total - amount) if told.is_failure else max(total, amount)
    return total
