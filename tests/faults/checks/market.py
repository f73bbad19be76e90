"""What the database must say at any moment: owners, ledgers, holds, legs, rings, logs (`tests.promises`), each counted."""

from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.promises import PROMISES

# How many cases there were for each of the promises, in their order.
CASES = (
    "SELECT count(*) FROM deals WHERE confirmed_at IS NOT NULL",
    "SELECT count(*) FROM deals WHERE confirmed_at IS NOT NULL",
    "SELECT count(*) FROM items",
    "SELECT count(*) FROM deals WHERE confirmed_at IS NOT NULL",
    "SELECT count(*) FROM deals",
    "SELECT count(*) FROM items",
    "SELECT count(*) FROM legs",
    "SELECT count(*) FROM conversations",
    "SELECT count(*) FROM ownership WHERE deal_id IS NOT NULL",
    # Only rings that somebody has executed their part of: the others had nothing to be torn apart.
    """SELECT count(*) FROM deals WHERE kind IN ('cycle', 'chain')
        AND EXISTS (SELECT FROM parties WHERE deal_id = deals.id AND 'execute' = ANY (answers))""",
    "SELECT count(*) FROM deals WHERE kind IN ('cycle', 'chain')",
    "SELECT count(*) FROM revisions",
    "SELECT count(*) FROM deals",
    "SELECT count(*) FROM deals WHERE kind IN ('cycle', 'chain')",
    "SELECT count(*) FROM deals WHERE kind = 'offer'",
    "SELECT count(*) FROM deals WHERE confirmed_at IS NOT NULL",
    "SELECT count(*) FROM deals",
)


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    assert len(CASES) == len(PROMISES), "every promise says how many cases it saw"
    found = []
    for (promise, query), cases in zip(PROMISES.items(), CASES, strict=True):
        broken = [f"at the end: {tuple(map(str, row))}" for row in await sql.fetch(query)]
        broken = evidence.seen_broken.get(promise, []) + broken
        found.append(finding(promise, await sql.fetchval(cases), broken))
    then = [f"{promise}: {one}" for promise, broken in evidence.seen_broken.items() for one in broken]
    return [
        *found,
        finding("all of this was so at every moment at which it was looked at, while things failed", evidence.looks, then),
    ]
