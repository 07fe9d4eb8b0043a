"""The documents of requests, and their words, which the second person reads.

The vault makes the words itself and leaves nothing out, so that no caller describes a document falsely.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from wattpurse.core.currency import Currency
from wattpurse.core.money.token_windows import OFFICE, number_text
from wattpurse.dispenser.card_sale import micro_units
from wattpurse_tools.vault import actions, rules
from wattpurse_tools.vault.interface import Refused, TokenOrder
from wattpurse_tools.vault.sealed_document import canonical


def issue_document(meter_number: int, orders: Sequence[TokenOrder], purpose: str) -> dict:
    """Return the document of a request for tokens."""
    return {
        "meter": meter_number,
        "purpose": purpose,
        "orders": [rules.order_document(order) for order in orders],
    }


def words_of_request(action: str, document: dict) -> str:
    """Return a request in words. Raise Refused if the document does not fit an action of the vault."""
    try:
        return plain(_makers().get(action, lambda of: _other(action, of))(document))
    except Refused:
        raise
    except (AttributeError, IndexError, KeyError, OSError, OverflowError, TypeError, ValueError):
        raise Refused("the document of the request does not fit its action") from None


def plain(text: str) -> str:
    """Return a text on one line, in which nothing moves the cursor or hides the rest."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _makers() -> Mapping[str, Callable[[dict], str]]:
    """Return the function that makes the words of each action of the vault."""
    return {
        actions.ISSUE: _issue,
        actions.SETTLE: _settle,
        actions.OPERATOR: _operator,
        actions.USER: _user,
        actions.COUNT: lambda of: (
            f"meter {of['meter']} continues after count {of['count']}; numbers below are left out"
        ),
        actions.OPERATOR_PASS: _operator_pass,
        actions.METER_KEYS: _meter_keys,
        actions.ROLL: lambda of: f"new keys of the site, version {of['key_version']}",
        actions.VENDING_POINT: _vending_point,
        actions.DISPENSER_KEY: lambda of: (
            f"the key of the dispensing unit of issuer {of['issuer']} leaves the vault, version {of['key_version']}"
        ),
        actions.SYSTEM_CARD: _system_card,
    }


def _issue(document: dict) -> str:
    orders = [
        TokenOrder(one["kind"], bytes.fromhex(one["body"]), one["tenant"], one["version"]) for one in document["orders"]
    ]
    rules.refuse_orders(orders, OFFICE, document["purpose"])
    return f"{document['purpose']} for meter {document['meter']}: {'; '.join(map(rules.words_of, orders))}"


def _settle(document: dict) -> str:
    rest = _rest(document, "meter", "sequence", "words")
    receipt = f"receipt {number_text(document['sequence'])} of meter {document['meter']}"
    return f"{receipt} is settled: {document['words']}{rest}"


def _operator(document: dict) -> str:
    one = document["operator"]
    limits = [f"{name} {limit}" for name, limit in one["limits"].items() if limit is not None]
    return "; ".join(
        (
            f"operator {one['number']}, {one['name']}",
            "in service" if one["active"] else "out of service",
            f"rights {', '.join(one['rights']) or 'none'}",
            f"limits {', '.join(limits) or 'none'}",
            f"card {one['uid'] or 'none'}",
            "a new PIN" if document["new_pin"] else "the PIN stays",
        )
    )


def _user(document: dict) -> str:
    user, operator = document["user"], document["operator"]
    return f"Unix user {user} may connect" + (f" and signs on as operator {operator}" if operator else "")


def _operator_pass(document: dict) -> str:
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(document["expires_s"]))
    return f"a pass of operator {document['operator']} on card {document['card']} until {until}"


def _meter_keys(document: dict) -> str:
    versions = f"meter key of version {document['key_version']}, site key of version {document['site_version']}"
    return f"the keys of meter {document['meter']} leave the vault: {versions}"


def _vending_point(document: dict) -> str:
    meters = ", ".join(str(number) for number in document["meters"])
    return f"the keys of issuer {document['issuer']} leave the vault, for meters {meters}"


def _system_card(document: dict) -> str:
    money = Currency(document["currency"], document["decimals"])
    added, allowed = (
        money.exact_text(micro_units(document[name], document["decimals"])) for name in ("added", "allowed")
    )
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(document["expires_s"]))
    meters = ", ".join(str(number) for number in document["meters"])
    return (
        f"issue {document['issue']} of the system card {document['card']} of issuer {document['issuer']}, with"
        f" {added} more credit, {allowed} in all, until {until}, and the keys of meters {meters}"
    )


def _other(action: str, document: dict) -> str:
    return f"{action}{_rest(document).replace('; ', ': ', 1)}"


def _rest(document: dict, *known: str) -> str:
    """Return the members of a document that no words name yet."""
    return "".join(f"; {name} {_told(value)}" for name, value in document.items() if name not in known)


def _told(value: object) -> str:
    return str(value) if isinstance(value, str | int) else canonical(value).decode()
