"""The documents of requests, and their words, which the second person reads."""

from collections.abc import Sequence

from wattpurse.core.money.token_windows import OFFICE
from wattpurse_tools.vault import actions, rules
from wattpurse_tools.vault.interface import Refused, TokenOrder
from wattpurse_tools.vault.sealed_document import canonical

_WORDS_LIMIT = 2000


def issue_document(meter_number: int, orders: Sequence[TokenOrder], purpose: str) -> dict:
    """Return the document of a request for tokens."""
    return {
        "meter": meter_number,
        "purpose": purpose,
        "orders": [rules.order_document(order) for order in orders],
    }


def words_of_request(action: str, document: dict) -> str:
    """Return a request in words. The vault makes them itself, so that no caller describes it falsely."""
    if action != actions.ISSUE:
        told = ", ".join(f"{name} {_told(value)}" for name, value in document.items())
        return f"{action}: {told}"[:_WORDS_LIMIT] if told else action
    try:
        orders = [
            TokenOrder(one["kind"], bytes.fromhex(one["body"]), one["tenant"], one["version"])
            for one in document["orders"]
        ]
        rules.refuse_orders(orders, OFFICE, document["purpose"])
        words = "; ".join(rules.words_of(order) for order in orders)
        return f"{document['purpose']} for meter {document['meter']}: {words}"[:_WORDS_LIMIT]
    except (KeyError, TypeError, AttributeError):
        raise Refused("the document of the request does not fit its action") from None


def _told(value: object) -> str:
    return str(value) if isinstance(value, str | int) else canonical(value).decode()
