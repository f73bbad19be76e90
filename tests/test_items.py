"""Items: adding, looking at and changing them, and who may (S1.20 to S1.27, S1.29, S1.67, C7 to C9)."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market
from tests.people import NOBODYS_ID, Cast, Person, Refused
from tests.trading import BOTH_DOORS

CAMERA = {
    "title": "A camera",
    "description": "With a 50 mm lens.",
    "category": "film-cameras",
    "condition": "LIKE_NEW",
    "lookingFor": "flexible",
}


# Adding and looking at


@pytest.fixture(scope="module")
async def someone(market: Market) -> Person:
    """For what is refused or only read: it leaves no trace of who asked."""
    return await market.cast.person("Someone", connected=True)


@BOTH_DOORS
async def test_an_item_has_what_was_said_of_it(cast: Cast, door: str) -> None:  # S1.20, S1.21, S1.67, C9
    alice, bob = await cast.people("Alice", "Bob")
    more = {
        "estimatedValue": 1234.56,
        "governorate": "Cairo",
        "wants": {"keywords": ["lens"], "valueMin": 10},
        "openToGive": True,
    }
    item = await alice.through(door, "item:create", **CAMERA, **more)
    assert {name: item[name] for name in (CAMERA | more)} == CAMERA | more
    assert (item["owner"], item["ownerName"], item["status"], item["version"]) == (alice.id, "Alice", "available", 1)
    assert (item["images"], item["sale"]) == ([], None)
    assert item["createdAt"].endswith("Z")
    assert await bob.through(door, "item:get", itemId=item["id"]) == item


@BOTH_DOORS
async def test_what_is_optional_may_be_left_out_or_null(cast: Cast, door: str) -> None:  # C9
    alice = await cast.person("Alice")
    left_out = await alice.through(door, "item:create", **CAMERA)
    null = await alice.through(door, "item:create", **CAMERA, estimatedValue=None, governorate=None, wants=None)
    for item in (left_out, null):
        assert (item["estimatedValue"], item["governorate"], item["wants"], item["openToGive"]) == (None, None, None, False)


@BOTH_DOORS
async def test_a_category_is_named_by_id_or_slug_and_words_in_any_case(cast: Cast, door: str) -> None:  # C7, C8
    alice = await cast.person("Alice")
    tree = {category["slug"]: category for category in await alice.through(door, "category:list")}
    for category in ("film-cameras", "Film-Cameras", tree["film-cameras"]["id"], tree["film-cameras"]["id"].upper()):
        ask = CAMERA | {"category": category, "condition": "like_new", "lookingFor": "ITEM_SWAP"}
        item = await alice.through(door, "item:create", **ask)
        assert (item["category"], item["categoryId"]) == ("film-cameras", tree["film-cameras"]["id"])
        assert (item["condition"], item["lookingFor"]) == ("LIKE_NEW", "item_swap")


@BOTH_DOORS
async def test_categories_are_a_tree_in_two_languages(someone: Person, door: str) -> None:  # S1.24, S2.28
    tree = await someone.through(door, "category:list")
    assert {"electronics", "accessories", "books", "vehicles"} <= {category["slug"] for category in tree}
    seen: set[str | None] = {None}
    for category in tree:
        assert category.keys() == {"id", "slug", "nameEn", "nameAr", "parentId"}
        assert category["nameEn"]
        assert category["nameAr"]
        assert category["parentId"] in seen, "parents come before their children"
        seen.add(category["id"])


@BOTH_DOORS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", " \n "),
        ("title", "t" * 201),
        ("title", None),
        ("description", "d" * 5001),
        ("description", 5),
        ("category", "no-such-category"),
        ("category", NOBODYS_ID),
        ("category", None),
        ("condition", "broken"),
        ("condition", ""),
        ("lookingFor", "money"),
        ("estimatedValue", -0.01),
        ("estimatedValue", 1e10),
        ("estimatedValue", "100"),
        ("estimatedValue", True),
        ("governorate", ""),
        ("governorate", "g" * 101),
        ("openToGive", "yes"),
        ("images", []),
        ("owner", NOBODYS_ID),
        ("status", "available"),
        ("salePrice", 5),
    ],
)
async def test_an_item_that_cannot_be_is_refused_with_the_field(someone: Person, door: str, field: str, value: object) -> None:
    with pytest.raises(Refused) as no:
        await someone.through(door, "item:create", **CAMERA | {"title": "refused", field: value})
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", field)
    assert "refused" not in [item["title"] for item in (await someone.through(door, "item:mine"))["items"]]


@pytest.mark.parametrize("field", sorted(CAMERA))
async def test_what_an_item_needs_is_named_when_it_is_missing(someone: Person, field: str) -> None:
    with pytest.raises(Refused) as no:
        await someone.does("item:create", **{name: value for name, value in CAMERA.items() if name != field})
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", field)


async def test_wants_are_kept_with_categories_by_slug(cast: Cast) -> None:
    alice = await cast.person("Alice")
    tree = {category["slug"]: category["id"] for category in await alice.does("category:list")}
    wanted = {
        "items": [str(uuid4())],
        "categories": [tree["lenses"], "tripods"],
        "keywords": ["50 mm", "عدسة"],
        "valueMin": 0,
        "valueMax": 99.5,
        "condition": "good",
    }
    item = await alice.does("item:create", **CAMERA, wants=wanted)
    assert item["wants"] == wanted | {"categories": ["lenses", "tripods"], "condition": "GOOD"}
    assert (await alice.does("item:update", itemId=item["id"], wants=None))["wants"] is None


@pytest.mark.parametrize(
    ("wants", "field"),
    [
        ({"items": ["abc123"]}, "wants.items[0]"),
        ({"items": [NOBODYS_ID] * 51}, "wants.items"),
        ({"categories": ["lenses", "no-such-category"]}, "wants.categories"),
        ({"categories": ["lenses"] * 21}, "wants.categories"),
        ({"keywords": [" "]}, "wants.keywords[0]"),
        ({"keywords": "lens"}, "wants.keywords"),
        ({"keywords": ["k" * 51]}, "wants.keywords[0]"),
        ({"valueMin": 10, "valueMax": 9}, "wants.valueMin"),
        ({"valueMin": -1}, "wants.valueMin"),
        ({"condition": "broken"}, "wants.condition"),
        ({"colour": "red"}, "wants"),
        (["lens"], "wants"),
    ],
)
async def test_wants_that_nothing_can_meet_are_refused(someone: Person, wants: object, field: str) -> None:
    with pytest.raises(Refused) as no:
        await someone.does("item:create", **CAMERA, wants=wants)
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", field)


# Changing


@BOTH_DOORS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "Another title"),
        ("description", ""),
        ("category", "lenses"),
        ("condition", "POOR"),
        ("lookingFor", "credits"),
        ("estimatedValue", 0),
        ("estimatedValue", None),
        ("governorate", "Giza"),
        ("governorate", None),
        ("wants", {"keywords": ["oud"]}),
        ("openToGive", True),
        ("status", "available"),
    ],
)
async def test_any_field_can_be_changed_and_the_rest_stays(cast: Cast, door: str, field: str, value: Any) -> None:  # S1.22
    alice = await cast.person("Alice")
    item = await alice.does("item:create", **CAMERA, estimatedValue=5, governorate="Cairo")
    changed = await alice.through(door, "item:update", itemId=item["id"], **{field: value})
    assert changed[field] == value
    others = item.keys() - {field, "categoryId", "version", "updatedAt"}
    assert {name: changed[name] for name in others} == {name: item[name] for name in others}
    assert changed["version"] == 2
    assert changed["updatedAt"] > item["updatedAt"]
    assert await alice.through(door, "item:get", itemId=item["id"]) == changed


@BOTH_DOORS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", None),
        ("category", "no-such"),
        ("condition", "x"),
        ("status", "traded"),
        ("status", "x"),
        ("owner", "x"),
        ("x", 1),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(someone: Person, door: str, field: str, value: object) -> None:
    item = await someone.does("item:create", **CAMERA)
    with pytest.raises(Refused) as no:
        await someone.through(door, "item:update", itemId=item["id"], **{"description": "Another", field: value})
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", field)
    assert await someone.does("item:get", itemId=item["id"]) == item


@BOTH_DOORS
@pytest.mark.parametrize("event", ["item:update", "item:delete", "item:list-for-sale", "item:end-sale"])
async def test_only_the_owner_changes_an_item(cast: Cast, door: str, event: str) -> None:  # S1.15, S1.27
    alice, bob = await cast.people("Alice", "Bob")
    item = await alice.lists("A camera")
    before = await alice.does("item:get", itemId=item)
    needs: dict[str, dict[str, Any]] = {"item:update": {"title": "Mine now"}, "item:list-for-sale": {"price": 5}}
    more = needs.get(event, {})
    with pytest.raises(Refused) as no:
        await bob.through(door, event, itemId=item, **more)
    assert no.value.code == "NOT_OWNER"
    for nothing in (str(uuid4()), "abc123"):
        with pytest.raises(Refused) as no:
            await bob.through(door, event, itemId=nothing, **more)
        assert no.value.code == "NOT_FOUND"
    assert await alice.does("item:get", itemId=item) == before
