"""Reference data in Django's admin: types of customers, tax rates, shops, tills, feeders. Nothing else, and no money.

It is open to managers who have given a one-time code. Each change is in the audit trail, and nothing is deleted here:
rows that are in use are kept for ever.
"""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin
from django.db import models, transaction
from django.http import HttpRequest

from wattpurse_tools.office import audit
from wattpurse_tools.pages.access import OfficeRequest, sign_on
from wattpurse_tools.record.models import CustomerType, Feeder, Shop, TaxRate, Till


class ReferenceSite(AdminSite):
    """The admin, for persons with the right `manage`."""

    site_header = "Wattpurse"
    site_title = "Wattpurse"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Return True for a person who has signed on and may manage."""
        if not hasattr(request, "actor") and sign_on(request) is not None:
            return False
        return "manage" in request.actor.rights  # type: ignore[attr-defined]


class ReferenceAdmin(ModelAdmin):
    """Rows that are added and changed, with an entry in the audit trail, and never deleted."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return True: the site has asked already."""
        return True

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return True: the site has asked already."""
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return True: the site has asked already."""
        return True

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return True: the site has asked already."""
        return True

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False."""
        return False

    def save_model(self, request: OfficeRequest, obj: models.Model, form: forms.ModelForm, change: bool) -> None:
        """Save a row with its entry in the audit trail."""
        request.actor.require("manage")
        with transaction.atomic():
            obj.save()
            changed = {name: str(form.cleaned_data[name]) for name in form.changed_data}
            name = obj._meta.model_name
            audit.note(request.actor, f"{name} {'change' if change else 'add'}", f"{name}:{obj.pk}", **changed)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None:  # noqa: ANN401
        """Do nothing: the audit trail has it."""

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None:  # noqa: ANN401
        """Do nothing: the audit trail has it."""


class ShopAdmin(ReferenceAdmin):
    """Shops. The newest receipt number is counted by the sales alone."""

    list_display = ("number", "name", "time_zone", "is_active")
    exclude = ("last_receipt",)


class TillAdmin(ReferenceAdmin):
    """Tills. The newest Z number is counted by the shifts, and the secret of a desk is made by its command."""

    list_display = ("shop", "number", "name")
    fields = ("shop", "number", "name")


class TaxRateAdmin(ReferenceAdmin):
    """Tax rates from a day on. A rate that was in force is not changed: a new row follows it."""

    list_display = ("name", "rate_ppm", "from_day")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Return False for a rate that is in the record."""
        return obj is None


class FeederAdmin(ReferenceAdmin):
    """Feeders, with the meter that measures the whole line, by its number."""

    list_display = ("name", "meter")
    raw_id_fields = ("meter",)


def reference_site() -> ReferenceSite:
    """Return the admin with its tables."""
    site = ReferenceSite(name="admin")
    site.register(CustomerType, ReferenceAdmin)
    site.register(TaxRate, TaxRateAdmin)
    site.register(Shop, ShopAdmin)
    site.register(Till, TillAdmin)
    site.register(Feeder, FeederAdmin)
    return site
