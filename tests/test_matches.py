"""Two-party matches and the items to choose from: whose item to swap one's own for, and why (S2.43 to S2.45, C19, C40, C57)."""

import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Market, OpenMarket
from tests.people import Cast, Person
from tests.trading import BOTH_DOORS, refused, trade_between

Match = dict[str, Any]


@pytest.fixture(scope="module")
async def own_market(open_market: OpenMarket) -> AsyncIterator[Market]:
    async with open_market() as market:
        yield market


@pytest.fixture
def cast(own_market: Market) -> Cast:
    """People on a market of their own, where others want only what its tests say."""
    return own_market.cast


async def matches_of(person: Person, item: str, door: str = "rest") -> list[Match]:
    found: list[Match] = await person.through(door, "barter:matches", itemId=item)
    return found


def word() -> str:
    """One that is in no other test's items."""
    return f"w{uuid4().hex}"


# Matches


@BOTH_DOORS
async def test_a_match_says_why_whose_it_is_and_what_else_they_have(cast: Cast, door: str) -> None:
    """S2.26, S2.45"""
    alice, bob = await cast.people("Alice", "Bob")
    further = [await bob.lists(f"Further {number}", wants={"keywords": [word()]}) for number in range(7)]
    sold = await bob.lists(wants={"keywords": [word()]})
    await bob.by_rest("item:list-for-sale", itemId=sold, price=5)
    facts: dict[str, Any] = {"category": "cameras", "condition": "LIKE_NEW"}
    theirs = await bob.lists("A lens", estimatedValue=900, **facts)
    mine = await alice.lists("A camera", estimatedValue=1000, **facts, wants={"items": [theirs]})
    await bob.by_rest("item:update", itemId=theirs, wants={"items": [mine]})

    (match,) = await matches_of(alice, mine, door)
    assert (match["id"], match["title"], match["category"], match["estimatedValue"]) == (theirs, "A lens", "cameras", 900)
    assert (match["condition"], match["images"], match["mutual"]) == ("LIKE_NEW", [], True)
    assert match["matchScore"] == round(0.4 + 0.4 * (1 - 100 / 950) + 0.2, 2)
    assert match["matchReason"] == "You asked for it, Same category, similar value, same condition, they asked for yours"
    seller = match["seller"]
    assert (seller["id"], seller["fullName"]) == (bob.id, "Bob")
    assert [item["title"] for item in seller["items"]] == [f"Further {number}" for number in (6, 5, 4, 3, 2)], "the newest five"
    assert {item["id"] for item in seller["items"]} <= set(further), "neither what is matched nor what is for sale"
    (back,) = await matches_of(bob, theirs, door)
    assert (back["id"], back["matchScore"], back["mutual"]) == (mine, match["matchScore"], True)


@BOTH_DOORS
async def test_matches_are_for_one_s_own_item_that_can_be_bartered(cast: Cast, door: str) -> None:
    """S2.45, C40, C47"""
    alice, bob = await cast.people("Alice", "Bob")
    mine, sold = await alice.lists(wants={"keywords": [word()]}), await alice.lists()
    await alice.by_rest("item:list-for-sale", itemId=sold, price=5)
    taken = (await trade_between(alice, bob, "interest", "confirm"))["offeredItem"]
    assert await matches_of(alice, mine, door) == []
    await refused(matches_of(bob, mine, door), "NOT_OWNER", "itemId")
    await refused(matches_of(alice, str(uuid4()), door), "NOT_FOUND")
    await refused(matches_of(alice, "abc123", door), "NOT_FOUND")
    await refused(matches_of(alice, sold, door), "ACTIVE_LISTING", "itemId")
    await refused(matches_of(alice, taken, door), "ITEM_UNAVAILABLE", "itemId")


# What there is to say, and when it is so: (my listing, theirs, what the reason must be)
REASONS: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
    ({"wants": "word"}, {"wants": "word"}, "It mentions “{theirs}”, Same category, same condition, yours mentions “{mine}”"),
    ({"wants": "word"}, {}, "It mentions “{theirs}”, Same category, same condition"),
    (
        {"wants": "word", "condition": "NEW", "estimatedValue": 100},
        {"category": "phones", "estimatedValue": 100},
        "It mentions “{theirs}”, similar value",
    ),
    (
        {"wants": "word", "category": "cameras"},
        {"category": "phones"},
        "It mentions “{theirs}”, Related category, same condition",
    ),
    (
        {"wants": "word", "estimatedValue": 100},
        {"estimatedValue": 120, "condition": "NEW"},
        "It mentions “{theirs}”, Same category, similar value",
    ),
    (
        {"wants": "word", "estimatedValue": 100},
        {"estimatedValue": 130, "condition": "NEW"},
        "It mentions “{theirs}”, Same category",
    ),
    ({"wants": "word", "estimatedValue": 100}, {}, "It mentions “{theirs}”, Same category, same condition"),
    ({"wants": "word"}, {"lookingFor": "credits"}, None),  # who takes credits only, and has said nothing else (C19)
]


@pytest.mark.parametrize(("mine", "theirs", "reason"), REASONS)
async def test_a_reason_says_only_what_is_so(
    cast: Cast, mine: dict[str, Any], theirs: dict[str, Any], reason: str | None
) -> None:
    """S2.45"""
    alice, bob = await cast.people("Alice", "Bob")
    words = {"mine": word(), "theirs": word()}
    hers = mine | {"description": words["mine"]} | ({"wants": {"keywords": [words["theirs"]]}} if "wants" in mine else {})
    his = theirs | {"description": words["theirs"]} | ({"wants": {"keywords": [words["mine"]]}} if "wants" in theirs else {})
    item, other = await alice.lists(**hers), await bob.lists(**his)
    found = [match for match in await matches_of(alice, item) if match["id"] == other]
    assert [match["matchReason"] for match in found] == ([] if reason is None else [reason.format(**words)])
    assert [match["mutual"] for match in found] == ([] if reason is None else ["wants" in theirs])


# Many, at random: held against what was listed

BELOW = {"novels": "books"}  # what is asked for is a category or anything below it


@dataclass(frozen=True, slots=True)
class Listed:
    owner: Person
    facts: dict[str, Any]

    def is_taken_by(self, other: "Listed") -> bool:
        """Whether the owner of `other` would take this, by what they stated."""
        wants = other.facts.get("wants")
        if wants is None:
            return bool(other.facts["lookingFor"] != "credits")
        value = self.facts.get("estimatedValue")
        best_first = ["NEW", "LIKE_NEW", "GOOD", "FAIR", "POOR"]
        return bool(
            (
                "categories" not in wants
                or {self.facts["category"], BELOW.get(self.facts["category"])} & set(wants["categories"])
            )
            and ("valueMin" not in wants or (value is not None and value >= wants["valueMin"]))
            and ("valueMax" not in wants or (value is not None and value <= wants["valueMax"]))
            and ("condition" not in wants or best_first.index(self.facts["condition"]) <= best_first.index(wants["condition"]))
            and ("keywords" not in wants or bool(set(wants["keywords"]) & set(self.facts["title"].split())))
        )


def any_facts(chance: random.Random) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "categories": chance.sample(["cameras", "phones", "tablets", "books"], 2),
        "valueMin": chance.choice([20, 50]),
        "valueMax": chance.choice([100, 150]),
        "condition": chance.choice(["LIKE_NEW", "GOOD", "FAIR"]),
        "keywords": chance.sample(["red", "blue", "old", "small"], 2),
    }
    wants = {name: stated[name] for name in chance.sample(sorted(stated), chance.choice([1, 1, 2]))}
    facts = {
        "title": " ".join(chance.sample(["red", "blue", "old", "small"], 2)),
        "category": chance.choice(["cameras", "phones", "tablets", "novels"]),
        "condition": chance.choice(["NEW", "LIKE_NEW", "GOOD", "FAIR", "POOR"]),
        "lookingFor": chance.choice(["item_swap", "flexible", "credits"]),
        "estimatedValue": chance.choice([None, 0, 30, 60, 90, 120]),
    }
    return facts | ({"wants": wants} if chance.random() < 0.6 else {})


async def test_nobody_is_matched_against_what_they_want_and_every_reason_is_true(open_market: OpenMarket) -> None:
    """S2.45, C57: and whoever would be matched is there, the best first"""
    chance = random.Random(2)
    async with open_market() as market:
        people = await market.cast.people(*["Somebody"] * 6)
        listed: dict[str, Listed] = {}
        for _ in range(70):
            owner, facts = chance.choice(people), any_facts(chance)
            listed[await owner.lists(**facts)] = Listed(owner, facts)

        seen = 0
        for item, mine in listed.items():
            matches = await matches_of(mine.owner, item)
            scores = [match["matchScore"] for match in matches]
            assert scores == sorted(scores, reverse=True)
            assert all(score >= 0.5 for score in scores)
            assert len(matches) == len({match["id"] for match in matches}) <= 20
            for match in matches:
                theirs = listed[match["id"]]
                assert theirs.owner is not mine.owner
                assert theirs.is_taken_by(mine), "she gets what she wants"
                assert mine.is_taken_by(theirs), "and so does he"
                assert match["mutual"] == ("wants" in mine.facts and "wants" in theirs.facts)
                check_reason(match["matchReason"].lower(), mine.facts, theirs.facts)
                seen += 1
            if len(matches) < 20:  # nobody alike in category and condition, who would both take it, is left out
                alike = {
                    other
                    for other, theirs in listed.items()
                    if theirs.owner is not mine.owner and theirs.is_taken_by(mine) and mine.is_taken_by(theirs)
                    if theirs.facts["category"] == mine.facts["category"]
                    and theirs.facts["condition"] == mine.facts["condition"]
                }
                assert alike <= {match["id"] for match in matches}
        assert seen > 100


def check_reason(reason: str, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    related = {mine["category"], theirs["category"]} <= {"cameras", "phones", "tablets"}
    same = mine["category"] == theirs["category"]
    assert ("same category" in reason) == same
    assert ("related category" in reason) == (related and not same)
    assert ("same condition" in reason) == (mine["condition"] == theirs["condition"])
    if "similar value" in reason:
        a, b = mine["estimatedValue"], theirs["estimatedValue"]
        assert a == b or abs(a - b) <= 0.2 * (a + b) / 2 + 1e-9
    for found in re.findall(r"it mentions “(.*?)”", reason):
        assert found in mine["wants"]["keywords"]
        assert found in theirs["title"].split()
    for found in re.findall(r"yours mentions “(.*?)”", reason):
        assert found in theirs["wants"]["keywords"]
        assert found in mine["title"].split()
    for found in re.findall(r"you want (\w+)", reason):
        assert found in mine["wants"]["categories"]
    for found in re.findall(r"they want (\w+)", reason):
        assert found in theirs["wants"]["categories"]
    assert "asked for" not in reason, "nobody named an item"


# Items to choose from


@BOTH_DOORS
async def test_what_can_be_bartered_is_others_items_unless_one_s_own_are_asked_for(cast: Cast, door: str) -> None:
    """S2.26, S2.43, S2.44, C40: nothing that is for sale, promised, taken away"""
    alice, bob = await cast.people("Alice", "Bob")
    tag = word()
    mine = await alice.lists(f"{tag} mine")
    theirs = [await bob.lists(f"{tag} {number}", estimatedValue=number, governorate="Cairo") for number in range(3)]
    sold, deleted = await bob.lists(f"{tag} sold"), await bob.lists(f"{tag} deleted")
    await bob.by_rest("item:list-for-sale", itemId=sold, price=5)
    await bob.by_rest("item:delete", itemId=deleted)
    taken = await bob.lists(f"{tag} taken")
    await trade_between(alice, bob, "interest", "confirm", offeredItem=await alice.lists(), requestedItem=taken)

    async def ids(person: Person, **asked: Any) -> list[str]:
        return [item["id"] for item in (await person.through(door, "barter:items", search=tag, **asked))["items"]]

    assert await ids(alice) == theirs[::-1], "newest first"
    assert await ids(alice, excludeMyItems=False) == [*theirs[::-1], mine]
    assert await ids(alice, excludeMyItems=True) == theirs[::-1]
    assert await ids(bob) == [mine]
    await bob.by_rest("item:end-sale", itemId=sold)
    assert await ids(alice) == [sold, *theirs[::-1]]

    page = await alice.through(door, "barter:items", search=tag, limit=3, page=2)
    assert page["pagination"] == {"page": 2, "limit": 3, "total": 4, "totalPages": 2, "hasMore": False}
    (last,) = page["items"]
    assert (last["id"], last["title"], last["estimatedValue"], last["governorate"]) == (theirs[0], f"{tag} 0", 0, "Cairo")
    assert (last["category"], last["condition"], last["images"]) == ("electronics", "GOOD", [])
    assert last["seller"] == {"id": bob.id, "fullName": "Bob", "avatar": None}


@BOTH_DOORS
async def test_items_by_category_and_what_is_below_it_by_condition_and_by_place(cast: Cast, door: str) -> None:
    """S2.27 to S2.29, S2.43, C7, C8, C48"""
    alice, bob = await cast.people("Alice", "Bob")
    tag = word()
    camera = await bob.lists(f"{tag} camera", category="cameras", condition="NEW", governorate="Cairo")
    radio = await bob.lists(f"{tag} radio", category="electronics", condition="POOR", governorate="Giza")
    novel = await bob.lists(f"{tag} novel", category="books", condition="NEW", governorate="Cairo")
    categories = {category["slug"]: category["id"] for category in await alice.by_rest("category:list")}

    async def ids(**asked: Any) -> set[str]:
        return {item["id"] for item in (await alice.through(door, "barter:items", search=tag, **asked))["items"]}

    assert await ids() == {camera, radio, novel}
    assert await ids(categoryId=categories["electronics"]) == await ids(categoryId="electronics") == {camera, radio}
    assert await ids(categoryId=categories["cameras"]) == {camera}
    assert await ids(condition="new") == {camera, novel}
    assert await ids(condition="NEW", governorate="Cairo", categoryId="books") == {novel}
    assert await ids(governorate="Giza", condition="NEW") == set()
    wrongs: list[dict[str, Any]] = [
        {"categoryId": "no-such-one"},
        {"condition": "SHINY"},
        {"limit": 101},
        {"page": 0},
        {"excludeMyItems": "perhaps"},
        {"search": "s" * 201},
    ]
    for wrong in wrongs:
        (field,) = wrong
        await refused(alice.through(door, "barter:items", **wrong), "INVALID_REQUEST", field)
