"""How a deal is written on the screen: title, terms, the way it has come, the side panel."""

from textual.content import Content

from client_demo.deals import PIPELINE, Deal, Move, Thing
from client_demo.wire import Data
from client_demo.words import ago, clock, money

STATUS_COLOURS = {
    "proposed": "$secondary",
    "negotiating": "$warning",
    "confirmed": "$primary",
    "completed": "$success",
    "problem reported": "$error",
}


def presence(known: Data | None, name: str) -> Content:
    """Whether the other one is there."""
    if known is None:
        return Content.styled(name, "$secondary")
    if known["online"]:
        return Content.assemble(("● ", "$success"), (name, "$secondary"), (" online", "$muted"))
    seen = f" seen {ago(known['lastSeenAt'])}" if known.get("lastSeenAt") else " away"
    return Content.assemble(("○ ", "$muted"), (name, "$secondary"), (seen, "$muted"))


def title_line(deal: Deal, there: Content, width: int) -> Content:
    """The two things at the left, the other one at the right."""
    room = max(10, width - there.cell_length - 2)
    return Content.assemble(Content.styled(deal.title, "bold").truncate(room, ellipsis=True, pad=True), "  ", there)


def terms(deal: Deal) -> Content:
    return Content.assemble(
        ("give ", "$muted"),
        _things(deal.gives),
        ("   get ", "$muted"),
        _things(deal.gets),
    )


def pipeline(deal: Deal, hint: str) -> Content:
    """proposed ━ negotiating ━ confirmed ━ completed, as far as it has come; then what happens next."""
    if deal.status == "rejected":
        return Content.assemble(("✗ ", "$error"), (deal.status_word, "bold $error"), (f"   {hint}", "$muted"))
    reached = PIPELINE.index(deal.status)
    parts: list[Content] = []
    for place, status in enumerate(PIPELINE):
        if place:
            parts.append(Content.styled(" ━ ", "$primary" if place <= reached else "$panel"))
        if place == reached:
            word = deal.status_word
            parts.append(Content.styled(f"● {word}", f"bold {STATUS_COLOURS.get(word, '$primary')}"))
        else:
            parts.append(Content.styled(status, "$muted" if place < reached else "$faint"))
    return Content.assemble(*parts, (f"   {hint}", "$accent"))


def side(deal: Deal, other: str, there: Content) -> Content:
    """The panel beside the talk, where the screen is wide."""
    lines = [
        Content.styled("YOU GIVE", "bold $muted"),
        *[_thing_lines(thing) for thing in deal.gives],
        Content(""),
        Content.styled("YOU GET", "bold $muted"),
        *[_thing_lines(thing) for thing in deal.gets],
        Content(""),
        Content.styled("WITH", "bold $muted"),
        there,
        Content(""),
        Content.styled("WHERE IT STANDS", "bold $muted"),
        *_ladder(deal),
        Content.styled(deal.hint(other), "italic $accent"),
        Content(""),
        Content.styled(f"revision {deal.revision}", "$faint"),
    ]
    if deal.status in ("proposed", "negotiating") and deal.expires_at:
        lines.append(Content.styled(f"open until {clock(deal.expires_at)}", "$faint"))
    if deal.status == "confirmed" and deal.complete_by:
        lines.append(Content.styled(f"complete it by {clock(deal.complete_by)}", "$faint"))
    return Content("\n").join(lines)


def moves_label(move: Move) -> Content:
    return Content.assemble(move.label, (f" {move.key.upper()}", "dim"))


def _things(things: tuple[Thing, ...]) -> Content:
    return Content(", ").join(
        [Content.assemble((thing.title, "$foreground"), (f" {thing.condition}", "$muted")) for thing in things]
    )


def _thing_lines(thing: Thing) -> Content:
    about = "  ".join(part for part in (thing.condition, money(thing.value)) if part)
    return Content.assemble((thing.title, "bold"), (f"\n{about}", "$muted"))


def _ladder(deal: Deal) -> list[Content]:
    if deal.status == "rejected":
        return [Content.assemble(("✗ ", "$error"), (deal.status_word, "bold $error"))]
    reached = PIPELINE.index(deal.status)
    lines = []
    for place, status in enumerate(PIPELINE):
        if place < reached:
            lines.append(Content.assemble(("✓ ", "$success"), (status, "$muted")))
        elif place == reached:
            word = deal.status_word
            lines.append(Content.styled(f"● {word}", f"bold {STATUS_COLOURS.get(word, '$primary')}"))
        else:
            lines.append(Content.styled(f"○ {status}", "$faint"))
    return lines
