"""Every hot query finds its rows by an index, and takes as few round trips as it can: each action is run on a sampled market,
and what it asked of PostgreSQL is explained.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery

from handlers.app import App
from handlers.dispatch import Refused, Request, dispatch
from handlers.tokens import Caller
from handlers.upkeep import expire_deals, remind_overdue
from server.sampling import PASSWORD, fill_market
from storage.answers import forget_old_answers
from storage.conversations import last_seen, write_marks
from storage.database import Database, Tx
from storage.items import shown_images
from storage.mails import take_due_mail
from storage.market import listed_after
from storage.outbox import left_over, load_for_push, mark_pushed
from storage.people import note_seen
from storage.records import records_of
from storage.rematching import take_rematch
from storage.sessions import forget_old_sessions, revoked_lately
from tests.conftest import OpenMarket, Parts
from tests.waiting import until_answered

ITEMS = MESSAGES = 20_000
SMALL = {"categories"}  # of a fixed size: reading all of it is as good as an index
WALKED = {"items_listed"}  # newest first, until a page is full or 10,001 are counted


class Listening(Database):
    """Notes what is asked of PostgreSQL."""

    asked: list[LoggedQuery]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Tx]:
        async with super().connection() as connection:
            with connection.query_logger(self.asked.append):
                yield connection


@dataclass(slots=True)
class Sampled:
    """A sampled market, and who and what in it has the most."""

    app: App
    database: Listening
    url: str
    person: asyncpg.Record  # of many conversations, and one they share one with
    talk: asyncpg.Record  # a long one that is open, of a trade that is being negotiated, and its owner
    item: asyncpg.Record  # in many open trades

    async def does(self, name: str, who: UUID | None, key: str | None = None, **raw: Any) -> list[LoggedQuery]:
        """What the action, which must succeed, asked of PostgreSQL."""
        caller = Caller(who, uuid4(), datetime.now(UTC) + timedelta(minutes=5)) if who else None
        self.database.asked = []
        answer = await dispatch(self.app, Request(name, raw, door="test", caller=caller, key=key))
        assert not isinstance(answer.body, Refused), answer.body
        return list(self.database.asked)

    async def is_read(self) -> bool:
        """Whether the server has read its market, so that it can be searched."""
        caller = Caller(self.item["owner"], uuid4(), datetime.now(UTC) + timedelta(minutes=5))
        raw = {"itemId": str(self.item["id"])}
        return (await dispatch(self.app, Request("barter:matches", raw, door="test", caller=caller))).status == 200

    async def runs(self, work: Callable[[Tx], Awaitable[object]]) -> list[LoggedQuery]:
        self.database.asked = []
        async with self.database.connection() as tx:
            await work(tx)
        return list(self.database.asked)

    async def plans(self, asked: list[LoggedQuery]) -> "Plans":
        """How PostgreSQL goes about these statements."""
        plans = Plans(set(), [])
        async with self.database.connection() as connection:
            for statement in asked:
                if statement.query.rstrip(";") in ("BEGIN", "COMMIT", "ROLLBACK"):
                    continue
                explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.query}", *statement.args)
                plan = json.loads(explained) if isinstance(explained, str) else explained
                for node in _nodes(plan[0]["Plan"]):
                    plans.note(node, statement.query)
        return plans


class Plans(NamedTuple):
    """The indexes that were used, and the large tables and indexes that were read from end to end, with the statement."""

    indexes: set[str]
    read_whole: list[str]

    def note(self, node: dict[str, Any], statement: str = "") -> None:
        table, index = node.get("Relation Name"), node.get("Index Name")
        if index is not None:
            self.indexes.add(index)
        if table in SMALL or index in WALKED:
            return
        if node["Node Type"] == "Seq Scan" or (index is not None and "Index Cond" not in node):
            self.read_whole.append(f"{index or table} in {statement}")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


@pytest.fixture(scope="module")
async def sampled(parts: Parts, open_market: OpenMarket) -> AsyncIterator[Sampled]:
    url = await parts.new_database()
    await fill_market(url, ITEMS, MESSAGES)
    async with open_market(DATABASE_URL=url) as market:
        listening = await Listening.connect(url, pool_size=2)
        assert isinstance(listening, Listening)
        listening.asked = []
        async with market.sql() as sql:
            person = await sql.fetchrow(
                """
                SELECT users.id, users.email, other.user_id AS partner
                  FROM users JOIN parties AS me ON me.user_id = users.id JOIN parties AS other USING (deal_id)
                 WHERE users.id = (SELECT user_id FROM parties GROUP BY user_id ORDER BY count(*) DESC LIMIT 1)
                   AND other.user_id <> users.id LIMIT 1
                """
            )
            talk = await sql.fetchrow(
                """
                SELECT conversation.id, conversation.last_seq, deal_id AS deal, owner.user_id AS owner
                  FROM conversations AS conversation JOIN deals AS deal ON deal.id = deal_id
                  JOIN parties AS owner USING (deal_id)
                 WHERE deal.status = 'negotiating' AND owner.position = 1 ORDER BY last_seq DESC LIMIT 1
                """
            )
            item = await sql.fetchrow(
                """
                SELECT items.id, items.owner_id AS owner FROM items JOIN legs ON items.id = item_id
                 WHERE items.status = 'available' GROUP BY items.id ORDER BY count(*) DESC LIMIT 1
                """
            )
        assert person is not None
        assert talk is not None
        assert item is not None
        sampled = Sampled(replace(market.service.app, database=listening), listening, url, person, talk, item)
        await until_answered(sampled.is_read, 60.0, what="reading the market")
        yield sampled
        await listening.close()


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "items_listed"),
        ({"page": 50, "limit": 100}, "items_listed"),
        ({"search": "guitar"}, "items_search"),
        ({"search": "works with care"}, "items_search"),
        ({"search": "ZZ9999"}, "items_search"),
        ({"search": "any"}, "items_listed"),  # so common that walking along finds it
        ({"search": "a"}, "items_listed"),
        ({"category": "electronics"}, "items_listed_category"),
        ({"category": "coins"}, "items_listed_category"),
        ({"condition": "POOR"}, "items_listed_traits"),
        ({"governorate": "New Valley"}, "items_listed_traits"),
        ({"governorate": "Cairo"}, "items_listed_traits"),
        ({"lookingFor": "credits"}, "items_listed_traits"),
        (
            {"category": "electronics", "governorate": "Cairo", "condition": "NEW", "lookingFor": "credits"},
            "items_listed_traits",
        ),
        ({"search": "camera", "category": "electronics", "governorate": "Giza"}, "items_search"),
    ],
    ids=str,
)
async def test_a_listing_page_is_one_query_by_its_index(sampled: Sampled, wanted: dict[str, Any], index: str) -> None:
    asked = await sampled.does("item:list", sampled.person["id"], **wanted)
    assert len(asked) == 1
    plans = await sampled.plans(asked)
    assert index in plans.indexes
    assert plans.read_whole == []


async def test_a_person_s_own_pages_are_one_query_each_by_their_index(sampled: Sampled) -> None:
    me, talk, item = sampled.person["id"], sampled.talk, str(sampled.item["id"])
    here = {"conversationId": str(talk["id"])}
    for name, who, raw, index in (
        ("item:list", me, {"owner": str(me)}, "items_owner"),
        ("item:mine", me, {}, "items_owner"),
        ("item:get", me, {"itemId": item}, "items_pkey"),
        ("item:history", me, {"itemId": item}, "ownership_pkey"),
        ("trade:mine", me, {}, "parties_user"),
        ("trade:incoming", me, {"page": 2}, "parties_user"),
        ("trade:get", talk["owner"], {"tradeId": str(talk["deal"])}, "deals_pkey"),
        ("conversation:list", me, {}, "parties_user"),
        ("conversation:list", me, {"page": 2}, "conversations_deal_id_key"),
        ("conversation:get", talk["owner"], here, "conversations_pkey"),
        ("message:list", talk["owner"], here, "entries_pkey"),
        ("message:list", talk["owner"], here | {"beforeSeq": talk["last_seq"] // 2}, "entries_pkey"),
        ("message:list", talk["owner"], here | {"afterSeq": talk["last_seq"] // 2}, "entries_pkey"),
        ("sync", me, {}, "parties_user"),
        ("sync", me, {"since": "3.0"}, "conversations_deal_id_key"),
        ("typing", talk["owner"], here | {"typing": True}, "conversations_pkey"),
    ):
        asked = await sampled.does(name, who, **raw)
        assert len(asked) == 1, (name, raw)
        plans = await sampled.plans(asked)
        assert index in plans.indexes, (name, raw)
        assert plans.read_whole == [], (name, raw)


async def test_a_message_is_sent_in_one_statement_without_a_transaction_around_it(sampled: Sampled) -> None:
    said = {"conversationId": str(sampled.talk["id"]), "text": "Hello", "clientMessageId": uuid4().hex}
    asked = await sampled.does("message:send", sampled.talk["owner"], **said)
    assert [statement.query.split()[0] for statement in asked] == ["WITH"]
    # Nor is anything asked when the connection goes back to the pool: that would be a second round trip for each message.
    async with sampled.database.connection() as connection:
        process = connection.get_server_pid()
    other = await asyncpg.connect(sampled.url)
    last = await other.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", process)
    await other.close()
    assert asked[0].query[:1_000] == last[:1_000]  # it is shown cut off
    plans = await sampled.plans(asked)
    assert plans.indexes >= {"conversations_pkey", "entries_sent_once"}
    assert plans.read_whole == []

    again = await sampled.does("message:send", sampled.talk["owner"], **said)
    assert [statement.query.split()[0] for statement in again] == [
        "WITH",
        "WITH",
        "SELECT",
    ]  # not with others, not by itself, and why not
    assert (await sampled.plans(again)).read_whole == []


async def test_reading_up_to_a_message_takes_two_queries_and_no_transaction(sampled: Sampled) -> None:
    asked = await sampled.does("message:read", sampled.talk["owner"], conversationId=str(sampled.talk["id"]))
    assert [statement.query.split()[0] for statement in asked] == ["SELECT", "SELECT"]
    plans = await sampled.plans(asked)
    assert plans.indexes >= {"conversations_pkey", "entries_pkey"}
    assert plans.read_whole == []


async def test_what_changes_items_and_trades_finds_them_by_index(sampled: Sampled) -> None:
    me, owner, asked_for = sampled.person["id"], sampled.item["owner"], str(sampled.item["id"])
    kite = {"title": "A kite", "description": "It flies.", "category": "other", "condition": "GOOD", "lookingFor": "flexible"}
    asked = await sampled.does("item:create", me, **kite)
    async with sampled.database.connection() as tx:
        offered = await tx.fetchval("SELECT id FROM items WHERE owner_id = $1 AND title = 'A kite'", me)
    terms = {"offeredItem": str(offered), "requestedItem": asked_for, "message": "Swap?"}
    asked += await sampled.does("trade:request", me, key="k1", **terms)
    async with sampled.database.connection() as tx:
        trade = {"tradeId": str(await tx.fetchval("SELECT deal_id FROM legs WHERE item_id = $1", offered))}
    asked += await sampled.does("item:update", owner, itemId=asked_for, title="In many trades")
    asked += await sampled.does("trade:interest", owner, **trade)
    asked += await sampled.does("trade:confirm", owner, key="k2", **trade)  # rejects all its rivals
    asked += await sampled.does("trade:complete", me, **trade)
    asked += await sampled.does("item:update", me, itemId=asked_for, status="available")
    asked += await sampled.does("item:delete", me, itemId=asked_for)
    assert len(asked) > 40
    plans = await sampled.plans(asked)
    assert plans.indexes >= {"legs_item", "item_holds_pkey", "item_holds_deal", "idempotency_keys_pkey"}
    assert plans.read_whole == []


async def test_a_move_takes_nine_statements_with_those_around_it(sampled: Sampled) -> None:
    me, owner = sampled.person["id"], sampled.item["owner"]
    bell = {"title": "A bell", "description": "It rings.", "category": "other", "condition": "GOOD", "lookingFor": "flexible"}
    for person in (me, owner):
        await sampled.does("item:create", person, **bell)
    async with sampled.database.connection() as tx:
        mine, theirs = [
            str(await tx.fetchval("SELECT id FROM items WHERE owner_id = $1 AND title = 'A bell'", person))
            for person in (me, owner)
        ]
    await sampled.does("trade:request", me, offeredItem=mine, requestedItem=theirs)
    async with sampled.database.connection() as tx:
        trade = {"tradeId": str(await tx.fetchval("SELECT deal_id FROM legs WHERE item_id = $1::uuid", mine))}
    await sampled.does("trade:interest", owner, **trade)
    for move in ("trade:confirm", "trade:complete"):
        asked = await sampled.does(move, owner, key=uuid4().hex, **trade)
        assert [statement.query.split()[0].rstrip(";") for statement in asked] == [
            *("BEGIN", "SELECT"),  # whether the key has an answer
            *("WITH", "SELECT"),  # lock, then look
            *("WITH", "WITH", "WITH"),  # the items, the deal, and what tells of it
            *("INSERT", "COMMIT"),  # the key's answer
        ]
        plans = await sampled.plans(asked[2:3])
        assert plans.indexes >= {"items_pkey", "deals_pkey"}


async def test_smart_barter_finds_its_rows_by_index(sampled: Sampled) -> None:
    me, owner = sampled.person["id"], sampled.item["owner"]
    thing = {"title": "A drum", "description": "Loud.", "category": "other", "condition": "GOOD", "lookingFor": "flexible"}
    await sampled.does("item:create", me, **thing)
    await sampled.does("item:create", me, **thing | {"title": "Another drum"})
    await sampled.does("item:create", owner, **thing)
    async with sampled.database.connection() as tx:
        mine, other = await tx.fetchval("SELECT array_agg(id) FROM items WHERE owner_id = $1 AND title LIKE 'A%drum'", me)
        theirs = str(await tx.fetchval("SELECT id FROM items WHERE owner_id = $1 AND title = 'A drum'", owner))
    terms = {"offeredItemId": str(mine), "requestedItemId": theirs, "notes": "Swap?"}
    asked = await sampled.does("offer:create", me, **terms)
    async with sampled.database.connection() as tx:
        offer = {"offerId": str(await tx.fetchval("SELECT deal_id FROM legs WHERE item_id = $1", mine))}
    asked += await sampled.does("offer:cancel", me, **offer)
    for reads in ("offer:mine", "chain:mine", "chain:pending", "chain:stats", "barter:items"):
        asked += await sampled.does(reads, me)
    asked += await sampled.does("offer:get", me, **offer)
    for searches in ("barter:matches", "barter:opportunities"):
        asked += await sampled.does(searches, me, itemId=str(other))
    asked += await sampled.runs(lambda tx: records_of(tx, [me, owner]))
    asked += await sampled.runs(lambda tx: listed_after(tx, UUID(int=2**127)))
    asked += await sampled.runs(take_rematch)
    plans = await sampled.plans(asked)
    assert plans.indexes >= {"deals_pkey", "parties_user", "revisions_pkey", "items_changed", "items_owner"}
    assert plans.read_whole == []


async def test_signing_in_and_presence_find_people_by_index(sampled: Sampled) -> None:
    asked = await sampled.does("POST /auth/login", None, email=sampled.person["email"], password=PASSWORD)
    asked += await sampled.does("user:me", sampled.person["id"])
    asked += await sampled.does("presence:get", sampled.person["id"], userIds=[str(sampled.person["partner"])])
    plans = await sampled.plans(asked)
    assert plans.indexes >= {"users_email_key", "users_pkey", "parties_user"}
    assert plans.read_whole == []


async def test_what_runs_beside_the_requests_looks_at_what_is_due_only(sampled: Sampled) -> None:
    person, place = sampled.person["id"], (sampled.talk["id"], 1)
    names = [uuid4().hex for _ in range(100)]
    sampled.database.asked = []
    await expire_deals(sampled.app)
    await remind_overdue(sampled.app)
    asked = list(sampled.database.asked)
    for work in (
        lambda tx: left_over(tx, 200),
        lambda tx: load_for_push(tx, [place]),
        lambda tx: mark_pushed(tx, [place]),
        take_due_mail,
        lambda tx: revoked_lately(tx, timedelta(minutes=16)),
        lambda tx: write_marks(tx, [(sampled.talk["id"], sampled.talk["owner"], 1)]),
        lambda tx: note_seen(tx, [person]),
        lambda tx: last_seen(tx, [person]),
        lambda tx: shown_images(tx, names),
        forget_old_answers,
        forget_old_sessions,
    ):
        asked += await sampled.runs(work)
    plans = await sampled.plans(asked)
    assert plans.indexes >= {
        *("deals_expiry", "deals_overdue", "outbox_due", "outbox_pkey", "mails_due", "sessions_revoked"),
        *("items_images", "legs_image"),
        *("idempotency_keys_age", "sessions_expiry", "entries_pkey", "parties_deal_id_position_key"),
    }
    assert plans.read_whole == []


async def test_a_page_is_planned_for_its_own_words_however_often_others_were_searched(sampled: Sampled) -> None:
    """After five runs PostgreSQL may settle on a plan for any value, which is a bad one for most words."""
    for word in ("any", "ZZ9999"):
        for _ in range(8):
            await sampled.does("item:list", sampled.person["id"], search=word, governorate="Cairo")
    async with sampled.database.connection() as tx:
        statements = await tx.fetch(
            """
            SELECT generic_plans, custom_plans FROM pg_prepared_statements
             WHERE statement LIKE '%counted%to_tsquery%governorate%' AND statement NOT LIKE '%pg_prepared_statements%'
            """
        )
    assert sum(row["generic_plans"] for row in statements) == 0
    assert sum(row["custom_plans"] for row in statements) >= 16


def test_reading_a_whole_table_or_a_whole_index_is_noticed() -> None:
    plans = Plans(set(), [])
    for node in (
        {"Node Type": "Seq Scan", "Relation Name": "items"},
        {"Node Type": "Index Scan", "Relation Name": "deals", "Index Name": "deals_pkey"},
        {"Node Type": "Index Only Scan", "Relation Name": "legs", "Index Name": "legs_item", "Index Cond": "(item_id = 1)"},
        {"Node Type": "Seq Scan", "Relation Name": "categories"},
    ):
        plans.note(node)
    assert plans.read_whole == ["items in ", "deals_pkey in "]
    assert plans.indexes == {"deals_pkey", "legs_item"}
