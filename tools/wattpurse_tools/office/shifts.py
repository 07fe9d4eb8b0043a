"""Shifts: a till opened with a float, X and Z reports, the cash count, the bank deposit and the vendor's credit.

The cash count is entered before the expected sum is shown, and it stands. After it nothing more is sold in the shift.
"""

from dataclasses import dataclass

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import BankDeposit, Shift, Shop, Till


@dataclass(frozen=True)
class Total:
    """A row of a report: a name, such as a payment type, the number of sales and reversals, and their gross sum."""

    name: str
    count: int
    gross_microunits: int


@dataclass(frozen=True)
class Cash:
    """The cash of a shift. `expected_microunits` and `difference_microunits` are None until the cash is counted."""

    float_microunits: int
    counted_microunits: int | None
    expected_microunits: int | None

    @property
    def difference_microunits(self) -> int | None:
        """Counted less expected."""
        if self.counted_microunits is None or self.expected_microunits is None:
            return None
        return self.counted_microunits - self.expected_microunits


@dataclass(frozen=True)
class ShiftReport:
    """An X report, or the Z report of a closed shift. `totals` has rows by heading.

    The headings are "transaction", "operator", "payment", "resource" and "tax". Payment and all sums of cash are left
    out until the cash is counted.
    """

    shift: Shift
    currency: str
    totals: dict[str, tuple[Total, ...]]
    cash: Cash
    first_receipt: int
    last_receipt: int


@dataclass(frozen=True)
class VendorStanding:
    """What a shop owes the utility, with the cash in its drawers, and its limit, or None."""

    owes_microunits: int
    limit_microunits: int | None

    @property
    def left_microunits(self) -> int | None:
        """What the shop can still sell for cash, or None without a limit."""
        return None if self.limit_microunits is None else self.limit_microunits - self.owes_microunits


def open_shift(office: Office, actor: Actor, till: Till, float_microunits: int) -> Shift:
    """Open a shift of the person at a till. Raise ValueError if one is open there. Right: sell, in the shop."""
    raise NotImplementedError


def open_shift_at(till: Till) -> Shift | None:
    """Return the open shift of a till, or None."""
    raise NotImplementedError


def x_report(office: Office, actor: Actor, shift: Shift) -> ShiftReport:
    """Return the totals of a shift so far. Right: sell, in the shop."""
    raise NotImplementedError


def count_cash(office: Office, actor: Actor, shift: Shift, counted_microunits: int) -> ShiftReport:
    """Enter the counted cash of the drawer, once, and return the report that shows the expected sum. Right: sell."""
    raise NotImplementedError


def close_shift(office: Office, actor: Actor, shift: Shift) -> ShiftReport:
    """Close a shift that is counted, with the next Z number of its till. Post the difference. Right: sell."""
    raise NotImplementedError


def z_report(shift: Shift) -> ShiftReport:
    """Return the Z report of a closed shift, for a reprint. It is the same every time."""
    raise NotImplementedError


def deposit(office: Office, actor: Actor, shop: Shop, amount_microunits: int, reference: str) -> BankDeposit:
    """Book money that the shop took to the bank. The same reference and amount again is the same one. Right: sell."""
    raise NotImplementedError


def vendor_standing(shop: Shop) -> VendorStanding:
    """Return what a shop owes and may still sell."""
    raise NotImplementedError
