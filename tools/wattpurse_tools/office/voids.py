"""Voids: a sale taken back in its own shift, with the card present; after the Z report by two persons."""

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import Reader
from wattpurse_tools.office.sales import Sold
from wattpurse_tools.record.models import Sale


def void(
    office: Office,
    actor: Actor,
    sale: Sale,
    shift: int,
    reader: Reader | None,
    approval: str | None = None,
) -> Sold:
    """Take a sale back: the tokens off the card, the entry reversed, the money out of the drawer. Return the reversal.

    The card has to be at the reader with the tokens on it, unredeemed by its newest statement. After the Z report of
    the sale's shift, `shift` is another one, and the vault wants a second person. Right: sell.
    """
    raise NotImplementedError
