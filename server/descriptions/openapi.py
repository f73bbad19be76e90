"""The REST door as an OpenAPI 3.1 document."""

from itertools import groupby
from typing import Any

import msgspec

from handlers.action import ACTIONS
from handlers.dispatch import KEY_LENGTH_MAX, refusal
from matching.refusals import RateLimited, Refusal
from server.descriptions.actions import PREFIX, Described
from server.descriptions.chapters import as_markdown
from server.descriptions.samples import fields_of
from server.descriptions.schemas import REF, Schema, Shapes, used
from server.rest import PREFIXES, Problem

Document = dict[str, Any]

PARTS = ("postgresql", "redis", "listener")  # of readiness

TITLE = "Swaploop"
SUMMARY = "A real-time barter server: list, propose, talk, settle."

REQUEST_ID_SAMPLE = "4f1c0c1e7f7f4a0c8d1f3a5b7c9d0e1f"

IDEMPOTENCY_KEY: Document = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A key of your own for this call. The same key again gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
}

HEADERS: Document = {
    "RequestId": {"description": "Names this request in the log.", "schema": {"type": "string"}},
    "RetryAfter": {"description": "Seconds until asking again makes sense.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimitLimit": {"description": "Calls of this class in a window.", "schema": {"type": "integer"}},
    "RateLimitRemaining": {"description": "How many of them are left.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimitReset": {"description": "Seconds until the window ends.", "schema": {"type": "integer", "minimum": 0}},
}
REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
RETRY_AFTER = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
RATES = {f"RateLimit-{name}": {"$ref": f"#/components/headers/RateLimit{name}"} for name in ("Limit", "Remaining", "Reset")}


def openapi_document(shapes: Shapes, version: str) -> Document:
    described = [Described(action, shapes) for action in ACTIONS.values() if action.path is not None]
    named = dict(shapes.named)
    refused: Document = {}
    paths: dict[str, Document] = {}
    for one in described:
        operation = _operation(one, named, refused)
        paths.setdefault(PREFIX + one.path, {})[(one.action.method or "").lower()] = operation
    paths |= _plain_paths()
    subjects = {one.subject: one.about_subject for one in described}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": TITLE,
            "version": version,
            "summary": SUMMARY,
            "description": as_markdown(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "/", "description": f"This server. Every path under {PREFIX} is also under {PREFIXES[1]}: the same tree."}
        ],
        "security": [{"accessToken": []}],
        "tags": [{"name": name, "description": about} for name, about in subjects.items()]
        + [{"name": "Server", "description": "For those who run it."}],
        "paths": paths,
        "components": {
            "schemas": used([paths, refused], named),
            "responses": dict(sorted(refused.items())),
            "parameters": {"IdempotencyKey": IDEMPOTENCY_KEY},
            "headers": HEADERS,
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `accessToken` that signing in answers.",
                }
            },
        },
    }


def _operation(one: Described, named: dict[str, Schema], refused: Document) -> Document:
    told = [one.story, f"**Limit.** {one.limit}"]
    if one.action.event is not None:
        told.insert(1, f"**By socket:** event `{one.action.event}`.")
    operation: Document = {
        "operationId": one.id,
        "tags": [one.subject],
        "summary": one.summary,
        "description": "\n\n".join(told),
        "parameters": _parameters(one),
        "responses": {str(one.action.status): _success(one)},
    }
    if one.has_body and one.fields:
        operation["requestBody"] = _body(one, named)
    if one.action.public:
        operation["security"] = []
    if one.action.event is not None:
        operation["x-event"] = one.action.event
    for status, refusals in groupby(one.rest_refusals, key=lambda kind: kind.status):
        operation["responses"][str(status)] = _refused(status, list(refusals), one.shapes, refused)
    return operation


def _parameters(one: Described) -> list[Document]:
    properties = one.asked["properties"]
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": properties[name]}
        for name in properties
        if name in one.action.path_fields
    ]
    if not one.has_body:
        for name, field in one.fields.items():
            schema = _without_null(field)
            parameter: Document = {"name": name, "in": "query", "required": name in one.required, "schema": schema}
            if schema.get("type") == "array":
                parameter |= {"style": "form", "explode": False}
            parameters.append(parameter)
    if one.takes_key:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    return parameters


def _without_null(field: Schema) -> Schema:
    """What a query can say of the field: it has no null."""
    options = [option for option in field.get("anyOf", ()) if option != {"type": "null"}]
    if not options:
        return field
    rest = {name: value for name, value in field.items() if name not in ("anyOf", "default")}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def _body(one: Described, named: dict[str, Schema]) -> Document:
    schema = one.shapes.of(one.action.input)
    if one.action.path_fields:
        name = f"{one.action.input.__name__}Body"
        named[name] = _object(one, name)
        schema = {"$ref": REF + name}
    content: Document = {"schema": schema}
    if one.is_upload:
        types = ("image/jpeg", "image/png", "image/webp")
        content["encoding"] = {"image": {"contentType": ", ".join(types)}}
    else:
        content["example"] = fields_of(one)
    needed = any(name in one.required for name in one.fields)
    return {"required": needed, "content": {"multipart/form-data" if one.is_upload else "application/json": content}}


def _object(one: Described, name: str) -> Schema:
    """What an action is asked, without what stands in the path."""
    required = [field for field in one.fields if field in one.required]
    schema: Schema = {"title": name, "type": "object", "properties": one.fields, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _success(one: Described) -> Document:
    return {
        "description": " · ".join(one.action.says),
        "headers": REQUEST_ID | RATES,
        "content": {"application/json": {"schema": one.shapes.answered(one.action)}},
    }


def _example(kind: type[Refusal]) -> Refusal:
    return kind(details={"retryAfter": 30, "limit": 60}) if issubclass(kind, RateLimited) else kind()


def _refused(status: int, refusals: list[type[Refusal]], shapes: Shapes, known: Document) -> Document:
    """A response for all refusals with one status, named by its codes so that actions share it."""
    name = "_or_".join(kind.code for kind in refusals)
    if name not in known:
        headers = dict(REQUEST_ID)
        if status == RateLimited.status:
            headers |= RETRY_AFTER | RATES
        given = [_example(kind) for kind in refusals]
        known[name] = {
            "description": "\n".join(f"- `{no.code}`: {no.message}" for no in given),
            "headers": headers,
            "content": {
                "application/json": {
                    "schema": shapes.refused([no.code for no in given]),
                    "examples": {
                        no.code: {"summary": no.message, "value": msgspec.to_builtins(refusal(no, REQUEST_ID_SAMPLE).body)}
                        for no in given
                    },
                },
                "application/problem+json": {"schema": shapes.of(Problem)},
            },
        }
    return {"$ref": f"#/components/responses/{name}"}


def _plain_paths() -> Document:
    """What is no action (`server.plain`)."""
    return {
        "/healthz": {"get": _plain("getHealth", "The process is alive", {"200": _status(["ok"])})},
        "/readyz": {
            "get": _plain(
                "getReadiness",
                "PostgreSQL and Redis answered, and the listener heard its own ping",
                {"200": _status(["ready"], *PARTS), "503": _status(["not ready"], *PARTS)},
            )
        },
        "/metrics": {
            "get": _plain("getMetrics", "Figures for Prometheus", {"200": _content("text/plain", {"type": "string"})})
        },
        "/media/{name}": {
            "get": _plain(
                "getPicture",
                "A picture of an item",
                {"200": _content("image/webp", {}), "404": {"description": "There is none."}},
            )
            | {"parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]}
        },
    }


def _plain(operation_id: str, summary: str, responses: Document) -> Document:
    return {"operationId": operation_id, "tags": ["Server"], "summary": summary, "security": [], "responses": responses}


def _status(words: list[str], *parts: str) -> Document:
    properties: Document = {"status": {"enum": words}} | {part: {"type": "boolean"} for part in parts}
    return _content("application/json", {"type": "object", "properties": properties, "required": list(properties)})


def _content(content_type: str, schema: Schema) -> Document:
    return {"description": "OK", "content": {content_type: {"schema": schema}}}
