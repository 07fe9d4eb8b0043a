"""Tokens of twenty digits from a keypad or the console: each entry is an attempt, and wrong ones delay the next.

A typing error is found by the check digit. It is no attempt, and has no delay. Every other entry that is not accepted
is one, a token that was used before as well: otherwise an old receipt would buy further guesses, and a machine that
types it without end would wear the flash. Cards and other carriers are open during a delay.
"""

from wattpurse.core import outcome
from wattpurse.core.messages import short_token
from wattpurse.core.records import events
from wattpurse.services.attempts import Attempts

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter


class DigitEntry:
    """The entry of tokens of twenty digits at `meter`."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        self._attempts = Attempts(meter.settings, meter.timekeeper, meter.board.clock, "wrong_digits", "wrong_digits_s")

    def wait_s(self) -> int:
        """Return the seconds until the next entry is allowed."""
        return self._attempts.wait_s()

    async def enter(self, digits: str, carrier: int) -> int:
        """Let a token have its effect, and return an `outcome`."""
        meter, attempts = self._meter, self._attempts
        if meter.ledger.account is None:
            return outcome.LEDGER_FAILED
        if not short_token.is_whole(digits):
            return outcome.MISTYPED
        results = []
        try:
            if attempts.is_under_way or attempts.wait_s() > 0:
                return outcome.TOO_SOON

            def is_accepted() -> bool:
                results.append(meter.teller.redeem_digits(digits, carrier))
                return results[0] == outcome.ACCEPTED

            await attempts.make(is_accepted)
        except OSError:
            return results[0] if results else outcome.LEDGER_FAILED
        if results[0] == outcome.UNREADABLE:
            meter.events.note(events.DIGITS_REFUSED, carrier, meter.timekeeper.now_s(), attempts.delay_s)
        return results[0]
