"""What people look for in a market: pages of it by filters that the market has answers to."""

import random
from dataclasses import dataclass
from typing import Any

from client_demo.load.asking import Asker

PAGES_READ = 3  # to learn which words there are
WORD_LETTERS_MIN = 4


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Words, categories and places that items have."""

    words: list[str]
    categories: list[str]
    governorates: list[str]
    items: list[str]  # their ids

    @classmethod
    async def of(cls, asker: Asker) -> "Catalogue":
        categories = [one["slug"] for one in await asker.data("category:list", {})]
        items = []
        for page in range(1, PAGES_READ + 1):
            answer = await asker.data("item:list", {"page": page, "limit": 100})
            items += answer["items"]
            if not answer["pagination"]["hasMore"]:
                break
        words = sorted({word for item in items for word in item["title"].split() if len(word) >= WORD_LETTERS_MIN})
        places = sorted({item["governorate"] for item in items if item["governorate"]})
        return cls(words or ["anything"], categories, places, [item["id"] for item in items])

    def page(self, chance: random.Random) -> dict[str, Any]:
        """What somebody asks `item:list`: mostly the newest, often by a filter, now and then a page further on."""
        kind = chance.random()
        asked: dict[str, Any] = {}
        if kind < 0.4:
            pass
        elif kind < 0.6:
            asked["category"] = chance.choice(self.categories)
        elif kind < 0.8:
            asked["search"] = chance.choice(self.words)
        elif kind < 0.9:
            asked["condition"] = chance.choice(("NEW", "LIKE_NEW", "GOOD", "FAIR", "POOR"))
            asked["category"] = chance.choice(self.categories)
        elif self.governorates:
            asked["governorate"] = chance.choice(self.governorates)
        if chance.random() < 0.25:
            asked["page"] = chance.randint(2, 5)
        return asked
