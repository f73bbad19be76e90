"""What people list and what they would take for it, as matching sees them. No clock, no I/O.

The rule (contract.md, "wants"): a listed item satisfies, and so does anything that meets all the criteria given: a category
or one below it, at least one keyword in title or description, a range of values, the lowest acceptable condition.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

CONDITIONS = ("NEW", "LIKE_NEW", "GOOD", "FAIR", "POOR")  # best first
ANY_CONDITION = len(CONDITIONS) - 1  # the place of the worst: whoever takes that takes any

NO_ITEMS: frozenset[UUID] = frozenset()
TATWEEL = "\u0640"  # stretches an Arabic word, and is no letter of it
WORD = re.compile(r"\w+")


def words_of(text: str) -> tuple[str, ...]:
    """The words of `text`, without the differences that nobody types alike: case, vowel signs, hamza, accents, stretching."""
    folded = text.casefold()
    if not folded.isascii():
        apart = unicodedata.normalize("NFKD", folded)
        folded = "".join(letter for letter in apart if letter != TATWEEL and not unicodedata.combining(letter))
    return tuple(WORD.findall(folded))


class Taxonomy:
    """The category tree by number: `parents` says the parent's slug, or None at a root, for each slug."""

    def __init__(self, parents: Mapping[str, str | None]) -> None:
        self.slugs = tuple(parents)
        self._node = {slug: node for node, slug in enumerate(self.slugs)}
        self.parent = tuple(-1 if parent is None else self._node[parent] for parent in parents.values())
        self.upward = tuple(self._way_up(node) for node in range(len(self.slugs)))  # the node, its parent, and so on

    def __len__(self) -> int:
        return len(self.slugs)

    def node(self, slug: str) -> int:
        """Raises KeyError when there is no such category."""
        return self._node[slug]

    def nodes(self, slugs: tuple[str, ...]) -> tuple[int, ...]:
        """Those that are known, without those below another of them, so that nothing is in two of them."""
        known = {self._node[slug] for slug in slugs if slug in self._node}
        return tuple(sorted(node for node in known if known.isdisjoint(self.upward[node][1:])))

    def below(self, nodes: tuple[int, ...]) -> NDArray[np.bool_]:
        """Whether each category is one of `nodes` or below one."""
        return np.array([not set(way).isdisjoint(nodes) for way in self.upward])

    def _way_up(self, node: int) -> tuple[int, ...]:
        way = [node]
        while (parent := self.parent[way[-1]]) >= 0:
            assert parent not in way, f"{self.slugs[node]} is below itself"
            way.append(parent)
        return tuple(way)


@dataclass(frozen=True, slots=True)
class Wants:
    """What an owner stated. A criterion that was not given is empty or None."""

    items: frozenset[UUID] = NO_ITEMS
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    value_min: float | None = None
    value_max: float | None = None
    condition: str | None = None  # the lowest acceptable

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """`wants` as an item stores it (camelCase, ids as text). Where nothing is stated there are none."""
        given = stored or {}
        low, high = given.get("valueMin"), given.get("valueMax")
        wants = cls(
            items=frozenset(item if isinstance(item, UUID) else UUID(item) for item in given.get("items") or ()),
            categories=tuple(given.get("categories") or ()),
            keywords=tuple(given.get("keywords") or ()),
            value_min=None if low is None else float(low),
            value_max=None if high is None else float(high),
            condition=given.get("condition"),
        )
        return wants if wants.items or wants.has_criteria else None

    @property
    def has_criteria(self) -> bool:
        limits = (self.value_min, self.value_max, self.condition)
        return bool(self.categories or self.keywords) or any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True)
class Listing:
    """An item that can be bartered now. `flexible`: without wants, anything is welcome (C57)."""

    item: UUID
    owner: UUID
    category: str
    condition: str
    value: float | None
    title: str
    description: str
    wants: Wants | None
    flexible: bool
    open_to_give: bool = False  # the owner would give it for nothing, at the start of a chain (C60)
    takes_items: bool = True  # False: without wants, only credits are asked for (C19)
