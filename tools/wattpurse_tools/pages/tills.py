"""The till at which a cashier works: kept in the session, with its shop, its open shift and its desk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wattpurse_tools.desk.exchange import Desk, exchange
from wattpurse_tools.office import shifts
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.record.models import Shift, Site, Till

TILL = "till"

_Given = ParamSpec("_Given")


@dataclass(frozen=True)
class Place:
    """A till with its shop's currency and its open shift, or None."""

    till: Till
    currency: str
    decimals: int
    shift: Shift | None

    @property
    def desk(self) -> Desk:
        """The desk of the till."""
        return exchange().desk(self.till.pk)

    @property
    def open_shift(self) -> Shift:
        """The open shift. Raise ValueError if there is none."""
        if self.shift is None:
            raise ValueError(_("No shift is open at this till."))
        return self.shift


TillView = Callable[Concatenate[OfficeRequest, Place, _Given], HttpResponseBase]
GuardedView = Callable[Concatenate[HttpRequest, _Given], HttpResponseBase]


def tills_for(request: OfficeRequest) -> list[Till]:
    """Return the tills at which the person may work."""
    rows = Till.objects.select_related("shop").filter(shop__is_active=True)
    if request.actor.shop is not None:
        rows = rows.filter(shop__number=request.actor.shop)
    return list(rows.order_by("shop__number", "number")[:50])


def place_of(request: OfficeRequest) -> Place | None:
    """Return the till that was chosen in this session, or None."""
    till = Till.objects.select_related("shop").filter(pk=request.session.get(TILL, 0)).first()
    if till is None or not till.shop.is_active or request.actor.shop not in (None, till.shop.number):
        return None
    site = Site.objects.get()
    return Place(till, site.currency, site.decimals, shifts.open_shift_at(till))


def at_till(view: TillView[_Given]) -> GuardedView[_Given]:
    """Return a page that needs the right to sell, and a till that was chosen."""

    @page("sell")
    @wraps(view)
    def guarded(request: OfficeRequest, *words: _Given.args, **names: _Given.kwargs) -> HttpResponseBase:
        place = place_of(request)
        return redirect("till-choose") if place is None else view(request, place, *words, **names)

    return guarded


def in_shift(view: TillView[_Given]) -> GuardedView[_Given]:
    """Return a page that needs the cashier's own open shift, whose cash is not counted yet."""

    @at_till
    @wraps(view)
    def guarded(request: OfficeRequest, place: Place, *words: _Given.args, **names: _Given.kwargs) -> HttpResponseBase:
        if not is_own(request, place) or place.open_shift.counted_microunits is not None:
            return to_till(request)
        return view(request, place, *words, **names)

    return guarded


def is_own(request: OfficeRequest, place: Place) -> bool:
    """Return True if the open shift of the till is the person's."""
    return place.shift is not None and place.shift.operator == request.actor.operator


def to_till(request: HttpRequest) -> HttpResponse:
    """Return the way to the till's present page."""
    return redirect(TILL)
