"""The addresses of the manager's pages."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.views import approvals, audit, backups, reports

NAVIGATION = (
    ("month", _("Reports"), "manage"),
    ("approvals", _("Approvals"), "approve"),
    ("audit", _("Audit trail"), "manage"),
    ("backups", _("Backups"), "manage"),
)

urlpatterns = [
    path("month", reports.month, name="month"),
    path("month.xlsx", reports.workbook, name="month-workbook"),
    path("reports/<slug:name>", reports.report, name="report"),
    path("reports/<slug:name>.<slug:form>", reports.report, name="report-file"),
    path("approvals", approvals.approvals, name="approvals"),
    path("backups", backups.backups, name="backups"),
    path("audit", audit.audit, name="audit"),
]
