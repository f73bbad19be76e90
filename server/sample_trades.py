"""The trades of a batch of a generated market: in every status, each with the log that led to it. No I/O, no clock.

It keeps what no constraint can say: a log tells each move of its deal, in order; an item that a confirmed deal holds is in no
open deal; nobody has read further than the last entry.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from handlers.deals import LOST
from handlers.words import Door, reason_said, status_said
from matching.deal import CLOSED, HOLDING, OPEN, Kind, Move, Status
from server import sample_words as words
from server.sample_chance import Chance
from storage.moves import COMPLETE_WITHIN_DAYS
from storage.sampling import Rows

ITEMS_PER_TRADE = 10
EXPIRES_AFTER = timedelta(days=7)
TOLD_WITHIN = timedelta(days=6)  # from the first move to the last
OPEN_FOR = timedelta(days=60)  # the open ones end over the next two months, not all at once
CONVERSATION_OPEN = timedelta(days=30)  # to write in, after the deal has ended (C20)

STATUSES = {  # of 100 trades
    Status.PROPOSED: 25,
    Status.NEGOTIATING: 22,
    Status.CONFIRMED: 6,
    Status.DISPUTED: 1,
    Status.COMPLETED: 18,
    Status.REJECTED: 14,
    Status.CANCELLED: 6,
    Status.EXPIRED: 8,
}
SETTLED = HOLDING | {Status.COMPLETED}
MOVE_TO = {
    Status.PROPOSED: Move.REQUEST,
    Status.NEGOTIATING: Move.INTEREST,
    Status.CONFIRMED: Move.CONFIRM,
    Status.DISPUTED: Move.DISPUTE,
    Status.COMPLETED: Move.COMPLETE,
    Status.REJECTED: Move.REJECT,
    Status.CANCELLED: Move.CANCEL,
    Status.EXPIRED: Move.EXPIRE,
}


@dataclass(slots=True)
class Item:
    """A row of `items` in the making. `wants` is JSON."""

    id: UUID
    owner: UUID
    first_owner: UUID
    title: str
    description: str
    category_id: UUID
    condition: str
    looking_for: str
    estimated_value: Decimal | None
    governorate: str | None
    wants: str | None
    open_to_give: bool
    sale_price: Decimal | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    status: str = "available"
    version: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """A move that was made. `by` is None for the clock, and where a competing deal was confirmed."""

    at: datetime
    to: Status
    by: UUID | None
    reason: str | None


@dataclass(slots=True)
class Trade:
    id: UUID
    conversation_id: UUID
    status: Status
    offered: Item
    requested: Item
    requester: UUID
    owner: UUID
    steps: list[Step] = field(default_factory=list)

    @property
    def items(self) -> tuple[Item, Item]:
        return self.offered, self.requested


def make_trades(rows: Rows, chance: Chance, items: list[Item], *, messages: int, now: datetime) -> None:
    """Trades over these items, and `messages` messages about them. Changes the items that were swapped or are held."""
    on_market = [item for item in items if item.sale_price is None and item.deleted_at is None]
    chance.shuffle(on_market)
    statuses = [chance.weighted(STATUSES) for _ in range(max(1, len(items) // ITEMS_PER_TRADE))]
    kept = [on_market.pop() for status in statuses for _ in range(2) if status in SETTLED and len(on_market) > 2]
    on_table: set[frozenset[UUID]] = set()
    trades = []
    for status in statuses:
        settled = status in SETTLED and len(kept) >= 2
        pair = (kept.pop(), kept.pop()) if settled else _pair(chance, on_market, on_table)
        if pair is None or pair[0].owner == pair[1].owner:
            continue
        possible = status if settled or status not in SETTLED else Status.PROPOSED
        trades.append(_trade(chance, possible, *pair, now=now))
        if possible in SETTLED:
            _settle(rows, chance, trades[-1], now)
    for trade, count in zip(trades, chance.unequal_shares(messages, len(trades)), strict=True):
        _store(rows, chance, trade, count, now)


def _pair(chance: Chance, on_market: list[Item], on_table: set[frozenset[UUID]]) -> tuple[Item, Item] | None:
    """Two items that no trade names together yet. Some are asked for again and again."""
    for _ in range(20 if len(on_market) >= 2 else 0):
        offered, requested = chance.pick(on_market), on_market[int(len(on_market) * chance.share() ** 3)]
        terms = frozenset((offered.id, requested.id))
        if offered.owner != requested.owner and terms not in on_table:
            on_table.add(terms)
            return offered, requested
    return None


def _trade(chance: Chance, status: Status, offered: Item, requested: Item, *, now: datetime) -> Trade:
    since = max(offered.created_at, requested.created_at)
    if status is Status.EXPIRED and now - since < EXPIRES_AFTER:
        status = Status.PROPOSED  # they have not been listed for long enough
    trade = Trade(chance.id(), chance.id(), status, offered, requested, offered.owner, requested.owner)
    story = [Status.PROPOSED]
    if status in SETTLED or status is Status.NEGOTIATING or (status is not Status.PROPOSED and chance.is_so(0.5)):
        story.append(Status.NEGOTIATING)
    if status in SETTLED:
        story.append(Status.CONFIRMED)
    if status not in story:
        story.append(status)
    if status in OPEN:
        since = max(since, now - TOLD_WITHIN)
    elif status in HOLDING:
        since = max(since, now - timedelta(days=COMPLETE_WITHIN_DAYS + 3))  # a few are overdue
    _tell(chance, trade, story, since, now)
    return trade


def _tell(chance: Chance, trade: Trade, story: list[Status], since: datetime, now: datetime) -> None:
    """The steps to these statuses, in order, the first one after `since`."""
    expired = trade.status is Status.EXPIRED
    began = chance.between(since, now - EXPIRES_AFTER if expired else now)
    until = min(now, began + TOLD_WITHIN)
    times = [began, *sorted(chance.between(began, until) for _ in story[1:])]
    if expired:
        times[-1] = began + EXPIRES_AFTER
    for at, status in zip(times, story, strict=True):
        by: UUID | None = trade.owner
        reason: str | None = None
        if status in (Status.PROPOSED, Status.CANCELLED):
            by = trade.requester
        elif status is Status.DISPUTED:
            by, reason = trade.requester, chance.pick(words.PROBLEMS)
        elif status is Status.EXPIRED:
            by = None
        elif status is Status.REJECTED:
            by, reason = (None, LOST) if chance.is_so(0.3) else (by, chance.pick(words.REFUSALS))
        trade.steps.append(Step(at, status, by, reason))


def _settle(rows: Rows, chance: Chance, trade: Trade, now: datetime) -> None:
    """The items are held; or, where the trade is completed, swapped."""
    at = trade.steps[-1].at
    for item in trade.items:
        item.status, item.updated_at = "traded", at
        if trade.status is not Status.COMPLETED:
            rows["item_holds"].append((item.id, trade.id))
            continue
        item.owner = trade.owner if item is trade.offered else trade.requester
        item.version = 2
        rows["ownership"].append((item.id, 2, item.first_owner, item.owner, trade.id, at))
        if chance.is_so(0.3):  # the new owner has listed it again
            item.status, item.version, item.updated_at = "available", 3, chance.between(at, now)


def _store(rows: Rows, chance: Chance, trade: Trade, messages: int, now: datetime) -> None:
    created, updated = trade.steps[0].at, trade.steps[-1].at
    confirmed = next((step.at for step in trade.steps if step.to is Status.CONFIRMED), None)
    complete_by = confirmed + timedelta(days=COMPLETE_WITHIN_DAYS) if confirmed else None
    overdue = complete_by is not None and complete_by <= now and trade.status in HOLDING
    closed = updated if trade.status in CLOSED else None
    expires = chance.between(now + timedelta(days=1), now + OPEN_FOR) if trade.status in OPEN else created + EXPIRES_AFTER
    rows["deals"].append(
        (
            *(trade.id, Kind.TRADE.value, trade.status.value, sorted(item.id for item in trade.items)),
            *(sorted((trade.requester, trade.owner)), trade.requester, trade.steps[-1].reason),
            *(expires, confirmed, complete_by, complete_by if overdue else None),
            *(updated if trade.status is Status.COMPLETED else None, closed, created, updated),
        )
    )
    rows["revisions"].append((trade.id, 1, trade.requester, "request", created))
    for item in trade.items:
        giver, receiver = (trade.owner, trade.requester) if item is trade.requested else (trade.requester, trade.owner)
        rows["legs"].append((trade.id, 1, item.id, giver, receiver, _snapshot(item)))
    until = min(closed + timedelta(days=2), now) if closed else now
    last_seq, last_at = _talk(rows, chance, trade, messages, until)
    for place, person in enumerate((trade.requester, trade.owner)):
        read_seq = last_seq if chance.is_so(0.7) else chance.below(last_seq + 1)
        answers = sorted(MOVE_TO[step.to].value for step in trade.steps[1:] if step.by == person)
        rows["parties"].append((trade.id, person, place, answers, read_seq))
    closes = closed + CONVERSATION_OPEN if closed else None
    rows["conversations"].append((trade.conversation_id, trade.id, last_seq, closes, created, last_at))


def _snapshot(item: Item) -> str:
    """The item as it was when the trade was proposed (C17)."""
    value = None if item.estimated_value is None else int(item.estimated_value)
    shown = {"title": item.title, "condition": item.condition, "estimatedValue": value}
    return json.dumps(shown | {"image": None, "version": 1, "lookingFor": item.looking_for})


def _talk(rows: Rows, chance: Chance, trade: Trade, messages: int, until: datetime) -> tuple[int, datetime]:
    """The log: steps and messages by time. Its last `seq`, and when that was."""
    log: list[tuple[datetime, UUID | None, str | None, str | None]] = []  # when, sender, text, change
    for step in trade.steps:
        said = reason_said(Door.TRADES, step.to, step.reason)
        change: dict[str, str | None] = {"status": status_said(Door.TRADES, step.to), "move": MOVE_TO[step.to]}
        change |= {"by": str(step.by) if step.by else None} | ({"reason": said} if said else {})
        log.append((step.at, step.by, None, json.dumps(change)))
    for number in range(messages):
        text = chance.pick(words.MESSAGES if number else words.FIRST_MESSAGES)
        sender = trade.requester if chance.is_so(0.5) else trade.owner
        log.append((chance.between(trade.steps[0].at, until), sender, text, None))
    log.sort(key=lambda entry: entry[0])  # stable: the request, earlier than all, stays the first
    for seq, (at, by, text_said, changed) in enumerate(log, start=1):
        kind, sent_id = ("message", str(chance.id())) if text_said else ("deal", None)
        rows["entries"].append((trade.conversation_id, seq, chance.id(), kind, by, text_said, sent_id, changed, at))
    return len(log), log[-1][0]
