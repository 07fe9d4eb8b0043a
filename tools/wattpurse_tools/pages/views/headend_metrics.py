"""The figures of the head-end for Prometheus, at /metrics: for a collector on this computer, or one with the token.

A request comes from this computer if both its address and the host that it names are loopback ones: a proxy that hides
the client's address still names the public host. The token is in the office folder, in a file that its owner reads.
"""

import ipaddress
import time
from secrets import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from wattpurse_tools import private_files
from wattpurse_tools.headend import figures
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.pages.settings import LOOPBACK_HOSTS

_BEARER = "Bearer "


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the figures, or refuse."""
    if not (_is_from_here(request) or _has_token(request)):
        answer = HttpResponse("metrics: from this computer, or with the token of metrics alone\n", status=401)
        answer.headers["WWW-Authenticate"] = "Bearer"  # type: ignore[index]
        answer.headers["Content-Type"] = "text/plain; charset=utf-8"  # type: ignore[index]
        return answer
    return HttpResponse(figures.text(int(time.time())), content_type=figures.CONTENT_TYPE)


def _is_from_here(request: HttpRequest) -> bool:
    host, _, port = request.get_host().rpartition(":")
    name = host if host and port.isdecimal() else request.get_host()
    try:
        is_loopback = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    return is_loopback and name in LOOPBACK_HOSTS


def _has_token(request: HttpRequest) -> bool:
    """Return True if a request has the token. A public address takes it by TLS alone."""
    if getattr(settings, "SECURE_SSL_REDIRECT", False) and not request.is_secure():
        return False
    told = request.headers.get("Authorization", "")
    try:
        token = private_files.read(office_in_use().folder.metrics_token).strip()
    except FileNotFoundError:
        return False
    return bool(token) and told.startswith(_BEARER) and compare_digest(told[len(_BEARER) :].encode(), token)
