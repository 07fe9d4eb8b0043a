"""The texts of messages by their kind, in the language of the customer.

A kind has one or more wordings. The first one is used whose values are all known. A value's name tells its form:
`..._microunits` is money, `..._s` a time, `..._mwh` energy. `days` is a number of days. The text names the value
without the ending, so `balance_microunits` is `%(balance)s`.

An SMS is short. Its wordings in English, German, French and Spanish have characters of GSM 7-bit alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from wattpurse_tools.office.shown_amounts import energy_text, money_text, time_text
from wattpurse_tools.record.models import Site

LOW_CREDIT = "low credit"
EXPIRY = "expiry"
TAMPER = "tamper"
OUTAGE = "outage"
RETURN = "return"
RECHARGE = "recharge"
SWITCHED_OFF = "switched off"
SHORTAGE = "shortage"

_MICROUNITS, _SECONDS, _ENERGY, _DAYS = "_microunits", "_s", "_mwh", "days"


@dataclass(frozen=True)
class Wording:
    """The texts of a message: subject and text of a mail, and an SMS. `needs` are the values that they name."""

    needs: tuple[str, ...]
    subject: str
    mail: str
    sms: str


@dataclass(frozen=True)
class Shown:
    """The texts of a message in the language of its reader."""

    subject: str
    mail: str
    sms: str


WORDINGS: Mapping[str, tuple[Wording, ...]] = {
    LOW_CREDIT: (
        Wording(
            ("meter", "balance", "days"),
            gettext_noop("Meter %(meter)s: credit is low"),
            gettext_noop(
                "The credit of meter %(meter)s is %(balance)s. At your present use it lasts about %(days)s."
                " Please top up in time."
            ),
            gettext_noop("Meter %(meter)s: credit %(balance)s, about %(days)s left. Please top up."),
        ),
        Wording(
            ("meter", "balance"),
            gettext_noop("Meter %(meter)s: credit is low"),
            gettext_noop("The credit of meter %(meter)s is %(balance)s. Please top up in time."),
            gettext_noop("Meter %(meter)s: credit %(balance)s. Please top up."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s: credit is low"),
            gettext_noop("The credit of meter %(meter)s is low. Please top up in time."),
            gettext_noop("Meter %(meter)s: credit is low. Please top up."),
        ),
    ),
    EXPIRY: (
        Wording(
            ("meter", "until"),
            gettext_noop("Meter %(meter)s: supply ends soon"),
            gettext_noop("The supply of meter %(meter)s ends on %(until)s unless it is renewed before."),
            gettext_noop("Meter %(meter)s: supply ends on %(until)s unless renewed."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s: supply ends soon"),
            gettext_noop("The supply of meter %(meter)s ends soon unless it is renewed before."),
            gettext_noop("Meter %(meter)s: supply ends soon unless renewed."),
        ),
    ),
    TAMPER: (
        Wording(
            ("meter", "since"),
            gettext_noop("Meter %(meter)s reports an opened case"),
            gettext_noop(
                "Meter %(meter)s reported on %(since)s that its case was opened."
                " If you know nothing of it, please tell us."
            ),
            gettext_noop("Meter %(meter)s reports an opened case. Please call us if you know nothing of it."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s reports an opened case"),
            gettext_noop(
                "Meter %(meter)s reports that its case was opened. If you know nothing of it, please tell us."
            ),
            gettext_noop("Meter %(meter)s reports an opened case. Please call us if you know nothing of it."),
        ),
    ),
    OUTAGE: (
        Wording(
            ("meter", "since"),
            gettext_noop("Meter %(meter)s cannot be reached"),
            gettext_noop(
                "Meter %(meter)s has not been reached since %(since)s. Its supply or its network may be out."
                " We write again when it is back."
            ),
            gettext_noop("Meter %(meter)s cannot be reached since %(since)s: supply or network may be out."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s cannot be reached"),
            gettext_noop("Meter %(meter)s cannot be reached. Its supply or its network may be out."),
            gettext_noop("Meter %(meter)s cannot be reached: supply or network may be out."),
        ),
    ),
    RETURN: (
        Wording(
            ("meter", "at"),
            gettext_noop("Meter %(meter)s is back"),
            gettext_noop("Meter %(meter)s has been reached again since %(at)s."),
            gettext_noop("Meter %(meter)s is back since %(at)s."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s is on again"),
            gettext_noop("Meter %(meter)s is switched on again."),
            gettext_noop("Meter %(meter)s is on again."),
        ),
    ),
    RECHARGE: (
        Wording(
            ("meter", "amount", "digits"),
            gettext_noop("Meter %(meter)s: your top-up"),
            gettext_noop("You topped up meter %(meter)s with %(amount)s. Type at the meter: %(digits)s"),
            gettext_noop("Meter %(meter)s: top-up %(amount)s. Type: %(digits)s"),
        ),
        Wording(
            ("meter", "amount", "balance"),
            gettext_noop("Meter %(meter)s: your top-up"),
            gettext_noop("You topped up meter %(meter)s with %(amount)s. The credit is now %(balance)s."),
            gettext_noop("Meter %(meter)s: top-up %(amount)s, credit now %(balance)s."),
        ),
        Wording(
            ("meter", "amount"),
            gettext_noop("Meter %(meter)s: your top-up"),
            gettext_noop("You topped up meter %(meter)s with %(amount)s."),
            gettext_noop("Meter %(meter)s: top-up %(amount)s."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s: your top-up"),
            gettext_noop("Your top-up of meter %(meter)s has arrived."),
            gettext_noop("Meter %(meter)s: your top-up has arrived."),
        ),
    ),
    SWITCHED_OFF: (
        Wording(
            ("meter", "balance"),
            gettext_noop("Meter %(meter)s is switched off"),
            gettext_noop(
                "Meter %(meter)s is switched off. Its credit is %(balance)s. It is switched on again after a top-up."
            ),
            gettext_noop("Meter %(meter)s is off, credit %(balance)s. A top-up switches it on again."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s is switched off"),
            gettext_noop("Meter %(meter)s is switched off. It is switched on again after a top-up."),
            gettext_noop("Meter %(meter)s is off. A top-up switches it on again."),
        ),
    ),
    SHORTAGE: (
        Wording(
            ("meter", "from", "until"),
            gettext_noop("Meter %(meter)s: shortage of electricity"),
            gettext_noop(
                "Electricity is short. Meter %(meter)s may be off from %(from)s to %(until)s. Your credit is kept."
            ),
            gettext_noop("Shortage: meter %(meter)s may be off from %(from)s to %(until)s."),
        ),
        Wording(
            ("meter", "until"),
            gettext_noop("Meter %(meter)s: shortage of electricity"),
            gettext_noop("Electricity is short. Meter %(meter)s may be off until %(until)s. Your credit is kept."),
            gettext_noop("Shortage: meter %(meter)s may be off until %(until)s."),
        ),
        Wording(
            ("meter",),
            gettext_noop("Meter %(meter)s: shortage of electricity"),
            gettext_noop("Electricity is short. Meter %(meter)s may be off for a time. Your credit is kept."),
            gettext_noop("Shortage: meter %(meter)s may be off for a time."),
        ),
    ),
}


def shown(kind: str, values: Mapping[str, object], language: str, time_zone: str) -> Shown:
    """Return the texts of a message in a language. Raise ValueError for a kind without a wording for the values."""
    with translation.override(language):
        told = shown_values(values, time_zone)
        for wording in WORDINGS.get(kind, ()):
            if told.keys() >= set(wording.needs):
                return Shown(*(_(text) % told for text in (wording.subject, wording.mail, wording.sms)))
    raise ValueError(f"there is no text for a message {kind!r} with the values {', '.join(sorted(values)) or 'none'}")


def mail_body(text: str, name: str, number: int, language: str) -> str:
    """Return the body of a mail to a customer: the text, who it is to, and how to end such mails."""
    with translation.override(language):
        greeting = _("Hello %(name)s,") % {"name": name}
        ending = _(
            "To end these mails, answer with the word STOP or tell your shop. Your customer number is %(number)s."
        )
        site = Site.objects.values_list("name", flat=True).first() or ""
        return "\n\n".join(filter(None, (greeting, text, site, "-- \n" + ending % {"number": number}))) + "\n"


def shown_values(values: Mapping[str, object], time_zone: str) -> dict[str, str]:
    """Return the values as the language in force shows them, by their names in a text. Those that are None are left."""
    return dict(_shown_value(name, value, values, time_zone) for name, value in values.items() if value is not None)


def _shown_value(name: str, value: object, values: Mapping[str, object], time_zone: str) -> tuple[str, str]:
    if not isinstance(value, int):
        return name, str(value)
    if name.endswith(_MICROUNITS):
        return name.removesuffix(_MICROUNITS), money_text(value, *_currency(values))
    if name.endswith(_SECONDS):
        return name.removesuffix(_SECONDS), time_text(value, time_zone)
    if name.endswith(_ENERGY):
        return name.removesuffix(_ENERGY), energy_text(value)
    if name == _DAYS:
        return name, ngettext("%(days)s day", "%(days)s days", value) % {"days": value}
    return name, str(value)


def _currency(values: Mapping[str, object]) -> tuple[str, int]:
    """Return the currency and its decimals: those among the values, or those of the site."""
    currency, decimals = values.get("currency"), values.get("decimals")
    if isinstance(currency, str) and isinstance(decimals, int):
        return currency, decimals
    site = Site.objects.values_list("currency", "decimals").first() or ("EUR", 2)
    return (str(currency or site[0]), site[1])
