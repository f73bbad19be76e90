"""What was measured as a picture."""

from collections.abc import Sequence

from tests.bench.report import Report


def drawn(reports: Sequence[Report]) -> str:
    return ""
