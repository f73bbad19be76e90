"""HTML that is escaped unless it says otherwise, and pages of it that nothing foreign can run in."""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib import resources
from string import Template
from typing import NamedTuple
from urllib.parse import quote

FILES = resources.files("server.descriptions") / "web"

# Two arrows that go round: what one gives, the other gets.
_ARROWS = '<path d="M4 11a8 8 0 0 1 14-4l2 2M20 4v5h-5M20 13a8 8 0 0 1-14 4l-2-2M4 20v-5h5"/>'
LOGO = f'<svg class="logo" viewBox="0 0 24 24" aria-hidden="true">{_ARROWS}</svg>'
_LINES = 'fill="none" stroke="#14897b" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"'
ICON = "data:image/svg+xml," + quote(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" {_LINES}>{_ARROWS}</svg>')


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def html(template: str, /, **values: object) -> Html:
    """The template with its `$names` filled in: Html as it is, everything else escaped."""
    filled = {name: value if isinstance(value, Html) else escape(str(value)) for name, value in values.items()}
    return Html(Template(template).substitute(filled))


def joined(parts: Iterable[Html], between: str = "") -> Html:
    return Html(escape(between).join(parts))


def inline(text: str) -> Html:
    """The little CommonMark that stories use: names in backquotes, and emphasis."""
    marked = re.sub(r"`(.+?)`", r"<code>\1</code>", escape(text, quote=False))
    return Html(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", marked))


def paragraphs(text: str) -> Html:
    return joined(html("<p>$text</p>", text=inline(part)) for part in text.split("\n\n"))


def file(name: str) -> str:
    """A template, style or script beside this file."""
    return (FILES / name).read_text("utf-8")


class Page(NamedTuple):
    body: bytes
    policy: str  # its Content-Security-Policy: its own style and script, and nothing else


def page(template: str, *, script: str = "", **values: object) -> Page:
    """A whole page of a template that has places for `$style` and `$script`."""
    style = file("style.css")
    text = html(file(template), style=Html(style), script=Html(script), logo=Html(LOGO), icon=ICON, **values)
    policy = [
        "default-src 'none'",
        f"style-src '{_digest(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    if script:
        policy += [f"script-src '{_digest(script)}'", "connect-src 'self'"]
    return Page(text.encode(), "; ".join(policy))


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
