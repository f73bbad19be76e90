"""Nothing is accepted after its expiry, by the database's time."""

from tests.faults.evidence import Evidence, Finding, Sql, finding

AGREED_LATE = "SELECT id::text, kind, confirmed_at, expires_at FROM deals WHERE confirmed_at >= expires_at"
# Only those that expired soon after they were proposed: most deals live for days, and nobody could be late for them.
SOON = "expires_at < now() AND expires_at > created_at"
IN_TIME = f"SELECT count(*) FROM deals WHERE confirmed_at IS NOT NULL AND {SOON}"  # noqa: S608 - ours
LATE_CODES = {"OFFER_EXPIRED", "CHAIN_EXPIRED"}
MOVED_LATE = """
    SELECT deals.id::text, change ->> 'move', entries.created_at, expires_at
      FROM entries JOIN conversations ON conversations.id = conversation_id JOIN deals ON deals.id = deal_id
     WHERE entries.kind = 'deal' AND rounds = 0 AND change ->> 'move' IN ('interest', 'confirm', 'accept')
       AND confirmed_at IS NULL AND entries.created_at >= expires_at
"""
EXPIRED_EARLY = "SELECT id::text, kind, closed_at, expires_at FROM deals WHERE status = 'expired' AND closed_at < expires_at"


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    late = [tuple(map(str, row)) for query in (AGREED_LATE, MOVED_LATE) for row in await sql.fetch(query)]
    early = [tuple(map(str, row)) for row in await sql.fetch(EXPIRED_EARLY)]
    expired = await sql.fetchval("SELECT count(*) FROM deals WHERE status = 'expired'")
    in_time = await sql.fetchval(IN_TIME)
    refused = sum(call.code in LATE_CODES for call in evidence.calls)
    return [
        finding(
            "nothing is agreed to after its expiry, by the database's time",
            in_time + refused,
            late,
            f"{in_time} agreed to shortly before it, {refused} answers came too late",
        ),
        finding("nothing expires before its time", expired, early),
    ]
