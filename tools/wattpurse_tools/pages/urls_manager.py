"""The addresses of the manager's pages."""

from django.urls import path
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.pages.views import audit, reports

NAVIGATION = (
    ("month", _("Reports"), "manage"),
    ("audit", _("Audit trail"), "manage"),
)

urlpatterns = [
    path("month", reports.month, name="month"),
    path("month.xlsx", reports.workbook, name="month-workbook"),
    path("reports/<slug:name>", reports.report, name="report"),
    path("reports/<slug:name>.<slug:form>", reports.report, name="report-file"),
    path("audit", audit.audit, name="audit"),
]
