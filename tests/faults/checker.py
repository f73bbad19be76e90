"""The checker: reads the history, what the devices heard, and the database, and counts each promise."""

from tests.faults.checks import (
    acts,
    cycles,
    delivery,
    expiry,
    growth,
    keys,
    logs,
    mails,
    market,
    marks,
    moves,
    presence,
    rest,
    sessions,
)
from tests.faults.evidence import Evidence, Finding, Sql

FAMILIES = (market, moves, acts, keys, logs, delivery, marks, expiry, mails, cycles, sessions, growth)


async def counted(evidence: Evidence, sql: Sql, *, afterwards: bool = False) -> list[Finding]:
    """Every promise with its cases. `afterwards`: those that are looked at when everybody has gone."""
    found: list[Finding] = []
    for family in (presence, rest) if afterwards else FAMILIES:
        found += await family.check(evidence, sql)
    return found
