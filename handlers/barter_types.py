"""S2's shapes of people and items: `fullName`, `avatar`, `seller` are the columns that S1 calls otherwise (C6)."""

from uuid import UUID

from handlers.action import Output
from storage.deal_record import DealRecord, PartyRecord, Snapshot


class BarterUser(Output):
    id: UUID
    full_name: str
    avatar: str | None

    @classmethod
    def of(cls, party: PartyRecord) -> "BarterUser":
        return cls(id=party.id, full_name=party.name, avatar=party.profile_image)


class DealtItem(Output):
    """An item in a deal, as it was when the terms were set (C17)."""

    id: UUID
    title: str
    estimated_value: float | None
    condition: str
    images: list[str]

    @classmethod
    def of(cls, item_id: UUID, item: Snapshot) -> "DealtItem":
        return cls(
            id=item_id,
            title=item.title,
            estimated_value=item.estimated_value,
            condition=item.condition,
            images=[image_url(item.image)] if item.image else [],
        )


class OfferedItem(DealtItem):
    """An item of an offer, with who gives it."""

    seller: BarterUser

    @classmethod
    def given_by(cls, record: DealRecord, giver: UUID, item_id: UUID, item: Snapshot) -> "OfferedItem":
        shown = DealtItem.of(item_id, item)
        return cls(
            id=shown.id,
            title=shown.title,
            estimated_value=shown.estimated_value,
            condition=shown.condition,
            images=shown.images,
            seller=BarterUser.of(record.parties[giver]),
        )


def image_url(name: str) -> str:
    return f"/media/{name}.webp"
