"""The addresses of the pages. Those of a part are in its own module, `urls_<part>.py`, with its NAVIGATION."""

from django.urls import URLPattern, URLResolver, include, path

from wattpurse_tools.pages.navigation import part_modules
from wattpurse_tools.pages.views import headend_metrics, home, login, refusals

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("login", login.login_page, name="login"),
    path("login/code", login.one_time_code, name="one-time-code"),
    path("login/codes", login.new_device, name="one-time-device"),
    path("logout", login.log_out, name="logout"),
    path("me", home.me, name="me"),
    path("health", home.health, name="health"),
    path("metrics", headend_metrics.metrics, name="metrics"),
    *(path(first, include(name)) for name, first in part_modules()),
]
handler403 = refusals.not_permitted
handler404 = refusals.not_found
handler500 = refusals.fault
