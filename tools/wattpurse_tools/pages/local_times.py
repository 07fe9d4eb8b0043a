"""Times as forms have them: the day and minute in the time zone of the site."""

from datetime import datetime, tzinfo

from django import forms
from django.utils.translation import gettext as _

from wattpurse_tools.office.site_days import site_zone

_FORMAT = "%Y-%m-%dT%H:%M"


class LocalTimeField(forms.CharField):
    """A time of the site's clock. Its value is in seconds since 1970, UTC."""

    def __init__(self, label: str) -> None:
        super().__init__(label=label, max_length=24, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))

    def clean(self, value: object) -> int:
        """Return the second of a typed time. An hour that comes twice is the first one."""
        text = super().clean(value)
        try:
            return int(datetime.strptime(text[:16], _FORMAT).replace(tzinfo=site_zone()).timestamp())
        except ValueError:
            raise forms.ValidationError(_("Write day and time, such as 2026-11-30T18:00.")) from None


def local_text(time_s: int, zone: tzinfo) -> str:
    """Return a time as the field has it."""
    return datetime.fromtimestamp(time_s, zone).strftime(_FORMAT)
