"""Errors of the API as problem details of RFC 9457."""

from django.http import JsonResponse

CONTENT_TYPE = "application/problem+json"

# Kind, status and title of each problem. The type of a problem is a path below the API's own address.
KINDS = {
    "unauthorized": (401, "The token is missing, wrong, revoked or expired"),
    "not-permitted": (403, "The token has no right to this"),
    "not-found": (404, "There is no such thing in this shop"),
    "method-not-allowed": (405, "The path knows no such method"),
    "conflict": (409, "The key was used for another request, or its first call is still at work"),
    "approval-needed": (409, "A second person has to approve this"),
    "invalid": (422, "The request is not as the document says"),
    "refused": (422, "The office refuses this"),
    "limit-reached": (422, "A limit of the operator is reached"),
    "too-many-requests": (429, "Too many requests"),
    "fault": (500, "The program failed"),
    "vault-closed": (503, "The vault does not answer"),
}
_TYPES = "/api/v1/problems/"


class Problem(Exception):
    """A problem of a kind, with words. `more` are further members of the answer, `headers` further headers."""

    def __init__(
        self,
        kind: str,
        detail: str,
        more: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.more = more or {}
        self.headers = headers or {}


def answer_of(problem: Problem) -> JsonResponse:
    """Return the answer that tells a problem."""
    status, title = KINDS[problem.kind]
    body = {"type": _TYPES + problem.kind, "title": title, "status": status, "detail": problem.detail, **problem.more}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=problem.headers)
