"""Real want lists, whose shape is another than that of a market that is made up: only where there are some (`WANT_LISTS`).

A folder of gzipped TSV files: a comment, `vertices edges`, then `v owner dummy`, numbered from 0, and `e give want rank`: the
owner of `give` would give it for `want`, their first choice having rank 1. A dummy is no item: it means "one of these".
They rank what they want and score nothing: a first choice counts as perfect here, the last as just good enough.
"""

import gzip
import os
from pathlib import Path

import numpy as np

from client_demo.load.quantiles import Quantiles
from handlers.matchmaker import EXPANSIONS_MAX
from matching.adjacency import Adjacency
from matching.rows import EDGES_MAX
from matching.scoring import ONE, SHOWN_MIN
from matching.search import Graph, best_cycles
from tests.bench.report import Figure, Report
from tests.bench.timing import taken

FOLDER = "WANT_LISTS"
COUNT, PARTIES = 10, 5


def measure(report: Report, look_up_seconds: float) -> None:
    folder = os.environ.get(FOLDER)
    for file in sorted(Path(folder).glob("*.tsv.gz")) if folder else ():
        graph = read(file)
        slots = [slot for slot in range(graph.out.nodes) if graph.out.degree(slot) and graph.into.degree(slot)]
        seconds, with_rings, exact = [], 0, 0
        for slot in slots:
            time, found = taken(best_cycles, graph, slot, parties_max=PARTIES, count=COUNT, expansions_max=EXPANSIONS_MAX)
            seconds.append(time)
            with_rings += bool(found.paths)
            exact += found.exact
        of = Quantiles.of(seconds)
        name = file.name.removesuffix(".tsv.gz")
        for quantile, value in (("p50", of.p50), ("p99", of.p99)):
            report.add(
                Figure(f"{name}, rings of up to {PARTIES}: {quantile}", [value], [look_up_seconds], "look-up", floor_unit="µs")
            )
        report.note(
            f"{name}: {graph.out.nodes:,} items, {graph.out.edges:,} edges; of {len(slots)} items that are wanted and want, "
            f"{with_rings} are in a ring of up to {PARTIES}; {exact} answers were exact."
        )


def read(file: Path) -> Graph:
    """The list as a market's graph: dummies left out, the EDGES_MAX first choices of each item."""
    owner: dict[int, int] = {}
    dummies: set[int] = set()
    choices: dict[int, list[tuple[int, int]]] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            kind, *numbers = line.split()
            if kind == "v":
                vertex = len(owner)
                owner[vertex], dummy = map(int, numbers)
                dummies |= {vertex} if dummy else set()
            elif kind == "e":
                give, want, rank = map(int, numbers)
                choices.setdefault(give, []).append((rank, want))
    items = sorted(owner.keys() - dummies)
    slot = {item: place for place, item in enumerate(items)}
    edges = []
    for give in items:
        wanted = dict.fromkeys(
            item
            for _, want in sorted(choices.get(give, ()))
            for item in ([end for _, end in sorted(choices.get(want, ()))] if want in dummies else [want])
            if item not in dummies and owner[item] != owner[give]
        )
        kept = list(wanted)[:EDGES_MAX]
        step = (ONE - SHOWN_MIN) // max(1, len(kept))
        edges += [(slot[give], slot[want], ONE - place * step) for place, want in enumerate(kept)]
    sources, ends, scores = (np.array(column, np.int64) for column in zip(*edges, strict=True))
    people = {person: number for number, person in enumerate(sorted(set(owner.values())))}
    return Graph(
        out=Adjacency.of(len(items), sources, ends, scores),
        into=Adjacency.of(len(items), ends, sources, scores),
        owner=np.array([people[owner[item]] for item in items], np.int32),
        gives=np.zeros(len(items), np.bool_),
        rank=list(range(len(items))),
    )
