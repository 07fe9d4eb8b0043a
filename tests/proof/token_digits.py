"""The twenty digits of a sold token, where it has a form of twenty digits that the meter can open."""

from boards.host.chips.aes import aes
from tests import samples
from tests.proof.small_meter import METER_KEY, METER_NUMBER, START_S
from wattpurse.core.messages import short_token, token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.account import Account
from wattpurse.core.seals import keys

_KINDS = (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DAYS)
_WINDOW = 64
_AHEAD = 192


def account_with_digits() -> Account:
    """Return the account of a new meter that takes any credit in twenty digits."""
    account = Account(samples.flat_tariff(), 3_200, 1, contracts.PrepaidMoney, START_S)
    account.terms.set("short_token_limit_microunits", 10**15)
    account.terms.set("short_token_limit_mwh", 10**15)
    account.terms.set("short_token_limit_days", 9_999)
    return account


def digits_for(account, one) -> str | None:
    """Return the digits of a `token_rules.Sold`, or None.

    Digits do not tell an order before the token, another tenant, or a number far from the window.
    """
    issuer, count = one.sequence >> 28, one.sequence % (1 << 28)
    newest = account.tokens.top(issuer)
    if one.kind not in _KINDS or one.after or one.tenant != account.standing["tenant"]:
        return None
    if not newest - _WINDOW < count <= newest + _AHEAD:
        return None
    pair = keys.short_token_keys(aes, keys.issuer_key(aes, METER_KEY, issuer))
    try:
        return short_token.seal_digits(aes, pair, METER_NUMBER, one.sequence, one.kind, one.fields[0], one.tenant)
    except ValueError:
        return None
