"""The open account of a tenancy, whose money is in the office: a managed meter tells none of it."""

from wattpurse_tools.record.models import ManagedAccount, Tenancy


def open_account(tenancy: Tenancy | None) -> ManagedAccount | None:
    """Return the open account of a tenancy, or None. `select_related("account")` saves the question."""
    account: ManagedAccount | None = getattr(tenancy, "account", None)
    return account if account is not None and account.closed_s is None else None
