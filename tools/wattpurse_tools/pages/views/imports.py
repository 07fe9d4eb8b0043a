"""The page of bulk import: choose a file, see its effect and every wrong line, then import it.

The file waits in the office's folder between the two steps, under its own hash, and is deleted after a day.
"""

import hashlib
import re
import time
from pathlib import Path

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wattpurse_tools import private_files
from wattpurse_tools.office import bulk_import
from wattpurse_tools.office.import_tables import FILE_LIMIT
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import attempt, uploaded

_DAY_S = 86_400
_ROWS_SHOWN = 20
_HASH = re.compile(r"[0-9a-f]{64}")


@page("manage")
def import_file(request: OfficeRequest) -> HttpResponse:
    """Show the form, the preview of a file, or import a file that was looked at."""
    content: dict[str, object] = {"columns": bulk_import.COLUMNS}
    if "confirm" in request.POST:
        return _import(request, request.POST["confirm"])
    if request.method == "POST":
        data = attempt(request, uploaded, request, "file", FILE_LIMIT)
        plan = None if data is None else attempt(request, bulk_import.read, data)
        if data is not None and plan is not None:
            name = _keep(request, data) if plan.is_good else ""
            content |= {"plan": plan, "counts": plan.counts(), "rows": plan.entries[:_ROWS_SHOWN], "confirm": name}
    return render(request, "pages/office/import.html", content)


def _import(request: OfficeRequest, name: str) -> HttpResponse:
    path = _folder(request) / name
    if not _HASH.fullmatch(name) or not path.is_file():
        messages.error(request, _("The file is gone. Choose it again."))
        return redirect("import")
    plan = attempt(request, bulk_import.book, request.office, request.actor, path.read_bytes())
    if plan is not None:
        path.unlink(missing_ok=True)
        messages.success(request, _("%(rows)s rows are imported.") % {"rows": len(plan.entries)})
    return redirect("import")


def _keep(request: OfficeRequest, data: bytes) -> str:
    """Keep a file until it is confirmed, and delete those that nobody confirmed. Return its name."""
    folder = _folder(request)
    private_files.make_folder(folder)
    for old in folder.iterdir():
        if old.stat().st_mtime < time.time() - _DAY_S:
            old.unlink(missing_ok=True)
    name = hashlib.sha256(data).hexdigest()
    path = folder / name
    path.unlink(missing_ok=True)
    private_files.create(path, data)
    return name


def _folder(request: OfficeRequest) -> Path:
    return request.office.folder.path / "uploads"
