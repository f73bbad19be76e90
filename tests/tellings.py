"""Whether everybody in a deal is told the same of it: by its door, by its log, and by what each of their devices was pushed."""

import asyncio
from collections import defaultdict
from typing import Any
from uuid import UUID

from tests.crowds import Crowd
from tests.devices import LOGGED, first_times
from tests.people import Person
from tests.waiting import until

Log = list[dict[str, Any]]
# By kind of deal: how to ask for one, its id's name, and what a push calls it.
ASKED_BY = {
    "trade": ("trade:get", "tradeId", "trade"),
    "offer": ("offer:get", "offerId", "offer"),
    "cycle": ("chain:get", "chainId", "chain"),
    "chain": ("chain:get", "chainId", "chain"),
}


async def check_that_all_are_told_the_same(crowd: Crowd, since: int) -> int:
    """Of every deal that the crowd has opened after the first `since`. How many there are by now."""
    async with crowd.market.sql() as connection:
        deals = await connection.fetch(
            """
            SELECT deal.id, deal.kind, deal.party_ids, conversation.id AS conversation_id, conversation.last_seq
              FROM deals AS deal JOIN conversations AS conversation ON conversation.deal_id = deal.id
             WHERE deal.party_ids && $1::uuid[] ORDER BY deal.created_at, deal.id OFFSET $2
            """,
            [UUID(person) for person in crowd.elsewhere],
            since,
        )
    devices = [(person.id, device) for person in _people(crowd) for device in (person, crowd.elsewhere[person.id])]
    wanted = {(str(deal["conversation_id"]), seq) for deal in deals for seq in range(1, deal["last_seq"] + 1)}
    in_it = {str(deal["conversation_id"]): {str(party) for party in deal["party_ids"]} for deal in deals}
    heard = []
    for person_id, device in devices:
        of_theirs = {place for place in wanted if person_id in in_it[place[0]]}
        await until(lambda device=device, due=of_theirs: due <= _places(device), what="being told of it")  # type: ignore[misc]
        heard.append((person_id, _by_conversation(device)))
    for deal in deals:
        conversation, parties = str(deal["conversation_id"]), {str(party) for party in deal["party_ids"]}
        log, status = await _told(crowd, deal["kind"], str(deal["id"]), conversation, parties)
        changes = {entry["seq"]: entry["change"] for entry in log if entry["kind"] == "deal"}
        assert changes[max(changes)]["status"] == status, "the log ends as the deal has"
        for person_id, pushes in heard:
            if person_id in parties:
                _check_pushes(pushes[conversation], changes, deal["last_seq"], ASKED_BY[deal["kind"]][2], status)
            else:
                assert conversation not in pushes, "what strangers do is no business of theirs"
    return since + len(deals)


async def _told(crowd: Crowd, kind: str, deal_id: str, conversation: str, parties: set[str]) -> tuple[Log, str]:
    """The log and the status that every party is answered, from either server."""
    event, name, _ = ASKED_BY[kind]
    people = [person for person in _people(crowd) if person.id in parties]
    assert len(people) == len(parties)
    asking = [person.by_rest("message:list", conversationId=conversation, limit=100) for person in people]
    logs = await asyncio.gather(*asking)
    deals = await asyncio.gather(*(crowd.elsewhere[person.id].by_rest(event, **{name: deal_id}) for person in people))
    assert all(log == logs[0] for log in logs), "one log for all"
    assert all(deal == deals[0] for deal in deals), "one deal for all"
    assert [entry["seq"] for entry in logs[0]] == list(range(1, len(logs[0]) + 1))
    return logs[0], deals[0]["status"]


def _check_pushes(pushes: Log, changes: dict[int, Any], last_seq: int, name: str, status: str) -> None:
    assert first_times([push["seq"] for push in pushes]) == list(range(1, last_seq + 1)), "in the order of the log"
    told = {push["seq"]: push["change"] for push in pushes if "clientMessageId" not in push}
    assert told == changes, "what is pushed is what the log says"
    (*_, last) = (push for push in pushes if push["seq"] == max(changes))
    assert last[name]["status"] == status, "the last push shows how it has ended"


def _people(crowd: Crowd) -> list[Person]:
    return [crowd.alice, crowd.bob, crowd.carol, crowd.dave]


def _places(device: Person) -> set[tuple[str, int]]:
    return {(body["conversationId"], body["seq"]) for event, body in device.heard if event in LOGGED}


def _by_conversation(device: Person) -> dict[str, Log]:
    found: dict[str, Log] = defaultdict(list)
    for event, body in device.heard:
        if event in LOGGED:
            found[body["conversationId"]].append(body)
    return found
