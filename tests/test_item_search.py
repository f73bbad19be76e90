"""Finding items: the list, its pages, filters and search (S1.19, S1.24, C25, C48)."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market, OpenMarket
from tests.people import NOBODYS_ID, Cast, Person, Refused
from tests.trading import BOTH_DOORS, trade_between


def a_word() -> str:
    """That no other test's items have."""
    return f"w{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
async def someone(market: Market) -> Person:
    """For what is refused or only read: it leaves no trace of who asked."""
    return await market.cast.person("Someone", connected=True)


async def titles(person: Person, door: str = "rest", **filters: Any) -> list[str]:
    page = await person.through(door, "item:list", **filters)
    return [item["title"] for item in page["items"]]


@BOTH_DOORS
async def test_the_list_has_what_is_available_newest_first(cast: Cast, door: str) -> None:  # S1.19, S1.26
    alice, bob = await cast.people("Alice", "Bob")
    first, second, third = [await alice.lists(title) for title in ("first", "second", "third")]
    assert await titles(bob, door, owner=alice.id) == ["third", "second", "first"]

    await trade_between(bob, alice, "interest", "confirm", requestedItem=first, offeredItem=await bob.lists("other"))
    await alice.does("item:delete", itemId=second)
    assert await titles(bob, door, owner=alice.id) == ["third"]
    mine = await alice.through(door, "item:mine")
    assert [(item["id"], item["status"]) for item in mine["items"]] == [(third, "available"), (first, "traded")]


@BOTH_DOORS
async def test_pages_tell_how_much_there_is(cast: Cast, door: str) -> None:  # C25, S2.11, S2.12
    alice = await cast.person("Alice")
    for number in range(5):
        await alice.lists(f"{number}")

    async def page(**ask: Any) -> tuple[list[str], dict[str, Any]]:
        answer = await alice.through(door, "item:list", owner=alice.id, **ask)
        return [item["title"] for item in answer["items"]], answer["pagination"]

    assert await page() == (
        ["4", "3", "2", "1", "0"],
        {"page": 1, "limit": 20, "total": 5, "totalPages": 1, "hasMore": False},
    )
    assert await page(limit=2) == (["4", "3"], {"page": 1, "limit": 2, "total": 5, "totalPages": 3, "hasMore": True})
    assert await page(limit=2, page=3) == (["0"], {"page": 3, "limit": 2, "total": 5, "totalPages": 3, "hasMore": False})
    assert await page(limit=2, page=4) == ([], {"page": 4, "limit": 2, "total": 5, "totalPages": 3, "hasMore": False})
    assert await page(limit=5) == (
        ["4", "3", "2", "1", "0"],
        {"page": 1, "limit": 5, "total": 5, "totalPages": 1, "hasMore": False},
    )
    empty = await alice.through(door, "item:list", search=a_word())
    assert empty == {"items": [], "pagination": {"page": 1, "limit": 20, "total": 0, "totalPages": 0, "hasMore": False}}


@BOTH_DOORS
@pytest.mark.parametrize(
    ("ask", "field"),
    [
        ({"page": 0}, "page"),
        ({"page": -1}, "page"),
        ({"page": "one"}, "page"),
        ({"page": 1.5}, "page"),
        ({"page": 10**30}, "page"),
        ({"page": 5000, "limit": 100}, "page"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": ""}, "limit"),
        ({"category": "no-such-category"}, "category"),
        ({"category": ""}, "category"),
        ({"condition": "broken"}, "condition"),
        ({"lookingFor": "money"}, "lookingFor"),
        ({"owner": "abc123"}, "owner"),
        ({"search": "s" * 201}, "search"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_asked_of_a_list_is_refused(
    someone: Person, door: str, ask: dict[str, Any], field: str
) -> None:  # C48
    with pytest.raises(Refused) as no:
        await someone.through(door, "item:list", **ask)
    assert (no.value.code, no.value.field) == ("INVALID_REQUEST", field)


@BOTH_DOORS
async def test_filters_narrow_the_list_alone_and_together(cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")
    word = a_word()
    tree = {category["slug"]: category["id"] for category in await alice.does("category:list")}
    for title, category, condition, governorate, looking_for in [
        ("a phone", "smartphones", "NEW", "Cairo", "item_swap"),
        ("a laptop", "laptops", "GOOD", "Cairo", "credits"),
        ("a gadget", "electronics", "GOOD", "Giza", "flexible"),
        ("a novel", "novels", "POOR", "Giza", "item_swap"),
    ]:
        more = {"category": category, "condition": condition, "governorate": governorate, "lookingFor": looking_for}
        await alice.lists(title, description=word, **more)

    for filters, expected in [
        ({"category": "electronics"}, ["a gadget", "a laptop", "a phone"]),
        ({"category": tree["electronics"]}, ["a gadget", "a laptop", "a phone"]),
        ({"category": "computers"}, ["a laptop"]),
        ({"category": "Laptops"}, ["a laptop"]),
        ({"category": "books"}, ["a novel"]),
        ({"condition": "good"}, ["a gadget", "a laptop"]),
        ({"governorate": "Giza"}, ["a novel", "a gadget"]),
        ({"lookingFor": "ITEM_SWAP"}, ["a novel", "a phone"]),
        ({"owner": alice.id}, ["a novel", "a gadget", "a laptop", "a phone"]),
        ({"owner": NOBODYS_ID}, []),
        ({"category": "electronics", "condition": "GOOD", "governorate": "Cairo"}, ["a laptop"]),
        ({"category": "books", "condition": "NEW"}, []),
    ]:
        assert await titles(alice, door, search=word, **filters) == expected, filters


@BOTH_DOORS
async def test_search_finds_words_and_their_beginnings_in_title_and_description(cast: Cast, door: str) -> None:
    alice = await cast.person("Alice")
    await alice.lists("Red city bicycle", description="Kept dry. It's a wi-fi one, 100% steel.")
    await alice.lists("دراجة حمراء للمدينة", description="بحالة ممتازة")
    bicycle, arabic = ["Red city bicycle"], ["دراجة حمراء للمدينة"]
    for search, expected in [
        ("bicycle", bicycle),
        ("BICYCLE", bicycle),
        ("bicy", bicycle),
        ("icycle", []),
        ("red bicycle", bicycle),
        ("bicycle   red", bicycle),
        ("red car", []),
        ("dry", bicycle),
        ('"red city"', bicycle),
        ("it's", bicycle),
        ("wi-fi", bicycle),
        ("100%", bicycle),
        ("red, bicycle!", bicycle),
        ("دراجة", arabic),
        ("درا", arabic),
        ("دراجة للمدينة", arabic),
        ("ممتازة", arabic),
        ("سيارة", []),
    ]:
        assert await titles(alice, door, owner=alice.id, search=search) == expected, search


@BOTH_DOORS
@pytest.mark.parametrize(
    "search",
    ["!!!", "'", '"', "''", "\\", "\\'", "&", "|", ":*", "q:*", "(", ")(", "q & | q", "<->", "%", "$1", "{}", "-",
     "🦊", "\u200f", "'); DROP TABLE items;--", "x" * 200, "q " * 100],
)  # fmt: skip
async def test_any_text_can_be_searched_for(someone: Person, door: str, search: str) -> None:
    item = await someone.lists(a_word(), description="")
    assert await titles(someone, door, owner=someone.id, search=search) == []
    assert (await someone.does("item:get", itemId=item))["id"] == item


@BOTH_DOORS
@pytest.mark.parametrize("search", ["", "  "])
async def test_a_search_for_nothing_is_no_filter(cast: Cast, door: str, search: str) -> None:
    alice = await cast.person("Alice")
    await alice.lists("only one")
    assert await titles(alice, door, owner=alice.id, search=search) == ["only one"]


async def test_beyond_ten_thousand_the_total_is_an_estimate_and_says_so(open_market: OpenMarket) -> None:
    async with open_market() as market:
        alice = await market.cast.person("Alice")
        async with market.sql() as sql:
            await sql.execute(
                """
                INSERT INTO items (owner_id, title, description, category_id, condition, looking_for, governorate, created_at)
                SELECT $1::text::uuid, '100% thing ' || n, 'x', (SELECT id FROM categories WHERE slug = 'books'), 'GOOD',
                       'flexible', CASE WHEN n > 10000 THEN 'Giza' ELSE 'Cairo' END, now() - n * interval '1 second'
                  FROM generate_series(1, 10500) AS n
                """,
                alice.id,
            )
            await sql.execute("ANALYZE items")
        first = (await alice.does("item:list"))["pagination"]
        assert first["totalIsEstimate"] is True
        assert 10_001 <= first["total"] <= 12_000
        assert first["hasMore"] is True
        for filters in ({"search": "100%"}, {"category": "books"}, {"owner": alice.id, "search": "thing"}):
            page = (await alice.does("item:list", **filters))["pagination"]
            assert page["totalIsEstimate"] is True, filters
            assert page["total"] > 10_000
        exact = (await alice.does("item:list", governorate="Cairo"))["pagination"]
        assert exact == {"page": 1, "limit": 20, "total": 10_000, "totalPages": 500, "hasMore": True}
        last = await alice.does("item:list", page=105, limit=100)
        assert [item["title"] for item in last["items"]][-1] == "100% thing 10500"
