"""The addresses of the cashier's pages, and of the agent at a till's reader."""

from django.urls import path
from django.utils.translation import gettext_lazy

from wattpurse_tools.pages.views import reader, till, till_receipt, till_sale, till_shift

NAVIGATION = (("till", gettext_lazy("Till"), "sell"),)

urlpatterns = [
    path("", till.till, name="till"),
    path("choose", till.choose, name="till-choose"),
    path("open", till.open_page, name="till-open"),
    path("card", till.card, name="till-card"),
    path("look", till.look, name="till-look"),
    path("customer", till.customer, name="till-customer"),
    path("owed", till.owed, name="till-owed"),
    path("amount", till_sale.amount, name="till-amount"),
    path("sell", till_sale.sell, name="till-sell"),
    path("menu", till_shift.menu, name="till-menu"),
    path("receipts", till_receipt.receipts, name="till-receipts"),
    path("receipt/<int:number>", till_receipt.receipt, name="till-receipt"),
    path("receipt/<int:number>/pdf", till_receipt.pdf, name="till-receipt-pdf"),
    path("receipt/<int:number>/cancel", till_receipt.void, name="till-void"),
    path("x", till_shift.x, name="till-x"),
    path("count", till_shift.count, name="till-count"),
    path("z/<int:number>", till_shift.z, name="till-z"),
    path("z/<int:number>/pdf", till_shift.z_pdf, name="till-z-pdf"),
    path("deposit", till_shift.deposit, name="till-deposit"),
    path("reader", reader.ask, name="till-reader"),
]
