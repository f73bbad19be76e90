"""The broken builds: what each does wrong. They patch the real server when it starts; nothing of this is in the product."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

import handlers.access
import handlers.conversations
import handlers.deals
import handlers.dispatch
import handlers.offers
import handlers.opportunities
import handlers.proposing
import server.upkeep
from handlers.access import access_people
from handlers.action import Action, Call
from handlers.group_commit import Answer, GroupCommit
from matching.deal import Deal, Move
from matching.moves import after
from matching.refusals import ItemUnavailable, Unavailable
from server.audience import Audience, Push
from server.relay import Relay
from server.upkeep import Upkeep
from storage.answers import StoredAnswer, keep_answer
from storage.database import Tx
from storage.deal_record import DealRecord
from storage.deals import IS_OPEN, load_deal, load_deals, look_at_items
from storage.entries import Said, send_together
from storage.marks import Marks
from tests.faults.broken.marks import move_to, write_as_told

DATABASE_IS_AWAY_SECONDS = 0.03  # by a slow network: who looks and then writes is not saved by being quick
SLOW_DISK_SECONDS = 0.6  # in which some messages are always on their way, whenever it is that somebody dies


def confirm_by_read_check_write() -> None:
    """Looks whether the items are free, and then takes them: without locking them, and past the primary key (D1).

    The rest would still save it: of two that take the same item, each waits to reject the other, and one is undone. So whatever
    is being confirmed at this moment is left alone.
    """

    async def lock_deal_only(tx: Tx, deal_id: UUID, party: UUID, *, besides: UUID | None = None) -> DealRecord | None:
        await tx.execute("SELECT FROM deals WHERE id = $1 FOR UPDATE", deal_id)
        return await load_deal(tx, deal_id)

    async def hold(tx: Tx, deal: Deal) -> bool:
        items = sorted(deal.item_ids)
        free = await tx.fetch("SELECT id FROM items WHERE id = ANY($1) AND status = 'available' AND deleted_at IS NULL", items)
        if len(free) < len(items):
            raise ItemUnavailable(details={"items": sorted(map(str, items))})
        await asyncio.sleep(DATABASE_IS_AWAY_SECONDS)
        await tx.execute(
            """
            INSERT INTO item_holds (item_id, deal_id) SELECT unnest($1::uuid[]), $2
            ON CONFLICT (item_id) DO UPDATE SET deal_id = excluded.deal_id
            """,
            items,
            deal.id,
        )
        await tx.execute("UPDATE items SET status = 'traded', updated_at = now() WHERE id = ANY($1)", items)
        return True

    async def open_deals_nobody_is_at(tx: Tx, item_ids: Iterable[UUID], besides: UUID | None = None) -> list[DealRecord]:
        rows = await tx.fetch(
            f"""
            SELECT id FROM deals WHERE item_ids && $1 AND {IS_OPEN} AND id IS DISTINCT FROM $2
             ORDER BY id FOR UPDATE SKIP LOCKED
            """,  # noqa: S608 - our own constant
            list(item_ids),
            besides,
        )
        return list((await load_deals(tx, [row["id"] for row in rows])).values())

    _put(handlers.deals, "lock_open_deals_with", open_deals_nobody_is_at)
    _put(handlers.access, "lock_deal", lock_deal_only)
    _put(handlers.deals, "hold_items", hold)


def propose_without_locks() -> None:
    """Looks at the items that are to be swapped, and does not lock them (D4)."""

    async def look(tx: Tx, item_ids: Iterable[UUID]) -> Any:
        return await look_at_items(tx, item_ids)

    _put(handlers.proposing, "share_items", look)
    _put(handlers.offers, "share_items", look)
    _put(handlers.opportunities, "share_items", look)


def deliver_by_pub_sub_only() -> None:
    """Pushes once, when it happens: nothing is pushed again, and who was deaf is not told what they missed."""

    async def never(_: Relay) -> None:
        await asyncio.Event().wait()

    _put(Relay, "run_left_over", never)
    _put(Relay, "run_gap", never)


def marks_that_go_back() -> None:
    """Puts a read mark where it is told to, forward or back."""

    async def people_without_marks(call: Call, conversation_id: UUID) -> tuple[dict[UUID, int], int]:
        people, last_seq = await access_people(call, conversation_id)
        return dict.fromkeys(people, 0), last_seq

    _put(handlers.conversations, "access_people", people_without_marks)
    _put(handlers.conversations, "write_marks", write_as_told)
    _put(server.upkeep, "write_marks", write_as_told)
    _put(Marks, "move", move_to)


def keys_after_the_commit() -> None:
    """Does what is asked, commits, and only then keeps the answer to the key (C77)."""
    road = handlers.dispatch
    change_at_once = road._change

    async def change(act: Action, call: Call, ask: object, key: str | None, asked: bytes) -> road.Answer:
        if key is None:
            return await change_at_once(act, call, ask, None, asked)
        request_sha256 = road._sha256(act, asked)
        async with call.app.database.connection() as tx:
            earlier = await road._earlier(tx, call.user_id, key, request_sha256)
        if earlier is not None:
            return earlier
        answer = await change_at_once(act, call, ask, None, asked)
        body = msgspec.json.encode(answer.body)
        async with call.app.database.transaction() as tx:
            await keep_answer(tx, call.user_id, key, StoredAnswer(request_sha256, answer.status, body))
        return answer

    _put(road, "_change", change)


def answer_before_the_commit() -> None:
    """Says that messages are sent while their commit is on its way."""

    async def commit(self: GroupCommit, together: list[tuple[Said, Answer]]) -> None:
        try:
            async with self._database.transaction() as tx:
                sent = await send_together(tx, [said for said, _ in together])
                for said, answer in together:
                    if not answer.done():
                        answer.set_result(sent.get((said.sender_id, said.client_message_id)))
                await asyncio.sleep(SLOW_DISK_SECONDS)
        except Unavailable:
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(Unavailable())

    _put(GroupCommit, "_commit", commit)


def agree_after_the_expiry() -> None:
    """Takes a yes for as long as nobody has swept the deal away, and nobody does (C34)."""

    def whenever(deal: Deal, move: Move, by: UUID | None) -> Deal:
        return after(replace(deal, expired=deal.expired and move is Move.EXPIRE), move, by)

    async def never(_: Upkeep) -> None:
        pass

    _put(handlers.deals, "after", whenever)
    _put(Upkeep, "_expire", never)


def sessions_that_live_on() -> None:
    """Ends the sockets of a session only when its tokens have run out, and lets it come in again elsewhere (C71)."""

    async def never(_: Upkeep) -> None:
        pass

    _put(Upkeep, "_watch_sessions", never)
    _put(Upkeep, "load_revoked", never)


def keep_what_was_pushed() -> None:
    """Never lets go of what it has pushed: 2 KB per push."""
    kept: list[bytes] = []
    deliver = Audience.deliver

    def deliver_and_keep(self: Audience, push: Push) -> None:
        kept.append(push.event.encode() * (2_000 // len(push.event)))
        deliver(self, push)

    _put(Audience, "deliver", deliver_and_keep)


def leave_a_task_behind() -> None:
    """Leaves a task behind, one for every twenty pushes, that waits for what never comes."""
    waiting: list[asyncio.Task[bool]] = []
    pushed = itertools.count(1)
    deliver = Audience.deliver

    def deliver_and_wait(self: Audience, push: Push) -> None:
        if next(pushed) % 20 == 0:
            waiting.append(asyncio.create_task(asyncio.Event().wait()))
        deliver(self, push)

    _put(Audience, "deliver", deliver_and_wait)


def _put(where: object, name: str, what: object) -> None:
    """In the place of what the real server has there."""
    assert hasattr(where, name), f"{where} has no {name} any more"
    setattr(where, name, what)


BUILDS: dict[str, Callable[[], None]] = {
    "confirm-by-read-check-write": confirm_by_read_check_write,
    "propose-without-locks": propose_without_locks,
    "pub-sub-only": deliver_by_pub_sub_only,
    "marks-go-back": marks_that_go_back,
    "keys-after-commit": keys_after_the_commit,
    "answers-before-commit": answer_before_the_commit,
    "agrees-after-expiry": agree_after_the_expiry,
    "sessions-live-on": sessions_that_live_on,
    "keeps-pushes": keep_what_was_pushed,
    "leaves-tasks": leave_a_task_behind,
}
