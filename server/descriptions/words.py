"""What the definitions tell their readers here, as it is told to readers of the descriptions."""

import re

_ROWS = re.compile(r"\s*\((?:[SCD]\d[^()]*|contract\.md[^()]*)\)")  # which requirement it keeps
_SNAKE = re.compile(r"`[a-z]+(?:_[a-z]+)+`")


def said(docstring: str | None) -> str:
    """A docstring's paragraphs: without the requirements it names, with names as they are on the wire."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in (docstring or "").strip().split("\n\n")]
    text = _ROWS.sub("", "\n\n".join(paragraphs))
    return _SNAKE.sub(lambda found: _camel(found[0]), text)


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def first_sentence(text: str) -> str:
    """The text up to its first full stop, which is left out."""
    return str(re.split(r"\.(?:\s|$)", text, maxsplit=1)[0])


def identifier(name: str, *, capital: bool = False) -> str:
    """`tradeRequest` of `trade:request`."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", name)
    head, *tail = words
    return (head.capitalize() if capital else head.lower()) + "".join(word.capitalize() for word in tail)
