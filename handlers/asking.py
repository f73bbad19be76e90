"""From what a door has read to an action's input, or to a refusal that names the field and what is wrong with it."""

import re
from collections.abc import Mapping

import msgspec
from msgspec.inspect import EnumType, ListType, StructType, Type, UnionType, type_info

from handlers.action import Action
from matching.refusals import InvalidRequest, NotFound


def read_input(act: Action, raw: object, *, lenient: bool) -> object:
    """What was asked, as the action's type; `lenient`: its values are texts, "20" is a number.

    Raises InvalidRequest with the field, or NotFound for an id in a path that names nothing (C47).
    """
    raw = {} if raw is None else raw
    if not isinstance(raw, Mapping):
        raise InvalidRequest("The payload must be one object.")
    try:
        bad = unstorable(raw, "")
        if bad is not None:
            if bad in act.path_fields:
                raise NotFound
            raise InvalidRequest("Text cannot have the character NUL or half of a surrogate pair.", field=bad or None)
        return msgspec.convert(raw, act.input, strict=not lenient)
    except RecursionError:
        raise InvalidRequest("The payload is nested too deeply.") from None
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        where = path.rstrip("`") or _named_field(message)
        if where in act.path_fields and where in raw:
            raise NotFound from None
        if message.startswith("Invalid enum value"):
            words = _words_of(type_info(act.input), re.split(r"\.|\[", where))
            raise InvalidRequest(
                f"{message}; it must be one of {', '.join(words)}", field=where, details={"allowed": words}
            ) from None
        message = _in_words(message)
        if "matching regex" in message:  # a pattern says nothing to a person
            message = "This cannot be blank." if message.endswith(r"'\\S'") else "This does not have the right form."
        raise InvalidRequest(message, field=where or None) from None


def _in_words(message: str) -> str:
    """msgspec's message, where it speaks of objects, without them."""
    message = re.sub(r"^Object missing required field (`.*?`)$", r"The field \1 is missing.", message)
    return re.sub(r"^Object contains unknown field (`.*?`)$", r"There is no field \1 here.", message)


def _words_of(type_: Type, path: list[str]) -> list[str]:
    """The values of the enum at the end of `path` below `type_`."""
    match type_:
        case UnionType():
            return next((words for option in type_.types if (words := _words_of(option, path))), [])
        case StructType() if path:
            inner = next((field.type for field in type_.fields if field.encode_name == path[0]), None)
            return _words_of(inner, path[1:]) if inner is not None else []
        case ListType() if path:
            return _words_of(type_.item_type, path[1:])
        case EnumType() if not path:
            return [member.value for member in type_.cls]
        case _:
            return []


def _named_field(message: str) -> str:
    """The field that msgspec names in backquotes: one that is unknown or missing."""
    found = re.search(r"field `(.*?)`", message)
    return found[1] if found else ""


def unstorable(value: object, path: str) -> str | None:
    """The path of a text in `value` that PostgreSQL cannot store; None where all of it can be."""
    if isinstance(value, str):
        if "\0" in value:
            return path
        if value.isascii():
            return None
        try:
            value.encode()
        except UnicodeEncodeError:
            return path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            bad = unstorable(inner, f"{path}.{name}".lstrip("."))
            if bad is None and isinstance(name, str):
                bad = unstorable(name, path)
            if bad is not None:
                return bad
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            bad = unstorable(inner, f"{path}[{place}]")
            if bad is not None:
                return bad
    return None
