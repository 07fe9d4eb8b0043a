"""Orders to buy from a wallet: a page or an SMS records one, and a worker sells once for it, as for a payment.

An order is a notice of the kind "spent" of the provider "wallet". Its number is the key of the attempt, its reference
begins with the meter, and its payer is the customer's number. An order that cannot be sold is refused: the money stays
in the wallet, and a further attempt is a new order.
"""

from wattpurse_tools.headend import payments, recharge_page, wallets
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Payment, PaymentNotice, Wallet
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station.currencies import site_currency


def order(wallet: Wallet, meter_number: int, gross_microunits: int, attempt: str, now_s: int) -> PaymentNotice:
    """Record an order, once by its attempt. Raise Refusal if it would be refused, as far as can be known before it."""
    number = str(wallet.customer.number)
    known = _notice(attempt)
    if known is None:
        if meter_number not in wallets.meters_of(wallet):
            raise Refusal("meter %(meter)s is not a meter of this customer", meter=meter_number)
        recharge_page.refuse(meter_number, gross_microunits)
        currency = site_currency().code
        reference = f"{meter_number} {attempt}"
        known = payments.record(
            wallets.NAME, attempt, payments.SPENT, gross_microunits, currency, reference, number, now_s, "", now_s
        )
    if (known.payer, payments.meter_of_order(known), known.amount_microunits) != (
        number,
        meter_number,
        gross_microunits,
    ):
        raise Refusal("this attempt was another order; begin a new one")
    return known


def order_of(wallet: Wallet, attempt: str) -> PaymentNotice | None:
    """Return the order of an attempt, if it is one of a wallet, or None."""
    found = _notice(attempt)
    return found if found is not None and found.payer == str(wallet.customer.number) else None


def outcome(notice: PaymentNotice) -> Payment | None:
    """Return the outcome of an order, or None while no worker has worked on it."""
    found = Payment.objects.filter(pk=notice.pk).exclude(state=payments.NEW)
    return found.select_related("sale", "notice").first()


def worked_on(office: Office, actor: Actor, notice: PaymentNotice, now_s: int) -> Payment | None:
    """Work on an order at once. Return its outcome, or None while another process works on it. Right: sell."""
    Payment.objects.bulk_create([Payment(notice=notice)], ignore_conflicts=True)
    payments.work_on(office, actor, notice.pk, now_s)
    return outcome(notice)


def _notice(attempt: str) -> PaymentNotice | None:
    return PaymentNotice.objects.filter(provider=wallets.NAME, number=attempt, kind=payments.SPENT).first()
