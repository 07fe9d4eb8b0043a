"""The pages of a wallet: the customer's own by its code, the agent's that takes cash, and that of the office.

The code of a wallet is the right to pay into it and to buy from it for the customer's own meters. It is another one
than the codes on receipts, because a tenant at one of the meters must not see the wallet.
"""

import time

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from wattpurse_tools.headend import delivery_state, payments, payouts, wallet_orders, wallets
from wattpurse_tools.headend.providers.checkout import WALLET, Order, checkout_of
from wattpurse_tools.office.page_codes import as_kept, as_printed
from wattpurse_tools.pages import qr_codes
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.amount_texts import money_text, parse_money
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.tenant_codes import behind_code
from wattpurse_tools.pages.views.acting import attempt, done, done_by_two, form_key, whole
from wattpurse_tools.pages.views.pay_customer import ATTEMPT_FORM, attempt_key
from wattpurse_tools.record.models import Customer, Payment, Wallet
from wattpurse_tools.station.currencies import site_currency

_AGAIN_S = 3
_SHOWN = 20
_LEAST, _MOST = 1_000_000, 1_000_000_000


@require_http_methods(["GET", "HEAD", "POST"])
def wallet(request: HttpRequest, code: str) -> HttpResponse:
    """Show a wallet, order credit for a meter, or lead to the provider's page to pay in."""
    return behind_code(request, lambda: wallets.by_code(as_kept(code)), lambda found: _wallet(request, code, found))


@require_safe
def bought(request: HttpRequest, code: str, attempt: str) -> HttpResponse:
    """Show the outcome of an order: digits, and whether the meter has the token."""
    return behind_code(
        request, lambda: wallets.by_code(as_kept(code)), lambda found: _bought(request, code, found, attempt)
    )


def _wallet(request: HttpRequest, code: str, found: Wallet) -> HttpResponse:
    content: dict[str, object] = {"amount": request.POST.get("amount", "")[:20]}
    do = request.POST.get("do", "")
    key = attempt_key(request.POST.get("attempt", ""))
    try:
        if do == "buy":
            _buy(request, found, key)
            return redirect("wallet-bought", code, key)
        if do == "load":
            content["link"] = _link(request, code, found, key)
    except (ValueError, OSError) as error:
        content["trouble"] = in_words(error)
    awaited = request.GET.get("paid", "")
    content |= {
        "code": code,
        "wallet": found,
        "meters": wallets.meters_of(found),
        "history": wallets.history(found),
        "currency": site_currency().code,
        "decimals": site_currency().decimals,
        "attempt": key,
        "can_load": checkout_of(office_in_use().folder) is not None,
        "is_awaited": bool(ATTEMPT_FORM.fullmatch(awaited)) and not _has_come(found, awaited),
        "again_s": _AGAIN_S,
    }
    return render(request, "pages/pay/wallet.html", content)


def _buy(request: HttpRequest, found: Wallet, key: str) -> None:
    currency = site_currency()
    amount = parse_money(request.POST.get("amount", ""), currency.decimals)
    if wallet_orders.order_of(found, key) is None and amount > found.balance_microunits:
        has = money_text(found.balance_microunits, currency.code, currency.decimals)
        raise ValueError(_("The wallet has %(amount)s. Pay in first.") % {"amount": has})
    wallet_orders.order(found, whole(request.POST.get("meter", "")) or 0, amount, key, int(time.time()))


def _link(request: HttpRequest, code: str, found: Wallet, key: str) -> str:
    """Return the address of the provider's page for a payment into the wallet."""
    checkout = checkout_of(office_in_use().folder)
    if checkout is None:
        raise ValueError(_("This office takes no payments by this page."))
    currency = site_currency()
    amount = parse_money(request.POST.get("amount", ""), currency.decimals)
    if not _LEAST <= amount <= _MOST:
        bounds = [money_text(one, currency.code, currency.decimals) for one in (_LEAST, _MOST)]
        raise ValueError(_("Pay in from %(least)s to %(most)s.") % {"least": bounds[0], "most": bounds[1]})
    here = request.build_absolute_uri(reverse("wallet", args=(code,)))
    words = _("Wallet of customer %(number)s") % {"number": found.customer.number}
    target, urls = (WALLET, found.customer.number), (f"{here}?paid={key}", here)
    return checkout.link(Order(key, target, amount, currency.code, words, urls, get_language() or "auto"))


def _has_come(found: Wallet, key: str) -> bool:
    """Return True if the payment of an attempt is in the wallet."""
    reference = f"{WALLET} {found.customer.number} {key}"
    return Payment.objects.filter(wallet=found, state=payments.IN_WALLET, notice__reference=reference).exists()


def _bought(request: HttpRequest, code: str, found: Wallet, attempt: str) -> HttpResponse:
    notice = wallet_orders.order_of(found, attempt) if ATTEMPT_FORM.fullmatch(attempt) else None
    if notice is None:
        raise Http404
    payment = wallet_orders.outcome(notice)
    content: dict[str, object] = {
        "code": code,
        "payment": payment,
        "meter": payments.meter_of_order(notice),
        "again_s": _AGAIN_S,
        "decimals": site_currency().decimals,
    }
    if payment is not None and payment.sale is not None:
        content["told"] = delivery_state.of_sale(payment.sale)
    return render(request, "pages/pay/wallet_bought.html", content)


@page("sell")
def agent_wallet(request: OfficeRequest) -> HttpResponse:
    """Ask for the customer, confirm, and take cash into the wallet."""
    number = whole(request.POST.get("customer", ""))
    found = None if number is None else Customer.objects.filter(number=number, is_active=True).first()
    content: dict[str, object] = {"number": "" if number is None else number, "customer": found}
    if number is not None and found is None:
        content["trouble"] = _("There is no customer of this number.")
    if found is not None and request.POST.get("amount"):
        entry = attempt(request, _pay_in, request, found)
        if entry is not None:
            content = {"paid": request.POST["amount"][:20], "customer": found, "entry": entry}
    content |= {"key": form_key(request), "currency": site_currency().code}
    return render(request, "pages/pay/agent_wallet.html", content)


def _pay_in(request: OfficeRequest, found: Customer) -> object:
    amount = parse_money(request.POST.get("amount", ""), site_currency().decimals)
    key = request.POST.get("key", "")[:40]
    return wallets.pay_in_cash(request.office, request.actor, found.number, amount, key, int(time.time()))


@page("order")
def customer_wallet(request: OfficeRequest, number: int) -> HttpResponse:
    """Show the wallet of a customer, give its page a new code, and let SMS buy from it or not."""
    found = Customer.objects.filter(number=number).first()
    if found is None:
        raise Http404
    now_s, code = int(time.time()), ""
    if request.POST.get("do") == "code":
        code = attempt(request, wallets.new_code, request.actor, found, now_s) or ""
    elif request.POST.get("do") == "sms":
        takes_sms = request.POST.get("takes") == "yes"
        done(request, _("The change is saved."), wallets.let_sms_buy, request.actor, found, takes_sms, now_s)
    is_open = request.POST.get("do") == "pay out" and not _pay_out(request, found, now_s)
    known = wallets.wallet_of(found)
    has_money = known is not None and known.balance_microunits > 0
    content: dict[str, object] = {
        "customer": found,
        "wallet": known,
        "history": [] if known is None else wallets.history(known),
        "payout_key": form_key(request, is_open) if "manage" in request.actor.rights and has_money else "",
        "given": request.POST if is_open else {},
        "payments": _refundable(known) if "manage" in request.actor.rights and known is not None else [],
        "currency": site_currency().code,
        "decimals": site_currency().decimals,
    }
    if code:
        link = request.build_absolute_uri(reverse("wallet", args=(code,)))
        content |= {"code": as_printed(code), "link": link, "drawing": qr_codes.drawing(link)}
    return render(request, "pages/pay/customer_wallet.html", content)


def _pay_out(request: OfficeRequest, found: Customer, now_s: int) -> bool:
    """Pay money out, or propose it to a second person. Return True if it was paid."""
    amount = attempt(request, parse_money, request.POST.get("amount", ""), site_currency().decimals)
    if amount is None:
        return False
    words = request.POST.get("words", "").strip()[:200]
    asked = payouts.Payout(found.number, amount, request.POST.get("way", ""), words, request.POST.get("key", "")[:40])
    approval = request.POST.get("approval", "").strip()[:20] or None
    return done_by_two(
        request, _("It is paid out."), words, payouts.pay_out, request.office, request.actor, asked, now_s, approval
    )


def _refundable(known: Wallet) -> list[Payment]:
    """Return the newest payments in a wallet that may go back to their payers."""
    rows = Payment.objects.filter(wallet=known, state=payments.IN_WALLET).select_related("notice")
    return list(rows.order_by("-pk")[:_SHOWN])
