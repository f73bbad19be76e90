"""What must be true of the database whatever has happened: asked by SQL after every storm (D1 to D4, S1.47 to S1.54)."""

import asyncpg

# Each query finds what breaks the promise above it.
PROMISES = {
    "a confirmed or disputed deal holds every item of its terms": """
        SELECT deal.id, leg.item_id
          FROM deals AS deal JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision
          LEFT JOIN item_holds AS hold ON hold.item_id = leg.item_id AND hold.deal_id = deal.id
         WHERE deal.status IN ('confirmed', 'disputed') AND hold.item_id IS NULL
    """,
    "what is held is held by a confirmed or disputed deal that has it in its terms": """
        SELECT hold.item_id, hold.deal_id
          FROM item_holds AS hold JOIN deals AS deal ON deal.id = hold.deal_id
          LEFT JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision AND leg.item_id = hold.item_id
         WHERE deal.status NOT IN ('confirmed', 'disputed') OR leg.item_id IS NULL
    """,
    "an item is 'traded' only while it is held, or when a completed deal has given it to its owner (D1)": """
        SELECT item.id
          FROM items AS item LEFT JOIN item_holds AS hold ON hold.item_id = item.id
         WHERE item.status = 'traded' AND hold.item_id IS NULL
           AND NOT EXISTS (SELECT FROM ownership WHERE item_id = item.id AND seq > 1 AND to_id = item.owner_id)
    """,
    "a held item is not available, not deleted, not for sale, and its owner is who gives it": """
        SELECT item.id
          FROM item_holds AS hold JOIN items AS item ON item.id = hold.item_id
          JOIN deals AS deal ON deal.id = hold.deal_id
          JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision AND leg.item_id = item.id
         WHERE item.status <> 'traded' OR item.deleted_at IS NOT NULL OR item.sale_price IS NOT NULL
            OR item.owner_id <> leg.giver_id
    """,
    "no open deal names an item that is held, gone, or not its giver's any more (D2, D4)": """
        SELECT deal.id, item.id
          FROM deals AS deal JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision
          JOIN items AS item ON item.id = leg.item_id
         WHERE deal.status IN ('proposed', 'negotiating')
           AND (item.status <> 'available' OR item.deleted_at IS NOT NULL OR item.owner_id <> leg.giver_id
                OR EXISTS (SELECT FROM item_holds WHERE item_id = item.id))
    """,
    "a ledger has no gap, each line goes on from the last, and the last names the owner (D3)": """
        SELECT item.id
          FROM items AS item
          CROSS JOIN LATERAL (
              SELECT count(*) AS lines, max(seq) AS last_seq,
                     (array_agg(to_id ORDER BY seq DESC))[1] AS last_owner,
                     bool_or(NOT goes_on) AS broken
                FROM (SELECT seq, to_id, from_id IS NOT DISTINCT FROM lag(to_id) OVER (ORDER BY seq) AS goes_on
                        FROM ownership WHERE item_id = item.id) AS line
          ) AS ledger
         WHERE ledger.lines = 0 OR ledger.lines <> ledger.last_seq OR ledger.last_owner <> item.owner_id OR ledger.broken
    """,
    "each leg of a completed deal is one line of its item's ledger, and no other deal's is (D3)": """
        SELECT deal.id, leg.item_id, count(line.item_id)
          FROM deals AS deal JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision
          LEFT JOIN ownership AS line ON line.deal_id = deal.id AND line.item_id = leg.item_id
               AND line.from_id = leg.giver_id AND line.to_id = leg.receiver_id
         GROUP BY deal.id, deal.status, leg.item_id
        HAVING count(line.item_id) <> (deal.status = 'completed')::int
    """,
    "a log has every number from 1 to its last once": """
        SELECT conversation.id
          FROM conversations AS conversation LEFT JOIN entries AS entry ON entry.conversation_id = conversation.id
         GROUP BY conversation.id
        HAVING count(entry.seq) <> conversation.last_seq OR max(entry.seq) <> conversation.last_seq OR count(entry.seq) = 0
    """,
    "a log's last change says the status of its deal, in one of the five words": """
        SELECT deal.id, deal.status, latest.status
          FROM deals AS deal JOIN conversations AS conversation ON conversation.deal_id = deal.id
          CROSS JOIN LATERAL (SELECT change ->> 'status' AS status FROM entries
                               WHERE conversation_id = conversation.id AND kind = 'deal' ORDER BY seq DESC LIMIT 1) AS latest
         WHERE deal.kind = 'trade' AND latest.status IS DISTINCT FROM
               CASE deal.status WHEN 'cancelled' THEN 'rejected' WHEN 'expired' THEN 'rejected'
                                WHEN 'disputed' THEN 'confirmed' ELSE deal.status END
    """,
}


async def broken_promises(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """The promises that do not hold, each with the first rows that break it."""
    broken = []
    for promise, query in PROMISES.items():
        rows = await connection.fetch(query)
        if rows:
            broken.append(f"{promise}: {len(rows)} times, as {[tuple(map(str, row)) for row in rows[:3]]}")
    return broken
