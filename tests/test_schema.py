"""What the database itself refuses, so that a bug in Python cannot break a promise (design.md, style.md)."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Market, OpenMarket
from tests.rings import chain_of, cycle_of
from tests.trading import trade_between

ONCE = asyncpg.UniqueViolationError
CHECK = asyncpg.CheckViolationError
KNOWN = asyncpg.ForeignKeyViolationError
MISSING = asyncpg.NotNullViolationError
APPEND_ONLY = asyncpg.RaiseError

# What a bug might try, and how PostgreSQL refuses it. The names in braces are ids of the scene below.
NEVER: dict[str, tuple[str, type[Exception]]] = {
    # Deals
    "an item is held by two deals": ("INSERT INTO item_holds VALUES ({held}, {open})", ONCE),
    "an item is held by no deal": ("INSERT INTO item_holds VALUES ({free}, gen_random_uuid())", KNOWN),
    "the same items are on the table twice": (
        "INSERT INTO deals (kind, status, item_ids, party_ids, proposer_id, expires_at)"
        " SELECT 'offer', 'negotiating', item_ids, party_ids, {bob}, now() + interval '1 day' FROM deals WHERE id = {open}",
        ONCE,
    ),
    "the same ring is proposed twice": (
        "INSERT INTO deals (kind, status, item_ids, party_ids, proposer_id, match_score, expires_at)"
        " SELECT kind, status, item_ids, party_ids, {carol}, 0.9, now() + interval '1 day' FROM deals WHERE id = {cycle}",
        ONCE,
    ),
    "a deal is completed, nobody knows when": (
        "UPDATE deals SET status = 'completed', closed_at = now() WHERE id = {confirmed}",
        CHECK,
    ),
    "a deal has a time of completion before it is": ("UPDATE deals SET completed_at = now() WHERE id = {confirmed}", CHECK),
    "a completed deal is opened again": ("UPDATE deals SET status = 'negotiating' WHERE id = {completed}", CHECK),
    "a deal is confirmed, nobody knows when": ("UPDATE deals SET status = 'confirmed' WHERE id = {open}", CHECK),
    "a deal is confirmed for ever": ("UPDATE deals SET complete_by = NULL WHERE id = {confirmed}", CHECK),
    "a deal is completed that was not confirmed": (
        "UPDATE deals SET status = 'completed', completed_at = now(), closed_at = now() WHERE id = {open}",
        CHECK,
    ),
    "a confirmed deal expires": ("UPDATE deals SET status = 'expired', closed_at = now() WHERE id = {confirmed}", CHECK),
    "a deal ends, nobody knows when": ("UPDATE deals SET status = 'rejected' WHERE id = {open}", CHECK),
    "an open deal has an end": ("UPDATE deals SET closed_at = now() WHERE id = {open}", CHECK),
    "a deal expires before it was made": ("UPDATE deals SET expires_at = created_at WHERE id = {open}", CHECK),
    "a deal has a status that nobody knows": ("UPDATE deals SET status = 'pending' WHERE id = {open}", CHECK),
    "a deal is of a kind that nobody knows": ("UPDATE deals SET kind = 'auction' WHERE id = {open}", CHECK),
    "a deal has one item": ("UPDATE deals SET item_ids = item_ids[:1] WHERE id = {open}", CHECK),
    "a trade is between three": ("UPDATE deals SET party_ids = party_ids || {carol} WHERE id = {open}", CHECK),
    "an offer is one person's": ("UPDATE deals SET party_ids = party_ids[:1] WHERE id = {offer}", CHECK),
    "a cycle is between two": (
        "UPDATE deals SET party_ids = party_ids[:2], item_ids = item_ids[:2], proposer_id = party_ids[1] WHERE id = {cycle}",
        CHECK,
    ),
    "a cycle is of eleven": (
        "UPDATE deals SET party_ids = party_ids || many.ids, item_ids = item_ids || many.ids"
        " FROM (SELECT array_agg(gen_random_uuid()) AS ids FROM generate_series(1, 8)) AS many WHERE id = {cycle}",
        CHECK,
    ),
    "somebody in a cycle gives nothing": ("UPDATE deals SET item_ids = item_ids[:2] WHERE id = {cycle}", CHECK),
    "everybody in a chain gives something": ("UPDATE deals SET item_ids = item_ids || {free} WHERE id = {chain}", CHECK),
    "a ring has no score": ("UPDATE deals SET match_score = NULL WHERE id = {cycle}", CHECK),
    "a ring is better than perfect": ("UPDATE deals SET match_score = 1.01 WHERE id = {chain}", CHECK),
    "a trade has a ring's score": ("UPDATE deals SET match_score = 0.9 WHERE id = {open}", CHECK),
    "the terms are a stranger's": ("UPDATE deals SET proposer_id = {carol} WHERE id = {offer}", CHECK),
    "the terms are nobody's": ("UPDATE deals SET proposer_id = NULL WHERE id = {offer}", MISSING),
    "a deal is countered by nobody": ("UPDATE deals SET status = 'countered' WHERE id = {open}", CHECK),
    "a ring is countered": ("UPDATE deals SET rounds = 1, status = 'countered' WHERE id = {cycle}", CHECK),
    "a ring was countered once": ("UPDATE deals SET rounds = 1 WHERE id = {chain}", CHECK),
    "an offer has a 21st round (C35)": ("UPDATE deals SET rounds = 21 WHERE id = {offer}", CHECK),
    "a reason is a novel": ("UPDATE deals SET reason = repeat('x', 501) WHERE id = {open}", CHECK),
    "somebody is in a deal twice": ("INSERT INTO parties VALUES ({open}, {alice}, 2)", ONCE),
    "two have one place in a deal": ("INSERT INTO parties VALUES ({open}, {carol}, 1)", ONCE),
    "an eleventh is in a deal": ("INSERT INTO parties VALUES ({cycle}, {dan}, 10)", CHECK),
    "somebody's read mark is before the first entry": ("UPDATE parties SET read_seq = -1 WHERE deal_id = {open}", CHECK),
    "a leg goes to who gives it": (
        "INSERT INTO legs VALUES ({open}, 1, {free}, {alice}, {alice}, '{{}}')",
        CHECK,
    ),
    "a leg goes to somebody outside the deal": (
        "INSERT INTO legs VALUES ({open}, 1, {free}, {alice}, {carol}, '{{}}')",
        KNOWN,
    ),
    "somebody outside the deal gives an item to it": (
        "INSERT INTO legs VALUES ({open}, 1, {free}, {carol}, {alice}, '{{}}')",
        KNOWN,
    ),
    "a leg is of terms that nobody set": (
        "INSERT INTO legs VALUES ({open}, 2, {free}, {alice}, {bob}, '{{}}')",
        KNOWN,
    ),
    "terms are set twice": ("INSERT INTO revisions VALUES ({offer}, 2, {alice}, 'counter')", ONCE),
    "a stranger sets terms": ("INSERT INTO revisions VALUES ({offer}, 3, {carol}, 'counter')", KNOWN),
    "terms are set by a move that sets none": ("INSERT INTO revisions VALUES ({offer}, 3, {alice}, 'accept')", CHECK),
    "a deal is requested again": ("INSERT INTO revisions VALUES ({offer}, 3, {alice}, 'request')", CHECK),
    "a note is a novel": (
        "INSERT INTO revisions VALUES ({offer}, 3, {alice}, 'counter', repeat('x', 1001))",
        CHECK,
    ),
    "who set which terms is changed": ("UPDATE revisions SET made_by = {alice} WHERE deal_id = {offer}", APPEND_ONLY),
    "a counter-offer is forgotten": ("DELETE FROM revisions WHERE deal_id = {offer} AND revision = 1", APPEND_ONLY),
    "an item is in the terms twice": (
        "INSERT INTO legs SELECT deal_id, revision, item_id, receiver_id, giver_id, snapshot FROM legs WHERE deal_id = {open}",
        ONCE,
    ),
    "terms are changed that were agreed to": ("UPDATE legs SET snapshot = '{{}}' WHERE deal_id = {confirmed}", APPEND_ONLY),
    "terms are forgotten": ("DELETE FROM legs WHERE deal_id = {confirmed}", APPEND_ONLY),
    "a deal is deleted": ("DELETE FROM deals WHERE id = {open}", KNOWN),
    # The ownership ledger
    "the ledger is changed": ("UPDATE ownership SET to_id = {carol} WHERE item_id = {swapped}", APPEND_ONLY),
    "the ledger is forgotten": ("DELETE FROM ownership WHERE item_id = {swapped}", APPEND_ONLY),
    "a line of the ledger is there twice": (
        "INSERT INTO ownership VALUES ({swapped}, 2, {alice}, {carol}, {completed})",
        ONCE,
    ),
    "an item goes to who has it": ("INSERT INTO ownership VALUES ({swapped}, 3, {bob}, {bob}, {completed})", CHECK),
    "an item has an owner before its first": ("INSERT INTO ownership VALUES ({held}, 1, {bob}, {alice}, NULL)", CHECK),
    "an item changes hands without a deal": ("INSERT INTO ownership VALUES ({swapped}, 3, {bob}, {carol}, NULL)", CHECK),
    # Conversations
    "a deal has two conversations": ("INSERT INTO conversations (deal_id) VALUES ({open})", ONCE),
    "two entries have one number": (
        "INSERT INTO entries (conversation_id, seq, kind, sender_id, text, client_message_id)"
        " VALUES ({conversation}, 1, 'message', {alice}, 'Hm', 'two')",
        ONCE,
    ),
    "a message is said twice": (
        "INSERT INTO entries (conversation_id, seq, kind, sender_id, text, client_message_id)"
        " VALUES ({conversation}, 3, 'message', {alice}, 'Hm', 'one')",
        ONCE,
    ),
    "a message has no text": (
        "INSERT INTO entries (conversation_id, seq, kind, sender_id, client_message_id)"
        " VALUES ({conversation}, 3, 'message', {alice}, 'two')",
        CHECK,
    ),
    "a message is nobody's": (
        "INSERT INTO entries (conversation_id, seq, kind, text, client_message_id)"
        " VALUES ({conversation}, 3, 'message', 'Hm', 'two')",
        CHECK,
    ),
    "a message is a book": (
        "INSERT INTO entries (conversation_id, seq, kind, sender_id, text, client_message_id)"
        " VALUES ({conversation}, 3, 'message', {alice}, repeat('x', 4001), 'two')",
        CHECK,
    ),
    "a deal's change says nothing": (
        "INSERT INTO entries (conversation_id, seq, kind) VALUES ({conversation}, 3, 'deal')",
        CHECK,
    ),
    "an entry is changed by its delivery (D10)": (
        "UPDATE entries SET text = 'read' WHERE conversation_id = {conversation}",
        APPEND_ONLY,
    ),
    "an entry is taken back": ("DELETE FROM entries WHERE conversation_id = {conversation}", APPEND_ONLY),
    "a log is deleted": ("DELETE FROM conversations WHERE id = {conversation}", KNOWN),
    # Items and people
    "an item is in a third state": ("UPDATE items SET status = 'locked' WHERE id = {free}", CHECK),
    "an item is worth less than nothing": ("UPDATE items SET estimated_value = -1 WHERE id = {free}", CHECK),
    "an item has a condition that nobody knows": ("UPDATE items SET condition = 'MINT' WHERE id = {free}", CHECK),
    "an item that was traded is deleted for real": ("DELETE FROM items WHERE id = {swapped}", KNOWN),
    "an address has two accounts": (
        "UPDATE users SET email = (SELECT email FROM users WHERE id = {bob}) WHERE id = {alice}",
        ONCE,
    ),
    "an address is kept as it was typed": ("UPDATE users SET email = 'Alice@Example.org' WHERE id = {alice}", CHECK),
    "a reset token never ends": ("UPDATE users SET reset_token_sha256 = 'x' WHERE id = {alice}", CHECK),
}


@pytest.fixture(scope="module")
async def scene(open_market: OpenMarket) -> AsyncIterator[tuple[Market, dict[str, str]]]:
    """Trades of Alice and Bob in several states, a countered offer, and a ring of each kind; as SQL literals by name."""
    async with open_market() as market:
        alice, bob, carol, dan = await market.cast.people("Alice", "Bob", "Carol", "Dan")
        open_one = await trade_between(alice, bob)
        confirmed = await trade_between(alice, bob, "interest", "confirm")
        completed = await trade_between(alice, bob, "interest", "confirm", "complete")
        message = {"text": "Hello", "clientMessageId": "one"}
        await alice.by_rest("message:send", conversationId=open_one["conversation"], **message)
        items = {"offeredItemId": await alice.lists(), "requestedItemId": await bob.lists()}
        offer = await alice.by_rest("offer:create", **items)
        await bob.by_rest("offer:counter", offerId=offer["id"], counterOfferItemId=await bob.lists())
        cycle = await cycle_of(alice, bob, carol)
        chain = await chain_of(alice, bob, carol)
        names = {
            "alice": alice.id,
            "bob": bob.id,
            "carol": carol.id,
            "dan": dan.id,
            "offer": offer["id"],
            "cycle": cycle["id"],
            "chain": chain["id"],
            "open": open_one["id"],
            "confirmed": confirmed["id"],
            "completed": completed["id"],
            "conversation": open_one["conversation"],
            "free": await alice.lists(),
            "held": confirmed["offeredItem"],
            "swapped": completed["offeredItem"],
        }
        yield market, {name: f"uuid '{value}'" for name, value in names.items()}


@pytest.mark.parametrize("never", NEVER)
async def test_it_never_happens_that(scene: tuple[Market, dict[str, str]], never: str) -> None:
    market, names = scene
    sql, error = NEVER[never]
    async with market.sql() as connection:
        with pytest.raises(error):
            await connection.execute(sql.format(**names))
