"""The page of backups: which there are, whether the newest one is late, and one made now."""

import time

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wattpurse_tools.office import backup_state
from wattpurse_tools.office import backups as office_backups
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import done


@page("manage")
def backups(request: OfficeRequest) -> HttpResponse:
    """Show the backups, or make one."""
    if request.method == "POST":
        done(request, _("The backup is made."), office_backups.make, request.office.folder, request.actor)
        return redirect("backups")
    state = backup_state.state(request.office.folder, int(time.time()))
    return render(request, "pages/manager/backups.html", {"state": state})
