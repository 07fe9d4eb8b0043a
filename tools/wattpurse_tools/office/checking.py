"""The check of the books: every promise of the record, proved from its rows, the vault and the meters' statements."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.office import (
    checks_of_accounts,
    checks_of_ledger,
    checks_of_sales,
    checks_of_tokens,
    checks_of_trail,
    checks_of_wallets,
)
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.findings import Finding, listed
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import AuditEntry, Meter, MeterReceipt, Sale, Statement, Token
from wattpurse_tools.vault.interface import Keys

_OF_RECORD: tuple[Callable[[], Iterator[Finding]], ...] = (
    checks_of_ledger.sum_is_zero,
    checks_of_ledger.transfers_are_whole,
    checks_of_ledger.entries_are_whole,
    checks_of_ledger.reversals_are_whole,
    checks_of_sales.receipts_have_no_gap,
    checks_of_sales.sales_are_in_the_ledger,
    checks_of_sales.entries_make_the_sale,
    checks_of_sales.lines_make_the_receipt,
    checks_of_sales.reversals_fit,
    checks_of_sales.tokens_fit_their_sales,
    checks_of_sales.shifts_have_no_gap,
    checks_of_sales.drawers_are_empty,
    checks_of_tokens.numbers_are_used_once,
    checks_of_tokens.states_are_proved,
    checks_of_tokens.statements_agree,
    checks_of_trail.trail_is_unbroken,
    checks_of_accounts.balances_are_proved,
    checks_of_accounts.charges_have_no_gap,
    checks_of_accounts.permits_go_forward,
    checks_of_wallets.balances_are_proved,
)
_WITH_VAULT: tuple[Callable[[Keys], Iterator[Finding]], ...] = (
    checks_of_tokens.numbers_are_those_of_the_vault,
    checks_of_tokens.receipts_are_settled_once,
    checks_of_trail.log_is_unbroken,
    checks_of_trail.keys_are_the_same,
)


@dataclass(frozen=True)
class Checked:
    """The findings of a check, the rows that were looked at, and the meters that are stopped until a statement."""

    findings: tuple[Finding, ...]
    rows: dict[str, int]
    stopped: tuple[int, ...]

    def as_dict(self) -> dict:
        """Return the result for a JSON document."""
        return asdict(self) | {"sound": not self.findings}


def check(office: Office, actor: Actor) -> Checked:
    """Check the books. Right: manage."""
    actor.require("manage")
    findings = []
    for one in _OF_RECORD:
        findings += listed(one())
    for one in _WITH_VAULT:
        findings += listed(one(office.keys))
    models = {
        "transfers": Transfer,
        "entries": Entry,
        "sales": Sale,
        "tokens": Token,
        "receipts": MeterReceipt,
        "statements": Statement,
        "meters": Meter,
        "audit_entries": AuditEntry,
    }
    rows = {name: model._default_manager.count() for name, model in models.items()}
    stopped = Meter.objects.filter(is_stopped=True).order_by("number").values_list("number", flat=True)
    return Checked(tuple(findings), rows, tuple(stopped))
