"""The record as an application of Django."""

from django.apps import AppConfig


class RecordConfig(AppConfig):
    """The application `record`."""

    name = "wattpurse_tools.record"
    label = "record"
