"""Presence: who is here, for the people they share a conversation with, unless they would rather not say (C72)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from handlers.action import Call, Input, Limit, Output, Work, action
from storage.conversations import last_seen, partners_among

WATCHED_MAX = 100


class People(Input):
    user_ids: Annotated[list[UUID], Meta(max_length=WATCHED_MAX)]


class Here(Output):
    online: bool
    last_seen_at: datetime | None


@action("presence:watch", route=None, limit=Limit.SIGNAL, work=Work.READ)
async def watch(call: Call, ask: People) -> dict[UUID, Here]:
    """Who of these people is here, and from now on `presence:changed` for them, on this socket. (C72)

    Only people that the caller shares a conversation with are in the answer. A later watch replaces an earlier one.
    """
    partners = await partners_among(call.tx, call.user_id, ask.user_ids)
    await call.app.live.watch(call.socket, partners)
    return await who_is_here(call, partners)


@action("presence:get", route="GET /presence", limit=Limit.READ)
async def get(call: Call, ask: People) -> dict[UUID, Here]:
    """Who of these people is here, of those that the caller shares a conversation with. (C72)"""
    return await who_is_here(call, await partners_among(call.tx, call.user_id, ask.user_ids))


async def who_is_here(call: Call, people: set[UUID]) -> dict[UUID, Here]:
    """Each of `people` as they let it show: who would rather not say is not here, and was last seen never."""
    seen = {row["id"]: row["last_seen_at"] for row in await last_seen(call.tx, list(people))}  # only who lets it show
    here = await call.app.presence.here(list(seen))
    return {
        person: Here(online=person in here, last_seen_at=None if person in here else seen.get(person))
        for person in sorted(people)
    }
