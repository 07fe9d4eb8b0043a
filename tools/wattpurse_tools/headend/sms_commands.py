"""Commands by SMS: BAL tells the credit, TOK the digits of the newest tokens again, TOK METER AMOUNT buys.

It buys from the customer's wallet for one of the customer's meters, if the wallet takes SMS. A forged sender can do no
more than move money of a wallet to a meter of the same customer.

The phone's number in the record is the right to ask. The sender's number has to be the same one, with its country code,
so the answer goes to that phone alone. It may stand with one customer, who asks for the own meters. A phone that nobody
has, and a phone of two customers, get no answer. The gateway's own number makes a text happen once: again, it returns
the same answer.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import CharField, F, Value
from django.db.models.functions import Replace
from django.utils import translation
from django.utils.translation import gettext as _

from wattpurse.core.messages.short_token import grouped
from wattpurse.core.text import kwh_text
from wattpurse_tools.headend import outbox, wallet_orders, wallets
from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.recharge import message_key
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import (
    Customer,
    IncomingText,
    ManagedAccount,
    Meter,
    Payment,
    PaymentNotice,
    Sale,
    Tenancy,
    Token,
    Wallet,
)
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.amounts import KWH_DECIMALS
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.utc_texts import rfc3339

_TEXT_LENGTH = 480
_PHONE_DIGITS = 8
_PHONE_SIGNS = " -/()."
_TOKENS = 3
_WINDOW_S = 3600
_IN_WINDOW = 12
_BUY = "TOK"
_WORDS_TO_BUY = 3


def answer(office: Office, actor: Actor, phone: str, text: str, number: str, now_s: int, country_code: str = "") -> str:
    """Return the answer to a text, or "" if the phone gets none. Right: sell.

    `number` is the gateway's own. The same number again returns the same answer. `country_code` is that of
    `customer_of`.
    """
    actor.require("sell")
    known = IncomingText.objects.filter(number=number).first()
    if known is not None:
        return known.answer
    customer = customer_of(phone, country_code)
    said = ""
    if customer is not None and not _is_over(phone, now_s):
        with translation.override(customer.language):
            bought = _buy(office, actor, customer, text, number, now_s)
            said = _answer(office, actor, customer, text) if bought is None else bought
    try:
        with transaction.atomic():
            IncomingText.objects.create(
                number=number, phone=_digits(phone), text=text[:_TEXT_LENGTH], received_s=now_s, answer=said
            )
    except IntegrityError:  # another process answered it in the same moment
        return IncomingText.objects.get(number=number).answer
    return said


def customer_of(phone: str, country_code: str = "") -> Customer | None:
    """Return the one active customer with a phone, or None.

    The record has the number with its country code. With a `country_code`, it may have a number of that country with a
    zero instead, and the gateway may tell it so. Signs between the digits in the record do not matter.
    """
    told = _international(phone, country_code)
    if len(told) < _PHONE_DIGITS:
        return None
    ways = [told, f"+{told}", f"00{told}"]
    if country_code and told.startswith(country_code):
        national = "0" + told.removeprefix(country_code)
        ways += [national, f"+{country_code}{national}"]  # such as +49 (0)170 1234567
    plain = F("phone")
    for sign in _PHONE_SIGNS:
        plain = Replace(plain, Value(sign), Value(""), output_field=CharField())
    found = list(Customer.objects.alias(plain=plain).filter(is_active=True, plain__in=ways)[:2])
    return found[0] if len(found) == 1 else None


def _international(phone: str, country_code: str) -> str:
    """Return the digits of a number with its country code, or "" if nobody knows the country."""
    digits = _digits(phone)
    if digits.startswith("00"):
        return digits[2:]
    if not digits.startswith("0"):
        return digits
    return country_code + digits[1:] if country_code and not phone.startswith("+") else ""


def _digits(phone: str) -> str:
    return "".join(letter for letter in phone if letter.isascii() and letter.isdecimal())[:32]


def _is_over(phone: str, now_s: int) -> bool:
    asked = IncomingText.objects.filter(phone=_digits(phone), received_s__gt=now_s - _WINDOW_S)
    return asked.count() >= _IN_WINDOW


def _answer(office: Office, actor: Actor, customer: Customer, text: str) -> str:
    words = text.upper().split()
    command = _COMMANDS.get(words[0] if words else "")
    if command is None or len(words) > 2 or not all(_is_number(one) for one in words[1:]):
        return _help(customer)
    meters = _meters(customer, words[1:])
    if not meters:
        return _("You have no meter of this number.")
    told = [command(office, actor, tenancy, meter) for tenancy, meter in meters]
    wallet = wallets.wallet_of(customer)
    last = []
    if wallet is not None and command is _balance:
        last = [_("Wallet: %(credit)s.") % {"credit": site_currency().exact_text(wallet.balance_microunits)}]
    return _whole_lines(told, last)


def _whole_lines(lines: Sequence[str], last: Sequence[str]) -> str:
    """Return lines as a text. Lines that it has no room for are left out, and it says so; the last ones stay."""
    text = "\n".join([*lines, *last])
    for count in range(len(lines) - 1, 0, -1):
        if len(text) <= _TEXT_LENGTH:
            break
        more = _("There are more meters: write the number of one too.")
        text = "\n".join([*lines[:count], more, *last])
    return text


def _with_digits(text: str, values: Mapping[str, object], digits: Sequence[str]) -> str:
    """Return a text that tells the digits of tokens in groups. Tokens that it has no room for are left out."""
    for count in range(len(digits), 1, -1):
        told = text % {**values, "digits": ", ".join(map(grouped, digits[:count]))}
        if len(told) <= _TEXT_LENGTH:
            return told
    return text % {**values, "digits": grouped(digits[0])}


def _help(customer: Customer) -> str:
    told = _("Write BAL for your credit, or TOK for your last digits. Add the number of a meter if you have several.")
    wallet = wallets.wallet_of(customer)
    if wallet is None or not wallet.takes_sms:
        return told
    how = _("To buy from your wallet, write TOK, the number of the meter and the amount.")
    return f"{told} {how}"


def _buy(office: Office, actor: Actor, customer: Customer, text: str, number: str, now_s: int) -> str | None:
    """Return the answer to a text "TOK METER AMOUNT", which buys once by the gateway's number, or None for another."""
    words = text.upper().split()
    if len(words) != _WORDS_TO_BUY or words[0] != _BUY or not _is_number(words[1]):
        return None
    try:
        amount = micro_of_text(words[2].replace(",", "."))
    except ValueError:
        return None
    wallet = wallets.wallet_of(customer)
    if wallet is None or not wallet.takes_sms:
        return _("You have no wallet that buys by SMS. Ask the office for one.")
    return _bought(office, actor, wallet, (int(words[1][:12]), amount), number, now_s)


def _bought(office: Office, actor: Actor, wallet: Wallet, wish: tuple[int, int], number: str, now_s: int) -> str:
    """Return the answer to an order: the digits, or the wallet's balance if nothing was bought."""
    meter, amount = wish
    attempt = "sms-" + hashlib.sha256(number.encode()).hexdigest()[:24]
    try:
        notice = wallet_orders.order(wallet, meter, amount, attempt, now_s)
    except ValueError:
        return _not_bought(wallet, meter)
    payment = _worked_on(office, actor, notice, now_s)
    if payment is None:
        return _("Meter %(meter)s: your order is being worked on. Write TOK for the digits soon.") % {"meter": meter}
    return _not_bought(wallet, meter) if payment.sale is None else _sold(payment.sale)


def _worked_on(office: Office, actor: Actor, notice: PaymentNotice, now_s: int) -> Payment | None:
    """Work on an order. The answer has the digits, so the SMS about the recharge is withdrawn before it is sent."""
    with transaction.atomic():
        payment = wallet_orders.worked_on(office, actor, notice, now_s)
        if payment is not None and payment.sale is not None:
            outbox.withdraw(message_key(payment.sale), (outbox.SMS,))
    return payment


def _sold(sale: Sale) -> str:
    rows = Token.objects.filter(sale=sale).exclude(digits="").order_by("sequence")
    digits = list(rows.values_list("digits", flat=True))
    told = {"meter": sale.meter_number, "amount": site_currency().exact_text(sale.gross_microunits)}
    if not digits:
        return _("Meter %(meter)s: %(amount)s bought. The meter gets it by itself.") % told
    return _with_digits(_("Meter %(meter)s: %(amount)s bought. Digits: %(digits)s."), told, digits)


def _not_bought(wallet: Wallet, meter: int) -> str:
    wallet.refresh_from_db(fields=["balance_microunits"])
    credit = site_currency().exact_text(wallet.balance_microunits)
    return _("Meter %(meter)s: nothing was bought. Your wallet has %(credit)s.") % {"meter": meter, "credit": credit}


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal()


def _meters(customer: Customer, numbers: Sequence[str]) -> list[tuple[Tenancy, Meter]]:
    """Return the tenancies of a customer with their meters: all, or the one of a number."""
    living = Tenancy.objects.filter(customer=customer, until_s=None).order_by("meter_number")
    if numbers:
        living = living.filter(meter_number=int(numbers[0][:12]))
    meters = Meter.objects.in_bulk([one.meter_number for one in living])
    return [(one, meters[one.meter_number]) for one in living if one.meter_number in meters]


def _balance(_office: Office, _actor: Actor, tenancy: Tenancy, meter: Meter) -> str:
    account = ManagedAccount.objects.filter(tenancy=tenancy, closed_s=None).first()
    if account is not None:
        credit = site_currency().exact_text(account.balance_microunits)
        return _("Meter %(meter)s: %(credit)s.") % {"meter": meter.number, "credit": credit}
    if meter.balance is None or meter.told_s < tenancy.from_s:
        return _("Meter %(meter)s has not told its credit yet.") % {"meter": meter.number}
    credit = site_currency().exact_text(meter.balance)
    if meter.unit == orders.ENERGY:
        credit = f"{kwh_text(meter.balance, KWH_DECIMALS)} kWh"
    told = rfc3339(meter.told_s)
    return _("Meter %(meter)s: %(credit)s, told at %(time)s.") % {"meter": meter.number, "credit": credit, "time": told}


def _tokens(_office: Office, _actor: Actor, tenancy: Tenancy, meter: Meter) -> str:
    bought = Token.objects.filter(meter=meter, sale__tenancy=tenancy, state__in=orders.OUTSTANDING).exclude(digits="")
    digits = list(bought.order_by("-sequence").values_list("digits", flat=True)[:_TOKENS])
    if not digits:
        return _("Meter %(meter)s: no digits wait for it.") % {"meter": meter.number}
    return _with_digits(_("Meter %(meter)s: %(digits)s."), {"meter": meter.number}, digits)


_COMMANDS: dict[str, Callable[[Office, Actor, Tenancy, Meter], str]] = {"BAL": _balance, _BUY: _tokens}
