"""Words are found where they are, both ways, whatever came and went."""

import random

import pytest

from matching.postings import Postings

WORDS = ("red", "blue", "sofa", "lamp", "هاتف", "احمر", "x1234")


@pytest.mark.parametrize("seed", range(10))
def test_what_has_all_the_words_is_what_was_said_to_have_them(seed: int) -> None:
    chance = random.Random(seed)
    texts = {slot: chance.choices(WORDS, k=chance.randint(0, 6)) for slot in range(chance.randint(0, 15))}
    postings = Postings()
    postings.load(texts.items())
    for _ in range(100):
        slot = chance.randrange(20)
        if slot in texts:
            postings.remove(slot)
            del texts[slot]
        else:
            texts[slot] = chance.choices(WORDS, k=chance.randint(0, 6))
            postings.add(slot, texts[slot])

        asked = chance.sample((*WORDS, "nowhere"), chance.randint(1, 3))
        having = [slot for slot, words in sorted(texts.items()) if set(words).issuperset(asked)]
        assert postings.having_all(asked).tolist() == having
        assert [slot for slot in sorted(texts) if postings.has_all(slot, asked)] == having
        assert all(sorted(postings.words(slot)) == sorted(set(words)) for slot, words in texts.items())


def test_no_words_are_nowhere() -> None:
    postings = Postings()
    postings.load([(0, ["red"])])
    assert postings.having_all([]).tolist() == []
