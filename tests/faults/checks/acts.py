"""What was acknowledged happened exactly once, what was refused did not happen, what was not answered at most once.

What an act left behind is found by a text that only it ever wrote; a move, by the entry that tells of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tests.faults.evidence import Evidence, Finding, Sql, finding, outcome_of
from tests.faults.history import Call

# How often the text of an act is found, by the act's event.
TRACES = {
    "item:create": ("title", "SELECT title AS trace, count(*) AS n FROM items GROUP BY title"),
    "trade:request": ("message", "SELECT text AS trace, count(*) AS n FROM entries WHERE kind = 'message' GROUP BY text"),
    "offer:create": ("notes", "SELECT notes AS trace, count(*) AS n FROM revisions WHERE move = 'request' GROUP BY notes"),
    "offer:counter": ("notes", "SELECT notes AS trace, count(*) AS n FROM revisions WHERE move = 'counter' GROUP BY notes"),
    "message:send": ("text", "SELECT text AS trace, count(*) AS n FROM entries WHERE kind = 'message' GROUP BY text"),
}
MOVES = """
    SELECT deal_id::text, change ->> 'move' AS move, change ->> 'by' AS by, count(*) AS n
      FROM entries JOIN conversations ON conversations.id = conversation_id
     WHERE kind = 'deal' GROUP BY 1, 2, 3
"""
RINGS = """
    SELECT party.user_id::text AS opener, count(*) AS n
      FROM deals JOIN parties AS party ON party.deal_id = deals.id AND position = 0
     WHERE kind IN ('cycle', 'chain') GROUP BY 1
"""
OPENERS = "SELECT deals.id::text, user_id::text FROM deals JOIN parties ON deal_id = deals.id AND position = 0"
GONE = "SELECT id::text FROM items WHERE deleted_at IS NOT NULL"
DESCRIPTIONS = "SELECT id::text, description FROM items"


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    acts = evidence.acts().values()
    return [
        *await _by_trace(acts, sql),
        await _moves(acts, sql),
        await _rings(acts, sql),
        await _last_edit(acts, sql),
        await _taken_down(acts, sql),
    ]


async def _by_trace(acts: Iterable[list[Call]], sql: Sql) -> list[Finding]:
    counts: dict[str, dict[str, int]] = {}
    for event, (_, query) in TRACES.items():
        counts[event] = {row["trace"]: row["n"] for row in await sql.fetch(query)}
    seen: Counter[str] = Counter()
    broken: dict[str, list[str]] = defaultdict(list)
    for act in acts:
        call = act[0]
        if call.event not in TRACES:
            continue
        found = counts[call.event].get(call.payload[TRACES[call.event][0]], 0)
        outcome = outcome_of(act)
        seen[outcome] += 1
        if not {"ok": found == 1, "refused": found == 0, "unknown": found <= 1}[outcome]:
            codes = [one.code or one.outcome for one in act]
            broken[outcome].append(f"{call.event} of {call.device} at {call.sent_at:.1f} s ({codes}) is there {found} times")
    return [
        finding("what was acknowledged happened exactly once", seen["ok"], broken["ok"]),
        finding("what was refused did not happen", seen["refused"], broken["refused"]),
        finding("what was not answered happened once or not at all", seen["unknown"], broken["unknown"]),
    ]


async def _moves(acts: Iterable[list[Call]], sql: Sql) -> Finding:
    logged = {(row["deal_id"], row["move"], row["by"]): row["n"] for row in await sql.fetch(MOVES)}
    openers = {row["id"]: row["user_id"] for row in await sql.fetch(OPENERS)}
    made: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for act in acts:
        where = move_of(act[0])
        if where is not None:
            made[(*where, act[0].user)][outcome_of(act)] += 1
    broken = []
    for (deal, move, user), outcomes in made.items():
        count = logged.get((deal, move, user), 0)
        implied = move == "accept" and openers.get(deal) == user  # who opened a ring has said yes to it (C28)
        lost = outcomes["ok"] and not count and not implied
        if lost or count > outcomes["ok"] + outcomes["unknown"]:
            broken.append(f"'{move}' of {deal} by {user}: {dict(outcomes)}, and in its log {count} times")
    return finding("each move of a deal is in its log as often as it was acknowledged", len(made), broken)


async def _rings(acts: Iterable[list[Call]], sql: Sql) -> Finding:
    opened = {row["opener"]: row["n"] for row in await sql.fetch(RINGS)}
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    for act in acts:
        if act[0].event == "chain:create":
            asked[act[0].user][outcome_of(act)] += 1
    broken = [
        f"{user}: {dict(outcomes)}, and {opened.get(user, 0)} are there"
        for user, outcomes in asked.items()
        if not outcomes["ok"] <= opened.get(user, 0) <= outcomes["ok"] + outcomes["unknown"]
    ]
    cases = sum(outcomes.total() for outcomes in asked.values())
    return finding("as many rings were proposed as were acknowledged", cases, broken)


async def _last_edit(acts: Iterable[list[Call]], sql: Sql) -> Finding:
    """What an item's description says was written by an edit after which no other one began and was acknowledged."""
    edits: dict[str, list[list[Call]]] = defaultdict(list)
    for act in acts:
        if act[0].event == "item:update" and "description" in act[0].payload:
            edits[act[0].payload["itemId"]].append(act)
    broken = []
    for row in await sql.fetch(DESCRIPTIONS):
        of_item = edits.get(row["id"], [])
        writers = [act for act in of_item if act[0].payload["description"] == row["description"]]
        acknowledged = [act for act in of_item if outcome_of(act) == "ok"]
        if not writers:
            if acknowledged:
                broken.append(f"item {row['id']} shows none of {len(acknowledged)} acknowledged edits")
        elif outcome_of(writers[0]) == "refused":
            broken.append(f"item {row['id']} shows a refused edit")
        elif outcome_of(writers[0]) == "ok":
            over_at = min(call.ended_at for call in writers[0] if call.is_ok)
            if any(min(call.sent_at for call in act) > over_at for act in acknowledged):
                broken.append(f"item {row['id']} shows an edit that a later one had replaced")
    return finding("an item shows its last acknowledged edit", sum(map(len, edits.values())), broken)


async def _taken_down(acts: Iterable[list[Call]], sql: Sql) -> Finding:
    gone = {row["id"] for row in await sql.fetch(GONE)}
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    for act in acts:
        if act[0].event == "item:delete":
            asked[act[0].payload["itemId"]][outcome_of(act)] += 1
    broken = [
        f"item {item}: {dict(asked[item])}, and it is gone" for item in gone if not asked[item]["ok"] + asked[item]["unknown"]
    ]
    broken += [
        f"item {item}: {dict(outcomes)}, and it is there"
        for item, outcomes in asked.items()
        if outcomes["ok"] and item not in gone
    ]
    return finding("an item is off the market when that was acknowledged, and only then", len(asked), broken)


def move_of(call: Call) -> tuple[str, str] | None:
    """The deal and the move, where the call makes one."""
    kind, _, verb = call.event.partition(":")
    if kind not in ("trade", "offer", "chain") or verb in ("request", "create", "counter", "mine", "pending", "get"):
        return None
    payload: dict[str, Any] = call.payload
    if verb == "respond":
        verb = "accept" if payload["accept"] else "reject"
    return payload[f"{kind}Id"], verb
