"""The answer to the agent at a till's reader. It has the till's token and nothing of a person's."""

import json

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from wattpurse_tools.desk.exchange import exchange
from wattpurse_tools.desk.protocol import MAX_SIZE, VERSION
from wattpurse_tools.office.reader_tokens import till_of

_SCHEME = "Bearer "


@csrf_exempt  # no browser asks this, and no cookie is looked at
@require_POST
def ask(request: HttpRequest) -> JsonResponse:
    """Take an agent's question and return a command, or none."""
    words = request.headers.get("Authorization", "")
    till = till_of(words.removeprefix(_SCHEME)) if words.startswith(_SCHEME) else None
    if till is None:
        return _refusal(401, "this token is of no till; make a new one with: wattpurse desk token")
    if len(request.body) > MAX_SIZE:
        return _refusal(413, "the question is too long")
    try:
        question = json.loads(request.body)
    except ValueError:
        return _refusal(400, "the question is no JSON")
    if not isinstance(question, dict) or question.get("version") != VERSION:
        return _refusal(400, f"the office speaks version {VERSION} of the agent's protocol; use the same release")
    return JsonResponse(exchange().ask(till.pk, question))


def _refusal(status: int, words: str) -> JsonResponse:
    return JsonResponse({"error": words}, status=status)
