"""The wishes of a customer for messages: channels, kinds and language.

The office changes them for the customer. A tenant changes them by the code of the own page. The outbox writes nothing
that the customer does not want. A change withdraws unwanted messages that still wait. The sender looks at the wishes
again before it sends: it withdraws a message that another process has written at the moment of the change.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from wattpurse_tools.headend.outbox import HOOK, KINDS, MAIL, SENT_CHANNELS, SMS, WAITING, WISH_OF, WITHDRAWN
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.page_codes import as_kept
from wattpurse_tools.office.people import LANGUAGES
from wattpurse_tools.record.models import Customer, Message, Tenancy
from wattpurse_tools.refusals import Refusal


@dataclass(frozen=True)
class Wishes:
    """The wanted channels and kinds, each once and in the order of the outbox, and the language."""

    channels: tuple[str, ...]
    kinds: tuple[str, ...]
    language: str


def wishes_of(customer: Customer) -> Wishes:
    """Return the wishes of a customer."""
    return Wishes(
        tuple(one for one in SENT_CHANNELS if getattr(customer, WISH_OF[one])),
        tuple(one for one in KINDS if one not in customer.unwanted_kinds),
        customer.language,
    )


def reachable(customer: Customer) -> list[str]:
    """Return the channels for which the record has an address."""
    addresses = {MAIL: customer.email, SMS: customer.phone, HOOK: policy().web_hook}
    return [one for one in SENT_CHANNELS if addresses[one]]


def customer_at(code: str) -> Customer | None:
    """Return the customer whose present tenancy has the page code, or None."""
    kept = as_kept(code)
    found = Tenancy.objects.select_related("customer").filter(page_code=kept, until_s=None).first() if kept else None
    return None if found is None else found.customer


def change(office: Office, actor: Actor, number: int, wishes: Wishes) -> None:
    """Change the wishes of a customer, and withdraw messages that wait and are unwanted now. Right: order."""
    actor.require("order")
    _change(actor, number, wishes)


def change_own(customer: Customer, wishes: Wishes, address: str) -> None:
    """Change the own wishes of a customer, who came from a network address. The caller has checked the page code."""
    _change(Actor(0, "", address=address), customer.number, wishes)


def _change(actor: Actor, number: int, wishes: Wishes) -> None:
    _check(wishes)
    with transaction.atomic():
        customer = Customer.objects.select_for_update().filter(number=number).first()
        if customer is None:
            raise Refusal("there is no such customer")
        before = wishes_of(customer)
        after = Wishes(
            tuple(one for one in SENT_CHANNELS if one in wishes.channels),
            tuple(one for one in KINDS if one in wishes.kinds),
            wishes.language,
        )
        if before == after:
            return
        for channel, name in WISH_OF.items():
            setattr(customer, name, channel in after.channels)
        customer.unwanted_kinds = [one for one in KINDS if one not in after.kinds]
        customer.language = after.language
        customer.save(update_fields=[*WISH_OF.values(), "unwanted_kinds", "language"])
        withdrawn = _withdraw_unwanted(customer, after)
        audit.note(
            actor,
            "message wishes",
            f"customer:{number}",
            before=_document(before),
            after=_document(after),
            withdrawn=withdrawn,
        )


def _withdraw_unwanted(customer: Customer, wishes: Wishes) -> int:
    """Withdraw the waiting messages that a customer does not want, and return their number."""
    off = [one for one in SENT_CHANNELS if one not in wishes.channels]
    unwanted = Q(channel__in=off) | ~Q(kind__in=wishes.kinds)
    return Message.objects.filter(unwanted, customer=customer, state=WAITING).update(state=WITHDRAWN)


def _check(wishes: Wishes) -> None:
    for known, given in ((SENT_CHANNELS, wishes.channels), (KINDS, wishes.kinds), (LANGUAGES, (wishes.language,))):
        for one in given:
            if one not in known:
                raise Refusal("%(name)s is no choice; choose of %(known)s", name=one, known=", ".join(known))


def _document(wishes: Wishes) -> dict[str, object]:
    return {"channels": list(wishes.channels), "kinds": list(wishes.kinds), "language": wishes.language}
