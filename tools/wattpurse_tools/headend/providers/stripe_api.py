"""Calls of an API in the form of Stripe's: form fields, a bearer key, and a key that makes a repeated call one.

Source: Stripe's API reference, "Authentication", "Errors" and "Idempotent requests".
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.refusals import Failure

API = "https://api.stripe.com"
TIMEOUT_S = 15.0

_ANSWER_SIZE = 1 << 20


def call(
    provider: Provider, path: str, fields: Mapping[str, str] | None = None, key: str = ""
) -> tuple[int, dict[str, Any]]:
    """Return status and content of an answer, also of one that refuses. With `fields` it is a POST, else a GET.

    Raise Failure if there is no answer: the provider may have done it all the same.
    """
    headers = {"Authorization": f"Bearer {provider.api_key}"}
    if key:
        headers["Idempotency-Key"] = key
    body = None if fields is None else urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(provider.settings.get("api", API) + path, body, headers)
    try:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, _content(answer.read(_ANSWER_SIZE))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _content(refusal.read(_ANSWER_SIZE))
    except (OSError, HTTPException):  # a URLError is an OSError
        raise Failure("the payment provider does not answer; try again later") from None


def _content(body: bytes) -> dict[str, Any]:
    """Return the content of an answer. An answer that is no object, such as that of a proxy, has none."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
