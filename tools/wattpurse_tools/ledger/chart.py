"""The chart of accounts: the one place that makes the code of an account.

The balance of an account is the sum that it took, less the sum that it gave. The balances of all accounts of a unit add
up to zero. Money and claims are above zero. Income and debts of the utility are below zero.

    account          unit           balance
    drawer:S:N       currency       the cash in the drawer of shift N of shop S
    vendor:S         currency       debt of shop S to the utility, beside its drawers
    bank:P           currency       money at the bank: P is "deposit", or a payment type such as "card"
    sold:W           currency       net income from sales: "money", "energy", "days", "permit" (below zero)
    tax:N            currency       tax of the name N that is owed to the state (below zero)
    fee:N            currency       net income of fees (below zero)
    debt:T           currency       debt of tenancy T
    claim:R          currency       the other side of debts, by reason (below zero)
    meter:M          any            credit that meter M was given, on tokens or in it
    account:T        currency       prepaid credit of tenancy T at the head-end, if its meter is managed
    consumed:M       currency       energy of the managed meter M that was charged to its account
    provider:P       currency       money that payment provider P has and that is not at the bank yet
    deposit:T        currency       deposit of tenancy T (below zero: it is owed to the customer)
    wallet:C         currency       wallet of the customer with the number C (below zero: it is owed to the customer)
    owed:M           any            credit that meter M gave back and that is owed to its customer
    keycard:U        currency       credit that was loaded for the key card with the UID U
    issued:P         any            the other side of credit, by purpose: "sale", "free", "refund" (below zero)
    refund           currency       money that was paid back to customers
    suspense:R       any            amounts that nobody can explain yet, by reason
    difference:S     currency       cash that shop S had too little (above zero) or too much
    opening          any            the other side of balances that were taken over

Units are a currency such as "EUR" for micro-units, MWH, and SECONDS of a term or a permit.
"""

MWH = "mWh"
SECONDS = "s"

REFUND = "refund"
OPENING = "opening"

SALE = "sale"
FREE = "free"
PAID_BACK = "refund"
DEPOSIT = "deposit"


def drawer(shop: int, shift: int) -> str:
    """Return the account of the cash in the drawer of a shift."""
    return f"drawer:{shop}:{shift}"


def vendor(shop: int) -> str:
    """Return the account of the debt of a shop to the utility."""
    return f"vendor:{shop}"


def bank(payment_type: str) -> str:
    """Return the account of money at the bank, by the way it came there."""
    return f"bank:{payment_type}"


def sold(what: str) -> str:
    """Return the account of the income from sales."""
    return f"sold:{what}"


def tax(name: str) -> str:
    """Return the account of a tax."""
    return f"tax:{name}"


def fee(name: str) -> str:
    """Return the account of the income of a fee."""
    return f"fee:{name}"


def debt(tenancy: int) -> str:
    """Return the account of the debt of a tenancy."""
    return f"debt:{tenancy}"


def claim(reason: str) -> str:
    """Return the account of the other side of debts."""
    return f"claim:{reason}"


def meter(number: int) -> str:
    """Return the account of the credit of a meter."""
    return f"meter:{number}"


def account(tenancy: int) -> str:
    """Return the account of the prepaid credit of a tenancy at the head-end."""
    return f"account:{tenancy}"


def consumed(meter_number: int) -> str:
    """Return the account of the energy that was charged to managed accounts."""
    return f"consumed:{meter_number}"


def provider(name: str) -> str:
    """Return the account of the money at a payment provider."""
    return f"provider:{name}"


def deposit(tenancy: int) -> str:
    """Return the account of the deposit of a tenancy."""
    return f"deposit:{tenancy}"


def wallet(customer_number: int) -> str:
    """Return the account of the wallet of a customer."""
    return f"wallet:{customer_number}"


def owed(meter_number: int) -> str:
    """Return the account of the credit that a meter gave back and that is not settled."""
    return f"owed:{meter_number}"


def key_card(uid: str) -> str:
    """Return the account of the credit of a key card."""
    return f"keycard:{uid}"


def issued(purpose: str) -> str:
    """Return the account of the other side of credit."""
    return f"issued:{purpose}"


def suspense(reason: str) -> str:
    """Return the account of amounts that are not explained yet."""
    return f"suspense:{reason}"


def difference(shop: int) -> str:
    """Return the account of the cash differences of a shop."""
    return f"difference:{shop}"
