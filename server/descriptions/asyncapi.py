"""The Socket.IO door as an AsyncAPI 3.0 document, seen from the server: it receives events and sends pushes."""

from typing import Any
from urllib.parse import urlsplit

from handlers.action import ACTIONS
from handlers.app import PushBody
from handlers.dispatch import KEY_LENGTH_MAX
from handlers.pushes import PUSHES
from matching.refusals import TokenExpired, Unauthenticated
from server.descriptions.actions import Described
from server.descriptions.chapters import as_markdown
from server.descriptions.openapi import TITLE
from server.descriptions.samples import payload_of
from server.descriptions.schemas import Schema, Shapes, used
from server.descriptions.words import identifier, said

Document = dict[str, Any]

CHANNEL = "#/channels/main"
ANSWER = "Answer"  # behind an event's identifier: its acknowledgement

CONNECT: Document = {
    "name": "CONNECT",
    "summary": "The packet that opens a connection, with its `auth` payload.",
    "payload": {
        "type": "object",
        "required": ["token"],
        "properties": {"token": {"type": "string", "description": "An access token."}},
    },
}
CONNECTED: Document = {
    "name": "CONNECT (accepted)",
    "payload": {"type": "object", "required": ["sid"], "properties": {"sid": {"type": "string"}}},
}


def asyncapi_document(shapes: Shapes, version: str, public_url: str) -> Document:
    described = [Described(action, shapes) for action in ACTIONS.values() if action.event is not None]
    url = urlsplit(public_url)
    messages: Document = {"connect": CONNECT, "connected": CONNECTED, "connectError": _connect_error()}
    operations: Document = {"connect": _operation("receive", "connect", "Connect", answers=("connected", "connectError"))}
    for one in described:
        messages[one.id], messages[one.id + ANSWER] = _event(one), _answer(one)
        operations[one.id] = _operation("receive", one.id, one.summary, answers=(one.id + ANSWER,)) | {
            "description": f"{one.story}\n\n**Limit.** {one.limit}",
            "tags": [{"name": one.subject}],
        }
    for push in PUSHES.values():
        name = f"push{identifier(push.event, capital=True)}"
        messages[name] = _push(push, shapes)
        operations[name] = _operation("send", name, said(push.__doc__)) | {"tags": [{"name": "Pushes"}]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": version,
            "description": as_markdown(),
            "license": {"name": "MIT"},
            "tags": [
                {"name": one.subject, "description": one.about_subject} for one in {d.subject: d for d in described}.values()
            ]
            + [{"name": "Pushes", "description": "What is told without having been asked."}],
        },
        "defaultContentType": "application/json",
        "servers": {
            "main": {
                "host": url.netloc,
                "pathname": f"{url.path.rstrip('/')}/socket.io/",
                "protocol": "wss" if url.scheme == "https" else "ws",
                "description": "Socket.IO, protocol 5 over Engine.IO 4.",
                "security": [{"$ref": "#/components/securitySchemes/accessToken"}],
            }
        },
        "channels": {
            "main": {
                "address": "/",
                "title": "The namespace /",
                "description": "A packet is an array of the event's name and its payload; an acknowledgement has the answer.",
                "messages": messages,
            }
        },
        "operations": operations,
        "components": {
            "schemas": used(messages, shapes.named),
            "securitySchemes": {
                "accessToken": {
                    "type": "apiKey",
                    "in": "user",
                    "description": "An access token, as `token` in the `auth` payload of the CONNECT packet.",
                }
            },
        },
    }


def _event(one: Described) -> Document:
    """An event: its payload is the action's input, with a key where it takes one."""
    payload = one.shapes.of(one.action.input)
    if one.takes_key:
        key = {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX}
        payload = one.asked | {"properties": one.asked["properties"] | {"idempotencyKey": key}}
    return {
        "name": one.action.event,
        "title": one.summary,
        "payload": payload,
        "examples": [{"payload": payload_of(one)}],
    }


def _answer(one: Described) -> Document:
    codes = [kind.code for kind in one.refusals]
    return {
        "name": f"{one.action.event} (acknowledgement)",
        "description": "\n".join(f"- `{kind.code}`: {kind().message}" for kind in one.refusals),
        "payload": {"oneOf": [one.shapes.answered(one.action), one.shapes.refused(codes)]},
    }


def _push(push: type[PushBody], shapes: Shapes) -> Document:
    return {"name": push.event, "title": said(push.__doc__), "payload": shapes.of(push)}


def _connect_error() -> Document:
    codes = [Unauthenticated.code, TokenExpired.code]
    data: Schema = {"type": "object", "required": ["code"], "properties": {"code": {"enum": codes}}}
    properties = {"message": {"type": "string"}, "data": data}
    return {
        "name": "CONNECT_ERROR",
        "summary": "The connection is refused.",
        "payload": {"type": "object", "required": ["message", "data"], "properties": properties},
    }


def _operation(action: str, message: str, title: str, answers: tuple[str, ...] = ()) -> Document:
    channel = {"$ref": CHANNEL}
    operation: Document = {"action": action, "channel": channel, "title": title, "messages": [_message(message)]}
    if answers:
        operation["reply"] = {"channel": channel, "messages": [_message(answer) for answer in answers]}
    return operation


def _message(name: str) -> Document:
    return {"$ref": f"{CHANNEL}/messages/{name}"}
