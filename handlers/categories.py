"""The category tree (S1.24, C7)."""

from handlers.action import Call, Limit, Nothing, Work, action
from storage.categories import Category


@action("category:list", route="GET /categories", limit=Limit.READ, work=Work.OWN)
async def list_categories(call: Call, ask: Nothing) -> list[Category]:
    """All categories, parents before their children, with names in English and Arabic. (S1.24, S2.28)"""
    return call.app.categories.all
