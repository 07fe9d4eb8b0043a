"""The views of the API: one for each path. They check token, form and key, call, and tell refusals as problems."""

import json
import logging
from collections.abc import Callable

import jsonschema
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.pages.api import answers
from wattpurse_tools.pages.api.call import Call
from wattpurse_tools.pages.api.callers import caller_of
from wattpurse_tools.pages.api.document import KEY_SIZE, document
from wattpurse_tools.pages.api.problems import KINDS, Problem, answer_of
from wattpurse_tools.pages.api.routes import BY_ANSWER, NOT_NEEDED, Route
from wattpurse_tools.pages.api.schemas import SCHEMAS
from wattpurse_tools.pages.office_in_use import office_in_use
from wattpurse_tools.vault.interface import ApprovalNeeded, LimitReached, VaultClosed

BODY_SIZE = 64 << 10

_NUMBER_LIMIT = 1 << 62


def view_of(routes: dict[str, Route]) -> Callable[..., HttpResponse]:
    """Return the view of a path with its routes by method."""

    @csrf_exempt
    def view(request: HttpRequest, **names: int) -> HttpResponse:
        try:
            return _answer(request, routes, names)
        except Exception as error:
            return answer_of(_problem_of(error))

    return view


def openapi(_request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document."""
    return JsonResponse(document())


def problem(_request: HttpRequest, kind: str) -> HttpResponse:
    """Explain a type of problem."""
    if kind not in KINDS:
        return answer_of(Problem("not-found", f"there is no type of problem {kind}"))
    status, title = KINDS[kind]
    return JsonResponse({"type": kind, "title": title, "status": status})


@csrf_exempt
def unknown(_request: HttpRequest, **_names: str) -> HttpResponse:
    """Tell that the API has no such path."""
    return answer_of(Problem("not-found", "the API has no such path; see /api/v1/openapi.json"))


def _answer(request: HttpRequest, routes: dict[str, Route], names: dict[str, int]) -> HttpResponse:
    office = office_in_use()
    route = routes.get(request.method or "")
    if route is None:
        allowed = ", ".join(sorted(routes))
        raise Problem("method-not-allowed", f"this path knows {allowed}", headers={"Allow": allowed})
    token, actor = caller_of(request, office)
    actor.require(route.right, token.shop.number)
    if any(number >= _NUMBER_LIMIT for number in names.values()):
        raise Problem("not-found", "there is no such number")
    body = _body(request, route)
    _check_query(request, route)
    key = _key(request, route)
    call = Call(office, actor, token.shop, request, body, names, f"{token.public_part}:{key}")
    if route.details.idempotency == BY_ANSWER:
        status, told = answers.once(token, key, [route.method, route.path, names, body], lambda: route.run(call))
    else:
        status, told = route.run(call)
    return JsonResponse(told, status=status)


def _body(request: HttpRequest, route: Route) -> dict:
    """Return the checked body of a call."""
    if route.details.body is None:
        return {}
    if len(request.body) > BODY_SIZE:
        raise Problem("invalid", f"the body is longer than {BODY_SIZE} bytes")
    try:
        body = json.loads(request.body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Problem("invalid", "the body is no JSON") from None
    _check(body, {"$ref": f"#/components/schemas/{route.details.body}"}, "body")
    return body


def _check_query(request: HttpRequest, route: Route) -> None:
    for name in request.GET:
        if name not in route.details.query:
            raise Problem("invalid", f"there is no query parameter {name}")
    for name, schema in route.details.query.items():
        if name not in request.GET:
            raise Problem("invalid", f"the query parameter {name} is missing")
        _check(request.GET[name], schema, name)


def _check(value: dict | str, schema: dict, name: str) -> None:
    checker = jsonschema.Draft202012Validator({**schema, "components": {"schemas": SCHEMAS}})
    wrong = next(checker.iter_errors(value), None)
    if wrong is not None:
        place = ".".join(map(str, [name, *wrong.absolute_path]))
        raise Problem(
            "invalid", f"{place}: {wrong.message[:200]}", {"pointer": "/" + "/".join(map(str, wrong.absolute_path))}
        )


def _key(request: HttpRequest, route: Route) -> str:
    """Return the idempotency key of a call, or an empty one if the call needs none."""
    if route.details.idempotency == NOT_NEEDED:
        return ""
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= KEY_SIZE or not key.isascii() or not key.isprintable():
        words = f"send the header Idempotency-Key: a text of your own of 1 to {KEY_SIZE} letters for each call"
        raise Problem("invalid", words)
    return key


def _problem_of(error: Exception) -> Problem:
    """Return the problem for an exception."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotPermitted):
        return Problem("not-permitted", str(error))
    if isinstance(error, ApprovalNeeded):
        more: dict[str, object] = {"action": error.action, "document": error.document}
        return Problem("approval-needed", str(error), more)
    if isinstance(error, LimitReached):
        return Problem("limit-reached", str(error))
    if isinstance(error, VaultClosed):
        return Problem("vault-closed", str(error))
    if isinstance(error, ValueError):
        return Problem("refused", str(error))
    logging.getLogger("wattpurse.api").exception("a call of the API failed")
    return Problem("fault", "the program failed; ask for the sale under its key before you sell again")


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
