"""Tenancies: move-in and move-out, contracts with dates, and the replacement of a meter.

Orders belong to a tenancy: open ones are redeemed, voided or forfeited before the next tenancy begins. The
tenant's number at a meter is used once. The first tenant of a meter has the number 0 if nobody moved in by a token.
"""

import time
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import Event, moved, post
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.page_codes import new_page_code
from wattpurse_tools.office.sales import tenancy_at
from wattpurse_tools.office.tokens import Destination, make_tokens
from wattpurse_tools.record.models import (
    Contract,
    Customer,
    Installation,
    ManagedAccount,
    Meter,
    Premises,
    Tenancy,
    Token,
)
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station import order as orders
from wattpurse_tools.station import usefulness
from wattpurse_tools.station.order import Order
from wattpurse_tools.station.receipts import ANY_CARD
from wattpurse_tools.vault.interface import REFUND


@dataclass(frozen=True)
class Replacement:
    """The registers at a replacement, in mWh: of the meter that was taken out, and of the one that was set."""

    end_mwh: int
    start_mwh: int = 0


def move_in(
    office: Office,
    actor: Actor,
    premises: Premises,
    customer: Customer,
    from_s: int | None = None,
    approval: str | None = None,
) -> Tenancy:
    """Begin the tenancy of a customer at a place with a meter. Right: order.

    The first tenant needs no token. For each later one a token takes the credit of the former tenant out of the meter,
    and the vault wants a second person for it: it raises ApprovalNeeded. Raise ValueError while something of the former
    tenancy is open.
    """
    actor.require("order")
    begin_s = int(time.time()) if from_s is None else from_s
    meter = meter_at(premises)
    with transaction.atomic():
        locked = Meter.objects.select_for_update().get(pk=meter.pk)
        present = tenancy_at(locked.number)
        if present is not None:
            raise ValueError(f"{present.customer.name} lives at {premises.name}; enter the move-out first")
        refuse_open(locked)
        _refuse_open_account(locked)
        former = Tenancy.objects.filter(meter_number=locked.number)
        last = former.aggregate(last=Max("tenant"), until_s=Max("until_s"))
        if last["until_s"] is not None and begin_s < last["until_s"]:
            raise ValueError("the former tenancy ended later; a tenancy begins after the one before")
        tenant = max(last["last"], locked.tenant) + 1 if last["last"] is not None else locked.tenant
        if tenant > token.TENANT_LIMIT:
            raise ValueError("the meter has had all tenants that it can number; replace it")
        made = Tenancy.objects.create(
            premises=premises,
            customer=customer,
            meter_number=locked.number,
            tenant=tenant,
            from_s=begin_s,
            page_code=new_page_code(),
        )
        if last["last"] is not None:
            order = Order(token.TENANT, (tenant, ANY_CARD), f"tenant {tenant} moves in", amount=tenant)
            make_tokens(office, actor, locked, [order], Destination(tenancy=made), REFUND, approval)
        audit.note(actor, "move in", f"tenancy:{made.pk}", meter=locked.number, customer=customer.number)
    return made


def move_out(office: Office, actor: Actor, tenancy: Tenancy, until_s: int | None = None) -> Tenancy:
    """End a tenancy. Its page closes with it, and its debt stays in the ledger. Right: order."""
    actor.require("order")
    end_s = int(time.time()) if until_s is None else until_s
    with transaction.atomic():
        found = Tenancy.objects.select_for_update().get(pk=tenancy.pk)
        if found.until_s is not None:
            return found
        if end_s < found.from_s:
            raise ValueError("a tenancy ends after it began")
        found.until_s = end_s
        found.save(update_fields=["until_s"])
        audit.note(actor, "move out", f"tenancy:{found.pk}", meter=found.meter_number)
    return found


def open_tokens(meter: Meter) -> list[Token]:
    """Return the tokens that belong to the tenant at a meter and are open: none of them passes to the next tenant."""
    rows = Token.objects.filter(meter=meter, state__in=orders.OUTSTANDING).order_by("sequence")
    return [row for row in rows if token.is_personal(row.kind)]


def refuse_open(meter: Meter) -> None:
    """Raise ValueError, with the remedy, while an order of the former tenancy is open."""
    waiting = open_tokens(meter)
    if waiting:
        listed = ", ".join(f"{number_text(row.sequence)} ({row.words or 'credit'})" for row in waiting)
        raise ValueError(
            f"open at meter {meter.number}: token {listed}; tap its card at the meter and read it, or forfeit it with:"
            f" wattpurse meter forfeit {meter.number} {number_text(waiting[0].sequence)}"
        )


def _refuse_open_account(meter: Meter) -> None:
    """Raise ValueError, with the remedy, while the account of the former tenancy is open."""
    if ManagedAccount.objects.filter(tenancy__meter_number=meter.number, closed_s=None).exists():
        raise Refusal(
            "the account of the former tenancy at meter %(meter)s is open; close it first, on its page or with:"
            " wattpurse headend account close %(meter)s",
            meter=meter.number,
        )


def add_debt(office: Office, actor: Actor, tenancy: Tenancy, amount_microunits: int, reason: str, key: str) -> int:
    """Note a debt of a tenancy, which its sales recover. An amount below zero takes debt off. Return the debt now.

    Right: order. The same key is booked once.
    """
    actor.require("order")
    if not reason.strip() or amount_microunits == 0:
        raise ValueError("a debt has an amount and a reason")
    meter = Meter.objects.get(number=tenancy.meter_number)
    with transaction.atomic():
        Tenancy.objects.select_for_update().get(pk=tenancy.pk)
        account = chart.debt(tenancy.pk)
        if balances.balance(account, meter.currency) + amount_microunits < 0:
            raise ValueError("that is more than the tenancy owes")
        time_s = int(time.time())
        event = Event(time_s, utc_day(time_s), f"tenancy:{tenancy.pk}", actor.operator, words=reason[:200])
        post(f"debt:{key}", "debt", moved(chart.claim("debt"), account, meter.currency, amount_microunits), event)
        audit.note(actor, "debt", f"tenancy:{tenancy.pk}", amount=amount_microunits, reason=reason)
        return balances.balance(account, meter.currency)


def set_contract(office: Office, actor: Actor, meter: Meter, name: str, from_s: int | None = None) -> Contract:
    """Note the contract of a meter from a time on. A token changes the contract in the meter itself. Right: order."""
    actor.require("order")
    contracts.by_name(name)
    begin_s = int(time.time()) if from_s is None else from_s
    with transaction.atomic():
        locked = Meter.objects.select_for_update().get(pk=meter.pk)
        present = Contract.objects.filter(meter=locked, until_s=None).order_by("-from_s").first()
        if present is not None:
            if present.name == name:
                return present
            if begin_s < present.from_s:
                raise ValueError("the contract before began later; a contract begins after the one before")
            Contract.objects.filter(meter=locked, until_s=None).update(until_s=begin_s)
        made = Contract.objects.create(meter=locked, name=name, from_s=begin_s)
        locked.contract, locked.unit = name, usefulness.unit_of(name)
        locked.save(update_fields=["contract", "unit"])
        audit.note(actor, "contract", f"meter:{locked.number}", name=name)
    return made


def install(office: Office, actor: Actor, meter: Meter, premises: Premises, start_mwh: int = 0) -> Installation:
    """Note that a meter is set at a place, which has none. Right: order."""
    actor.require("order")
    with transaction.atomic():
        Meter.objects.select_for_update().get(pk=meter.pk)
        return _install(actor, meter, premises, start_mwh, int(time.time()))


def replace_meter(office: Office, actor: Actor, premises: Premises, new: Meter, registers: Replacement) -> Installation:
    """Note that another meter took the place of the one at a place. The tenancy goes on at the new one. Right: order.

    The old meter is out of service after that. Its credit comes with its receipt: `refunds.refund` moves it to the new
    meter.
    """
    actor.require("order")
    time_s = int(time.time())
    with transaction.atomic():
        old = meter_at(premises)
        for number in sorted((old.number, new.number)):
            Meter.objects.select_for_update().get(pk=number)
        if old.number == new.number:
            raise ValueError(f"meter {new.number} is at {premises.name} already")
        ended = Installation.objects.filter(premises=premises, until_s=None).get()
        if registers.end_mwh < ended.start_mwh:
            raise ValueError("the register of the old meter is lower than when it was set; read it again")
        Installation.objects.filter(pk=ended.pk).update(until_s=time_s, end_mwh=registers.end_mwh)
        made = _install(actor, new, premises, registers.start_mwh, time_s)
        Tenancy.objects.filter(premises=premises, until_s=None).update(meter_number=new.number, tenant=new.tenant)
        Meter.objects.filter(pk=old.number).update(is_retired=True)
        audit.note(actor, "replace meter", f"premises:{premises.pk}", old=old.number, new=new.number)
    return made


def meter_at(premises: Premises) -> Meter:
    """Return the meter at a place. Raise ValueError if there is none."""
    found = Installation.objects.select_related("meter").filter(premises=premises, until_s=None).first()
    if found is None:
        raise ValueError(f"{premises.name} has no meter; enter its installation first")
    return found.meter


def _install(actor: Actor, meter: Meter, premises: Premises, start_mwh: int, time_s: int) -> Installation:
    if start_mwh < 0:
        raise ValueError("a register is zero or more")
    if meter.is_retired:
        raise ValueError(f"meter {meter.number} was taken out of service")
    if Installation.objects.filter(premises=premises, until_s=None).exists():
        raise ValueError(f"{premises.name} has a meter; replace it")
    other = Installation.objects.select_related("premises").filter(meter=meter, until_s=None).first()
    if other is not None:
        raise ValueError(f"meter {meter.number} is at {other.premises.name}")
    made = Installation.objects.create(meter=meter, premises=premises, from_s=time_s, start_mwh=start_mwh)
    audit.note(actor, "install", f"meter:{meter.number}", premises=premises.name, start_mwh=start_mwh)
    return made
