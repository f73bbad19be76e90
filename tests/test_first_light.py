"""The whole way once: two people, one trade, one conversation (S1.1 to S1.3)."""

import pytest

from tests.people import Cast


@pytest.mark.parametrize("door", ["socket", "rest"])
async def test_two_people_trade_and_talk(cast: Cast, door: str) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    camera, bicycle = await alice.lists("A camera"), await bob.lists("A bicycle")

    trade = await alice.through(door, "trade:request", offeredItem=camera, requestedItem=bicycle, message="Would you swap?")
    assert (trade["status"], trade["requester"], trade["owner"]) == ("proposed", alice.id, bob.id)
    assert (trade["offeredItem"], trade["requestedItem"]) == (camera, bicycle)
    pushed = await bob.hears("trade:changed")
    assert pushed["seq"] == 1
    assert pushed["change"] == {"status": "proposed", "move": "request", "by": alice.id}
    assert pushed["trade"]["id"] == trade["id"]
    assert (await bob.hears("message:new"))["text"] == "Would you swap?"

    said = await bob.through(door, "message:send", conversationId=trade["conversation"], text="Gladly.", clientMessageId="m-1")
    assert said["seq"] == 3
    assert await alice.hears("message:new", lambda entry: entry["seq"] == 3) == said

    read = await alice.through(door, "message:read", conversationId=trade["conversation"])
    assert read == {"lastReadSeq": 3, "unread": 0}
    mark = {"conversationId": trade["conversation"], "userId": alice.id, "seq": 3}
    assert await bob.hears("message:read") == mark

    one = {"tradeId": trade["id"]}
    assert (await bob.through(door, "trade:interest", **one))["status"] == "negotiating"
    assert (await bob.through(door, "trade:confirm", **one))["status"] == "confirmed"
    done = await alice.through(door, "trade:complete", **one)
    assert done["status"] == "completed"
    assert done["completedAt"] is not None

    assert (await bob.through(door, "item:get", itemId=camera))["owner"] == bob.id
    assert (await bob.through(door, "item:get", itemId=bicycle))["owner"] == alice.id
    ledger = await alice.through(door, "item:history", itemId=camera)
    assert [(line["seq"], line["from"], line["to"], line["dealId"]) for line in ledger] == [
        (1, None, alice.id, None),
        (2, alice.id, bob.id, trade["id"]),
    ]
    await bob.hears("trade:changed", lambda push: push["change"]["status"] == "completed")
    seqs = [body["seq"] for event, body in bob.heard if event in ("trade:changed", "message:new")]
    assert seqs == [1, 2, 3, 4, 5, 6]
