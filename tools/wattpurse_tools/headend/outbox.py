"""Messages to customers: written into the record once by their key, and sent by a process of its own."""

from collections.abc import Mapping

from wattpurse_tools.record.models import Customer, Message

MAIL = "mail"
SMS = "sms"
HOOK = "hook"

LOW_CREDIT = "low credit"
EXPIRY = "expiry"
TAMPER = "tamper"
OUTAGE = "outage"
RETURN = "return"
RECHARGE = "recharge"
SWITCHED_OFF = "switched off"
SHORTAGE = "shortage"
KINDS = (LOW_CREDIT, EXPIRY, TAMPER, OUTAGE, RETURN, RECHARGE, SWITCHED_OFF, SHORTAGE)


def put(customer: Customer, kind: str, key: str, values: Mapping[str, object], now_s: int) -> None:
    """Write a message to a customer, on each channel that the customer has. The same key again writes nothing.

    `kind` is one of KINDS. `values` are those of its text: `meter`, and others by kind.
    """
    text = f"{kind}: " + ", ".join(f"{name} {value}" for name, value in values.items())
    rows = [
        Message(
            key=f"{key}:{channel}",
            customer=customer,
            channel=channel,
            kind=kind,
            address=address,
            text=text,
            created_s=now_s,
            not_before_s=now_s,
        )
        for channel, address in ((MAIL, customer.email), (SMS, customer.phone))
        if address
    ]
    Message.objects.bulk_create(rows, ignore_conflicts=True)
