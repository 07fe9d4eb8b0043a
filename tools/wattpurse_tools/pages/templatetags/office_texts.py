"""Filters that show amounts, times and months in the language in force. The time zone is that of the site."""

from datetime import datetime, tzinfo

from django import template
from django.http import QueryDict
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from wattpurse_tools.office.site_days import first_day, site_zone
from wattpurse_tools.pages.amount_texts import (
    NO_BREAK,
    amount_text,
    days_text,
    energy_text,
    money_text,
    power_text,
)
from wattpurse_tools.pages.message_words import message_words as words_of_message
from wattpurse_tools.pages.refusal_words import in_words as words_of_text
from wattpurse_tools.record.models import Meter

register = template.Library()

_MWH_PER_WH = 1000
_DIGIT_GROUP = 4


@register.simple_tag(takes_context=True)
def moment(context: template.Context, time_s: int | None) -> str:
    """Return a time with day and minute, or a dash for none."""
    if not time_s:
        return "–"
    return date_format(datetime.fromtimestamp(time_s, _zone(context)), "SHORT_DATETIME_FORMAT")


@register.simple_tag(takes_context=True)
def day(context: template.Context, time_s: int | None) -> str:
    """Return the day of a time, or a dash for none."""
    if not time_s:
        return "–"
    return date_format(datetime.fromtimestamp(time_s, _zone(context)), "SHORT_DATE_FORMAT")


@register.filter
def month(index: int) -> str:
    """Return a month of a meter with its year."""
    return date_format(first_day(index), "YEAR_MONTH_FORMAT")


@register.filter
def wh(energy_wh: int | None) -> str:
    """Return Wh as kWh."""
    return "–" if energy_wh is None else energy_text(energy_wh * _MWH_PER_WH)


@register.filter
def mwh(energy_mwh: int | None) -> str:
    """Return mWh as kWh."""
    return "–" if energy_mwh is None else energy_text(energy_mwh)


@register.filter
def percent(share_ppm: int) -> str:
    """Return parts per million as per cent."""
    return f"{number_format(share_ppm / 10_000, 0 if share_ppm % 10_000 == 0 else 2)}{NO_BREAK}%"


@register.filter
def kilowatts(power_mw: int | None) -> str:
    """Return mW as kW."""
    return "–" if power_mw is None else power_text(power_mw)


@register.simple_tag
def money(microunits: int | None, currency: str, decimals: int = 2) -> str:
    """Return micro-units with their currency."""
    return "–" if microunits is None else money_text(microunits, currency, decimals)


@register.simple_tag
def amount(value: int | None, unit: str, meter: Meter) -> str:
    """Return an amount of a unit at a meter."""
    return "–" if value is None else amount_text(value, unit, meter.currency, meter.decimals)


@register.filter
def days(term_s: int) -> str:
    """Return a length of time in days."""
    return days_text(term_s)


@register.filter
def known(name: str) -> str:
    """Return a name that the record keeps, such as that of a contract, as words."""
    return gettext(name) if name else ""


@register.filter
def message_words(name: str) -> str:
    """Return the kind or the channel of a message as words."""
    return words_of_message(name)


@register.filter
def in_words(said: object) -> str:
    """Return a text of the office that the record keeps, such as the reason of a payment, in the language in force."""
    return words_of_text(said)


@register.filter
def in_groups(digits: str) -> str:
    """Return twenty digits in groups of four."""
    return " ".join(digits[begin : begin + _DIGIT_GROUP] for begin in range(0, len(digits), _DIGIT_GROUP))


@register.simple_tag(takes_context=True)
def following(context: template.Context, after: object) -> str:
    """Return the query of the page's address with another `after`."""
    query: QueryDict = context["request"].GET.copy()
    query["after"] = str(after)
    return "?" + query.urlencode()


@register.filter
def drawn(svg: str) -> SafeString:
    """Return a picture that `charts` has drawn. It has escaped each text."""
    return mark_safe(svg)  # noqa: S308


def _zone(context: template.Context) -> tzinfo:
    """Return the time zone of the site. A page asks the record once."""
    request = context["request"]
    if not hasattr(request, "site_zone"):
        request.site_zone = site_zone()
    return request.site_zone
