"""Once all has healed, every server says of everybody whether they are here, and says the same."""

from tests.faults.evidence import Evidence, Finding, Sql, finding


async def check(evidence: Evidence, _sql: Sql) -> list[Finding]:
    seen = evidence.presence
    return [
        finding("every server says of everybody who is here that they are", seen.here, seen.thought_gone),
        finding("and of who has gone that they are not", seen.gone, seen.thought_here),
    ]
