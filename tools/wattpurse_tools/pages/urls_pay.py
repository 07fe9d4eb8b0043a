"""The addresses of payments: web hooks of providers, payments in suspense, and the agent's telephone."""

from django.urls import path, re_path
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.views import pay_agent, pay_bank, pay_hooks, pay_suspense, pay_wallet

NAVIGATION = (
    ("pay-agent", _("Recharge"), "sell"),
    ("pay-suspense", _("Payments"), "manage"),
)

urlpatterns = [
    path("hook/stripe/<str:name>", pay_hooks.stripe_hook, name="pay-stripe"),
    re_path(
        r"^hook/mpesa/(?P<name>\w+)/(?P<secret>[\w-]+)/(?P<step>validation|confirmation)$",
        pay_hooks.mpesa_hook,
        name="pay-mpesa",
    ),
    path("bank", pay_bank.bank_statement, name="pay-bank"),
    path("suspense", pay_suspense.suspense, name="pay-suspense"),
    path("agent", pay_agent.agent, name="pay-agent"),
    path("agent/wallet", pay_wallet.agent_wallet, name="pay-agent-wallet"),
    path("wallet/<int:number>", pay_wallet.customer_wallet, name="customer-wallet"),
    path("agent/<int:sale>", pay_agent.sold, name="pay-agent-sold"),
    path("agent/<int:sale>/bag", pay_agent.bag, name="pay-agent-bag"),
]
