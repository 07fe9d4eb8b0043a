"""The addresses of payments: web hooks of providers."""

from django.urls import path

from wattpurse_tools.pages.views import pay_hooks

urlpatterns = [
    path("hook/stripe/<str:name>", pay_hooks.stripe_hook, name="pay-stripe"),
]
