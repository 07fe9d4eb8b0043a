"""The addresses of the tenants' own pages."""

from django.urls import path

from wattpurse_tools.pages.views import pay_customer, pay_wallet, tenant, tenant_wishes

urlpatterns = [
    path("", tenant.tenant_code, name="tenant-code"),
    path("wallet/<str:code>", pay_wallet.wallet, name="wallet"),
    path("wallet/<str:code>/bought/<str:attempt>", pay_wallet.bought, name="wallet-bought"),
    path("<str:code>", tenant.tenant, name="tenant"),
    path("<str:code>/messages", tenant_wishes.tenant_wishes, name="tenant-wishes"),
    path("<str:code>/pay", pay_customer.pay, name="tenant-pay"),
    path("<str:code>/paid/<str:attempt>", pay_customer.paid, name="tenant-paid"),
]
