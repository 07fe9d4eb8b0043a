"""The settings of the head-end: one row of the record, made with its usual values at the first use."""

from wattpurse_tools.compiled_queries import CompiledRows
from wattpurse_tools.record.models import HeadendPolicy

_ROW = 1
_POLICY = CompiledRows(HeadendPolicy, lambda key: HeadendPolicy.objects.filter(pk=key), 1)


def policy() -> HeadendPolicy:
    """Return the settings."""
    return _POLICY.first(_ROW) or HeadendPolicy.objects.get_or_create(pk=_ROW)[0]
