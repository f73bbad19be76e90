"""A client that has read the API descriptions and knows nothing else: it asks as they say, and holds every answer to them."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.people import Cast, Person

Document = dict[str, Any]

_formats = FormatChecker(formats=("uuid",))


@_formats.checks("date-time", raises=ValueError)
def _is_utc(value: object) -> bool:
    """The contract's times: ISO 8601, in UTC, ending in Z."""
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value) is not None)


class Reader:
    def __init__(self, cast: Cast, openapi: Document, asyncapi: Document) -> None:
        self.cast = cast
        self.openapi = openapi
        self.asyncapi = asyncapi
        self._shapes = {id(document): _closed(document["components"]) for document in (openapi, asyncapi)}

    @classmethod
    async def of(cls, cast: Cast) -> "Reader":
        documents = [(await cast.answer("GET", path, prefix=""))[1] for path in ("/openapi.json", "/asyncapi.json")]
        return cls(cast, *documents)

    def operations(self) -> Iterator[tuple[str, str, Document]]:
        """Path, method and operation of everything in the OpenAPI document."""
        for path, methods in self.openapi["paths"].items():
            for method, operation in methods.items():
                if method != "parameters":
                    yield path, method, operation

    def operation(self, name: str) -> tuple[str, str, Document]:
        """By its event, or by its id where it has none."""
        found = [one for one in self.operations() if name in (one[2].get("x-event"), one[2]["operationId"])]
        assert len(found) == 1, f"{name} is described {len(found)} times"
        return found[0]

    async def rest(self, person: Person | None, name: str, headers: dict[str, str] | None = None, /, **fields: Any) -> Any:
        """The whole answer by REST, asked as the OpenAPI document says."""
        path, method, operation = self.operation(name)
        query: dict[str, str] = {}
        for parameter in [resolve(self.openapi, one) for one in operation["parameters"]]:
            if parameter["name"] in fields:
                value = fields.pop(parameter["name"])
                self._fits(self.openapi, parameter["schema"], value)
                if parameter["in"] == "path":
                    path = path.replace(f"{{{parameter['name']}}}", str(value))
                else:
                    query[parameter["name"]] = ",".join(value) if isinstance(value, list) else str(value)
        if "requestBody" in operation:
            self._fits(self.openapi, operation["requestBody"]["content"]["application/json"]["schema"], fields)
        else:
            assert not fields, f"{name} is not described with {fields}"
        status, answer, sent = await self.cast.answer(
            method.upper(),
            path,
            fields if "requestBody" in operation else None,
            token=person.token if person and operation.get("security") != [] else None,
            query=query,
            headers=headers,
            prefix="",
        )
        self.fits_operation(operation, status, sent, answer)
        return answer

    def fits_operation(self, operation: Document, status: int, headers: dict[str, str], answer: Any) -> None:
        assert str(status) in operation["responses"], (
            f"{operation['operationId']} is not described to answer {status}: {answer}"
        )
        described = resolve(self.openapi, operation["responses"][str(status)])
        content_type = headers["Content-Type"].partition(";")[0]
        self._fits(self.openapi, described["content"][content_type]["schema"], answer)

    async def event(self, person: Person, name: str, /, **payload: Any) -> Any:
        """The whole acknowledgement of an event, asked as the AsyncAPI document says."""
        asked, replies = self.event_described(name)
        self._fits(self.asyncapi, asked["payload"], payload)
        answer = await person.answer(name, **payload)
        for reply in replies:
            self._fits(self.asyncapi, reply["payload"], answer)
        return answer

    def event_described(self, name: str) -> tuple[Document, list[Document]]:
        """The message that is received, and those of its reply."""
        for operation in self.asyncapi["operations"].values():
            message = resolve(self.asyncapi, operation["messages"][0])
            if operation["action"] == "receive" and message["name"] == name:
                return message, [resolve(self.asyncapi, reply) for reply in operation["reply"]["messages"]]
        raise AssertionError(f"{name} is not described")

    def pushes(self) -> dict[str, Document]:
        sent = [one for one in self.asyncapi["operations"].values() if one["action"] == "send"]
        messages = [resolve(self.asyncapi, one["messages"][0]) for one in sent]
        return {message["name"]: message for message in messages}

    def hears(self, event: str, body: Any) -> None:
        """A push is one that is described, and as it is described."""
        self._fits(self.asyncapi, self.pushes()[event]["payload"], body)

    def _fits(self, document: Document, schema: Document, value: Any) -> None:
        whole = schema | {"components": self._shapes[id(document)]}
        wrong = [f"{error.json_path}: {error.message}" for error in _errors(whole, value)]
        assert not wrong, f"{json.dumps(value)[:500]} is not as described: {wrong}"


def _errors(schema: Document, value: Any) -> Iterator[Any]:
    return Draft202012Validator(schema, format_checker=_formats).iter_errors(value)


def _closed(components: Document) -> Document:
    """The components, where objects have no field that is not described: clients may get new ones, this test may not."""
    closed = copy.deepcopy(components)
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed


def resolve(document: Document, node: Document) -> Document:
    """What a reference leads to, or the node itself."""
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return resolve(document, found)
