"""What the people of the run know of the market between them, from answers and pushes. It may be out of date; so may people."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Data = dict[str, Any]

OPEN = {"proposed", "negotiating", "PENDING", "COUNTER_OFFERED", "PROPOSED"}
AGREED = {"confirmed", "ACCEPTED", "DISPUTED"}
CLOSED_KEPT_MAX = 12  # of a person: what they still talk about


@dataclass(slots=True)
class KnownDeal:
    """A deal as the latest answer or push told it. `kind` is the word of its door: trade, offer or chain."""

    id: str
    kind: str
    parties: tuple[str, ...]
    legs: tuple[tuple[str, str, str], ...]  # item, giver, receiver
    status: str
    conversation: str
    awaiting: tuple[str, ...]
    expires_at: float  # seconds of the epoch

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(item for item, _, _ in self.legs)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_agreed(self) -> bool:
        return self.status in AGREED


class World:
    def __init__(self) -> None:
        self.owners: dict[str, str] = {}  # item → person
        self.deals: dict[str, KnownDeal] = {}
        self.last_seqs: dict[str, int] = {}  # conversation → seq
        self._closed: set[str] = set()  # deals
        self._of_person: dict[str, dict[str, None]] = defaultdict(dict)  # deals, the one that was closed last at the end

    def learn(self, event: str, answer: object) -> None:
        """From the answer of a deal's action."""
        kind = event.partition(":")[0]
        if isinstance(answer, dict) and kind in ("trade", "offer", "chain") and "conversation" in answer:
            self._keep(deal_of(kind, answer))

    def hear(self, event: str, push: Data) -> None:
        kind, _, what = event.partition(":")
        if what == "changed" and kind in push:
            self._keep(deal_of(kind, push[kind]))
        if "conversationId" in push and "seq" in push:
            conversation = push["conversationId"]
            self.last_seqs[conversation] = max(push["seq"], self.last_seqs.get(conversation, 0))

    def _keep(self, deal: KnownDeal) -> None:
        if deal.id in self._closed:
            return  # a late push must not open again what is closed
        self.deals[deal.id] = deal
        closed = not (deal.is_open or deal.is_agreed)
        if closed:
            self._closed.add(deal.id)
            if deal.status.lower() == "completed":
                self.owners |= {item: receiver for item, _, receiver in deal.legs if item in self.owners}
        for person in deal.parties:
            mine = self._of_person[person]
            mine.pop(deal.id, None)
            mine[deal.id] = None
            if closed:
                self._forget(mine)

    def _forget(self, mine: dict[str, None]) -> None:
        closed = [number for number in mine if number in self._closed]
        for number in closed[:-CLOSED_KEPT_MAX]:
            del mine[number]
            self.deals.pop(number, None)

    def gone(self, item: str) -> None:
        """It was deleted."""
        self.owners.pop(item, None)

    def items_of(self, person: str) -> list[str]:
        return sorted(item for item, owner in self.owners.items() if owner == person)

    def items_of_others(self, person: str) -> list[str]:
        return sorted(item for item, owner in self.owners.items() if owner != person)

    def deals_of(self, person: str) -> list[KnownDeal]:
        return [self.deals[number] for number in self._of_person[person] if number in self.deals]


def deal_of(kind: str, data: Data) -> KnownDeal:
    """From the wire's trade, offer or chain."""
    parties: tuple[str, ...]
    legs: list[tuple[str, str, str]]
    if kind == "trade":
        parties = (data["requester"], data["owner"])
        legs = [(leg["item"], leg["giver"], leg["receiver"]) for leg in data["legs"]]
        awaiting = parties[1:] if data["status"] in OPEN else parties
    elif kind == "offer":
        first, second = parties = (data["initiatorId"], data["recipientId"])
        legs = [(item, first, second) for item in data["terms"]["offeredItems"]]
        legs += [(item, second, first) for item in data["terms"]["requestedItems"]]
        awaiting = tuple(data["awaiting"])
    else:
        parties = tuple(place["user"]["id"] for place in data["participants"])
        given = {place["givingItem"]["id"]: place["user"]["id"] for place in data["participants"] if place["givingItem"]}
        legs = [
            (place["receivingItem"]["id"], given[place["receivingItem"]["id"]], place["user"]["id"])
            for place in data["participants"]
            if place["receivingItem"]
        ]
        awaiting = tuple(data["awaiting"])
    expires_at = datetime.fromisoformat(data["expiresAt"]).timestamp()
    return KnownDeal(data["id"], kind, parties, tuple(legs), data["status"], data["conversation"], tuple(awaiting), expires_at)
