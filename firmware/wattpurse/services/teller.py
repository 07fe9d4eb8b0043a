"""The teller: opens tokens from any carrier, and lets each have its effect once.

`redeem` is synchronous and durable: after ACCEPTED the ledger is in flash. The ledger's record of redeemed sequence
numbers decides. A carrier only transports.
"""

from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import OFFICE, issuer_of
from wattpurse.core.records import events
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.services.key_roll import KeyRoll
from wattpurse.services.token_effects import TokenEffects

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.messages.token import Token
    from wattpurse.hal import Aes
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

_REFUSALS_REMEMBERED = 32  # more tokens than one card has room for
# No later tap can change these outcomes. A token that credits something stays valid all the same: it is money. So does
# a token of an unknown kind: newer firmware may know it.
_FOR_GOOD = (outcome.OUTDATED, outcome.NOT_SUPPORTED, outcome.OTHER_TENANT)
_NEVER_VOID = (token.MONEY, token.ENERGY, token.ENERGY_AND_TIME, token.TIME, token.KEY)


class Teller:
    """Opens tokens for the meter that the settings in `stores` name. Changes ledger, settings and clock accordingly."""

    def __init__(self, stores: "Stores", timekeeper: "TimeKeeper", aes: "Aes") -> None:
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._events = stores.events
        self._timekeeper = timekeeper
        self._keys = KeyRoll(stores=stores, timekeeper=timekeeper, aes=aes)
        self._refused = []
        self._effects = TokenEffects(stores.settings, stores.ledger, stores.events, timekeeper, self._keys, stores)

    def start(self) -> None:
        """Take the keys, and finish a tamper clearing that a power cut interrupted.

        Raises OSError if it cannot be written.
        """
        self.take_keys()
        self._effects.finish_clearing()

    def take_keys(self) -> None:
        """Derive the token keys from the meter key in the settings. Call when that key changes."""
        self._keys.take_keys()

    def redeem(self, data: bytes, carrier: int) -> int:
        """Let one sealed token have its effect, and return an `outcome`."""
        header = token.read_header(data)
        if header is None:
            return outcome.UNREADABLE
        if header[0] != self._settings.get("meter_number"):
            return outcome.NOT_THIS_METER
        try:
            opened = self._keys.open(data)
        except SealBroken:
            return outcome.UNREADABLE
        return self._redeem_opened(opened, carrier)

    def redeem_digits(self, digits: str, carrier: int) -> int:
        """Let one token of twenty digits have its effect, and return an `outcome`.

        Call it through `services.digit_entry`, which limits guesses. Its modules are loaded at the first use.
        """
        from wattpurse.core.messages import short_token

        if not short_token.is_whole(digits):
            return outcome.MISTYPED
        account = self._ledger.account
        newest_count = account.tokens.top(short_token.issuer_of_digits(digits))
        try:
            opened = self._keys.open_digits(digits, newest_count, account.standing["tenant"])
        except SealBroken:
            return outcome.UNREADABLE
        name, unit = short_token.limit_of(opened.kind)
        if opened.fields()[0] > account.terms[name] * unit and not account.token_is_used(opened.sequence):
            return self._refuse(opened, carrier, outcome.OVER_SHORT_LIMIT)
        return self._redeem_opened(opened, carrier)

    def _redeem_opened(self, opened: "Token", carrier: int) -> int:
        if self._ledger.account.token_is_used(opened.sequence):
            return outcome.USED
        try:
            result = self._refusal(opened)
            if result is None:
                result = self._effects.take(opened, carrier)
        except ValueError:
            result = outcome.NOT_SUPPORTED
        except OSError:
            result = outcome.LEDGER_FAILED
        if result == outcome.ACCEPTED:
            return result
        if result in _FOR_GOOD and token.name(opened.kind) and token.benefit(opened.kind) not in _NEVER_VOID:
            return self._void(opened, carrier, result)
        return self._refuse(opened, carrier, result)

    def _refusal(self, opened: "Token") -> int | None:
        """Return the outcome that refuses a token for its issuer, its order or its tenant, or None."""
        account = self._ledger.account
        issuer = issuer_of(opened.sequence)
        if not account.tokens.admits(issuer) or (issuer != OFFICE and token.is_for_office(opened.kind)):
            return outcome.NOT_ENTITLED
        if opened.after and not account.token_is_used(opened.after):
            return outcome.OUT_OF_ORDER
        if token.is_personal(opened.kind) and opened.tenant != account.standing["tenant"]:
            return outcome.OTHER_TENANT
        return None

    def _void(self, opened: "Token", carrier: int, result: int) -> int:
        """Note that an order is refused for good, so that it blocks neither its card nor the orders behind it."""
        now_s = self._timekeeper.now_s()
        try:
            self._ledger.redeem(opened.sequence, opened.kind, carrier, now_s, result)
        except OSError:
            return outcome.LEDGER_FAILED
        self._events.note(events.TOKEN_VOIDED, carrier, now_s, result, opened.sequence)
        return result

    def _refuse(self, opened: "Token", carrier: int, result: int) -> int:
        """Note a refused token, once per outcome, and authentic tokens only. The event log has a limit of its own."""
        if (opened.sequence, result) not in self._refused:
            self._refused.append((opened.sequence, result))
            del self._refused[:-_REFUSALS_REMEMBERED]
            self._events.note(events.TOKEN_REFUSED, carrier, self._timekeeper.now_s(), result, opened.sequence)
        return result
