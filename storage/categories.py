"""The category tree: small, and the same for as long as a process lives, since only a migration changes it."""

from uuid import UUID

import msgspec

from storage.database import Tx


class Category(msgspec.Struct, frozen=True, rename="camel"):
    """One node of the tree. `parent_id` is null at a root."""

    id: UUID
    slug: str
    name_en: str
    name_ar: str
    parent_id: UUID | None


class CategoryTree:
    """All categories, to look up by id or slug and to walk down."""

    def __init__(self, categories: list[Category]) -> None:
        self.all = categories
        self._by_name = {category.slug: category for category in categories}
        self._by_name |= {str(category.id): category for category in categories}
        self._children: dict[UUID | None, list[Category]] = {}
        for category in categories:
            self._children.setdefault(category.parent_id, []).append(category)

    def find(self, id_or_slug: str) -> Category | None:
        return self._by_name.get(id_or_slug.lower())

    def with_descendants(self, category: Category) -> list[UUID]:
        """The category's id and those of all below it."""
        found, todo = [], [category]
        while todo:
            node = todo.pop()
            found.append(node.id)
            todo.extend(self._children.get(node.id, ()))
        return found


async def load_categories(tx: Tx) -> CategoryTree:
    rows = await tx.fetch("SELECT id, slug, name_en, name_ar, parent_id FROM categories ORDER BY parent_id NULLS FIRST, slug")
    return CategoryTree([Category(**row) for row in rows])
