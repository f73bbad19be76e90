"""Items to be swapped, and trades over them that wait to be confirmed, put there by SQL as the product would have left them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import asyncpg

from handlers.notices import Notice
from storage.categories import load_categories
from storage.database import Database
from storage.deals import SNAPSHOT
from tests.bench.floors import insert
from tests.bench.market import listings
from tests.bench.matching import tree_of


@dataclass(frozen=True, slots=True)
class Swap:
    """Two items of two people; of some, a trade that is being negotiated."""

    requester: UUID
    owner: UUID
    offered: UUID
    requested: UUID
    deal: UUID
    conversation: UUID

    def stands_for(self, other: "Swap") -> Mapping[str, str]:
        """By each id of the other, as text, the one of this."""
        return {str(getattr(other, name)): str(getattr(self, name)) for name in Swap.__slots__}


async def stock(url: str, people: int, trades: int, negotiating: int) -> tuple[list[UUID], list[Swap]]:
    """As many people and swaps; the first half of the people ask the second, in turn. There are trades of the first swaps.

    Ids are in one order in each swap, since where the product sorts them, what is made of one swap is to fit any other. Nobody
    wants mail.
    """
    database = await Database.connect(url)
    try:
        async with database.connection() as tx:
            tree = tree_of(await load_categories(tx))
    finally:
        await database.close()
    persons, half = sorted(uuid4() for _ in range(people)), people // 2
    made = sorted(listings(tree, 2 * trades), key=lambda listing: listing.item)
    swaps = []
    for place, (offered, requested) in enumerate(zip(made[:trades], made[trades:], strict=True)):
        requester, owner = persons[place % half], persons[half + place % half]
        swaps.append(Swap(requester, owner, offered.item, requested.item, uuid4(), uuid4()))
        made[place], made[place + trades] = replace(offered, owner=requester), replace(requested, owner=owner)
    connection = await asyncpg.connect(url)
    try:
        await insert(connection, made)
        await connection.execute("UPDATE users SET mail_off = $1", [notice.value for notice in Notice])
        await connection.execute("INSERT INTO ownership (item_id, seq, to_id) SELECT id, 1, owner_id FROM items")
        await _negotiate(connection, swaps[:negotiating])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return persons, swaps


async def _negotiate(connection: "asyncpg.Connection[asyncpg.Record]", swaps: Sequence[Swap]) -> None:
    """Each was requested, and its owner is interested."""
    await connection.execute(
        """
        CREATE TEMPORARY TABLE swap AS
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[])
                 AS swap(requester, owner, offered, requested, deal, conversation)
        """,
        *([getattr(swap, name) for swap in swaps] for name in Swap.__slots__),
    )
    await connection.execute(
        f"""
        INSERT INTO deals (id, kind, status, item_ids, party_ids, proposer_id, expires_at)
        SELECT deal, 'trade', 'negotiating', ARRAY[offered, requested], ARRAY[requester, owner], requester,
               now() + interval '7 days' FROM swap;
        INSERT INTO parties (deal_id, user_id, position, answers)
        SELECT deal, requester, 0, '{{}}'::text[] FROM swap UNION ALL SELECT deal, owner, 1, '{{interest}}' FROM swap;
        INSERT INTO revisions (deal_id, revision, made_by, move) SELECT deal, 1, requester, 'request' FROM swap;
        INSERT INTO legs (deal_id, revision, item_id, giver_id, receiver_id, snapshot)
        SELECT deal, 1, item.id, item.owner_id, CASE WHEN item.owner_id = owner THEN requester ELSE owner END, {SNAPSHOT}
          FROM swap JOIN items AS item ON item.id IN (offered, requested);
        INSERT INTO conversations (id, deal_id, last_seq) SELECT conversation, deal, 2 FROM swap;
        INSERT INTO entries (conversation_id, seq, kind, sender_id, change)
        SELECT conversation, 1, 'deal', requester,
               jsonb_build_object('status', 'proposed', 'move', 'request', 'by', requester) FROM swap
         UNION ALL
        SELECT conversation, 2, 'deal', owner,
               jsonb_build_object('status', 'negotiating', 'move', 'interest', 'by', owner) FROM swap;
        """  # noqa: S608 - SNAPSHOT is ours
    )
