"""What the clock does to deals: expiry, and the reminder when a confirmed one should have been completed (C14, C15, C34).

Any number of processes may do this at once: each takes what no other has locked.
"""

from uuid import uuid4

from handlers.action import Call
from handlers.app import App
from handlers.deals import make_move
from matching.deal import Move
from storage.deals import load_deals
from storage.mails import queue_mail
from storage.moves import lock_expired, take_overdue

BATCH = 50


async def expire_deals(app: App) -> int:
    """Expire the open deals whose time is over, by the database's clock; how many."""
    call = Call(app, request_id=uuid4().hex, user=None, session_id=None, socket_id=None)
    async with app.database.transaction() as call.connection:
        expired = await lock_expired(call.tx, BATCH)
        for record in sorted(expired, key=lambda record: record.deal.id):
            await make_move(call, record, Move.EXPIRE, by=None)
    app.live.announce(call.announced)
    return len(expired)


async def remind_overdue(app: App) -> int:
    """Write to the parties of confirmed deals that are not completed in time; how many deals. Each is told once."""
    async with app.database.transaction() as tx:
        deal_ids = await take_overdue(tx, BATCH)
        for deal_id, record in (await load_deals(tx, deal_ids)).items():
            await queue_mail(tx, list(record.deal.parties), "overdue", deal_id)
    return len(deal_ids)
