"""How likely people are to say yes and to keep their word, and what a deal is worth once that is counted. No clock, no I/O.

A ring comes about only if everyone in it says yes and does as they said, so one who never answers spoils it for all. With
nine of ten saying yes a ring of three comes about in 73 of 100 cases, one of ten in 35.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# What we believe of somebody we know nothing about: three of four yeses, nine of ten promises kept, and we hold on to it as
# if we had seen that in four and in ten cases. So a newcomer is not shut out, one refusal does not brand anybody, and what
# people really do outweighs the belief after about as many cases. Both are beliefs; see what your market does.
YES_PRIOR, ASKED_PRIOR = 3.0, 4.0  # Beta(3, 1)
KEPT_PRIOR, PROMISED_PRIOR = 9.0, 10.0  # Beta(9, 1): breaking a promise is rarer than declining, and is forgiven more slowly


@dataclass(frozen=True, slots=True)
class Record:
    """What somebody did so far. Unanswered until it expired counts as asked; still open counts as nothing."""

    asked: int = 0
    said_yes: int = 0
    promised: int = 0
    kept: int = 0

    def __post_init__(self) -> None:
        assert 0 <= self.said_yes <= self.asked
        assert 0 <= self.kept <= self.promised


def chance(record: Record) -> float:
    """The chance, above 0 and below 1, that they say yes and then keep it: the means of the two Beta posteriors, multiplied."""
    yes = (record.said_yes + YES_PRIOR) / (record.asked + ASKED_PRIOR)
    keeps = (record.kept + KEPT_PRIOR) / (record.promised + PROMISED_PRIOR)
    return yes * keeps


def expected(score: float, chances: Iterable[float]) -> float:
    """What a deal of this score, 0..1, is worth before anybody was asked. `chances`: everyone's, taken as independent."""
    return score * math.prod(chances)
