"""The bench of trades: all are completed, by the product and by pgbench, which does as the product does."""

import re
from dataclasses import replace

from tests.bench import trades
from tests.bench.recorded import Script, Statement


async def test_as_many_trades_are_completed_by_pgbench_as_by_the_product_and_no_promise_is_broken() -> None:
    courses = [replace(course, each=2, each_by_pgbench=7) for course in trades.COURSES]
    report = await trades.run(courses, connections=4, rounds=1)
    assert report.failures == []
    assert [figure.name for figure in report.figures if figure.at_least] == ["confirm and complete: a second"]
    assert all(value > 0 for figure in report.figures for value in (*figure.values, *figure.floors))
    took = {name: int(count) for name, count, *_ in report.times}
    assert took["confirm and complete: trade:confirm"] == took["confirm and complete: trade:complete"] == 4 * 2
    assert took["request to completion: trade:request"] == 4 * 2
    assert took["request to completion: all of it by pgbench"] == 4 * 7


def test_a_statement_is_pgbench_s_with_the_ids_of_each_run_in_the_place_of_those_that_were_noted() -> None:
    noted, asked = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    made = "33333333-3333-4333-8333-333333333333"
    script = Script(
        "swap",
        [
            Statement("BEGIN;", [], []),
            Statement(
                "UPDATE deals SET reason = $2, status = $3 WHERE id = $1 AND $1 <> ALL ($4)",
                [noted, None, "confirmed", f'{{"{noted}","{made}"}}'],
                ["uuid", "text", "text", "uuid[]"],
            ),
        ],
    )
    fetch, *statements = script.text.splitlines()
    assert statements == [
        "BEGIN;",
        "UPDATE deals SET reason = NULL::text, status = :v0::text WHERE id = :v1::uuid AND :v1::uuid <> ALL (:v2::uuid[]);",
    ]
    assert fetch.startswith("SELECT v0, v1, v2 FROM swap_own CROSS JOIN swap_shared WHERE number = ")
    ((number, its_id, both),) = script._rows([{noted: asked}])
    assert (number, its_id) == (1, asked)
    made_up = re.fullmatch(rf'{{"{asked}","(.*)"}}', both)
    assert made_up is not None
    assert made_up[1] not in (made, noted, asked)
