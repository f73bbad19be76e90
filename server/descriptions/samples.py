"""Example requests: a value for every field, and each action as curl and as JavaScript.

That each value is one which its action takes is tested.
"""

import json
import shlex
from typing import Any

from server.descriptions.actions import PREFIX, Described
from server.descriptions.schemas import Schema, Shapes

ID = "0191d2c4-6f0e-7c55-9a53-3f1d2b8c4e77"
ANOTHER_ID = "0191d2c5-02b7-7aa1-8c0e-6d5f4e3a2b10"
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9…"  # noqa: S105 - it is nobody's

# Texts that say what a field is for, where its type does not. Every other field's is made from its schema.
WORDS: dict[str, Any] = {
    "category": "electronics",
    "clientMessageId": "a1",
    "condition": "GOOD",
    "description": "Works well; the strap is worn.",
    "email": "mona@example.org",
    "estimatedValue": 1500,
    "governorate": "Cairo",
    "lookingFor": "item_swap",
    "message": "My camera for your bicycle?",
    "name": "Mona",
    "newPassword": "correct horse battery staple",
    "password": "correct horse battery staple",
    "price": 1200,
    "refreshToken": "dGhpcyBpcyBub2JvZHkncyB0b2tlbg",
    "requestedItem": ANOTHER_ID,
    "requestedItemId": ANOTHER_ID,
    "search": "camera",
    "seq": 7,
    "status": "available",
    "text": "Gladly. Saturday?",
    "title": "A camera",
    "token": TOKEN,
}
OPTIONAL = ("message", "estimatedValue", "search")  # shown though they may be left out
SHORT = 60  # characters of a body that fit in a line
OPTIONAL_MAX = 2  # shown where nothing is required


def sample(name: str, schema: Schema, shapes: Shapes) -> Any:
    """A value that fits the field's schema."""
    schema = shapes.resolved(schema)
    if "anyOf" in schema:
        return sample(name, schema["anyOf"][0], shapes)
    if "enum" in schema:
        return WORDS[name] if WORDS.get(name) in schema["enum"] else schema["enum"][0]
    match schema.get("type"):
        case "array":
            return [sample(name, schema["items"], shapes)]
        case "object":
            return {inner: sample(inner, schema["properties"][inner], shapes) for inner in schema.get("required", ())}
        case "boolean":
            return True
        case "integer" | "number":
            return WORDS.get(name, schema.get("default", schema.get("minimum", 1)))
        case "string" if schema.get("format") == "uuid":
            return WORDS.get(name, ID)
        case "string" if schema.get("format") == "date-time":
            return "2030-01-31T12:00:00Z"
        case _:
            return WORDS.get(name, "…")


def fields_of(described: Described) -> dict[str, Any]:
    """What a request could have, beside the path's ids."""
    required = [name for name in described.fields if name in described.required]
    shown = [name for name in described.fields if name in required or name in OPTIONAL]
    if not shown and described.has_body:
        shown = [name for name in described.fields if name in WORDS and name != "status"][:OPTIONAL_MAX]
    return {name: sample(name, described.fields[name], described.shapes) for name in shown}


def payload_of(described: Described) -> dict[str, Any]:
    """What an event's payload could be."""
    ids = {name: ID for name in described.asked["properties"] if name in described.action.path_fields}
    return ids | fields_of(described)


def curl(described: Described) -> str:
    """The action by REST, for a shell that has $server and $token."""
    method, path = described.action.method, described.path
    for name in described.action.path_fields:
        path = path.replace(f"{{{name}}}", ID)
    fields = fields_of(described)
    if not described.has_body and fields:
        path += "?" + "&".join(f"{name}={_query(value)}" for name, value in fields.items())
    lines = [f'curl{"" if method == "GET" else f" -X {method}"} "$server{PREFIX}{path}"']
    if not described.action.public:
        lines.append('-H "Authorization: Bearer $token"')
    if described.takes_key:
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if described.is_upload:
        lines.append("-F image=@camera.jpg")
    elif described.has_body and fields:
        lines.append("-H 'Content-Type: application/json'")
        short = json.dumps(fields, ensure_ascii=False)
        long = json.dumps(fields, ensure_ascii=False, indent=2).replace("\n", "\n  ")
        lines.append(f"-d {shlex.quote(short if len(short) <= SHORT else long)}")
    return " \\\n  ".join(lines)


def javascript(described: Described) -> str:
    """The action as an event, for a `socket` that is connected."""
    payload = payload_of(described)
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}," for name, value in payload.items()]
    if described.takes_key:
        lines.append("idempotencyKey: crypto.randomUUID(),")
    event = json.dumps(described.action.event)
    if not lines:
        return f"const answer = await socket.emitWithAck({event});"
    return "\n".join([f"const answer = await socket.emitWithAck({event}, {{", *(f"  {line}" for line in lines), "});"])


def _query(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
