"""What holds for every action, said once for all three descriptions: `chapters.md`, with our own numbers in it."""

import re
from importlib import resources
from string import Template
from typing import NamedTuple

from handlers.dispatch import KEY_LENGTH_MAX
from handlers.types import OFFSET_MAX, PAGE_SIZE, PAGE_SIZE_MAX
from server.rest import BODY_BYTES_MAX, PREFIXES
from server.sockets import EVENT_BYTES_MAX


class Chapter(NamedTuple):
    """`paragraphs` are CommonMark, of which they use emphasis (`**`) and names in backquotes."""

    id: str
    title: str
    paragraphs: list[str]


def as_markdown() -> str:
    """All chapters, as CommonMark."""
    text = (resources.files("server.descriptions") / "chapters.md").read_text("utf-8")
    rest, versioned = PREFIXES
    return Template(text).substitute(
        rest=rest,
        versioned=versioned,
        body_kb=BODY_BYTES_MAX // 1024,
        event_kb=EVENT_BYTES_MAX // 1024,
        key_length=KEY_LENGTH_MAX,
        page_size=PAGE_SIZE,
        page_size_max=PAGE_SIZE_MAX,
        rows=f"{OFFSET_MAX:,}",
    )


def chapters() -> list[Chapter]:
    found = []
    for part in re.split(r"^## ", as_markdown(), flags=re.MULTILINE)[1:]:
        title, *paragraphs = [" ".join(paragraph.split()) for paragraph in part.strip().split("\n\n")]
        found.append(Chapter(re.sub(r"\W+", "-", title.lower()), title, paragraphs))
    return found
