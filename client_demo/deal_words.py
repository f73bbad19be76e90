"""How a deal is written on the screen: title, terms, the way it has come, the side panel."""

from textual.content import Content

from client_demo.deals import Deal, Move, NameOf, Thing
from client_demo.offers import Offer
from client_demo.ring_drawing import loop, percent
from client_demo.ring_words import around, drawn
from client_demo.rings import Ring
from client_demo.wire import Data
from client_demo.words import ago, clock, money

STATUS_COLOURS = {
    "proposed": "$secondary",
    "pending": "$secondary",
    "negotiating": "$warning",
    "counter-offered": "$warning",
    "confirmed": "$primary",
    "accepted": "$primary",
    "completed": "$success",
    "problem reported": "$error",
}


def presence(deal: Deal, name: NameOf, known: dict[str, Data]) -> Content:
    """Whether the others are there."""
    if len(deal.others) == 1:
        return _presence_of(known.get(deal.others[0]), name(deal.others[0]))
    there = sum(bool(known.get(other, {}).get("online")) for other in deal.others)
    dot = ("● ", "$success") if there else ("○ ", "$muted")
    return Content.assemble(dot, (f"{there} of {len(deal.others)} online", "$muted"))


def _presence_of(known: Data | None, name: str) -> Content:
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
    """On one line: who gives and gets what, or of a ring, who gives to whom and has said yes."""
    if isinstance(deal, Ring):
        return around(deal.circle, deal.me)
    return Content.assemble(
        ("give ", "$muted"),
        _things(deal.gives),
        ("   get ", "$muted"),
        _things(deal.gets),
    )


def pipeline(deal: Deal, hint: str) -> Content:
    """proposed ━ negotiating ━ confirmed ━ completed, as far as it has come; then what happens next."""
    reached = deal.stage
    if reached is None:
        return Content.assemble(("✗ ", "$error"), (deal.status_word, "bold $error"), (f"   {hint}", "$muted"))
    parts: list[Content] = []
    for place, status in enumerate(deal.stages):
        if place:
            parts.append(Content.styled(" ━ ", "$primary" if place <= reached else "$panel"))
        if place == reached:
            word = deal.status_word
            parts.append(Content.styled(f"● {word}", f"bold {STATUS_COLOURS.get(word, '$primary')}"))
        else:
            parts.append(Content.styled(status, "$muted" if place < reached else "$faint"))
    return Content.assemble(*parts, (f"   {hint}", "$accent"))


def side(deal: Deal, name: NameOf, known: dict[str, Data], columns: int) -> Content:
    """The panel beside the talk, where the screen is wide. `known`: presence by user id."""
    there = presence(deal, name, known)
    lines = [
        *(_ring_terms(deal, there, columns) if isinstance(deal, Ring) else _swap_terms(deal, there)),
        Content(""),
        Content.styled("WHERE IT STANDS", "bold $muted"),
        *_ladder(deal),
        Content.styled(deal.hint(name), "italic $accent"),
        Content(""),
        Content.styled(f"revision {deal.revision}", "$faint"),
    ]
    if deal.is_open and deal.expires_at:
        lines.append(Content.styled(f"open until {clock(deal.expires_at)}", "$faint"))
    if deal.is_held and deal.complete_by:
        lines.append(Content.styled(f"complete it by {clock(deal.complete_by)}", "$faint"))
    return Content("\n").join(lines)


def _swap_terms(deal: Deal, there: Content) -> list[Content]:
    lines = [
        Content.styled("YOU GIVE", "bold $muted"),
        *[_thing_lines(thing) for thing in deal.gives],
        Content(""),
        Content.styled("YOU GET", "bold $muted"),
        *[_thing_lines(thing) for thing in deal.gets],
        Content(""),
    ]
    if isinstance(deal, Offer) and deal.notes:
        lines += [Content.styled("NOTES", "bold $muted"), Content(deal.notes), Content("")]
    return [*lines, Content.styled("WITH", "bold $muted"), there]


def _ring_terms(ring: Ring, there: Content, columns: int) -> list[Content]:
    circle = ring.circle
    kind = Content.assemble((f"{circle.sign} {circle.kind.upper()}", "bold $muted"), f"  match {percent(circle.score)}")
    return [kind, drawn(loop(ring.circle, ring.me, columns)), there]


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
    reached = deal.stage
    if reached is None:
        return [Content.assemble(("✗ ", "$error"), (deal.status_word, "bold $error"))]
    lines = []
    for place, status in enumerate(deal.stages):
        if place < reached:
            lines.append(Content.assemble(("✓ ", "$success"), (status, "$muted")))
        elif place == reached:
            word = deal.status_word
            lines.append(Content.styled(f"● {word}", f"bold {STATUS_COLOURS.get(word, '$primary')}"))
        else:
            lines.append(Content.styled(f"○ {status}", "$faint"))
    return lines
