"""The capacity of each kind of card, computed from the layouts in wattpurse.cards and a composed statement."""

from wattpurse.cards import data_card, purse
from wattpurse.core.messages import service_pass, statement, token
from wattpurse.core.money import contract
from wattpurse.core.money.account import Account
from wattpurse.core.seals.sealing import sealed_size
from wattpurse.core.tariffs import rules, table
from wattpurse.core.tariffs.calendar import Zone

SAMPLE = "two rates, 300 kWh and 75.00 a month"

_MONTHS = 13
_RATE_MWH = 150_000_000
_CHARGE_MICROUNITS = 75_000_000
_SAMPLE_RECEIPT = (
    ("receipt_sequence", 100_000),
    ("receipt_microunits", _CHARGE_MICROUNITS),
    ("receipt_mwh", _RATE_MWH),
    ("receipt_debt_microunits", _CHARGE_MICROUNITS),
)
_TABLE = {
    "version": 1,
    "activation_s": 0,
    "currency": "EUR",
    "decimals": 2,
    "customer_class": 0,
    "zone": Zone(0),
    "standing_charge_microunits": 0,
    "allowance_mwh": 0,
    "rates": (("DAY", (250_000,), ()), ("NIGHT", (250_000,), ())),
    "day_types": (((0, 0),),),
    "seasons": ((1, 1, (0,) * 8),),
    "holidays": (),
    **rules.NO_FURTHER_CHARGES,
}


def capacities() -> list[dict]:
    """Return one dict for each kind of card.

    kind                       the name of the kind
    tokens                     tokens of credit at once
    copies                     copies of the order box
    statements                 copies of the statement, of `statement_bytes` each
    months                     closed months in a statement
    receipts                   True if a statement has room for a receipt
    meters_service             meters that the pass of a service card can name
    meters_short, meters_full  meters that a data card has slots for
    """
    return [_capacity(kind) for kind in purse.KINDS]


def has_room_for_receipt(kind: str) -> bool:
    """Return True if a statement on a card of this kind has room for a receipt."""
    layout = purse.layout_of(kind)
    if not layout.statement_offsets:
        return False
    account = _sample_account()
    for name, value in _SAMPLE_RECEIPT:
        account.standing.set(name, value)
    return "receipt" in statement.parse(statement.compose(account, 0, 0, _payload_size(layout)))


def service_meters_of(kind: str) -> int:
    """Return the number of meters that a service card of this kind can name."""
    return service_pass.meters_in(purse.layout_of(kind).content_size)


def _capacity(kind: str) -> dict:
    layout = purse.layout_of(kind)
    return {
        "kind": kind,
        "tokens": layout.content_size // token.CREDIT_TOKEN_SIZE,
        "copies": len(layout.order_offsets),
        "statements": len(layout.statement_offsets),
        "statement_bytes": layout.statement_size,
        "months": _months(layout),
        "receipts": has_room_for_receipt(kind),
        "meters_service": service_meters_of(kind),
        "meters_short": len(data_card.slots_of(kind, data_card.SHORT_SLOT)),
        "meters_full": len(data_card.slots_of(kind, data_card.FULL_SLOT)),
    }


def _payload_size(layout: purse.Layout) -> int:
    room = layout.statement_size - sealed_size(statement.HEADER_SIZE, 0)
    return room - room % 16


def _months(layout: purse.Layout) -> int:
    if not layout.statement_offsets:
        return 0
    payload = statement.compose(_sample_account(), 0, 0, _payload_size(layout))
    return max(0, len(statement.parse(payload).get("months", ())) - 1)


def _sample_account() -> Account:
    account = Account(table.encode(_TABLE), 1000, 1, contract.PrepaidMoney, 0)
    for _ in range(_MONTHS):
        for rate in range(len(_TABLE["rates"])):
            account.registers.add_energy(rate, _RATE_MWH)
        account.registers.add_charge(_CHARGE_MICROUNITS)
        account.registers.enter_month(account.registers.month.index + 1)
    return account
