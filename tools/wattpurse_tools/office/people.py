"""Customers and premises: find them, add them and change them. `tenancies` moves customers in and out."""

import re
import time
from dataclasses import asdict, dataclass
from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Max, Q

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.paging import Slice, slice_of
from wattpurse_tools.record.models import Customer, CustomerType, Feeder, Premises, Site, Tenancy
from wattpurse_tools.refusals import Refusal, Words

LANGUAGES = ("en", "de", "fr", "es", "ar")

_NAME_LIMIT = 120
_ADDRESS_LIMIT = 240
MICRODEGREES = 1_000_000
_DEGREES = re.compile(r"([+-]?)(\d{1,3})(?:[.,](\d{1,15}))?")
_PHONE = re.compile(r"\+?[0-9 ()/-]{3,31}")


@dataclass(frozen=True)
class CustomerFacts:
    """The facts about a customer that a clerk types. `customer_type` is a name, or "" for none."""

    name: str
    customer_type: str = ""
    language: str = "en"
    email: str = ""
    phone: str = ""
    address: str = ""
    note: str = ""


def find_customers(text: str = "", after: int | None = None, active_only: bool = False) -> Slice:
    """Return customers by number. `text` is a number, or a part of a name, phone number or premises."""
    customers = Customer.objects.select_related("customer_type")
    if active_only:
        customers = customers.filter(is_active=True)
    if text.isdecimal() and len(text) < 19:
        customers = customers.filter(Q(number=int(text)) | Q(phone__startswith=text))
    elif text:
        places = Tenancy.objects.filter(premises__name__istartswith=text, until_s=None).values("customer_id")
        customers = customers.filter(Q(name__icontains=text) | Q(phone__startswith=text) | Q(id__in=places))
    return slice_of(customers, "number", after)


def find_premises(text: str = "", after: int | None = None) -> Slice:
    """Return premises in the order of their entry. `text` is a part of the name or of the address."""
    places = Premises.objects.select_related("feeder")
    if text:
        places = places.filter(Q(name__icontains=text) | Q(address__icontains=text))
    return slice_of(places, "id", after)


def customer(number: int) -> Customer:
    """Return a customer. Raise ValueError if there is none of this number."""
    found = Customer.objects.select_related("customer_type").filter(number=number).first()
    if found is None:
        raise ValueError(f"there is no customer {number}; search by name")
    return found


def premises_by_id(place: int) -> Premises:
    """Return premises by their row's number. Raise ValueError if there are none."""
    found = Premises.objects.select_related("feeder").filter(id=place).first()
    if found is None:
        raise ValueError("there are no such premises; search by name")
    return found


def tenancies_of(person: Customer) -> list[Tenancy]:
    """Return the tenancies of a customer, the newest first."""
    return list(Tenancy.objects.filter(customer=person).select_related("premises").order_by("-from_s", "-id"))


def tenants_at(place: Premises) -> list[Tenancy]:
    """Return the tenancies at premises, the newest first."""
    return list(Tenancy.objects.filter(premises=place).select_related("customer").order_by("-from_s", "-id"))


def add_customer(office: Office, actor: Actor, facts: CustomerFacts, number: int | None = None) -> Customer:
    """Add a customer and return it. Without `number` it has the next one. Raise ValueError if a fact is wrong."""
    actor.require("order")
    customer_type = checked(facts)
    with transaction.atomic():
        Site.objects.select_for_update().first()  # two clerks take two numbers
        if number is None:
            number = next_number()
        elif Customer.objects.filter(number=number).exists():
            raise ValueError(f"customer {number} is in the record; leave the number empty to have the next one")
        added = Customer.objects.create(
            number=number, created_s=int(time.time()), **_columns(facts), customer_type=customer_type
        )
        audit.note(actor, "customer add", f"customer:{number}", **asdict(facts))
    return added


def change_customer(office: Office, actor: Actor, number: int, facts: CustomerFacts, is_active: bool = True) -> None:
    """Change the facts about a customer. A customer who lives somewhere stays active."""
    actor.require("order")
    customer_type = checked(facts)
    with transaction.atomic():
        changed = Customer.objects.select_for_update().filter(number=number).first()
        if changed is None:
            raise ValueError(f"there is no customer {number}; search by name")
        if not is_active and Tenancy.objects.filter(customer=changed, until_s=None).exists():
            raise ValueError(f"customer {number} is a tenant; move the customer out first")
        before = {name: getattr(changed, name) for name in _columns(facts)}
        for name, value in _columns(facts).items():
            setattr(changed, name, value)
        changed.customer_type = customer_type
        changed.is_active = is_active
        changed.save()
        audit.note(actor, "customer change", f"customer:{number}", before=before, after=asdict(facts), active=is_active)


@dataclass(frozen=True)
class Coordinates:
    """A place on the map in millionths of a degree (WGS 84): north and east are above zero."""

    latitude: int
    longitude: int

    @classmethod
    def typed(cls, latitude: str, longitude: str) -> Self | None:
        """Return the coordinates of two texts in degrees, or None for two empty ones. Raise ValueError for others."""
        if not latitude.strip() and not longitude.strip():
            return None
        return cls(_microdegrees(latitude, "latitude", 90), _microdegrees(longitude, "longitude", 180))


def degrees_text(microdegrees: int | None) -> str:
    """Return millionths of a degree as they are typed, such as -1.286389, or "" for None."""
    if microdegrees is None:
        return ""
    whole, part = divmod(abs(microdegrees), MICRODEGREES)
    return f"{'-' if microdegrees < 0 else ''}{whole}.{part:06}"


def _microdegrees(text: str, name: str, limit: int) -> int:
    found = _DEGREES.fullmatch(text.strip())
    if found is not None:
        sign, whole, fraction = found.groups()
        value = int(whole) * MICRODEGREES + int((fraction or "").ljust(6, "0")[:6])
        if value <= limit * MICRODEGREES:
            return -value if sign == "-" else value
    raise Refusal(
        "%(name)s: %(text)s is wrong; write degrees from -%(limit)s to %(limit)s, such as -1.286389",
        name=Words(name),
        text=text.strip() or Words("nothing"),
        limit=limit,
    )


def place_columns(coordinates: Coordinates | None) -> dict[str, int | None]:
    """Return the columns of premises with some coordinates."""
    return {
        "latitude_microdegrees": None if coordinates is None else coordinates.latitude,
        "longitude_microdegrees": None if coordinates is None else coordinates.longitude,
    }


def add_premises(
    office: Office,
    actor: Actor,
    name: str,
    address: str = "",
    feeder: str = "",
    coordinates: Coordinates | None = None,
) -> Premises:
    """Add premises and return them. Raise ValueError if the name is taken or the feeder is unknown."""
    actor.require("order")
    check_text(name, "name", _NAME_LIMIT, is_needed=True)
    check_text(address, "address", _ADDRESS_LIMIT)
    with transaction.atomic():
        if Premises.objects.filter(name=name).exists():
            raise ValueError(f"premises {name} are in the record; names are unique, such as 'House 3, flat 12'")
        columns = place_columns(coordinates)
        added = Premises.objects.create(name=name, address=address, feeder=_feeder(feeder), **columns)
        audit.note(actor, "premises add", f"premises:{name}", address=address, feeder=feeder, **columns)
    return added


def change_premises(
    office: Office, actor: Actor, place: int, address: str, feeder: str, coordinates: Coordinates | None = None
) -> None:
    """Change the address, the feeder and the coordinates of premises."""
    actor.require("order")
    check_text(address, "address", _ADDRESS_LIMIT)
    with transaction.atomic():
        changed = Premises.objects.select_for_update().filter(id=place).first()
        if changed is None:
            raise ValueError("there are no such premises; search by name")
        changed.address = address
        changed.feeder = _feeder(feeder)
        columns = place_columns(coordinates)
        changed.latitude_microdegrees = columns["latitude_microdegrees"]
        changed.longitude_microdegrees = columns["longitude_microdegrees"]
        changed.save()
        audit.note(actor, "premises change", f"premises:{changed.name}", address=address, feeder=feeder, **columns)


def next_number() -> int:
    """Return the number after the highest one of all customers. The caller holds the row of the site."""
    return (Customer.objects.aggregate(Max("number"))["number__max"] or 0) + 1


def checked(facts: CustomerFacts) -> CustomerType | None:
    """Return the type that the facts name. Raise ValueError, with the reason, if one of the facts is wrong."""
    fault = fault_in(facts)
    if fault is not None:
        raise ValueError(f"{fault[0]}: {fault[1]}")
    if not facts.customer_type:
        return None
    found = CustomerType.objects.filter(name=facts.customer_type).first()
    if found is None:
        raise ValueError(f"customer type {facts.customer_type}: is unknown; the administrator adds types")
    return found


def fault_in(facts: CustomerFacts) -> tuple[str, str] | None:
    """Return the name of the first wrong fact and the reason with the remedy, or None."""
    for name, limit in (("name", _NAME_LIMIT), ("address", _ADDRESS_LIMIT)):
        try:
            check_text(getattr(facts, name), name, limit, is_needed=name == "name")
        except ValueError as error:
            return name, str(error).removeprefix(f"{name}: ")
    if facts.language not in LANGUAGES:
        return "language", f"{facts.language} is not one of {', '.join(LANGUAGES)}"
    if facts.phone and not _PHONE.fullmatch(facts.phone):
        return "phone", f"{facts.phone} is no telephone number; write it such as +49 170 1234567"
    try:
        if facts.email:
            validate_email(facts.email)
    except ValidationError:
        return "email", f"{facts.email} is no address of mail; write it such as name@example.org"
    return None


def check_text(text: str, name: str, limit: int, is_needed: bool = False) -> None:
    """Raise ValueError if a text is missing, too long, or has characters that no printer prints."""
    if is_needed and not text.strip():
        raise ValueError(f"{name}: is empty; write one")
    if len(text) > limit:
        raise ValueError(f"{name}: has {len(text)} characters; write at most {limit}")
    if any(ord(character) < 32 for character in text):
        raise ValueError(f"{name}: has a character that cannot be printed; write it in one line")


def _feeder(name: str) -> Feeder | None:
    if not name:
        return None
    found = Feeder.objects.filter(name=name).first()
    if found is None:
        raise ValueError(f"feeder {name}: is unknown; the administrator adds feeders")
    return found


def _columns(facts: CustomerFacts) -> dict[str, str]:
    return {name: value for name, value in asdict(facts).items() if name != "customer_type"}
