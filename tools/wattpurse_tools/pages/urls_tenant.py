"""The addresses of the tenants' own pages."""

from django.urls import path

from wattpurse_tools.pages.views import tenant

urlpatterns = [
    path("", tenant.tenant_code, name="tenant-code"),
    path("<str:code>", tenant.tenant, name="tenant"),
]
