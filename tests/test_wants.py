"""What an owner may state, and how its words are read."""

from uuid import UUID

import pytest

from matching.wants import Taxonomy, Wants, words_of

CAMERA = UUID(int=7)


def test_wants_are_read_as_an_item_stores_them() -> None:
    stored = {"items": [str(CAMERA)], "categories": ["phones"], "keywords": ["red"], "valueMin": 5, "valueMax": 9.5}
    wants = Wants.of(stored | {"condition": "GOOD"})
    assert wants == Wants(frozenset({CAMERA}), ("phones",), ("red",), 5.0, 9.5, "GOOD")


@pytest.mark.parametrize("stored", [None, {}, {"items": []}, {"categories": [], "keywords": None, "valueMin": None}])
def test_where_nothing_is_stated_there_are_no_wants(stored: dict[str, object] | None) -> None:
    assert Wants.of(stored) is None


@pytest.mark.parametrize("stored", [{"valueMin": 0}, {"condition": "POOR"}, {"keywords": ["x"]}])
def test_a_single_criterion_is_a_want(stored: dict[str, object]) -> None:
    wants = Wants.of(stored)
    assert wants is not None
    assert wants.has_criteria


def test_named_items_are_no_criterion() -> None:
    wants = Wants.of({"items": [CAMERA]})
    assert wants is not None
    assert not wants.has_criteria


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red  BICYCLE, 26-inch!", ("red", "bicycle", "26", "inch")),
        ("هاتف ذكي، أحمر", ("هاتف", "ذكي", "احمر")),
        ("عِدد وأدوات", ("عدد", "وادوات")),  # vowel signs and hamza are often left out
        ("جمـــيل", ("جميل",)),  # stretched
        ("Café Straße", ("cafe", "strasse")),
        ("!!! …", ()),
    ],
)
def test_words_are_read_as_people_mean_them(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def test_a_category_within_another_asked_for_adds_nothing() -> None:
    taxonomy = Taxonomy({"electronics": None, "books": None, "phones": "electronics", "smartphones": "phones"})
    assert taxonomy.nodes(("smartphones", "electronics", "books", "gone")) == (0, 1)
    assert taxonomy.below((2,)).tolist() == [False, False, True, True]
    assert taxonomy.upward[3] == (3, 2, 0)
