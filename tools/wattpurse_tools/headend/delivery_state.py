"""The state of a recharge for the one who paid: digits, and whether the meter has its tokens."""

from dataclasses import dataclass

from wattpurse_tools.headend import command_queue
from wattpurse_tools.record.models import Command, Sale, Token
from wattpurse_tools.station import order as orders


@dataclass(frozen=True)
class TokenTold:
    """A token with its digits, or "", and the state of its command: one of `command_queue`."""

    digits: str
    state: str


@dataclass(frozen=True)
class Delivery:
    """The tokens of a sale. A payment into an account has none."""

    tokens: tuple[TokenTold, ...]
    is_account: bool


def of_sale(sale: Sale) -> Delivery:
    """Return the state of the tokens of a sale. A statement that shows a token redeemed is the last word."""
    tokens = list(Token.objects.filter(sale=sale).order_by("sequence"))
    states = dict(Command.objects.filter(token__in=tokens).values_list("token_id", "state"))
    told = tuple(
        TokenTold(
            one.digits,
            command_queue.DONE if one.state == orders.REDEEMED else states.get(one.pk, command_queue.WAITING),
        )
        for one in tokens
    )
    return Delivery(told, is_account=not tokens)
