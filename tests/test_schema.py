"""What the database itself refuses, so that a bug in Python cannot break a promise (design.md, style.md)."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Market, OpenMarket
from tests.trading import trade_between

ONCE = asyncpg.UniqueViolationError
CHECK = asyncpg.CheckViolationError
KNOWN = asyncpg.ForeignKeyViolationError
APPEND_ONLY = asyncpg.RaiseError

# What a bug might try, and how PostgreSQL refuses it. The names in braces are ids of the scene below.
NEVER: dict[str, tuple[str, type[Exception]]] = {
    # Deals
    "an item is held by two deals": ("INSERT INTO item_holds VALUES ({held}, {open})", ONCE),
    "an item is held by no deal": ("INSERT INTO item_holds VALUES ({free}, gen_random_uuid())", KNOWN),
    "the same items are on the table twice": (
        "INSERT INTO deals (kind, status, item_ids, expires_at)"
        " SELECT kind, 'negotiating', item_ids, now() + interval '1 day' FROM deals WHERE id = {open}",
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
    "a deal has one item": ("UPDATE deals SET item_ids = item_ids[:1] WHERE id = {open}", CHECK),
    "a reason is a novel": ("UPDATE deals SET reason = repeat('x', 501) WHERE id = {open}", CHECK),
    "somebody is in a deal twice": ("INSERT INTO parties VALUES ({open}, {alice}, 2)", ONCE),
    "two have one place in a deal": ("INSERT INTO parties VALUES ({open}, {carol}, 1)", ONCE),
    "a leg goes to who gives it": (
        "INSERT INTO legs VALUES ({open}, 2, {free}, {alice}, {alice}, '{{}}')",
        CHECK,
    ),
    "a leg goes to somebody outside the deal": (
        "INSERT INTO legs VALUES ({open}, 2, {free}, {alice}, {carol}, '{{}}')",
        KNOWN,
    ),
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
    """Trades of Alice and Bob in several states, as SQL literals by name."""
    async with open_market() as market:
        alice, bob, carol = await market.cast.people("Alice", "Bob", "Carol")
        open_one = await trade_between(alice, bob)
        confirmed = await trade_between(alice, bob, "interest", "confirm")
        completed = await trade_between(alice, bob, "interest", "confirm", "complete")
        message = {"text": "Hello", "clientMessageId": "one"}
        await alice.by_rest("message:send", conversationId=open_one["conversation"], **message)
        names = {
            "alice": alice.id,
            "bob": bob.id,
            "carol": carol.id,
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
