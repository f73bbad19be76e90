"""What the clock does to deals: expiry, and the reminders before it, and when a confirmed one is not completed (C14, C15, C34).

Any number of processes may do this at once: each takes what no other has locked.
"""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID, uuid4

from handlers.action import Call
from handlers.app import App
from handlers.deals import make_move
from handlers.notices import Notice, notify_reminder
from matching.deal import Deal, Move
from matching.moves import awaited
from storage.database import Tx
from storage.deals import load_deals
from storage.moves import lock_expired, take_overdue, take_unanswered

BATCH = 50


async def expire_deals(app: App) -> int:
    """Expire the open deals whose time is over, by the database's clock; how many."""
    call = Call(app, request_id=uuid4().hex, user=None, session_id=None, socket_id=None)
    async with app.database.transaction() as call.connection:
        expired = await lock_expired(call.tx, BATCH)
        for record in sorted(expired, key=lambda record: record.deal.id):
            await make_move(call, record, Move.EXPIRE, by=None)
    app.live.announce(call.announced)
    app.live.notify()
    return len(expired)


async def remind_overdue(app: App) -> int:
    """Remind the parties of confirmed deals that are not completed in time; how many deals. Each is told once."""
    return await _remind(app, take_overdue, Notice.OVERDUE, lambda deal: deal.parties)


async def remind_unanswered(app: App) -> int:
    """Remind those whose answer a deal waits for, a day before it expires; how many deals. Each is told once per terms."""
    return await _remind(app, take_unanswered, Notice.YES_MISSING, awaited)


async def _remind(
    app: App, take: Callable[[Tx, int], Awaitable[list[UUID]]], notice: Notice, whom: Callable[[Deal], Iterable[UUID]]
) -> int:
    call = Call(app, request_id=uuid4().hex, user=None, session_id=None, socket_id=None)
    async with app.database.transaction() as call.connection:
        deal_ids = await take(call.tx, BATCH)
        for record in (await load_deals(call.tx, deal_ids)).values():
            await notify_reminder(call, record, notice, whom(record.deal))
    app.live.notify()
    return len(deal_ids)
