"""What must be true of the database whatever has happened: asked by SQL after every storm (D1 to D7, S1.47 to S1.54)."""

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
         WHERE deal.status IN ('proposed', 'negotiating', 'countered')
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
    "what a ledger says a deal has moved is in the latest terms of that deal (C37)": """
        SELECT line.item_id, line.deal_id
          FROM ownership AS line JOIN deals AS deal ON deal.id = line.deal_id
          LEFT JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision AND leg.item_id = line.item_id
         WHERE leg.item_id IS NULL
    """,
    "of a ring every item has moved, or none (D6, C33)": """
        SELECT deal.id
          FROM deals AS deal JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision
          LEFT JOIN ownership AS line ON line.deal_id = deal.id AND line.item_id = leg.item_id
         WHERE deal.kind IN ('cycle', 'chain')
         GROUP BY deal.id HAVING count(line.item_id) NOT IN (0, count(*))
    """,
    "in a cycle each gives one and gets one; in a chain one only gives, and one only gets (C60)": """
        SELECT deal_id
          FROM (SELECT party.deal_id, deal.kind, party.user_id,
                       count(leg.item_id) FILTER (WHERE leg.giver_id = party.user_id) AS gives,
                       count(leg.item_id) FILTER (WHERE leg.receiver_id = party.user_id) AS gets
                  FROM deals AS deal JOIN parties AS party ON party.deal_id = deal.id
                  JOIN legs AS leg ON leg.deal_id = deal.id AND leg.revision = deal.revision
                 WHERE deal.kind IN ('cycle', 'chain') GROUP BY party.deal_id, deal.kind, party.user_id) AS place
         GROUP BY deal_id, kind
        HAVING max(gives) > 1 OR max(gets) > 1 OR count(*) < 3
            OR count(*) FILTER (WHERE gives = 0) <> (kind = 'chain')::int
            OR count(*) FILTER (WHERE gets = 0) <> (kind = 'chain')::int
    """,
    "the revisions of a deal have no gap, the last is its own, and each counter-offer is one round (C35)": """
        SELECT deal.id
          FROM deals AS deal JOIN revisions AS revision ON revision.deal_id = deal.id
         GROUP BY deal.id
        HAVING count(*) <> deal.revision OR max(revision.revision) <> deal.revision
            OR count(*) FILTER (WHERE move = 'counter') <> deal.rounds
            OR (array_agg(made_by ORDER BY revision.revision DESC) FILTER (WHERE move <> 'update'))[1] <> deal.proposer_id
    """,
    "a deal names the items of its latest terms and the people in it, and no others": """
        SELECT deal.id FROM deals AS deal
         WHERE item_ids <> (SELECT array_agg(item_id ORDER BY item_id) FROM legs
                             WHERE deal_id = deal.id AND revision = deal.revision)
            OR party_ids <> (SELECT array_agg(user_id ORDER BY user_id) FROM parties WHERE deal_id = deal.id)
    """,
    "a ring stands where the answers in it say (S2.65 to S2.70, D7)": """
        SELECT deal.id, deal.status
          FROM deals AS deal JOIN parties AS party ON party.deal_id = deal.id
         WHERE deal.kind IN ('cycle', 'chain')
         GROUP BY deal.id
        HAVING CASE deal.status
                 WHEN 'proposed' THEN bool_or(answers && '{accept,reject}')
                 WHEN 'negotiating' THEN bool_or('reject' = ANY (answers))
                                         OR bool_and('accept' = ANY (answers)) FILTER (WHERE position > 0)
                 WHEN 'confirmed' THEN NOT bool_and('accept' = ANY (answers)) OR bool_and('execute' = ANY (answers))
                 WHEN 'disputed' THEN NOT bool_and('accept' = ANY (answers)) OR bool_and('execute' = ANY (answers))
                 WHEN 'completed' THEN NOT bool_and(answers @> '{accept,execute}')
                 ELSE bool_and('execute' = ANY (answers)) END
    """,
    "a swap stands where the answers in it say: who did not make its latest terms said yes, and who completes is C2's": """
        SELECT deal.id, deal.kind, deal.status
          FROM deals AS deal JOIN parties AS party ON party.deal_id = deal.id
         WHERE deal.kind IN ('trade', 'offer')
         GROUP BY deal.id
        HAVING CASE WHEN deal.status IN ('proposed', 'countered') THEN bool_or(answers <> '{}')
                    WHEN deal.status = 'negotiating' THEN bool_or(answers <> '{}' AND (position, answers) <> (1, '{interest}'))
                    WHEN deal.status IN ('confirmed', 'disputed', 'completed') THEN
                         bool_or(answers && '{accept,confirm}' = (user_id = deal.proposer_id))
                         OR (deal.status = 'completed') <>
                            CASE WHEN deal.kind = 'offer' OR bool_or('dispute' = ANY (answers))
                                 THEN bool_and('complete' = ANY (answers)) ELSE bool_or('complete' = ANY (answers)) END
                    ELSE false END
    """,
    "a log tells once of the move by which its deal was confirmed, and only where it was (D7)": """
        SELECT deal.id, count(entry.seq)
          FROM deals AS deal JOIN conversations AS conversation ON conversation.deal_id = deal.id
          LEFT JOIN entries AS entry ON entry.conversation_id = conversation.id AND entry.kind = 'deal'
               AND change ->> 'move' IN ('accept', 'confirm') AND change ->> 'status' IN ('ACCEPTED', 'confirmed')
         GROUP BY deal.id HAVING count(entry.seq) <> (deal.confirmed_at IS NOT NULL)::int
    """,
    "a log's last change says the status of its deal, in the words of the door that opened it": """
        SELECT deal.id, deal.kind, deal.status, latest.status
          FROM deals AS deal JOIN conversations AS conversation ON conversation.deal_id = deal.id
          CROSS JOIN LATERAL (SELECT change ->> 'status' AS status FROM entries
                               WHERE conversation_id = conversation.id AND kind = 'deal' ORDER BY seq DESC LIMIT 1) AS latest
         WHERE latest.status IS DISTINCT FROM CASE deal.kind
               WHEN 'trade' THEN CASE deal.status WHEN 'cancelled' THEN 'rejected' WHEN 'expired' THEN 'rejected'
                                                  WHEN 'disputed' THEN 'confirmed' WHEN 'countered' THEN 'negotiating'
                                                  ELSE deal.status END
               WHEN 'offer' THEN CASE deal.status WHEN 'proposed' THEN 'PENDING' WHEN 'negotiating' THEN 'PENDING'
                                                  WHEN 'countered' THEN 'COUNTER_OFFERED' WHEN 'confirmed' THEN 'ACCEPTED'
                                                  ELSE upper(deal.status) END
               ELSE CASE deal.status WHEN 'negotiating' THEN 'PENDING' WHEN 'confirmed' THEN 'ACCEPTED'
                                     ELSE upper(deal.status) END END
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
