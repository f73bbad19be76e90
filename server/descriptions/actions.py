"""What every description says of an action, read from its definition."""

import re
import sys
from dataclasses import dataclass
from functools import cached_property

from handlers.action import ADDRESS_RATE, RATES, Action, Limit, Work, camel
from handlers.dispatch import ALWAYS
from handlers.images import IMAGES_MAX
from matching.refusals import IdempotencyMismatch, NotFound, Refusal, TokenExpired, TooLarge, Unauthenticated, UnsupportedMedia
from server.descriptions.schemas import Schema, Shapes
from server.descriptions.words import first_sentence, identifier, said
from server.picture_rendering import SIZE_MB_MAX
from server.rest import PREFIXES
from server.uploads import UPLOAD

PREFIX = PREFIXES[0]
WITHOUT_BODY = ("GET", "DELETE")
# What the upload door takes; its action is given what has become of it (`server.uploads`).
FILES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": IMAGES_MAX,
    "items": {"type": "string", "format": "binary"},
    "description": f"JPEG, PNG or WebP files, of at most {SIZE_MB_MAX} MB each.",
}


@dataclass(frozen=True)
class Described:
    """An action, for whoever is going to call it."""

    action: Action
    shapes: Shapes

    @cached_property
    def story(self) -> str:
        return said(self.action.story)

    @cached_property
    def summary(self) -> str:
        return first_sentence(self.story)

    @cached_property
    def id(self) -> str:
        """`tradeRequest` of `trade:request`; `postAuthRegister` where there is no event."""
        return identifier(self.action.event or f"{self.action.method} {re.sub(r'{.*?}', '', self.action.path or '')}")

    @cached_property
    def subject(self) -> str:
        """The file of handlers/ that it is in: one per noun."""
        return self.action.run.__module__.rpartition(".")[2].capitalize()

    @cached_property
    def about_subject(self) -> str:
        return said(sys.modules[self.action.run.__module__].__doc__)

    @cached_property
    def path(self) -> str:
        """The path with its places named as on the wire, below PREFIX."""
        return re.sub(r"{(\w+)}", lambda place: f"{{{camel(place[1])}}}", self.action.path or "")

    @cached_property
    def asked(self) -> Schema:
        return self.shapes.asked(self.action)

    @cached_property
    def fields(self) -> dict[str, Schema]:
        """The fields that REST has in the query or in the body, and an event in its payload."""
        if self.is_upload:
            return {"image": FILES}
        return {name: field for name, field in self.asked["properties"].items() if name not in self.action.path_fields}

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(self.fields if self.is_upload else self.asked.get("required", ()))

    @property
    def is_upload(self) -> bool:
        return self.action.name == UPLOAD

    @property
    def has_body(self) -> bool:
        return self.action.method is not None and self.action.method not in WITHOUT_BODY

    @property
    def takes_key(self) -> bool:
        """Whether an idempotency key makes it happen once; what is not a transaction needs none."""
        return self.action.work is Work.CHANGE

    @cached_property
    def refusals(self) -> tuple[type[Refusal], ...]:
        """What it may be refused with by either door, by HTTP status."""
        own = set(self.action.refuses)
        if self.action.path_fields:
            own.add(NotFound)
        never: set[type[Refusal]] = set() if self.takes_key else {IdempotencyMismatch}
        if self.action.public:
            never |= {Unauthenticated, TokenExpired}
        return _sorted(own | (set(ALWAYS) - never))

    @cached_property
    def own_refusals(self) -> tuple[type[Refusal], ...]:
        """Those of them that not every action has."""
        return _sorted(set(self.refusals) - set(ALWAYS) | set(self.action.refuses))

    @cached_property
    def rest_refusals(self) -> tuple[type[Refusal], ...]:
        """With those that only a body can bring about."""
        return _sorted({*self.refusals, TooLarge, UnsupportedMedia}) if self.has_body else self.refusals

    @cached_property
    def limit(self) -> str:
        """How often it may be called, in words."""
        most, window_seconds = RATES[self.action.limit]
        who = "account and address" if self.action.limit is Limit.AUTH else "address" if self.action.public else "person"
        text = f"{most} in {span(window_seconds)} per {who} (class `{self.action.limit}`, counted together)"
        if self.action.public:
            text += f"; {ADDRESS_RATE[0]} in {span(ADDRESS_RATE[1])} from one address, over all that needs no sign-in"
        return f"At most {text}."


def span(seconds: int) -> str:
    """A time in words: 'an hour', '15 minutes'."""
    if seconds % 3600 == 0:
        return "an hour" if seconds == 3600 else f"{seconds // 3600} hours"
    return "a minute" if seconds == 60 else f"{seconds // 60} minutes" if seconds % 60 == 0 else f"{seconds} seconds"


def _sorted(refusals: set[type[Refusal]]) -> tuple[type[Refusal], ...]:
    return tuple(sorted(refusals, key=lambda refusal: (refusal.status, refusal.code)))
