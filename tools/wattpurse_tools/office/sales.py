"""Sales: a quote, the sale itself, and what is owed to a card.

A sale is in the record with its receipt, its ledger entry and its tokens in one transaction, and after that it is
written to the card. A write that fails leaves the sale in the state SOLD: owed to the card, offered first at the next
read. The caller makes up a `client_key` for each sale. The same request again is the same sale, and a different one
under the same key is refused.
"""

from dataclasses import dataclass, field

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import Reader
from wattpurse_tools.record.models import Sale, Token

# States of a sale.
SOLD = "sold"
WRITTEN = "written"
VOIDED = "voided"
REDEEMED_AFTER_VOID = "redeemed after void"

# Carriers of a sale.
CARD = "card"
DIGITS = "digits"
NONE = "none"
KEY_CARD = "key card"

# What a customer may want. The meter's contract decides which of them.
MONEY = "money"
ENERGY = "energy"
DAYS = "days"
PERMIT = "permit"
DISPENSE = "dispense"


@dataclass(frozen=True)
class Wish:
    """What a customer wants: `what` of MONEY, ENERGY, DAYS, PERMIT and DISPENSE, by one of two amounts.

    `gross_microunits` is what the customer pays in all, with fees and debt. `quantity` is what the meter gets: mWh, or
    days of a term or permit. DISPENSE has a `quantity` in mWh, `daily_mwh` and `days`.
    """

    what: str
    gross_microunits: int = 0
    quantity: int = 0
    daily_mwh: int = 0
    days: int = 0


@dataclass(frozen=True)
class SaleRequest:
    """A sale in an open shift. `meter_number` is 0 for a key card. `card` is the UID of the card, or "" without one."""

    client_key: str
    shift: int
    meter_number: int
    card: str
    carrier: str
    wish: Wish
    payment_type: str = "cash"


@dataclass(frozen=True)
class Line:
    """A line of a receipt: `what`, words, what the meter gets with its unit, and the money. Net and tax make gross."""

    what: str
    text: str
    quantity: int
    unit: str
    net_microunits: int
    tax_ppm: int
    gross_microunits: int

    @property
    def tax_microunits(self) -> int:
        """The tax in the gross amount."""
        return self.gross_microunits - self.net_microunits


@dataclass(frozen=True)
class Person:
    """The customer to confirm before a sale. `balance` is the meter's credit as it was last told, at `told_s`."""

    name: str
    number: int
    premises: str
    meter_number: int
    contract: str
    balance: int | None = None
    told_s: int = 0


@dataclass(frozen=True)
class Quote:
    """A trial sale. `tokens` says in words what the meter will get, in order. `owed` was sold and is not on the card.

    `debt_microunits` is what the tenancy owes before this sale.
    """

    person: Person
    currency: str
    lines: tuple[Line, ...]
    tokens: tuple[str, ...]
    owed: tuple[Sale, ...] = ()
    debt_microunits: int = 0

    @property
    def gross_microunits(self) -> int:
        """What the customer pays."""
        return sum(line.gross_microunits for line in self.lines)

    @property
    def tax_microunits(self) -> int:
        """The tax in it."""
        return sum(line.tax_microunits for line in self.lines)


@dataclass(frozen=True)
class Sold:
    """A sale that is in the record. `digits` has twenty digits for each token of the carrier DIGITS.

    `trouble` says why it is not on the card yet, or is empty. `is_repeat` is True if the sale was made before.
    """

    sale: Sale
    tokens: tuple[Token, ...]
    digits: tuple[str, ...] = ()
    trouble: str = ""
    is_repeat: bool = False
    lines: tuple[Line, ...] = field(default=())


def wishes_of(contract: str) -> tuple[str, ...]:
    """Return what may be sold to a meter of a contract, the usual one first. A key-card meter is sold nothing."""
    raise NotImplementedError


def quote(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None = None) -> Quote:
    """Return what a sale would be. Nothing is changed. Right: sell, in the shop. Raise ValueError if it is refused."""
    raise NotImplementedError


def sell(office: Office, actor: Actor, request: SaleRequest, reader: Reader | None = None) -> Sold:
    """Sell, write the card at the `reader`, and return the sale. Right: sell, in the shop.

    Raise ValueError, with no change, if the sale is refused.
    """
    raise NotImplementedError


def owed_to_card(card: str) -> list[Sale]:
    """Return the sales that are not on the card of this UID yet, oldest first."""
    raise NotImplementedError


def write_owed(office: Office, actor: Actor, reader: Reader) -> list[Sold]:
    """Write what is owed to the card at the reader. Return the sales that were owed. Right: sell."""
    raise NotImplementedError


def sold(sale: Sale) -> Sold:
    """Return a sale with its lines and tokens, for a reprint."""
    raise NotImplementedError
