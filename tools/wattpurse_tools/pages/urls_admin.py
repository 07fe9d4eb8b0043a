"""The addresses of the reference data."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.reference_data import reference_site

NAVIGATION = (("admin:index", _("Reference data"), "manage"),)

urlpatterns = [path("", reference_site().urls)]
