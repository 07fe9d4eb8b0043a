"""The people of a vault: its operators with rights, limits and PINs, and the Unix users that may connect.

The policy lies in the sealed key file. So nobody reads the hashes of PINs or makes an operator without the passphrase.
A policy is not changed: each change returns a new one, after it is checked as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from wattpurse_tools.refusals import Words
from wattpurse_tools.vault import pins
from wattpurse_tools.vault.interface import APPROVE, MANAGE, RIGHTS, Limits, Operator, Refused

NUMBER_LIMIT = (1 << 32) - 1
PERSONS = (1, 2)
CONNECT_ONLY = 0

_NAME_SIZE = 60
_UID_SIZES = (4, 7, 10)
_AMOUNT_LIMIT = 1 << 62


@dataclass(frozen=True)
class Policy:
    """All people: `operators` and the hashes of their `pins` by number, and the operator of each of the `users`.

    `memory_card_microunits` is the most that a key card on a memory card may hold, or None. 0 permits none at all.
    """

    persons: int
    operators: Mapping[int, Operator]
    pins: Mapping[int, dict]
    users: Mapping[int, int]
    memory_card_microunits: int | None = None

    def operator(self, number: int) -> Operator:
        """Return an operator in service. Raise Refused if there is none of this number."""
        found = self.operators.get(number)
        if found is None or not found.active:
            raise Refused(Words("operator %(number)s is not known to this vault, or is out of service", number=number))
        return found

    def is_pin(self, number: int, pin: str) -> bool:
        """Return True for the PIN of an operator in service. The work is the same for an unknown operator."""
        found = self.operators.get(number)
        kept = self.pins.get(number) or next(iter(self.pins.values()))
        return pins.is_pin(pin, kept) and found is not None and found.active and number in self.pins

    def with_operator(self, operator: Operator, pin_hash: dict | None) -> "Policy":
        """Return the policy with an operator added or changed. Raise Refused if it cannot be."""
        if operator.number not in self.operators and pin_hash is None and operator.uid is None:
            raise Refused(f"operator {operator.number} is new and needs a PIN or a card")
        hashes = dict(self.pins)
        if pin_hash is not None:
            hashes[operator.number] = pin_hash
        return checked(replace(self, operators={**self.operators, operator.number: operator}, pins=hashes))

    def with_user(self, user: int, operator: int | None) -> "Policy":
        """Return the policy with a Unix user permitted, or with None no longer permitted."""
        users = {other: its for other, its in self.users.items() if other != user}
        if operator is not None:
            users[user] = operator
        return checked(replace(self, users=users))

    def with_persons(self, persons: int) -> "Policy":
        """Return the policy with another number of persons for a change of weight."""
        return checked(replace(self, persons=persons))

    def with_memory_cards(self, microunits: int | None) -> "Policy":
        """Return the policy with another limit for key cards on memory cards."""
        return checked(replace(self, memory_card_microunits=microunits))

    def document(self) -> dict:
        """Return the document of the policy."""
        return {
            "persons": self.persons,
            "operators": [
                operator_document(one) | {"pin": self.pins.get(number)}
                for number, one in sorted(self.operators.items())
            ],
            "users": {str(user): operator for user, operator in sorted(self.users.items())},
            "memory_card_microunits": self.memory_card_microunits,
        }


def read_policy(document: dict) -> Policy:
    """Return the policy of a document that `Policy.document` made."""
    operators, hashes = {}, {}
    for one in document["operators"]:
        number = one["number"]
        if one["pin"] is not None:
            hashes[number] = one["pin"]
        uid = None if one["uid"] is None else bytes.fromhex(one["uid"])
        limits = Limits(**one["limits"])
        operators[number] = Operator(number, one["name"], tuple(one["rights"]), limits, uid, one["active"])
    users = {int(user): operator for user, operator in document["users"].items()}
    limit = document.get("memory_card_microunits")  # vaults that were made before have none
    return checked(Policy(document["persons"], operators, hashes, users, limit))


def operator_document(operator: Operator) -> dict:
    """Return an operator as a document."""
    return {
        "number": operator.number,
        "name": operator.name,
        "rights": list(operator.rights),
        "limits": {one.name: getattr(operator.limits, one.name) for one in fields(Limits)},
        "uid": None if operator.uid is None else operator.uid.hex(),
        "active": operator.active,
    }


def checked(policy: Policy) -> Policy:
    """Return the policy. Raise Refused if it contradicts itself or would lock everybody out."""
    if policy.persons not in PERSONS:
        raise Refused("a change of weight needs 1 person or 2")
    limit = policy.memory_card_microunits
    if limit is not None and not 0 <= limit <= _AMOUNT_LIMIT:
        raise Refused("the limit of memory cards is 0 or more, or none")
    for operator in policy.operators.values():
        _refuse_operator(operator)
    uids = [one.uid for one in policy.operators.values() if one.uid is not None]
    if len(set(uids)) != len(uids):
        raise Refused("two operators have the same card; give each a card of its own")
    for user, operator in policy.users.items():
        if not 0 <= user < NUMBER_LIMIT:
            raise Refused(f"{user}: the number of a Unix user is 0 to {NUMBER_LIMIT - 1}")
        if operator != CONNECT_ONLY and operator not in policy.operators:
            raise Refused(f"operator {operator} is not known to this vault")
    _refuse_lock_out(policy)
    return policy


def _refuse_operator(operator: Operator) -> None:
    if not 1 <= operator.number <= NUMBER_LIMIT:
        raise Refused(f"an operator's number is 1 to {NUMBER_LIMIT}")
    if not 1 <= len(operator.name.strip()) <= _NAME_SIZE or not operator.name.isprintable():
        raise Refused(f"an operator's name has 1 to {_NAME_SIZE} letters")
    unknown = [right for right in operator.rights if right not in RIGHTS]
    if unknown or len(set(operator.rights)) != len(operator.rights):
        raise Refused(f"the rights of an operator are of: {', '.join(RIGHTS)}; each once")
    for one in fields(Limits):
        limit = getattr(operator.limits, one.name)
        if limit is not None and not 0 <= limit <= _AMOUNT_LIMIT:
            raise Refused(f"the limit {one.name} is 0 or more, or none")
    if operator.uid is not None and len(operator.uid) not in _UID_SIZES:
        raise Refused("the UID of a card has 4, 7 or 10 bytes")


def _refuse_lock_out(policy: Policy) -> None:
    active = [one for one in policy.operators.values() if one.active]
    managers = [one.number for one in active if MANAGE in one.rights]
    approvers = [one.number for one in active if APPROVE in one.rights]
    if not managers:
        raise Refused(f"no operator with the right {MANAGE!r} would be left; give it to another one first")
    if policy.persons == 2 and not any(other != one for one in managers for other in approvers):
        raise Refused(
            f"with two persons there must be an operator with the right {MANAGE!r} and another one with {APPROVE!r}"
        )
