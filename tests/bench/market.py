"""A market that is made up, by a seed: what people list and want in the mixture that a large one has.

The categories are the product's own, some far more popular than others (Zipf). Values are log-normal around what is usual in
their category, and rounded as people do, so that many are equal. Few people own much. About 25 words say what a thing is, in
English or Arabic: some that everyone uses, many that hardly anyone does, and now and then the number of a model.
"""

from collections.abc import Iterator, Mapping
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from matching.wants import CONDITIONS, Listing, Wants

Floats = NDArray[np.float64]

# What owners look for: how many of a hundred.
MIXTURE = {
    "flexible": 20,  # no wants: anything is welcome
    "categories": 42,
    "categories, condition": 10,
    "categories, range": 10,
    "categories, keyword": 4,
    "keywords": 5,
    "range, condition": 3,
    "items, categories": 2,
    "items": 1,
    "credits": 3,  # no wants, and takes no items
}
CONDITION_SHARES = (0.10, 0.25, 0.40, 0.20, 0.05)  # as in CONDITIONS
ARABIC, UNVALUED, OPEN_TO_GIVE, WITH_MODEL = 0.35, 0.08, 0.03, 0.3
PEOPLE_SHARE = 0.3  # people per listing
VOCABULARY = 12_000  # words of each language
CONSONANTS, VOWELS = "bcdfghklmnprstvz", "aeiou"
LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"


def listings(tree: Mapping[str, str | None], count: int, seed: int = 1) -> Iterator[Listing]:
    """`count` listings in the categories of `tree`, each slug's parent or None; the same for the same arguments."""
    chance = np.random.default_rng(seed)
    slugs = list(tree)
    popular, sought = _zipf(chance, len(slugs), 0.9), _zipf(chance, len(slugs), 0.7)
    people = max(3, int(count * PEOPLE_SHARE))
    person_ids, item_ids = _ids(chance, people), _ids(chance, count)
    owned = chance.lognormal(0, 1.2, people)
    owner = chance.choice(people, count, p=owned / owned.sum()).tolist()

    category = chance.choice(len(slugs), count, p=popular)
    usual = chance.normal(5.5, 1.1, len(slugs))
    value = _rounded(np.exp(usual[category] + chance.normal(0, 0.8, count))).tolist()
    category_of = category.tolist()
    condition = chance.choice(len(CONDITIONS), count, p=CONDITION_SHARES).tolist()
    unvalued, gives = (chance.random(count) < UNVALUED).tolist(), (chance.random(count) < OPEN_TO_GIVE).tolist()
    texts = _Texts(chance, count)

    names = list(MIXTURE)
    looks_for = chance.choice(len(names), count, p=[share / 100 for share in MIXTURE.values()]).tolist()
    wanted = chance.choice(len(slugs), (count, 3), p=sought).tolist()
    how_many = chance.choice((1, 2, 3), count, p=(0.5, 0.3, 0.2)).tolist()
    others = chance.integers(0, count, (count, 3)).tolist()

    for place in range(count):
        kind = names[looks_for[place]]
        slug = slugs[category_of[place]]
        title, description = texts.of(place, slug)
        worth = None if unvalued[place] else value[place]
        stated = kind.split(", ")
        asked = [slugs[node] for node in wanted[place][: how_many[place]]]
        around = value[place]
        wants = Wants(
            items=frozenset(item_ids[other] for other in others[place][: how_many[place]])
            if "items" in stated
            else frozenset(),
            categories=tuple(dict.fromkeys(asked)) if "categories" in stated else (),
            keywords=tuple(map(_noun, asked)) if "keywords" in stated or "keyword" in stated else (),
            value_min=around * 0.5 if "range" in stated else None,
            value_max=around * 2.0 if "range" in stated else None,
            condition=CONDITIONS[2] if "condition" in stated else None,
        )
        yield Listing(
            item=item_ids[place],
            owner=person_ids[owner[place]],
            category=slug,
            condition=CONDITIONS[condition[place]],
            value=worth,
            title=title,
            description=description,
            wants=wants if wants.items or wants.has_criteria else None,
            flexible=kind == "flexible",
            open_to_give=gives[place],
            takes_items=kind != "credits",
        )


class _Texts:
    """Titles of about 5 words and descriptions of about 20, the frequent words of a language far more often than the rare."""

    def __init__(self, chance: np.random.Generator, count: int) -> None:
        self._words = [_words(chance, (CONSONANTS, VOWELS)), _words(chance, (LETTERS,))]
        ranks = 1 / np.arange(1, VOCABULARY + 1)
        self._lengths = chance.integers(12, 31, count).tolist()
        self._drawn = chance.choice(VOCABULARY, (count, 30), p=ranks / ranks.sum()).astype(np.int16)
        self._arabic = (chance.random(count) < ARABIC).tolist()
        self._model = np.where(chance.random(count) < WITH_MODEL, chance.integers(1_000, 100_000, count), 0).tolist()

    def of(self, place: int, slug: str) -> tuple[str, str]:
        words = self._words[self._arabic[place]]
        drawn = [words[number] for number in self._drawn[place, : self._lengths[place]].tolist()]
        model = [f"x{self._model[place]}"] if self._model[place] else []
        return " ".join([_noun(slug).title(), *drawn[:3], *model]), " ".join(drawn[3:]).capitalize() + "."


def _noun(slug: str) -> str:
    return slug.rpartition("-")[2]


def _words(chance: np.random.Generator, alphabets: tuple[str, ...]) -> list[str]:
    lengths = chance.integers(3, 10, VOCABULARY).tolist()
    drawn = chance.integers(0, 1_000, (VOCABULARY, 10)).tolist()
    return [
        "".join(alphabets[k % len(alphabets)][row[k] % len(alphabets[k % len(alphabets)])] for k in range(length))
        for row, length in zip(drawn, lengths, strict=True)
    ]


def _zipf(chance: np.random.Generator, count: int, exponent: float) -> Floats:
    """The share of each of `count` things, which of them is how popular being left to chance."""
    shares = 1 / chance.permutation(np.arange(1, count + 1)) ** exponent
    normed: Floats = shares / shares.sum()
    return normed


def _rounded(values: Floats) -> Floats:
    """To two figures, as people price things."""
    digit = 10.0 ** (np.floor(np.log10(values)) - 1)
    rounded: Floats = np.maximum(np.rint(values / digit) * digit, 1.0).round(2)
    return rounded


def _ids(chance: np.random.Generator, count: int) -> list[UUID]:
    drawn = chance.bytes(16 * count)
    return [UUID(bytes=drawn[start : start + 16], version=4) for start in range(0, 16 * count, 16)]
