"""People who may log in to the pages: each is a user of the record and an operator of the vault.

The vault comes first: it decides who may make an operator, asks for a second person, and keeps the PIN. The user of the
record follows. If the program dies between the two, the same command completes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.setting_up import NewPerson, new_password, new_pin
from wattpurse_tools.record.models import Shop, User
from wattpurse_tools.vault.interface import MANAGE, RIGHTS, Operator

ROLES = {
    User.CASHIER: ("sell",),
    User.CLERK: ("sell", "order", "cards"),
    User.MANAGER: RIGHTS,
}

_FIRST_NUMBER = 1


@dataclass(frozen=True)
class Account:
    """A person as the list shows one. `operator` is None if the vault does not know the number."""

    user: User
    operator: Operator | None


def accounts(office: Office, actor: Actor) -> list[Account]:
    """Return all people, by number."""
    actor.require(MANAGE)
    operators = {one.number: one for one in office.keys.operators()}
    users = User.objects.select_related("shop").order_by("operator", "username")
    return [Account(user, operators.get(user.operator or 0)) for user in users]


def add(
    office: Office,
    actor: Actor,
    username: str,
    role: str,
    shop: int | None = None,
    rights: Sequence[str] | None = None,
    approval: str | None = None,
) -> NewPerson:
    """Add a person with the rights of a role, or others, and return the secrets that are shown once."""
    actor.require(MANAGE)
    if role not in ROLES:
        raise ValueError(f"{role}: a role is one of: {', '.join(ROLES)}")
    if not username or not username.isprintable() or username.isdecimal() or len(username) > 60:
        raise ValueError("a user name has 1 to 60 letters, and is no number: a number is that of an operator")
    if User.objects.filter(username__iexact=username).exists():
        raise ValueError(f"there is a user {username}; choose another name")
    place = None if shop is None else shop_of(shop)
    if role == User.CASHIER and place is None:
        raise ValueError("a cashier belongs to a shop; name its number")
    number = _number_for(office, username)
    person = NewPerson(username, number, new_password(), new_pin())
    operator = Operator(number, username, tuple(ROLES[role] if rights is None else rights))
    office.keys.set_operator(actor.ticket, operator, person.pin, approval)
    with transaction.atomic():
        User.objects.create_user(
            username, password=person.password, operator=number, role=role, shop=place, is_staff=role == User.MANAGER
        )
        audit.note(actor, "user added", username, operator=number, role=role, shop=shop, rights=list(operator.rights))
    return person


def new_secrets(
    office: Office, actor: Actor, username: str, new_codes: bool = False, approval: str | None = None
) -> NewPerson:
    """Give a person another password and PIN; with `new_codes` a new app for one-time codes too."""
    actor.require(MANAGE)
    user = user_of(username)
    operator = _operator_of(office, user)
    person = NewPerson(username, operator.number, new_password(), new_pin())
    office.keys.set_operator(actor.ticket, operator, person.pin, approval)
    with transaction.atomic():
        user.set_password(person.password)
        user.save(update_fields=["password"])
        if new_codes:
            _forget_codes(user)
        audit.note(actor, "new secrets", username, codes=new_codes)
    return person


def set_password(actor: Actor, username: str, password: str) -> None:
    """Give a person a password that was chosen."""
    actor.require(MANAGE)
    user = user_of(username)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.note(actor, "new password", username)


def set_in_service(office: Office, actor: Actor, username: str, is_active: bool, approval: str | None = None) -> None:
    """Take a person out of service, in record and vault, or into it again."""
    actor.require(MANAGE)
    user = user_of(username)
    operator = _operator_of(office, user)
    office.keys.set_operator(actor.ticket, replace(operator, active=is_active), None, approval)
    with transaction.atomic():
        user.is_active = is_active
        user.save(update_fields=["is_active"])
        audit.note(actor, "user in service" if is_active else "user out of service", username)


def user_of(username: str) -> User:
    """Return a user. Raise ValueError if there is none of this name."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise ValueError(f"there is no user {username}; list them with: wattpurse office user list")
    return user


def shop_of(number: int) -> Shop:
    """Return a shop. Raise ValueError if there is none of this number."""
    shop = Shop.objects.filter(number=number).first()
    if shop is None:
        raise ValueError(f"there is no shop {number}; the manager makes shops on the page of reference data")
    return shop


def _number_for(office: Office, username: str) -> int:
    """Return the number of a new person: that of an operator of this name without a user, or the next one."""
    taken = set(User.objects.exclude(operator=None).values_list("operator", flat=True))
    operators = office.keys.operators()
    for one in operators:
        if one.name == username and one.number not in taken:
            return one.number
    return max([_FIRST_NUMBER - 1, *taken, *(one.number for one in operators)]) + 1


def _operator_of(office: Office, user: User) -> Operator:
    found = [one for one in office.keys.operators() if one.number == user.operator]
    if not found:
        raise ValueError(f"the vault knows no operator for {user.username}")
    return found[0]


def _forget_codes(user: User) -> None:
    from django_otp.plugins.otp_static.models import StaticDevice
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
