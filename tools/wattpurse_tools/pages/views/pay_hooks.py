"""Web hooks of payment providers. A hook checks the message, records it, and answers at once. A worker does the rest.

Answers: 200 recorded or of no interest, 400 signed and unreadable, 401 forged or too old, 404 no such provider, 413 too
long. A forged message learns nothing else.
"""

import time

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from wattpurse_tools.headend.providers import mpesa, stripe
from wattpurse_tools.headend.providers.notices import Forged, Malformed
from wattpurse_tools.headend.providers.provider_file import MPESA, STRIPE, provider_of
from wattpurse_tools.pages.access import address_of
from wattpurse_tools.pages.office_in_use import office_in_use

BODY_LIMIT = 256 << 10


@csrf_exempt
@require_POST
def stripe_hook(request: HttpRequest, name: str) -> HttpResponse:
    """Record an event of a provider in the form of Stripe."""
    now_s = int(time.time())
    provider = provider_of(office_in_use().folder, name, STRIPE)
    if provider is None:
        return _answer(404)
    if is_too_long(request):
        return _answer(413)
    try:
        stripe.verify(request.body, request.headers.get("Stripe-Signature", ""), provider.secrets, now_s)
        notice = stripe.notice_of(request.body)
    except Forged:
        return _answer(401)
    except Malformed:
        return _answer(400)
    if notice is not None:
        notice.record(name, request.body.decode(), now_s)
    return _answer(200)


@csrf_exempt
@require_POST
def mpesa_hook(request: HttpRequest, name: str, secret: str, step: str) -> HttpResponse:
    """Answer the question before a payment, or record its confirmation, in the form of M-Pesa."""
    now_s = int(time.time())
    provider = provider_of(office_in_use().folder, name, MPESA)
    if provider is None:
        return _answer(404)
    if is_too_long(request):
        return _answer(413)
    try:
        mpesa.verify(provider, secret, address_of(request))
        if step == "validation":
            return JsonResponse(dict(mpesa.validated(provider, request.body)))
        notice = mpesa.notice_of(provider, request.body)
    except Forged:
        return _answer(401)
    except Malformed:
        return _answer(400)
    notice.record(name, request.body.decode(), now_s)
    return JsonResponse({"ResultCode": 0, "ResultDesc": "Success"})


def is_too_long(request: HttpRequest) -> bool:
    """Return True if the body of a request is longer than the limit, or does not tell its length."""
    told = request.META.get("CONTENT_LENGTH") or ""
    return not told.isdecimal() or int(told) > BODY_LIMIT


def _answer(status: int) -> HttpResponse:
    return HttpResponse(status=status, content_type="text/plain")
