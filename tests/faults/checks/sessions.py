"""A session that has ended ends everywhere: its sockets on every server within 5 s, and nobody comes in by its token again."""

from tests.faults.evidence import Evidence, Finding, Sql, finding

WITHIN_SECONDS = 5.0
AFTER_SECONDS = 6.0  # what a fault was in the way of may come a little later still
SURELY_SECONDS = 30.0  # whatever was in the way


async def check(evidence: Evidence, _sql: Sql) -> list[Finding]:
    soon = surely = again = elsewhere = 0
    late, never, opened = [], [], []
    for visit in evidence.visits:
        limit = visit.ended_at + WITHIN_SECONDS
        for socket in visit.sockets:
            where = f"of {visit.user} on {socket.server}, signed out by {visit.signed_out_by} at {visit.ended_at:.1f} s"
            surely += 1
            elsewhere += socket.server != visit.signed_out_by
            if socket.ended_at > visit.ended_at + SURELY_SECONDS:
                never.append(f"{where}: still open at {visit.ended_at + SURELY_SECONDS:.1f} s")
            # Each server sees it in PostgreSQL: whoever acknowledged it may be gone, and Redis, too.
            server = evidence.number_of(socket.server)
            if not evidence.weather.silent(visit.asked_at - AFTER_SECONDS, limit, {server}, by_redis=False):
                soon += 1
                if socket.ended_at > limit + evidence.lag_between(visit.asked_at, limit + 0.5):
                    late.append(f"{where}: {socket.ended_at - visit.ended_at:.1f} s")
        for tried in visit.tried:
            server = evidence.number_of(tried.server)
            if not evidence.weather.silent(tried.at - AFTER_SECONDS, tried.at, {server}, by_redis=False):
                again += 1
                if tried.came_in:
                    opened.append(f"of {visit.user}, ended at {visit.ended_at:.1f} s, by {tried.server} at {tried.at:.1f} s")
    return [
        finding("a session that has ended ends its sockets", surely, never, f"{elsewhere} on another server than it was told"),
        finding("within 5 s, where nothing is in the way of it", soon, late, seldom=True),
        finding("nobody comes in by the token of a session that has ended", again, opened, seldom=True),
    ]
