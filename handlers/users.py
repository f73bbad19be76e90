"""Profiles: one's own, and what others see of it (S1.66, C6)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from handlers.action import Call, Input, Limit, Nothing, Output, action
from handlers.notices import Notice
from handlers.presence import who_is_here
from handlers.pushes import PresenceChanged
from handlers.types import Name, Place, changes_in
from matching.refusals import NotFound
from storage.database import Row
from storage.people import update_user, user_by_id

ImageUrl = Annotated[str, Meta(max_length=500, pattern=r"^(https?://|/media/)\S+$")]


class Profile(Output):
    """One's own profile."""

    id: UUID
    name: str
    email: str
    profile_image: str | None
    governorate: str | None
    locale: str
    show_presence: bool
    mail_off: Annotated[list[Notice], Meta(description="The kinds of notification that one gets no mail of.")]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row) -> "Profile":
        fields = {name: row[name] for name in cls.__struct_fields__}
        return cls(**fields | {"mail_off": [Notice(kind) for kind in row["mail_off"]]})


class PublicProfile(Output):
    """What others see: never an e-mail address."""

    id: UUID
    name: str
    profile_image: str | None
    governorate: str | None
    created_at: datetime


class UpdateUser(Input):
    name: Name | UnsetType = UNSET
    profile_image: ImageUrl | None | UnsetType = UNSET
    governorate: Place | None | UnsetType = UNSET
    locale: Literal["en", "ar"] | UnsetType = UNSET
    show_presence: bool | UnsetType = UNSET
    mail_off: Annotated[list[Notice], Meta(max_length=len(Notice))] | UnsetType = UNSET


class GetUser(Input):
    user_id: UUID


@action("user:me", route="GET /auth/me", limit=Limit.READ)
async def me(call: Call, ask: Nothing) -> Profile:
    """One's own profile. (S1.66)"""
    row = await user_by_id(call.tx, call.user_id)
    assert row is not None, "a signed-in person has an account"
    return Profile.of(row)


@action("user:update", route="PATCH /auth/me", says="Profile updated")
async def update_me(call: Call, ask: UpdateUser) -> Profile:
    """Change one's own profile: any of its fields. (S1.66, C6)

    Who watches one's presence is told what `showPresence` makes of it at once: gone, or whether one is here (C72).
    """
    changes = changes_in(ask)
    if ask.mail_off is not UNSET:
        changes["mail_off"] = sorted(set(ask.mail_off))
    row = await update_user(call.tx, call.user_id, changes)
    if ask.show_presence is not UNSET:
        seen = (await who_is_here(call, {call.user_id}))[call.user_id]
        told = PresenceChanged(user_id=call.user_id, online=seen.online, last_seen_at=seen.last_seen_at)
        call.presence_told.append((call.user_id, told))
    return Profile.of(row)


@action("user:get", route="GET /users/{user_id}", refuses=(NotFound,), limit=Limit.READ)
async def get_user(call: Call, ask: GetUser) -> PublicProfile:
    """What others see of a person. (C69)"""
    row = await user_by_id(call.tx, ask.user_id)
    if row is None:
        raise NotFound
    return PublicProfile(**{name: row[name] for name in PublicProfile.__struct_fields__})
