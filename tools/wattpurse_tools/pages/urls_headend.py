"""The addresses of the pages of the head-end."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.views import (
    headend_accounts,
    headend_commands,
    headend_fleet,
    headend_load,
    headend_map,
    headend_messages,
    headend_payments,
    headend_set_aside,
    headend_settings,
    headend_shortages,
    headend_supplies,
    headend_trust,
)

NAVIGATION = (("fleet", _("Head-end"), ("order", "manage")),)

urlpatterns = [
    path("", headend_fleet.fleet, name="fleet"),
    path("map", headend_map.fleet_map_page, name="fleet-map"),
    path("load", headend_load.load, name="load"),
    path("commands", headend_commands.commands, name="commands"),
    path("accounts", headend_accounts.accounts, name="accounts"),
    path("accounts/open", headend_accounts.open_account, name="open-account"),
    path("accounts/<int:tenancy>", headend_accounts.account, name="account"),
    path("shortages", headend_shortages.shortages, name="shortages"),
    path("supplies", headend_supplies.supplies, name="supplies"),
    path("trust", headend_trust.trust, name="trust"),
    path("payments", headend_payments.payments, name="payments"),
    path("messages", headend_messages.messages, name="messages"),
    path("set-aside", headend_set_aside.set_aside_list, name="set-aside-list"),
    path("set-aside/<int:key>", headend_set_aside.set_aside, name="set-aside"),
    path("settings", headend_settings.settings, name="headend-settings"),
]
