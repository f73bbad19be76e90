"""The best rings and chains are what trying everything finds, ties and all (S2.79 to S2.84, C58 to C64)."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from random import Random

import networkx as nx
import numpy as np
import pytest

from matching.adjacency import Adjacency
from matching.chains import best_chains
from matching.search import Found, Graph, Path, best_cycles, diverse
from tests.small_markets import Small, best_chains_of, best_rings_of, markets

PLENTY = 1_000_000  # expansions


@pytest.mark.parametrize("parties_max", range(3, 11))
def test_rings_are_those_that_trying_everything_finds(parties_max: int) -> None:
    cut_short = 0
    for chance, market in markets(250, f"rings {parties_max}"):
        start, count, least = (
            chance.randrange(len(market.owner)),
            chance.choice([1, 2, 5, 60]),
            chance.choice([0, 500_000, 750_000]),
        )
        every = best_rings_of(market.rings(start, parties_max), least)
        found = best_cycles(market.graph(), start, parties_max=parties_max, count=count, expansions_max=PLENTY, least=least)
        assert found == Found(every[:count], exact=True)
        cut_short += len(every) > count
    assert cut_short > 20


@pytest.mark.parametrize("parties_max", range(3, 11))
def test_chains_are_those_that_trying_everything_finds(parties_max: int) -> None:
    cut_short = 0
    for chance, market in markets(150, f"chains {parties_max}"):
        through, count, least = (
            chance.randrange(len(market.owner)),
            chance.choice([1, 2, 5, 60]),
            chance.choice([0, 500_000, 750_000]),
        )
        every = best_chains_of(market.chains(through, parties_max), through, least)
        found = best_chains(market.graph(), through, parties_max=parties_max, count=count, expansions_max=PLENTY, least=least)
        assert found == Found(every[:count], exact=True)
        cut_short += len(every) > count
    assert cut_short > 20


@pytest.mark.parametrize("seed", range(6))
def test_where_the_way_round_is_long_the_bounds_miss_nothing(seed: int) -> None:
    chance = Random(seed)
    market = Small.long_way_round(chance)
    start, count = chance.randrange(30), chance.choice([3, 20, 200])
    for parties_max in (5, 6, 7, 9, 10):
        found = best_cycles(market.graph(), start, parties_max=parties_max, count=count, expansions_max=PLENTY)
        assert found == Found(best_rings_of(market.rings(start, parties_max), 500_000)[:count], exact=True)
    for parties_max in (4, 5, 6, 7):
        found = best_chains(market.graph(), start, parties_max=parties_max, count=count, expansions_max=PLENTY)
        assert found == Found(best_chains_of(market.chains(start, parties_max), start, 500_000)[:count], exact=True)


def networkx_graph(market: Small) -> "nx.DiGraph[int]":
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(market.owner)))
    graph.add_weighted_edges_from((a, b, score) for (a, b), score in market.scores.items())
    return graph


def test_networkx_finds_the_same_rings() -> None:
    for chance, market in markets(60, "networkx rings"):
        start, parties_max = chance.randrange(len(market.owner)), chance.randint(3, 6)
        rings = []
        for cycle in nx.simple_cycles(networkx_graph(market), length_bound=parties_max):
            if start in cycle and len(cycle) >= 3 and len({market.owner[item] for item in cycle}) == len(cycle):
                place = cycle.index(start)
                ring = (*cycle[place:], *cycle[:place])
                rings.append((sum(market.scores[edge] for edge in pairwise((*ring, start))), ring))
        found = best_cycles(market.graph(), start, parties_max=parties_max, count=10_000, expansions_max=PLENTY)
        assert found.paths == best_rings_of(iter(rings), 500_000)


def test_networkx_finds_the_same_chains() -> None:
    for chance, market in markets(30, "networkx chains"):
        through, parties_max = chance.randrange(len(market.owner)), chance.randint(3, 5)
        chains, graph = [], networkx_graph(market)
        givers = [item for item, gives in enumerate(market.gives) if gives]
        for first in graph:
            for path in nx.all_simple_paths(
                graph, first, [giver for giver in givers if giver != first], cutoff=parties_max - 1
            ):
                if through in path and len(path) >= 3 and len({market.owner[item] for item in path}) == len(path):
                    chains.append((sum(market.scores[edge] for edge in pairwise(path)), tuple(path)))
        found = best_chains(market.graph(), through, parties_max=parties_max, count=100_000, expansions_max=PLENTY)
        assert found.paths == best_chains_of(iter(chains), through, 500_000)


@pytest.mark.parametrize("search", [best_cycles, best_chains])
def test_where_items_lie_in_memory_does_not_change_the_answer(search: Callable[..., Found]) -> None:
    """Two processes loaded the same market in other orders: the same ties, the same answer."""
    for chance, market in markets(80, "slots"):
        start, parties_max = chance.randrange(len(market.owner)), chance.randint(3, 10)
        asked = {"parties_max": parties_max, "count": 5, "expansions_max": PLENTY}
        here = market.items(search(market.graph(), market.slots[start], **asked))
        chance.shuffle(market.slots)
        assert market.items(search(market.graph(), market.slots[start], **asked)) == here


def large(seed: int, size: int, degree: int, levels: int = 1000) -> Graph:
    """A market of one item a person, in which anyone may want anything."""
    chance = np.random.default_rng(seed)
    pairs = np.unique(chance.integers(0, size, (size * degree, 2)), axis=0)
    sources, ends = pairs[pairs[:, 0] != pairs[:, 1]].T
    scores = 300_000 + chance.integers(0, levels, len(sources)) * (700_000 // levels)
    order = np.lexsort((ends, -scores, sources))
    sources, ends, scores = sources[order], ends[order], scores[order]
    return Graph(
        out=Adjacency.of(size, sources, ends, scores),
        into=Adjacency.of(size, ends, sources, scores),
        owner=np.arange(size, dtype=np.int32),
        gives=chance.random(size) < 0.1,
        rank=list(range(size)),
    )


def is_in(graph: Graph, path: Path, *, ring: bool) -> bool:
    total, slots = path
    summed = 0
    for a, b in pairwise((*slots, slots[0]) if ring else slots):
        others, scores = graph.out.row(a)
        (place,) = np.flatnonzero(others == b)
        summed += int(scores[place])
    return summed == total and len(set(slots)) == len(slots)


@pytest.mark.parametrize("search", [best_cycles, best_chains])
def test_a_budget_that_ends_the_search_is_said(search: Callable[..., Found]) -> None:
    graph = large(seed=1, size=400, degree=12)
    for parties_max in (3, 5, 6, 10):
        whole = search(graph, 7, parties_max=parties_max, count=40, expansions_max=PLENTY)
        assert whole.exact
        for expansions_max in (1, 4, 30, 100, 1000):
            cut = search(graph, 7, parties_max=parties_max, count=40, expansions_max=expansions_max)
            assert all(is_in(graph, path, ring=search is best_cycles) for path in cut.paths)
            assert cut.paths == whole.paths or not cut.exact
    assert search(graph, 7, parties_max=6, count=40, expansions_max=0) == Found([], exact=False)


def test_the_memory_of_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frontier that is cut drops the least promising: what is found are rings, and they are called exact only if they are."""
    graph = large(seed=2, size=300, degree=25, levels=3)
    whole = best_cycles(graph, 3, parties_max=7, count=60, expansions_max=PLENTY, least=300_000)
    assert whole.exact
    for most in (2, 10, 100, 1000):
        monkeypatch.setattr("matching.search.FRONTIER_MAX", most)
        cut = best_cycles(graph, 3, parties_max=7, count=60, expansions_max=PLENTY, least=300_000)
        assert all(is_in(graph, path, ring=True) for path in cut.paths)
        assert cut.paths == whole.paths or not cut.exact


def test_equal_scores_everywhere_cost_no_more_than_others() -> None:
    """A complete market of 60 people has 10^16 rings of ten, all alike: the first by the order of items are found at once."""
    size = 60
    sources, ends = np.nonzero(~np.eye(size, dtype=bool))
    scores = np.full(len(sources), 900_000)
    graph = Graph(
        out=Adjacency.of(size, sources, ends, scores),
        into=Adjacency.of(size, ends, sources, scores),
        owner=np.arange(size, dtype=np.int32),
        gives=np.ones(size, np.bool_),
        rank=list(range(size)),
    )
    rings = best_cycles(graph, 5, parties_max=10, count=60, expansions_max=200)
    assert rings.exact
    assert [path for _, path in rings.paths[:2]] == [(5, 0, 1), (5, 0, 2)]
    chains = best_chains(graph, 5, parties_max=10, count=60, expansions_max=200)
    assert chains.exact
    assert [path for _, path in chains.paths[:3]] == [(1, 0, 5), (1, 5, 0), (5, 0, 1)]  # all are 5, 0, 1 as seen from 5


def test_nothing_to_find_is_an_exact_answer() -> None:
    lonely = Small(owner=[1, 2, 3], gives=[True] * 3, scores={(0, 1): 900_000, (1, 0): 900_000}, slots=[0, 1, 2]).graph()
    for search in (best_cycles, best_chains):
        for item in range(3):
            assert search(lonely, item, parties_max=10, count=5, expansions_max=PLENTY) == Found([], exact=True)


def test_a_ring_is_as_good_as_the_mean_of_its_edges() -> None:
    """S2.91, the worked example: (0.8 + 0.9 + 0.7) / 3 = 0.8."""
    scores = {(0, 1): 800_000, (1, 2): 900_000, (2, 0): 700_000}
    ring = Small(owner=[1, 2, 3], gives=[False] * 3, scores=scores, slots=[0, 1, 2]).graph()
    found = best_cycles(ring, 0, parties_max=5, count=5, expansions_max=PLENTY)
    assert [(total / len(path), path) for total, path in found.paths] == [(800_000, (0, 1, 2))]


def first_step(path: Path) -> tuple[int, ...]:
    return path[1][:2]


@pytest.mark.parametrize("parties", range(4, 11))
def test_one_millionth_decides_and_with_none_the_fewer_parties_do(parties: int) -> None:
    """A ring of three and a longer one through 0: of the same mean; then the longer one's sum is better by one millionth."""
    three, longer = (0, 1, 2), (0, *range(3, parties + 2))
    for more in (0, 1):
        scores = dict.fromkeys([*pairwise((*three, 0)), *pairwise((*longer, 0))], 800_000)
        scores[longer[-1], 0] += more
        size = parties + 2
        market = Small(owner=list(range(size)), gives=[False] * size, scores=scores, slots=list(range(size))).graph()
        found = best_cycles(market, 0, parties_max=10, count=1, expansions_max=PLENTY)
        assert found == Found([(800_000 * parties + 1, longer) if more else (2_400_000, three)], exact=True)


def test_diverse_answers_do_not_all_begin_with_the_same_step() -> None:
    same = [(900 - place, (0, 1, 10 + place)) for place in range(50)]
    others = [(500 - place, (0, 2 + place % 5, 10 + place)) for place in range(10)]
    picked = diverse(same + others, 12, first_step)
    assert picked[0] == same[0]
    assert picked == same[:4] + others[:8]

    picked = diverse(same + others, 20, first_step)  # there are only ten others: the best of the rest fill up
    assert picked == same[:10] + others
    assert Counter(path[1] for _, path in picked)[1] == 10


def test_diverse_loses_nothing_that_there_is_room_for() -> None:
    paths = [(900 - place, (0, place // 7, 50 + place)) for place in range(30)]
    assert diverse(paths, 30, first_step) == paths
    assert diverse(paths, 100, first_step) == paths
    assert diverse(paths, 1, first_step) == paths[:1]
    assert diverse([], 20, first_step) == []
    assert [path for path in paths if path in diverse(paths, 15, first_step)] == diverse(paths, 15, first_step)
