"""The pages as an application of Django."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
    """The application `pages`."""

    name = "wattpurse_tools.pages"
    label = "pages"
