"""The addresses of the API, made from its table of routes."""

from django.urls import URLPattern, path, re_path

from wattpurse_tools.pages.api import views
from wattpurse_tools.pages.api.routes import ROUTES, Route

NAVIGATION = ()


def _paths() -> list[URLPattern]:
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    return [
        path("v1/" + one.replace("{", "<int:").replace("}", ">"), views.view_of(its)) for one, its in by_path.items()
    ]


urlpatterns = [
    path("v1/openapi.json", views.openapi, name="openapi"),
    path("v1/problems/<str:kind>", views.problem),
    *_paths(),
    re_path(r"^.*$", views.unknown),
]
