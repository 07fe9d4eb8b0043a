"""The head-end as an application of Django: its folder `locale` has the words of messages in each language."""

from django.apps import AppConfig


class HeadendConfig(AppConfig):
    """The application `headend`."""

    name = "wattpurse_tools.headend"
    label = "headend"
