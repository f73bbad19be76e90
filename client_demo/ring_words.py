"""A drawn ring in the terminal app's colours, and what is said about it."""

from textual.content import Content

from client_demo.ring_drawing import MARKS, Drawing
from client_demo.rings import Circle

LOOKS = {
    "name": "bold",
    "me": "bold $primary",
    "label": "$muted",
    "thing": "",
    "frame": "$faint",
    "arrow": "$accent",
    "score": "$secondary",
    "kind": "bold $accent",
    "middle": "$muted",
    "waits": "bold $warning",
    "yes": "bold $success",
    "no": "bold $error",
}


def drawn(drawing: Drawing) -> Content:
    """The drawing as content; other people's words in it are never read as markup."""
    lines = [Content.assemble(*[(run.text, LOOKS.get(run.look, "")) for run in line]) for line in drawing]
    return Content("\n").join(lines)


def around(circle: Circle, me: str) -> Content:
    """Its people on one line, each giving to the next."""
    parts: list[Content] = []
    for place in circle.places:
        mark, look = MARKS.get(place.answer, ("", ""))
        name = ("You", LOOKS["me"]) if place.person == me else (place.name, "$secondary")
        parts.append(Content.assemble((f"{mark} " if mark else "", LOOKS.get(look, "")), name))
    arrow = Content.styled(" → ", LOOKS["arrow"])
    return Content.assemble(arrow.join(parts), (f" {circle.sign}" if circle.is_cycle else "", LOOKS["arrow"]))
