"""Rings: what one is, found or proposed, and a proposed one as one of its people sees it. Pure."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from client_demo.deals import Deal, Move, NameOf, Thing
from client_demo.wire import Data
from client_demo.words import one_line

STAGES = ("proposed", "pending", "accepted", "completed")
SIGNS = {True: "⟳", False: "⇢"}  # of a cycle, of a chain


class Place(NamedTuple):
    """One person of a ring."""

    person: str  # user id
    name: str
    gives: Thing | None  # None: the last of a chain
    gets: Thing | None  # None: the first of a chain
    fits: float | None = None  # how well what they get is what they want, 0 to 1
    answer: str = ""  # of a proposed ring: PENDING, ACCEPTED, REJECTED or COMPLETED


@dataclass(frozen=True)
class Circle:
    """People in the order in which the things go: each gives to the next, and in a cycle the last one to the first."""

    id: str  # of the opportunity, or of the chain
    is_cycle: bool
    places: tuple[Place, ...]
    score: float
    expected: float | None = None  # the score × the chance that all say yes and keep it
    band: str = ""

    @classmethod
    def of_opportunity(cls, found: Data) -> "Circle":
        """From one of `barter:opportunities`."""
        places = [
            Place(
                place["userId"],
                one_line(place["user"]["fullName"], 40),
                _thing(place["givingItem"]),
                _thing(place["receivingItem"]),
                place["score"],
            )
            for place in found["preview"]
        ]
        is_cycle = found["type"] == "CYCLE"
        return cls(
            found["id"],
            is_cycle,
            _in_giving_order(places, is_cycle),
            found["matchScore"],
            found["expectedCompletion"],
            found["band"],
        )

    @classmethod
    def of_chain(cls, chain: Data) -> "Circle":
        """From what `chain:get` answers, and `chain:changed` tells."""
        awaited = set(chain["awaiting"])
        places = [
            Place(
                place["user"]["id"],
                one_line(place["user"]["fullName"], 40),
                _thing(place["givingItem"]),
                _thing(place["receivingItem"]),
                # Who proposed it is not asked: to propose is to say yes.
                answer="ACCEPTED" if place["status"] == "PENDING" and place["id"] not in awaited else place["status"],
            )
            for place in chain["participants"]
        ]
        is_cycle = chain["chainType"] == "CYCLE"
        return cls(chain["id"], is_cycle, _in_giving_order(places, is_cycle), chain["matchScore"])

    def seen_by(self, me: str) -> "Circle":
        """A cycle turned so that it begins with me. A chain begins with who only gives, whoever looks."""
        here = next((number for number, place in enumerate(self.places) if place.person == me), 0)
        if not self.is_cycle:
            return self
        return replace(self, places=(*self.places[here:], *self.places[:here]))

    def place_of(self, person: str) -> Place:
        return next(place for place in self.places if place.person == person)

    @property
    def sign(self) -> str:
        return SIGNS[self.is_cycle]

    @property
    def kind(self) -> str:
        """ "ring of 3", "chain of 4"."""
        return f"{'ring' if self.is_cycle else 'chain'} of {len(self.places)}"


@dataclass(frozen=True, kw_only=True)
class Ring(Deal):
    """A proposed ring; `circle` begins with me where it is a cycle."""

    noun: ClassVar[str] = "chain"

    circle: Circle
    awaiting: tuple[str, ...]

    @classmethod
    def of(cls, chain: Data, me: str) -> "Ring":
        circle = Circle.of_chain(chain).seen_by(me)
        mine = circle.place_of(me)
        return cls(
            id=chain["id"],
            conversation_id=chain["conversation"],
            status=str(chain["status"]).lower(),
            reason=one_line(chain.get("reason"), 120),
            revision=chain["revision"],
            is_mine=chain["initiatorId"] == me,
            others=tuple(place.person for place in circle.places if place.person != me),
            gives=(mine.gives,) if mine.gives else (),
            gets=(mine.gets,) if mine.gets else (),
            overdue=chain["overdue"],
            me=me,
            updated_at=chain["updatedAt"],
            expires_at=chain.get("expiresAt"),
            complete_by=chain.get("completeBy"),
            names={place.person: place.name for place in circle.places},
            circle=circle,
            awaiting=tuple(chain["awaiting"]),
        )

    @property
    def title(self) -> str:
        return f"{self.circle.sign} {self.names_of(self.gives)} → {self.names_of(self.gets)}"

    @property
    def stages(self) -> tuple[str, ...]:
        return STAGES

    @property
    def stage(self) -> int | None:
        status = "accepted" if self.status == "disputed" else self.status
        return STAGES.index(status) if status in STAGES else None

    @property
    def is_open(self) -> bool:
        return self.status in ("proposed", "pending")

    @property
    def is_held(self) -> bool:
        return self.status in ("accepted", "disputed")

    def call(self, move: Move, words: str) -> tuple[str, Data]:
        payload: Data = {"chainId": self.id}
        if move.verb in ("accept", "reject"):
            payload |= {"accept": move.verb == "accept"} | ({"message": words} if words else {})
            return "chain:respond", payload
        return f"chain:{move.verb}", payload | ({"reason": words} if words else {})

    def moves(self) -> list[Move]:
        if self.is_open:
            return [*self._answers(), *self._taking_back()]
        return self._settling() if self.is_held else []

    def _answers(self) -> list[Move]:
        if self.me not in self.awaiting:
            return []
        what = f"you give {self.names_of(self.gives)}, you get {self.names_of(self.gets)}"
        held = "The things are held once everyone has said yes."
        hint = "Say something with it (optional)"
        return [
            Move("accept", "f3", "Yes", f"Yes: {what}? {held}", "good", asks_reason=True, reason_hint=hint),
            Move("reject", "f8", "No", "Say no? One no ends it for everyone.", "bad", asks_reason=True),
        ]

    def _taking_back(self) -> list[Move]:
        if not self.is_mine:
            return []
        return [Move("cancel", "f9", "Take back", "Take your proposal back, for everyone?", "bad", asks_reason=True)]

    def _settling(self) -> list[Move]:
        moves = []
        if self.me in self.awaiting:
            did = " and ".join(
                part
                for part in (
                    f"handed over {self.names_of(self.gives)}" if self.gives else "",
                    f"received {self.names_of(self.gets)}" if self.gets else "",
                )
                if part
            )
            question = f"Have you {did}? Every thing changes owner once all have said so."
            moves.append(Move("execute", "f4", "My part is done", question, "good"))
        begun = any(place.answer == "COMPLETED" for place in self.circle.places)
        if not begun or self.overdue or self.status == "disputed":
            question = "Step back? Nothing changes hands then, for anybody, and the things become free again."
            moves.append(Move("withdraw", "f9", "Step back", question, "bad", asks_reason=True))
        if self.status != "disputed":
            moves.append(Move("dispute", "f10", "Problem", "Report a problem to everyone in it?", "plain", asks_reason=True))
        return moves

    def hint(self, name: NameOf) -> str:
        waits = self._awaited(name)
        match self.status:
            case "proposed" | "pending" if self.me in self.awaiting:
                return f"your answer is awaited{f', and that of {waits}' if waits else ''}"
            case "proposed" | "pending":
                return f"waiting for {waits}"
            case "disputed":
                return f"problem: {self.reason}"
            case "accepted" if self.overdue:
                return "overdue: settle it"
            case "accepted" if self.me in self.awaiting:
                return "hand over, receive, then say so"
            case "accepted":
                return f"waiting for {waits} to say that it is done"
            case "completed":
                return "everything has changed hands"
        return self.reason if self.reason not in ("", self.status_word) else "nothing changed hands"

    def _awaited(self, name: NameOf) -> str:
        """The others that it waits for, in words."""
        names = [name(person) for person in self.awaiting if person != self.me]
        return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _thing(item: Data | None) -> Thing | None:
    return None if item is None else Thing.of_item(item)


def _in_giving_order(places: list[Place], is_cycle: bool) -> tuple[Place, ...]:
    """In a cycle, each of those on the wire gets the next one's thing; in a chain, each gives to the next."""
    return (places[0], *places[:0:-1]) if is_cycle else tuple(places)
