"""How people have answered and kept deals: the record that a guess at their next answer is made from."""

from collections.abc import Iterable
from uuid import UUID

from matching.expectation import Record
from storage.database import Tx

DEALS_MAX = 200  # of a person; whichever come first by their random ids, which is a fair sample


async def records_of(tx: Tx, user_ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Each person's record over their deals that have been answered, or have run out unanswered.

    Asked: they were to answer. Said yes: they accepted or confirmed. Promised: a deal of theirs was confirmed and is over.
    Kept: it was completed.
    """
    rows = await tx.fetch(
        """
        SELECT person.id,
               count(*) FILTER (WHERE party.answers && '{accept,confirm,reject}'
                                   OR (deal.status = 'expired' AND party.position > 0)) AS asked,
               count(*) FILTER (WHERE party.answers && '{accept,confirm}') AS said_yes,
               count(*) FILTER (WHERE deal.confirmed_at IS NOT NULL AND deal.closed_at IS NOT NULL) AS promised,
               count(*) FILTER (WHERE deal.status = 'completed') AS kept
          FROM unnest($1::uuid[]) AS person(id)
         CROSS JOIN LATERAL (SELECT deal_id, position, answers FROM parties WHERE user_id = person.id LIMIT $2) AS party
          JOIN deals AS deal ON deal.id = party.deal_id
         GROUP BY person.id
        """,
        list(user_ids),
        DEALS_MAX,
    )
    return {row["id"]: Record(row["asked"], row["said_yes"], row["promised"], row["kept"]) for row in rows}
