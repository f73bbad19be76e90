"""The market's rows of edges say what a list of lists would say, whatever happens to them."""

import random

import numpy as np
import pytest

from matching.adjacency import Adjacency

Rows = list[list[tuple[int, int]]]


def says_the_same(edges: Adjacency, rows: Rows) -> None:
    assert edges.nodes == len(rows)
    assert edges.edges == sum(map(len, rows))
    for node, row in enumerate(rows):
        others, scores = edges.row(node)
        assert list(zip(others.tolist(), scores.tolist(), strict=True)) == row
        assert edges.degree(node) == len(row)
    asked = np.arange(len(rows))[::-1]
    assert edges.degrees(asked).tolist() == [len(rows[node]) for node in asked.tolist()]
    position, others, scores = edges.gather(asked)
    expected = [(place, *edge) for place, node in enumerate(asked.tolist()) for edge in rows[node]]
    assert list(zip(position.tolist(), others.tolist(), scores.tolist(), strict=True)) == expected
    full = np.array([node for node, row in enumerate(rows) if row], np.int32)
    others, scores = edges.last(full)
    assert list(zip(others.tolist(), scores.tolist(), strict=True)) == [rows[node][-1] for node in full.tolist()]


@pytest.mark.parametrize("seed", range(12))
def test_rows_hold_what_was_put_in_them_in_order(seed: int) -> None:
    chance = random.Random(seed)
    edges, rows = Adjacency(), Rows()
    for step in range(1200):
        if not rows or chance.random() < 0.03:
            rows += [[] for _ in range(chance.randint(1, 4))]
            edges.grow(len(rows))
        other = chance.randrange(60)
        having = [node for node, row in enumerate(rows) if any(end == other for end, _ in row)]
        lacking = [node for node in range(len(rows)) if node not in having]
        full = [node for node, row in enumerate(rows) if row]
        match chance.choice(["append", "insert", "remove", "last", "discard", "discard all", "set", "empty"]):
            case "append":
                some = {node: chance.randint(0, 1_000_000) for node in chance.sample(lacking, min(len(lacking), 8))}
                edges.append(np.array([*some], np.int32), other, np.array([*some.values()], np.int32))
                for node, score in some.items():
                    rows[node].append((other, score))
            case "insert":
                some = {node: chance.randint(0, 1_000_000) for node in chance.sample(lacking, min(len(lacking), 8))}
                places = [chance.randint(0, len(rows[node])) for node in some]
                edges.insert(
                    np.array([*some], np.int32), np.array(places, np.int64), other, np.array([*some.values()], np.int32)
                )
                for place, (node, score) in zip(places, some.items(), strict=True):
                    rows[node].insert(place, (other, score))
            case "remove":
                nodes = chance.sample(having, min(len(having), 8))
                edges.remove(np.array(nodes, np.int32), other)
                for node in nodes:
                    rows[node] = [edge for edge in rows[node] if edge[0] != other]
            case "last":
                nodes = chance.sample(full, min(len(full), 8))
                edges.remove_last(np.array(nodes, np.int32))
                for node in nodes:
                    rows[node].pop()
            case "discard" | "discard all" as how if having:
                nodes = chance.sample(having, min(len(having), 8 if how == "discard all" else 1))
                if how == "discard all":
                    edges.discard_all(np.array(nodes, np.int32), other)
                else:
                    edges.discard(nodes[0], other)
                for node in nodes:
                    place = [end for end, _ in rows[node]].index(other)
                    rows[node][place] = rows[node][-1]
                    rows[node].pop()
            case "set":
                node = chance.randrange(len(rows))
                rows[node] = [(end, chance.randint(0, 1_000_000)) for end in chance.sample(range(60), chance.randint(0, 20))]
                edges.set_row(node, np.array([end for end, _ in rows[node]]), np.array([score for _, score in rows[node]]))
            case "empty" if full and chance.random() < 0.3:
                node = chance.choice(full)
                rows[node] = []
                edges.set_row(node, np.array([]), np.array([]))
        if step % 100 == 99:
            says_the_same(edges, rows)


@pytest.mark.parametrize("seed", range(4))
def test_built_at_once_is_the_same_as_built_edge_by_edge(seed: int) -> None:
    chance = random.Random(seed)
    nodes = 40
    pairs = [(a, b) for a in range(nodes) for b in range(nodes) if chance.random() < 0.3]
    chance.shuffle(pairs)
    scores = [chance.randint(0, 1_000_000) for _ in pairs]
    at_once = Adjacency.of(nodes, *np.array([(a, b, score) for (a, b), score in zip(pairs, scores, strict=True)]).T)
    one_by_one, rows = Adjacency(nodes), Rows([] for _ in range(nodes))
    for (node, other), score in zip(pairs, scores, strict=True):
        one_by_one.append(np.array([node]), other, np.array([score]))
        rows[node].append((other, score))
    says_the_same(one_by_one, rows)
    says_the_same(at_once, rows)
    at_once.append(np.array([3]), 1000, np.array([7]))  # its row is full: it moves
    rows[3].append((1000, 7))
    says_the_same(at_once, rows)


def test_nothing_gathered_from_nothing() -> None:
    position, others, scores = Adjacency(5).gather(np.array([], np.int64))
    assert len(position) == len(others) == len(scores) == 0
    position, others, scores = Adjacency(5).gather(np.array([4, 0]))
    assert len(position) == len(others) == len(scores) == 0
    says_the_same(Adjacency.of(2, *np.zeros((3, 0), np.int64)), [[], []])


def test_a_node_that_is_not_there_is_refused() -> None:
    edges = Adjacency(3)
    for node in (-1, 3):
        with pytest.raises(IndexError):
            edges.row(node)
        with pytest.raises(IndexError):
            edges.set_row(node, np.array([0]), np.array([1]))


def test_memory_stays_in_proportion_however_long_the_market_lives() -> None:
    """Up to 20 edges a node, rows that come, grow and go for long: what is given up is used again."""
    nodes, chance = 300, np.random.default_rng(1)
    edges = Adjacency(nodes)
    peak_bytes = 0
    for _ in range(15):
        for node in range(nodes):
            length = int(chance.integers(0, 17))
            edges.set_row(node, np.arange(length), np.full(length, 500_000))
            if length % 2:
                edges.set_row(node, np.array([], np.int32), np.array([], np.int32))
            for other in range(100, 100 + int(chance.integers(0, 5))):
                edges.append(np.array([node]), other, np.array([500_000]))
        peak_bytes = max(peak_bytes, edges.nbytes)
    row_room = 20 * 9 // 8 + 2
    assert peak_bytes < nodes * (12 + 8 * row_room * 8 // 7) * 9 // 8
