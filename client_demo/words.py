"""Wire values in words for people: times, money, conditions, changes of a deal, refusals. Pure."""

import unicodedata
from datetime import UTC, datetime

from client_demo.wire import Data, Refused, Unreachable

CONDITIONS = {"NEW": "New", "LIKE_NEW": "Like new", "GOOD": "Good", "FAIR": "Fair", "POOR": "Poor"}
LOOKING_FOR = {"item_swap": "a swap", "credits": "credits", "flexible": "anything"}

# Overrides that would let someone's text reorder what stands beside it; plain Arabic needs none of them.
BIDI_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def clean(text: object, characters_max: int = 4_000) -> str:
    """Other people's text, safe to put on a terminal: no escape sequences, no control characters, bounded."""
    kept = (
        character
        for character in str(text if text is not None else "")[:characters_max]
        if character == "\n" or (unicodedata.category(character) != "Cc" and character not in BIDI_OVERRIDES)
    )
    return "".join(kept)


def one_line(text: object, characters_max: int = 200) -> str:
    """The same on one line, shortened with an ellipsis."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= characters_max else flat[: characters_max - 1] + "…"


def moment(iso: str | None) -> datetime | None:
    """A wire time as an aware datetime, None when there is none or it is not one."""
    try:
        return datetime.fromisoformat(iso) if iso else None
    except ValueError:
        return None


def clock(iso: str | None) -> str:
    """12:03 today, else 3 Nov 12:03, in the reader's own time zone."""
    when = moment(iso)
    if when is None:
        return ""
    local = when.astimezone()
    if local.date() == datetime.now(UTC).astimezone().date():
        return local.strftime("%H:%M")
    return f"{local.day} {local.strftime('%b %H:%M')}"


def ago(iso: str | None) -> str:
    """How long since: "just now", "5 min ago", "3 h ago", "2 days ago"."""
    when = moment(iso)
    if when is None:
        return "a while ago"
    seconds = (datetime.now(UTC) - when).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3_600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3_600)} h ago"
    return f"{int(seconds // 86_400)} days ago" if seconds >= 172_800 else "yesterday"


def money(value: float | None) -> str:
    """An estimated value in EGP (S2.14); empty when there is none."""
    return "" if value is None else f"~{value:,.0f} EGP"


def condition(code: str) -> str:
    return CONDITIONS.get(code, code.replace("_", " ").capitalize())


def wants(item: Data, categories: dict[str, str]) -> str:
    """What the owner would take in return, as a phrase. `categories`: slug or id → name."""
    asked = item.get("wants") or {}
    parts = []
    if asked.get("keywords"):
        parts.append(" or ".join(f"“{one_line(word, 40)}”" for word in asked["keywords"]))
    if asked.get("categories"):
        parts.append("in " + ", ".join(categories.get(slug, one_line(slug, 40)) for slug in asked["categories"]))
    low, high = asked.get("valueMin"), asked.get("valueMax")
    if low is not None and high is not None:
        parts.append(f"worth {low:,.0f}–{high:,.0f} EGP")
    elif low is not None:
        parts.append(f"worth {low:,.0f} EGP or more")
    elif high is not None:
        parts.append(f"worth up to {high:,.0f} EGP")
    if asked.get("condition"):
        parts.append(f"{condition(asked['condition']).lower()} or better")
    if asked.get("items"):
        parts.append("or one of the listings picked by the owner" if parts else "a listing picked by the owner")
    return ", ".join(parts) or LOOKING_FOR.get(item.get("lookingFor", ""), "anything")


def change_sentence(change: Data, who: str, about: str = "swap") -> str:
    """A deal's change as one sentence. `who`: the name of the one who made it, empty for the clock; `about`: swap, ring."""
    move, status = change.get("move", ""), str(change.get("status", "")).lower()
    reason = one_line(change.get("reason"), 120)
    because = f": {reason}" if reason and reason not in ("cancelled", "expired", "disputed") else ""
    if not who and move == "reject":
        return f"Declined automatically{because}"
    actor = who or "The server"
    match move:
        case "request":
            return f"{actor} proposed this {about}"
        case "counter":
            return f"{actor} put another thing on the table: look at the terms again"
        case "accept" if status in ("accepted", "confirmed"):
            return f"{actor} said yes: the items are held for this {about}"
        case "accept":
            return f"{actor} said yes"
        case "execute" if status == "completed":
            return f"{actor} did the last part: every item has changed hands"
        case "execute":
            return f"{actor} did their part"
        case "withdraw" if status in ("accepted", "disputed"):
            return f"{actor} asked to step back{because}"
        case "withdraw":
            return f"{actor} stepped back: it is off for everyone{because}"
        case "interest":
            return f"{actor} showed interest: talk it over"
        case "confirm":
            return f"{actor} confirmed: the items are held for this swap"
        case "complete" if status == "completed":
            return f"{actor} completed the swap: the items have changed hands"
        case "complete":
            return f"{actor} reported the swap done"
        case "reject":
            return f"{actor} declined{because}"
        case "cancel" if status in ("confirmed", "accepted", "disputed"):
            return f"{actor} asked to call it off{because}"
        case "cancel":
            return f"{actor} called it off{because}"
        case "dispute":
            return f"{actor} reported a problem{because}"
        case "expire":
            return "Nobody confirmed in time: the proposal expired"
        case "update":
            return f"{actor} edited an item: look at the terms again"
    return f"{actor}: {move}{because}"


def failure(error: Refused | Unreachable) -> str:
    """What went wrong, as a sentence for the one who tried."""
    if isinstance(error, Unreachable):
        return "The server does not answer. It will be tried again when you repeat this."
    sentence = one_line(error.message, 300) or f"The server refused ({error.code})."
    if error.code == "RATE_LIMITED" and (seconds := error.details.get("retryAfter")):
        sentence = f"{sentence.rstrip('.')}. Try again in {seconds} s."
    if error.code == "STALE_REVISION":
        sentence = "The terms changed while you were looking. Read them again, then decide."
    if error.code == "INTERNAL":
        sentence = "Something broke at the server. It has been logged there."
    return sentence
