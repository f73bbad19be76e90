"""An acknowledged change reaches every connected party, in order, within two seconds; only what is in the way excuses."""

from bisect import bisect_right
from collections import defaultdict
from typing import Any

import msgspec

from tests.faults.checks.acts import move_of
from tests.faults.devices import Connection, Device
from tests.faults.evidence import Evidence, Finding, Sql, finding
from tests.faults.history import Call

WITHIN_SECONDS = 2.0
DEAD_SECONDS = 3.0  # after a server was killed or asked to end, others push what it had not
AFTER_SECONDS = 6.0  # what a fault was in the way of may come a little later still
KILLED_SECONDS = 1.0  # after the acknowledgement: what the server had not yet told is left to others
SURELY_SECONDS = 20.0  # on a connection that lives on for so long it must have come, whatever was in the way

ENTRIES = """
    SELECT conversation_id::text AS conversation, seq, entries.kind, entries.created_at, deal_id::text AS deal, change,
           (SELECT array_agg(user_id::text) FROM parties WHERE parties.deal_id = conversations.deal_id) AS people
      FROM entries JOIN conversations ON conversations.id = conversation_id
"""
Place = tuple[str, int]


async def check(evidence: Evidence, sql: Sql) -> list[Finding]:
    people: dict[Place, list[str]] = {}
    began: dict[Place, float] = {}  # the transaction
    moves: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for row in await sql.fetch(ENTRIES):
        place = (row["conversation"], row["seq"])
        people[place] = row["people"]
        began[place] = evidence.clock.of_database(row["created_at"])
        if row["kind"] == "deal":
            change = msgspec.json.decode(row["change"])
            moves[row["deal"], change["move"], change["by"]].append(place)
    devices: dict[str, list[Device]] = defaultdict(list)
    for device in evidence.devices:
        devices[device.user].append(device)
    heard = {device.name: _first_heard(device) for device in evidence.devices}

    surely = soon = orphans = 0
    never, late, orphans_untold = [], [], []
    for call in evidence.calls:
        said_at = _place_of(call, moves)
        if said_at not in began or call.again or not call.sent_at - 0.1 <= began[said_at] <= call.ended_at:
            # What was acknowledged and is not there is for others to tell (`acts`). Who says what they had said before is
            # answered, and nobody is told.
            continue
        for person in people[said_at]:
            for device in devices[person]:
                connection = _open_during(device, call)
                if connection is None:
                    continue
                at = min((at for at in heard[device.name][said_at] if at >= connection.began_at), default=float("inf"))
                where = f"{said_at} of {call.event} (acknowledged at {call.ended_at:.1f} s by {_server(call)}) to {device.name}"
                was_told = []  # where it must have been: whether it was, at all and in time
                if connection.ended_at > call.ended_at + SURELY_SECONDS or connection.ended_at > evidence.ended_at:
                    surely += 1
                    was_told.append(at <= min(connection.ended_at, evidence.ended_at))
                    if not was_told[-1]:
                        never.append(f"{where}, connected to {connection.server} from {connection.began_at:.1f} s")
                limit = call.ended_at + WITHIN_SECONDS
                if connection.ended_at > limit and not _in_the_way(evidence, call, connection, limit):
                    soon += 1
                    limit += evidence.lag_between(call.sent_at, limit + 0.5)
                    was_told.append(at <= limit)
                    if not was_told[-1]:
                        late.append(f"{where}: {at - call.ended_at:.1f} s")
                if was_told and evidence.weather.killed_between(
                    call.ended_at, call.ended_at + KILLED_SECONDS, evidence.number_of(_server(call))
                ):
                    orphans += 1
                    if not all(was_told):
                        orphans_untold.append(where)
    return [
        finding("an acknowledged change is pushed to every connected party", surely, never),
        finding("also one whose server was killed within a second of the acknowledgement", orphans, orphans_untold),
        finding("within 2 s, where nothing is in the way of it but a server that was killed", soon, late),
        _in_order(evidence),
    ]


def _in_order(evidence: Evidence) -> Finding:
    """Whoever committed it may have been late, or dead, and others told of it: all servers' faults are in the way."""
    spans = evidence.weather.spans(AFTER_SECONDS, DEAD_SECONDS)
    cases = calm = 0
    broken = []
    for device in evidence.devices:
        known: set[Place] = set()  # what is told again, on whatever connection, is dropped by its client
        for connection in device.connections:
            latest: dict[str, int] = defaultdict(int)
            for entry in device.heard:
                if not connection.began_at <= entry.at <= connection.ended_at or (entry.conversation, entry.seq) in known:
                    continue
                known.add((entry.conversation, entry.seq))
                cases += 1
                place = bisect_right(spans, (entry.at, float("inf")))
                if place == 0 or spans[place - 1][1] < entry.at:
                    calm += 1
                    if entry.seq < latest[entry.conversation]:
                        broken.append(
                            f"{device.name} heard {entry.conversation} {entry.seq} after {latest[entry.conversation]}"
                            f" at {entry.at:.1f} s"
                        )
                latest[entry.conversation] = max(entry.seq, latest[entry.conversation])
    return finding("pushes come in the order of seq, where no fault is in the way", calm, broken, f"of {cases} in all")


def _first_heard(device: Device) -> dict[Place, list[float]]:
    heard: dict[Place, list[float]] = defaultdict(list)
    for entry in device.heard:
        heard[entry.conversation, entry.seq].append(entry.at)
    return heard


def _place_of(call: Call, moves: dict[tuple[str, str, str], list[Place]]) -> Place | None:
    """Where the acknowledged call stands in a log, where that is plain."""
    if not call.is_ok or len(call.attempts) != 1:
        return None
    if call.event == "message:send":
        answer: dict[str, Any] = call.answer
        return answer["conversationId"], answer["seq"]
    move = move_of(call)
    places = moves.get((*move, call.user), []) if move is not None else []
    return places[0] if len(places) == 1 else None


def _open_during(device: Device, call: Call) -> Connection | None:
    return next((one for one in device.connections if one.began_at < call.sent_at and one.ended_at > call.ended_at), None)


def _in_the_way(evidence: Evidence, call: Call, connection: Connection, limit: float) -> bool:
    servers = {evidence.number_of(_server(call)), evidence.number_of(connection.server)}
    return evidence.weather.silent(call.sent_at - AFTER_SECONDS, limit, servers)


def _server(call: Call) -> str:
    return call.attempts[-1].server
