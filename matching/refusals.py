"""Every refusal the product can give: a class each. Its name is the code, its docstring the message.

A refusal is an answer: nothing changed, and the caller can read why. Any other exception is a bug.

    Refusal
    ├── 400  InvalidRequest  SelfBarter  ActiveListing  OfferExpired  ChainExpired  AlreadyResponded  NoMatches  ResetInvalid
    ├── 401  Unauthenticated  TokenExpired  InvalidCredentials
    ├── 403  Forbidden  NotOwner  NotParticipant  ConversationClosed
    ├── 404  NotFound
    ├── 409  EmailTaken  ItemUnavailable  ItemLocked  DuplicateOffer  InvalidState  StaleRevision  OpportunityChanged
    │        ChainInExecution
    ├── 413  TooLarge
    ├── 415  UnsupportedMedia
    ├── 422  IdempotencyMismatch
    ├── 429  RateLimited
    ├── 500  Internal
    └── 503  Unavailable

Statuses and codes are the contract's ("Two doors, one answer"); 400 against 409 follows C38: what another
actor took first is 409.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar


class Refusal(Exception):
    """The request was refused."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "REFUSED"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper()

    def __init__(
        self, message: str | None = None, *, field: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.field = field
        self.details = details
        super().__init__(self.message)


class InvalidRequest(Refusal):
    """The request is not of the right shape."""


class SelfBarter(Refusal):
    """You cannot barter with yourself"""


class ActiveListing(Refusal):
    """Cannot barter items that have active sale listings. Please close the listing first."""


class OfferExpired(Refusal):
    """This offer has expired"""


class ChainExpired(Refusal):
    """This barter chain has expired"""


class AlreadyResponded(Refusal):
    """You have already responded to this proposal"""


class NoMatches(Refusal):
    """No suitable barter matches found for this item"""


class ResetInvalid(Refusal):
    """This reset link is not valid any more. Please ask for a new one."""


class Unauthenticated(Refusal):
    """Please sign in."""

    status = 401


class TokenExpired(Refusal):
    """The access token has expired."""

    status = 401


class InvalidCredentials(Refusal):
    """The e-mail address or the password is not right."""

    status = 401


class Forbidden(Refusal):
    """This move is not yours to make."""

    status = 403


class NotOwner(Refusal):
    """This item does not belong to you."""

    status = 403


class NotParticipant(Refusal):
    """You are not a participant in this barter chain"""

    status = 403


class ConversationClosed(Refusal):
    """This conversation can only be read now."""

    status = 403


class NotFound(Refusal):
    """There is nothing here, or it is not yours to see."""

    status = 404


class EmailTaken(Refusal):
    """There is an account with this e-mail address already."""

    status = 409


class ItemUnavailable(Refusal):
    """An item is not available any more."""

    status = 409


class ItemLocked(Refusal):
    """The item is promised in a confirmed deal."""

    status = 409


class DuplicateOffer(Refusal):
    """The same swap is already on the table between you two."""

    status = 409


class InvalidState(Refusal):
    """The deal is not in a state that allows this."""

    status = 409


class StaleRevision(Refusal):
    """The terms have changed since you saw them."""

    status = 409


class OpportunityChanged(Refusal):
    """This opportunity is not there any more: an item in it, or what somebody wants, has changed."""

    status = 409


class ChainInExecution(Refusal):
    """Somebody has confirmed the exchange already; the chain cannot be called off now."""

    status = 409


class TooLarge(Refusal):
    """That is larger than we take."""

    status = 413


class UnsupportedMedia(Refusal):
    """We cannot read this kind of content."""

    status = 415


class IdempotencyMismatch(Refusal):
    """This idempotency key was used with another request."""

    status = 422


class RateLimited(Refusal):
    """Too many requests. Please wait a little."""

    status = 429


class Internal(Refusal):
    """Something went wrong on our side. Please tell us the request id."""

    status = 500


class Unavailable(Refusal):
    """The service cannot answer right now. Trying again with the same key is safe."""

    status = 503
