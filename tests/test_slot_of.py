"""The slot of each id is what a dict would say, whatever came and went."""

import random

import pytest

from matching.slot_of import SlotOf


@pytest.mark.parametrize("apart", [1, 16, 2**61 - 1], ids=["one by one", "with the same last bits", "all with one hash"])
def test_a_slot_is_found_by_its_id_for_as_long_as_it_is_there(apart: int) -> None:
    chance = random.Random(apart)
    ids: list[int] = []
    found, expected = SlotOf(ids), dict[int, int]()
    for _ in range(2_000):
        item = chance.randrange(1, 200) * apart
        if item in expected:
            found.remove(expected.pop(item))
        else:
            expected[item] = len(ids)
            ids.append(item)
            found.add(expected[item])
        assert len(found) == len(expected)
        for number in chance.sample(range(200), 5):
            assert found.get(number * apart) == expected.get(number * apart)
    assert all(found.get(item) == slot for item, slot in expected.items())
