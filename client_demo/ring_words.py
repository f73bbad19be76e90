"""A drawn ring in the terminal app's colours, and what is said about it."""

from textual.content import Content

from client_demo.ring_drawing import Drawing

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
