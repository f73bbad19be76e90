"""The bench of messages, at a tiny scale: everything said is acknowledged and heard, by ours and by pgbench the same."""

from uuid import UUID

import asyncpg

from tests.bench import messages
from tests.bench.pgbench import floor
from tests.conftest import Parts


async def test_everything_is_acknowledged_and_heard() -> None:
    report = await messages.run(seconds=1, rounds=1, connections=(4,))
    assert report.failures == []
    assert [figure.name.split(",")[0] for figure in report.figures] == [
        "messages a second",
        "p99 of an acknowledgement at half that rate",
        "p99 of a push at half that rate",
    ]
    assert "target" in str(report)


async def test_the_floor_does_what_the_product_does(parts: Parts) -> None:
    url = await parts.new_database()
    await messages.stock(url, 4)
    assert (await floor(url, messages.script(), 4, times=25)).rate > 0
    sql = await asyncpg.connect(url)
    rows = await sql.fetch("SELECT sender_id, last_seq FROM entries JOIN conversations AS talk ON talk.id = conversation_id")
    outbox = await sql.fetchval("SELECT count(*) FROM outbox")
    await sql.close()
    assert len(rows) == outbox == 100
    assert {row["last_seq"] for row in rows} == {50}
    assert {row["sender_id"] for row in rows} == {UUID(f"{messages.PERSON}{place:012}") for place in range(4)}
