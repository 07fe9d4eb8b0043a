"""The words for messages to customers: kinds, channels and quiet hours."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.headend import outbox
from wattpurse_tools.headend.policy import policy

_HOUR_MINUTES = 60

KINDS = (
    (outbox.LOW_CREDIT, _("Credit is low")),
    (outbox.EXPIRY, _("Supply ends soon")),
    (outbox.TAMPER, _("Case was opened")),
    (outbox.OUTAGE, _("Meter cannot be reached")),
    (outbox.RETURN, _("Meter is back")),
    (outbox.RECHARGE, _("Recharge has arrived")),
    (outbox.SWITCHED_OFF, _("Meter is switched off")),
    (outbox.SHORTAGE, _("Shortage of electricity")),
)
CHANNELS = (
    (outbox.MAIL, _("Mail")),
    (outbox.SMS, _("SMS")),
    (outbox.HOOK, _("Web hook")),
)

_WORDS = {
    **dict(KINDS),
    **dict(CHANNELS),
    outbox.ANSWER: _("Answer to an SMS"),
    outbox.MANAGERS: _("For managers"),
    "office": _("On the pages"),
}


def message_words(name: str) -> str:
    """Return the words for a kind or a channel. A name without words stays as it is."""
    return str(_WORDS.get(name, name))


def quiet_words() -> str:
    """Return the quiet hours of the site in words, or "" if there are none."""
    rules = policy()
    if rules.quiet_from_minute == rules.quiet_until_minute:
        return ""
    words = gettext("No message comes from %(from)s to %(until)s, except the answer to a payment.")
    return words % {"from": _clock(rules.quiet_from_minute), "until": _clock(rules.quiet_until_minute)}


def _clock(minute: int) -> str:
    return f"{minute // _HOUR_MINUTES:02}:{minute % _HOUR_MINUTES:02}"
