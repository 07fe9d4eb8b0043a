"""Arguments and results of selling: the request, the quote, the lines of a receipt, the sale."""

from dataclasses import dataclass, field

from wattpurse_tools.record.models import Sale, Token

# States of a sale.
SOLD = "sold"
WRITTEN = "written"
VOIDING = "voiding"  # the tokens are being taken off the card; a further try completes it
VOIDED = "voided"
REDEEMED_AFTER_VOID = "redeemed after void"

# Kinds of rows in the sales of a shop.
SALE = "sale"
VOID = "void"
FREE = "free"
REFUND = "refund"

# Ways to pay. CASH goes into the drawer, all others to the bank. A provider keeps its money until a payout.
CASH = "cash"
BANK_TYPES = ("card", "transfer", "mobile", "voucher")
PAYMENT_TYPES = (CASH, *BANK_TYPES)
PROVIDER_LENGTH = 11
_PROVIDER = "@"

# Carriers of a sale.
CARD = "card"
DIGITS = "digits"
NONE = "none"
KEY_CARD = "key card"

# The beginning of the keys of sales that a dispensing unit has made.
DISPENSER_SALES = "dispenser:"

# Wishes of a customer. The meter's contract decides which of them.
MONEY = "money"
ENERGY = "energy"
DAYS = "days"
PERMIT = "permit"
DISPENSE = "dispense"
WISHES = (MONEY, ENERGY, DAYS, PERMIT, DISPENSE)

# Further lines of a receipt.
FEE = "fee"
DEBT = "debt"


def by_provider(name: str) -> str:
    """Return the way to pay by a payment provider of a name of at most PROVIDER_LENGTH letters."""
    return _PROVIDER + name


def provider_of(payment_type: str) -> str:
    """Return the name of the payment provider of a way to pay, or "" if there is none."""
    return payment_type.removeprefix(_PROVIDER) if payment_type.startswith(_PROVIDER) else ""


@dataclass(frozen=True)
class Wish:
    """A wish of a customer: `what` of MONEY, ENERGY, DAYS, PERMIT and DISPENSE, by one of two amounts.

    `gross_microunits` is the sum to pay, with fees and debt. `quantity` is the credit for the meter: mWh, or
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
    payment_type: str = CASH


@dataclass(frozen=True)
class Tax:
    """A tax by its name, with its rate in parts per million of the net amount."""

    name: str = ""
    ppm: int = 0


NO_TAX = Tax()


@dataclass(frozen=True)
class Line:
    """A line of a receipt: `what`, words, the quantity with its unit, and the money. Net and tax make gross."""

    what: str
    text: str
    quantity: int
    unit: str
    net_microunits: int
    gross_microunits: int
    tax: Tax = NO_TAX

    @property
    def tax_microunits(self) -> int:
        """The tax in the gross amount."""
        return self.gross_microunits - self.net_microunits


@dataclass(frozen=True)
class Person:
    """The customer to confirm before a sale. `balance` is the meter's credit as it was last told, at `told_s`.

    `told_s` is None for the balance of an account as it is now, which no meter has told.
    """

    name: str
    number: int
    premises: str
    meter_number: int
    contract: str
    balance: int | None = None
    told_s: int | None = 0

    @property
    def has_account(self) -> bool:
        """True if the balance is that of an account."""
        return self.told_s is None


@dataclass(frozen=True)
class Quote:
    """A trial sale. `tokens` has the tokens in words, in order. `owed` was sold and is not on the card.

    `debt_microunits` is the debt of the tenancy before this sale.
    """

    person: Person
    currency: str
    lines: tuple[Line, ...]
    tokens: tuple[str, ...]
    owed: tuple[Sale, ...] = ()
    debt_microunits: int = 0

    @property
    def gross_microunits(self) -> int:
        """The sum to pay."""
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
