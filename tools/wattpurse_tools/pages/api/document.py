"""The OpenAPI document of the API, made from the table of routes."""

import re

from wattpurse_tools.pages.api.problems import CONTENT_TYPE
from wattpurse_tools.pages.api.routes import NOT_NEEDED, ROUTES, Route
from wattpurse_tools.pages.api.schemas import SCHEMAS

VERSION = "1.0.0"
BASE = "/api/v1"
KEY_SIZE = 40

_JSON = "application/json"
_DESCRIPTION = """\
The API with which programs of a shop sell. A manager makes a token: `wattpurse office token add`. Money is in
micro-units of the currency, energy in mWh. Errors are problem details (RFC 9457). A POST that changes something needs
the header Idempotency-Key: the same call under the same key happens once, another call under it is refused."""


def document() -> dict:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict] = {}
    for route in ROUTES:
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Wattpurse office", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {
                    "description": "The call was refused, and has changed nothing.",
                    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
        },
    }


def _operation(route: Route) -> dict:
    operation: dict = {
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z]+', '_', route.path).strip('_')}",
        "summary": route.summary,
        "description": f"Right: {route.right}.",
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_key_parameter(route)],
        "responses": {
            **{str(status): _answer(route) for status in route.details.statuses},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.details.body is not None:
        schema = {"$ref": f"#/components/schemas/{route.details.body}"}
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    return operation


def _answer(route: Route) -> dict:
    schema = {"$ref": f"#/components/schemas/{route.answer}"}
    return {"description": route.summary, "content": {_JSON: {"schema": schema}}}


def _path_parameters(route: Route) -> list[dict]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict]:
    return [
        {"name": name, "in": "query", "required": True, "schema": schema}
        for name, schema in route.details.query.items()
    ]


def _key_parameter(route: Route) -> list[dict]:
    if route.details.idempotency == NOT_NEEDED:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": KEY_SIZE}
    return [{"name": "Idempotency-Key", "in": "header", "required": True, "schema": schema}]
