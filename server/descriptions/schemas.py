"""Every shape on the wire as JSON Schema (2020-12), from the types that the actions, the answers and the pushes have."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect

from handlers.action import ACTIONS, Action, Input
from handlers.dispatch import Refused, Success
from handlers.pushes import PUSHES
from handlers.types import AnyCase
from server.descriptions.words import said
from server.rest import Problem

Schema = dict[str, Any]

REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Shapes:
    """The named schemas, and of each type the schema that leads to them."""

    named: dict[str, Schema]
    by_type: dict[Any, Schema]

    def of(self, shape: Any) -> Schema:
        """The schema of a type: a reference where it has a name."""
        return dict(self.by_type[shape])

    def resolved(self, schema: Schema) -> Schema:
        """What a reference leads to; any other schema as it is."""
        return self.named[name_in(schema)] if "$ref" in schema else schema

    def asked(self, action: Action) -> Schema:
        """The object that an action is asked, by either door."""
        return self.resolved(self.of(action.input))

    def answered(self, action: Action) -> Schema:
        """The whole answer of an action that succeeds."""
        schema = {name: value for name, value in self.resolved(self.of(Success)).items() if name != "title"}
        about = {
            "message": {"const": action.says[0]} if len(action.says) == 1 else {"enum": list(action.says)},
            "data": self.of(action.output),
        }
        return schema | {"properties": schema["properties"] | about}

    def refused(self, codes: Iterable[str]) -> Schema:
        """The whole answer of a refusal with one of these codes."""
        code = {"type": "object", "properties": {"code": {"enum": list(codes)}}}
        return {"allOf": [self.of(Refused), {"type": "object", "properties": {"error": code}}]}


def shapes() -> Shapes:
    """The shapes of all actions and pushes that are registered now."""
    types = [Success, Refused, Problem, *PUSHES.values()]
    types += [shape for action in ACTIONS.values() for shape in (action.input, action.output)]
    types = list(dict.fromkeys(types))
    schemas, named = msgspec.json.schema_components(types, ref_template=f"{REF}{{name}}")
    mended: set[str] = set()
    for schema, info in zip(schemas, inspect.multi_type_info(types), strict=True):
        _mend(schema, info, named, mended)
    return Shapes(named, dict(zip(types, schemas, strict=True)))


def name_in(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix(REF)


def used(document: object, named: dict[str, Schema]) -> dict[str, Schema]:
    """Of the named schemas those that the document leads to, in order."""
    found: set[str] = set()
    todo = [document]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference.startswith(REF) and (name := name_in(node)) not in found:
                found.add(name)
                todo.append(named[name])
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return {name: schema for name, schema in sorted(named.items()) if name in found}


def _mend(schema: Schema, info: inspect.Type, named: dict[str, Schema], mended: set[str]) -> None:
    """Say what msgspec leaves out: that times have their zone, what an answer always has, the order of words."""
    match info:
        case inspect.Metadata():
            _mend(schema, info.type, named, mended)
        case inspect.DateTimeType():
            schema["format"] = "date-time"  # a time without a zone is refused (`checked_expiry`), and never answered
        case inspect.StructType() | inspect.EnumType():
            name = name_in(schema)
            if name not in mended:
                mended.add(name)
                _mend_named(named[name], info, named, mended)
        case inspect.CollectionType():
            _mend(schema.get("items", {}), info.item_type, named, mended)
        case inspect.DictType():
            _mend(schema.get("additionalProperties", {}), info.value_type, named, mended)
        case inspect.UnionType():
            # msgspec lists a union's structs after its other types, and null last.
            ordered = sorted(info.types, key=lambda one: (_bare(one, inspect.NoneType), _bare(one, inspect.StructType)))
            for option, one in zip(schema["anyOf"], ordered, strict=True):
                _mend(option, one, named, mended)
        case _:
            pass


def _bare(info: inspect.Type, kind: type[inspect.Type]) -> bool:
    return isinstance(info.type if isinstance(info, inspect.Metadata) else info, kind)


def _mend_named(
    schema: Schema, info: inspect.StructType | inspect.EnumType, named: dict[str, Schema], mended: set[str]
) -> None:
    if "description" in schema:
        schema["description"] = said(schema["description"])
    if isinstance(info, inspect.EnumType):
        schema["enum"] = [member.value for member in info.cls]  # msgspec sorts them
        if issubclass(info.cls, AnyCase):
            schema["description"] = f"{schema.get('description', '')} It may be sent in any case.".strip()
        return
    for field in info.fields:
        _mend(schema["properties"][field.encode_name], field.type, named, mended)
    shape = getattr(info.cls, "__origin__", info.cls)
    if issubclass(shape, Input):
        if not schema["required"]:
            del schema["required"]
    elif not shape.__struct_config__.omit_defaults:
        # What is answered is written out whole, defaults too; only a field that is UNSET by default may be left out.
        schema["required"] = [f.encode_name for f in info.fields if f.required or f.default is not msgspec.NODEFAULT]
