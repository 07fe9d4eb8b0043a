"""A meter with its outstanding tokens, read once by a step that makes tokens and holds the lock of the meter's row."""

from collections.abc import Sequence
from dataclasses import dataclass

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse_tools.compiled_queries import CompiledRows
from wattpurse_tools.record.models import Meter
from wattpurse_tools.station.order import BENEFIT_KINDS
from wattpurse_tools.station.rows import Row

_LOCKED = CompiledRows(Meter, lambda number: Meter.objects.select_for_update().filter(number=number), 1)


@dataclass(frozen=True)
class MeterNow:
    """The row of a `meter`, and the rows of its outstanding tokens, `waiting`, oldest first."""

    meter: Row
    waiting: Sequence[Row]

    @property
    def number(self) -> int:
        """The number of the meter."""
        return self.meter["number"]

    @property
    def tenant(self) -> int:
        """The tenant that the next token is for: the one that moves in with the newest token, or is in."""
        moving_in = [row["amount"] for row in self.waiting if row["kind"] == token.TENANT]
        return moving_in[-1] if moving_in else self.meter["tenant"]

    @property
    def contracts_to_come(self) -> list[str]:
        """The names of the contracts that outstanding tokens bring."""
        codes = [row["amount"] for row in self.waiting if row["kind"] == token.CONTRACT]
        return [contracts.by_code(code).name for code in codes if code]

    @property
    def sealing_version(self) -> int:
        """The version of the meter key to seal the next token under."""
        return min(
            [self.meter["key_version"], *(token.key_version(row["sealed"]) for row in self.waiting if row["sealed"])]
        )

    def newest_order(self, uid: bytes, for_tenant: bool = False) -> int:
        """Return the number of the newest outstanding order for a card or for no card, or 0.

        An order is a token that credits nothing. The next token for that card must be redeemed after it. The meter
        voids an order of a tenant who has not moved in. With `for_tenant` the next token is such an order: it is
        redeemed after the token of the move-in, on whatever card that is. Other tokens do not wait for a move-in by
        another card.
        """
        chosen = [row for row in self.waiting if row["card"] == uid.hex() and row["kind"] not in BENEFIT_KINDS]
        moving_in = [row for row in self.waiting if row["kind"] == token.TENANT]
        if moving_in:
            newest = moving_in[-1]
            behind = [row for row in chosen if self._is_behind(row, newest["sequence"])]
            if for_tenant:
                chosen = [newest, *behind]
            elif newest["card"] != uid.hex():
                chosen = [row for row in chosen if row not in behind]
        return max((row["sequence"] for row in chosen), default=0)

    def _is_behind(self, row: Row, sequence: int) -> bool:
        """Return True if a token is that of a number, or is redeemed after it."""
        after = {one["sequence"]: one["after"] for one in self.waiting}
        number = row["sequence"]
        while number in after and number != sequence:
            number = after[number]
        return number == sequence


def locked_row(number: int) -> Meter | None:
    """Return a meter and lock its row, or None if there is none of this number."""
    return _LOCKED.first(number)
