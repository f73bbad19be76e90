"""One page of a listing in one query: the rows, and how many there are in all."""

from dataclasses import dataclass, field
from typing import Any

from storage.database import Row, Tx

COUNT_EXACT_MAX = 10_000  # beyond it the planner's estimate is said, and said to be one (contract.md)


@dataclass(slots=True)
class Page:
    rows: list[Row]
    total: int
    total_is_estimate: bool = False


@dataclass(slots=True)
class Where:
    """A growing WHERE clause. Each clause has `{}` where its value goes."""

    clauses: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, clause: str, *values: Any) -> None:
        assert clause.count("{}") == len(values)
        for value in values:
            self.values.append(value)
            clause = clause.replace("{}", f"${len(self.values)}", 1)
        self.clauses.append(clause)

    def sql(self) -> str:
        return " AND ".join(self.clauses) or "true"

    def as_literal(self) -> str:
        """An SQL expression for the same clause as text, with its values quoted into it by PostgreSQL itself."""
        text = self.sql().replace("%", "%%")
        for place in range(len(self.values), 0, -1):
            text = text.replace(f"${place}", f"%{place}$L")
        arguments = "".join(f", ${place}" for place in range(1, len(self.values) + 1))
        return f"format({_quoted(text)}{arguments})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def fetch_page(
    tx: Tx, *, select: str, source: str, joins: str, where: Where, order: str, limit: int, offset: int
) -> Page:
    """Rows `offset` to `offset + limit` of `source`, in `order`, with what `joins` adds to those rows only.

    `source` is `table AS alias`; `select` names columns of the alias and of the joins, and needs an `id`.
    """
    alias = source.split()[-1]
    limit_place, offset_place = len(where.values) + 1, len(where.values) + 2
    # What a page skips is only looked at in an index, where one has the order: the rows come in by their ids.
    # The best way to a rare word is the worst to a common one, so every page is planned for its own values.
    rows = await tx.fetch(
        f"""
        WITH counted AS MATERIALIZED (
            SELECT total, CASE WHEN total > {COUNT_EXACT_MAX}
                               THEN estimated_rows('SELECT FROM {source} WHERE ' || {where.as_literal()}) END AS estimated
              FROM (SELECT count(*) AS total
                      FROM (SELECT FROM {source} WHERE {where.sql()} LIMIT {COUNT_EXACT_MAX + 1}) AS found) AS exact
        ), page AS (
            SELECT {alias}.id AS page_id FROM {source}
             WHERE {where.sql()} AND (${limit_place}::bigint IS NOT NULL OR planned_for_any_value())
             ORDER BY {order} LIMIT ${limit_place} OFFSET ${offset_place}
        )
        SELECT counted.total AS total_counted, counted.estimated AS total_estimated, {select}
          FROM counted LEFT JOIN (page JOIN {source} ON {alias}.id = page_id {joins}) ON true
         ORDER BY {order}
        """,
        *where.values,
        limit,
        offset,
    )
    counted, estimated = rows[0]["total_counted"], rows[0]["total_estimated"]
    if estimated is None:
        total, is_estimate = counted, False
    else:
        # The guess may be wrong by any factor; what has been counted is certain.
        total, is_estimate = max(estimated, COUNT_EXACT_MAX + 1, offset + len(rows)), True
    return Page([row for row in rows if row["id"] is not None], total, is_estimate)
