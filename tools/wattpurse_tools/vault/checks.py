"""Checks of the arguments that many calls of the vault share. Each raises Refused."""

from wattpurse_tools.vault.interface import Operator, Refused

METER_LIMIT = (1 << 32) - 1
NUMBER_LIMIT = (1 << 32) - 1

_UID_SIZES = (4, 7, 10)


def need(operator: Operator, *rights: str) -> None:
    """Raise Refused unless the operator has one of these rights."""
    if not any(right in operator.rights for right in rights):
        raise Refused(f"operator {operator.number} needs the right {' or '.join(map(repr, rights))} for this")


def meter_of(number: int) -> int:
    """Return the number of a meter. Raise Refused if it is none."""
    if not 1 <= number <= METER_LIMIT:
        raise Refused(f"a meter number is from 1 to {METER_LIMIT}")
    return number


def uid_of(uid: bytes) -> bytes:
    """Return the UID of a card. Raise Refused if it is none."""
    if len(uid) not in _UID_SIZES:
        raise Refused("the UID of a card has 4, 7 or 10 bytes")
    return uid


def approval_of(used: str | None) -> dict:
    return {} if used is None else {"approval": used}
