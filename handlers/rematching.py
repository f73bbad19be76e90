"""When a ring has come to nothing, the items in it are matched again at once, and their owners told what there is instead."""

from uuid import UUID

from handlers.app import App
from handlers.notices import Notice, notify
from matching.rings import Ring
from storage.market import shown_items
from storage.opportunities import Shown
from storage.rematching import take_rematch

PARTIES_MAX = 5


async def rematch_one(app: App) -> bool:
    """Look for another ring for one item; whether there was one to look for. Any number of processes may do this at once."""
    async with app.database.transaction() as tx:
        job = await take_rematch(tx)
        if job is None:
            return False
        if not job["listed"]:
            return True
        cycles, chains, _ = await app.matchmaker.rings(tx, job["item_id"], parties_max=PARTIES_MAX)
        failed = frozenset(job["item_ids"])
        other = next((ring for ring in [*cycles, *chains] if _moved(ring) != failed), None)
        if other is None:
            return True
        await app.shown.keep([Shown(other.id, other.kind, other.steps)])
        titles = await shown_items(tx, [job["item_id"]])
        await notify(
            tx,
            [job["user_id"]],
            Notice.RING_FOUND,
            job["deal_id"],
            {
                "opportunityId": str(other.id),
                "itemId": str(job["item_id"]),
                "itemTitle": titles[job["item_id"]]["title"],
                "participants": len(other.steps),
                "matchScore": round(other.score, 2),
            },
        )
    app.live.notify()
    return True


def _moved(ring: Ring) -> frozenset[UUID]:
    """The items that would change hands."""
    return frozenset(item for _, item in (ring.steps if len(ring.edges) == len(ring.steps) else ring.steps[1:]))
