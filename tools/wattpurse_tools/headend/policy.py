"""The settings of the head-end: one row of the record, made with its usual values at the first use."""

from wattpurse_tools.record.models import HeadendPolicy

_ROW = 1


def policy() -> HeadendPolicy:
    """Return the settings."""
    row, _ = HeadendPolicy.objects.get_or_create(pk=_ROW)
    return row
