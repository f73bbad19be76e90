"""Shapes that several actions share: bounded texts, pages, and words that may be written in any case."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from handlers.action import Input, Output
from matching.refusals import InvalidRequest
from storage.pages import Page as StoredPage

T = TypeVar("T")

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100
OFFSET_MAX = 100_000  # PostgreSQL walks over what a page skips
EXPIRY_DAYS_MAX = 90

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
# What HTML's <input type="email"> takes, in ASCII: to others, a mail server without SMTPUTF8 sends nothing.
Email = Annotated[
    str, Meta(max_length=254, pattern=r"^\s*[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+\s*$")
]
Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Description = Annotated[str, Meta(max_length=5000)]
Reason = Annotated[str, Meta(max_length=500)]
Notes = Annotated[str, Meta(max_length=1000)]
Note = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]
Place = Annotated[str, Meta(min_length=1, max_length=100)]
Money = Annotated[float, Meta(ge=0, le=9_999_999_999)]
Seq = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Key = Annotated[str, Meta(min_length=1, max_length=64)]


class AnyCase(StrEnum):
    """Words that a caller may write in any case (C8, C48)."""

    @classmethod
    def _missing_(cls, value: object) -> "AnyCase | None":
        found = [member for member in cls if isinstance(value, str) and member.value.lower() == value.lower()]
        return found[0] if found else None


class Condition(AnyCase):
    NEW = "NEW"
    LIKE_NEW = "LIKE_NEW"
    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"


class LookingFor(AnyCase):
    """What an owner would take. Credits are a preference that people can see; there is no ledger of them (C19)."""

    ITEM_SWAP = "item_swap"
    CREDITS = "credits"
    FLEXIBLE = "flexible"


class Paging(Input):
    page: Annotated[int, Meta(ge=1, le=OFFSET_MAX)] = 1
    limit: Annotated[int, Meta(ge=1, le=PAGE_SIZE_MAX)] = PAGE_SIZE

    @property
    def offset(self) -> int:
        offset = (self.page - 1) * self.limit
        if offset > OFFSET_MAX:
            raise InvalidRequest(f"Pages reach to the first {OFFSET_MAX} rows; narrow the filters.", field="page")
        return offset


class Pagination(Output, omit_defaults=True):
    page: int
    limit: int
    total: int
    total_pages: int
    has_more: bool
    total_is_estimate: bool = False


class Page(Output, Generic[T]):
    items: list[T]
    pagination: Pagination


def page_of(items: list[T], stored: StoredPage, asked: Paging) -> Page[T]:
    total = stored.total
    return Page(
        items=items,
        pagination=Pagination(
            page=asked.page,
            limit=asked.limit,
            total=total,
            total_pages=-(-total // asked.limit),
            has_more=asked.offset + len(items) < total,
            total_is_estimate=stored.total_is_estimate,
        ),
    )


def checked_expiry(expires_at: datetime | None) -> datetime | None:
    """Raises InvalidRequest for a time in the past, or more than 90 days ahead (C46)."""
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise InvalidRequest("A time needs its zone, as in 2030-01-31T12:00:00Z.", field="expiresAt")
    now = datetime.now(UTC)
    if not now < expires_at <= now + timedelta(days=EXPIRY_DAYS_MAX):
        raise InvalidRequest(f"It must be in the next {EXPIRY_DAYS_MAX} days.", field="expiresAt")
    return expires_at


def changes_in(ask: Input, *, besides: tuple[str, ...] = ()) -> dict[str, object]:
    """The fields that were given, by their Python names."""
    fields = ask.__struct_fields__
    return {name: value for name in fields if name not in besides and (value := getattr(ask, name)) is not msgspec.UNSET}


def ids(value: UUID | list[UUID]) -> list[UUID]:
    return value if isinstance(value, list) else [value]
