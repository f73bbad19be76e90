"""A JSON Schema in words, for people: 'string, 1 to 200 characters', 'list of Item', 'uuid or null'."""

from server.descriptions.markup import Html, html, joined
from server.descriptions.schemas import Schema, Shapes, name_in

NULL: Schema = {"type": "null"}


def phrase(schema: Schema, shapes: Shapes) -> Html:
    """What a value can be; a shape that has a name is a link to it."""
    if "$ref" in schema:
        named = shapes.resolved(schema)
        return _words(named["enum"]) if "enum" in named else _link(name_in(schema), named)
    if "anyOf" in schema:
        return joined((phrase(option, shapes) for option in schema["anyOf"]), " or ")
    if "enum" in schema:
        return _words(schema["enum"])
    match schema.get("type"):
        case "array":
            how_many = _range(schema.get("minItems"), schema.get("maxItems"), "of them")
            return html("list of $inner$more", inner=phrase(schema.get("items", {}), shapes), more=how_many)
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return html("by id, $inner", inner=phrase(schema["additionalProperties"], shapes))
        case "object":
            return Html("object")
        case "integer":
            return html("integer$more", more=_range(schema.get("minimum"), schema.get("maximum")))
        case "number":
            return html("number$more", more=_range(schema.get("minimum"), schema.get("maximum")))
        case "boolean":
            return Html("boolean")
        case "null":
            return Html("null")
        case "string":
            return _text(schema)
        case _:
            return Html("anything")


def default_of(schema: Schema) -> Html:
    default = schema.get("default")
    return Html("") if default is None else html(", else <code>$default</code>", default=str(default).lower())


def _text(schema: Schema) -> Html:
    match schema.get("format"):
        case "uuid":
            return Html("uuid")
        case "date-time":
            return Html("time")
        case "binary":
            return Html("file")
    text = html("string$more", more=_range(schema.get("minLength"), schema.get("maxLength"), "characters"))
    pattern = schema.get("pattern")
    if pattern == r"\S":
        return html("$text, not blank", text=text)
    return html("$text, like <code>$pattern</code>", text=text, pattern=pattern) if pattern else text


def _words(words: list[object]) -> Html:
    return joined(
        (html("<code>$word</code>", word=str(word).lower() if isinstance(word, bool) else word) for word in words), " | "
    )


def _link(name: str, named: Schema) -> Html:
    return html('<a href="#shape-$name">$title</a>', name=name, title=named.get("title", name))


def _range(least: float | None, most: float | None, unit: str = "") -> str:
    """', 1 to 200 characters'; '' where there is no bound."""
    if least is None and most is None:
        return ""
    if least is None or (unit and least == 0):
        bounds = f"at most {_figure(most)}"
    else:
        bounds = f"at least {_figure(least)}" if most is None else f"{_figure(least)} to {_figure(most)}"
    return f", {bounds} {unit}".rstrip()


def _figure(number: float | None) -> str:
    return f"{number:,}" if number is not None else ""
