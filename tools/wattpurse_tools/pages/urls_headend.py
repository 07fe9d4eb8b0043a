"""The addresses of the pages of the head-end."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.views import headend_commands, headend_fleet

NAVIGATION = (("fleet", _("Head-end"), ("order", "manage")),)

urlpatterns = [
    path("", headend_fleet.fleet, name="fleet"),
    path("commands", headend_commands.commands, name="commands"),
]
