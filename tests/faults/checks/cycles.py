"""The ledgers of items as a list-append workload: no order of deals and readings can explain a cycle (as Elle looks for them).

A completed deal appends itself to the ledgers of all its items; `item:history` reads one. A deal comes before the next one of
the same ledger, and before who reads it there; who reads a ledger comes before the next deal that it does not show; and what
was answered before another was asked comes before that. If all of it happened in some order, this has no cycle.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import pairwise
from typing import Any

import networkx

from tests.faults.checks.acts import move_of
from tests.faults.evidence import Evidence, Finding, Sql, finding

LEDGERS = "SELECT item_id::text AS item, deal_id::text AS deal FROM ownership WHERE deal_id IS NOT NULL ORDER BY item_id, seq"
COMPLETING = ("complete", "execute")


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    ledgers: dict[str, list[str]] = defaultdict(list)
    for row in await sql.fetch(LEDGERS):
        ledgers[row["item"]].append(row["deal"])
    graph: Any = networkx.DiGraph()
    for deals in ledgers.values():
        for before, after in pairwise(deals):
            graph.add_edge(before, after, because="the next in a ledger")

    wrong = []
    spans: dict[str, tuple[float, float]] = _spans_of_deals(evidence)
    readings = 0
    for call in evidence.calls:
        if call.event != "item:history" or not call.is_ok:
            continue
        readings += 1
        name = f"reading {call.number}"
        shown = [line["dealId"] for line in call.answer if line["dealId"] is not None]
        truth = ledgers[call.payload["itemId"]]
        if shown != truth[: len(shown)]:
            wrong.append(f"item {call.payload['itemId']} at {call.sent_at:.1f} s: {shown}, and at the end {truth}")
            continue
        if shown:
            graph.add_edge(shown[-1], name, because="was read")
        if len(shown) < len(truth):
            graph.add_edge(name, truth[len(shown)], because="was not there yet")
        spans[name] = (call.sent_at, call.ended_at)
    edges = graph.number_of_edges()
    _add_time(graph, spans)
    cycles = [
        sorted(str(node) for node in component if not isinstance(node, float))
        for component in networkx.strongly_connected_components(graph)
        if len(component) > 1
    ]
    deals_count = len({deal for ledger in ledgers.values() for deal in ledger})
    return [
        finding("what is read of a ledger is a beginning of what it is in the end", readings, wrong),
        finding(
            "deals and readings can be put in one order, which agrees with the time (no cycle)",
            deals_count + readings,
            [f"a cycle among {cycle[:6]}" for cycle in cycles],
            f"{edges} dependencies",
        ),
    ]


def _spans_of_deals(evidence: Evidence) -> dict[str, tuple[float, float]]:
    """When a completed deal was completed at the earliest and at the latest, by those who asked for it."""
    spans: dict[str, tuple[float, float]] = {}
    for call in evidence.calls:
        move = move_of(call)
        if move is None or move[1] not in COMPLETING or call.outcome == "refused":
            continue
        begins, ends = spans.get(move[0], (float("inf"), float("inf")))
        if call.is_ok and str(call.answer["status"]).lower() == "completed":
            ends = min(ends, call.ended_at)
        spans[move[0]] = (min(begins, call.sent_at), ends)
    return spans


def _add_time(graph: Any, spans: dict[str, tuple[float, float]]) -> None:
    """What ended before another began comes before it: by way of a chain of moments, so that it takes few edges."""
    moments = sorted({end for name, (_, end) in spans.items() if end < float("inf") and name in graph})
    for before, after in pairwise(moments):
        graph.add_edge(before, after)
    for name, (begin, end) in spans.items():
        if name not in graph:
            continue
        if end < float("inf"):
            graph.add_edge(name, moments[bisect_left(moments, end)])
        if (place := bisect_right(moments, begin)) > 0 and moments[place - 1] < begin:
            graph.add_edge(moments[place - 1], name)
