"""What people do: list, propose, answer, counter, haggle in rings, talk and read, at random but by their seed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from tests.faults.devices import Device
from tests.faults.world import KnownDeal, World

THINK_SECONDS = 0.7
TEXTS = ("Is it still there?", "هل ما زالت متاحة؟", "I could come by tomorrow.", "It has a scratch.", "Yes!")
CATEGORIES = ("cameras", "bicycles", "guitars")
RUSH_MAX = 4
CONFIRMED_AT_ONCE_MAX = 4
ITEMS_MAX = 300  # of all: in a long run who lists one more takes one down, so that what grows is no market's
LAST_MOMENT_SECONDS = 5.0

Act = Callable[[], Awaitable[object]]


class Somebody:
    """Acts with one device until told to stop. Others can call them to a rush: all propose for one item at once."""

    def __init__(self, device: Device, world: World, others: "list[Somebody]") -> None:
        self.device = device
        self.world = world
        self.chance = device.chance
        self._others = others
        self._call = asyncio.Event()
        self._rush_for: str | None = None
        self._made = 0
        self._acts: list[tuple[int, Act]] = [
            (26, self._talk),
            (12, self._read),
            (5, self._list),
            (1, self._take_down),
            (4, self._edit),
            (8, self._relist),
            (14, self._propose),
            (40, self._answer),
            (16, self._answer_at_the_last_moment),
            (4, self._open_ring),
            (5, self._look_at_history),
            (3, self._look_around),
        ]

    @property
    def me(self) -> str:
        return self.device.user

    async def act_until(self, done: asyncio.Event) -> None:
        weights = [weight for weight, _ in self._acts]
        while not done.is_set():
            item = await self._think(done)
            if done.is_set():
                return
            if item is not None:
                await self._propose(item)
                continue
            (act,) = self.chance.choices([act for _, act in self._acts], weights)
            await act()

    async def _think(self, done: asyncio.Event) -> str | None:
        """A pause; an item that somebody calls to meanwhile."""
        self._rush_for = None
        self._call.clear()
        pause_seconds = min(self.chance.expovariate(1 / THINK_SECONDS), 5 * THINK_SECONDS)
        called = asyncio.ensure_future(self._call.wait())
        ended = asyncio.ensure_future(done.wait())
        await asyncio.wait({called, ended}, timeout=pause_seconds, return_when=asyncio.FIRST_COMPLETED)
        called.cancel()
        ended.cancel()
        return self._rush_for

    def _token(self) -> str:
        """A text that nobody else ever writes: by it, what a call did is found in the database."""
        self._made += 1
        return f"{self.device.name}-{self._made}"

    # Things

    async def _list(self) -> None:
        if len(self.world.owners) >= ITEMS_MAX:
            await self._take_down()
        await self.list_one(self.chance.randrange(len(CATEGORIES)))

    async def list_one(self, place: int) -> None:
        """A thing whose owner wants what comes after it in the circle of categories: so there are rings to be found."""
        call = await self.device.make(
            "item:create",
            title=f"A thing {self._token()}",
            description="As described.",
            category=CATEGORIES[place],
            condition="GOOD",
            lookingFor="item_swap",
            estimatedValue=100 + self.chance.randrange(20),
            wants={"categories": [CATEGORIES[(place + 1) % len(CATEGORIES)]]},
            openToGive=self.chance.random() < 0.2,
        )
        if call.is_ok:
            self.world.owners[call.answer["id"]] = self.me

    async def _edit(self) -> None:
        if mine := self.world.items_of(self.me):
            await self.device.make("item:update", itemId=self.chance.choice(mine), description=f"Now {self._token()}")

    async def _take_down(self) -> None:
        mine = self.world.items_of(self.me)
        if len(mine) > 1:
            item = self.chance.choice(mine)
            call = await self.device.make("item:delete", itemId=item)
            if call.is_ok:
                self.world.gone(item)

    async def _relist(self) -> None:
        """What one got by a trade can be traded on."""
        if mine := self.world.items_of(self.me):
            await self.device.make("item:update", itemId=self.chance.choice(mine), status="available")

    # Deals

    async def _propose(self, wanted: str | None = None) -> None:
        mine = self.world.items_of(self.me)
        theirs = self.world.items_of_others(self.me)
        if not mine or not theirs:
            return
        offered = self.chance.choice(mine)
        # Some things are wanted by everybody: there, deals collide.
        wanted = wanted or theirs[int(len(theirs) * self.chance.random() ** 3)]
        expires = {}
        if self.chance.random() < 0.35:
            expires = {"expiresAt": _in_seconds(self.chance.uniform(1.5, 8.0))}
        if self.chance.random() < 0.6:
            await self.device.make(
                "trade:request", offeredItem=offered, requestedItem=wanted, message=f"Swap? {self._token()}", **expires
            )
        else:
            await self.device.make(
                "offer:create", offeredItemId=offered, requestedItemId=wanted, notes=f"Swap? {self._token()}", **expires
            )

    async def _answer(self) -> None:
        mine = [deal for deal in self.world.deals_of(self.me) if deal.is_open or deal.is_agreed]
        waiting = [deal for deal in mine if self.me in deal.awaiting]
        if not mine:
            return
        deal = self.chance.choice(waiting or mine) if self.chance.random() < 0.9 else self.chance.choice(mine)
        if deal.is_agreed:
            await self._finish(deal)
        elif deal.kind == "chain":
            yes = self.chance.random() < 0.92
            await self.device.make("chain:respond", chainId=deal.id, accept=yes)
        elif deal.kind == "offer":
            await self._answer_offer(deal)
        else:
            await self._answer_trade(deal)

    async def _answer_at_the_last_moment(self) -> None:
        """Just before a deal expires, or just after: also what is agreed to at that moment is so in time, or not at all."""
        now = time.time()
        expiring = [
            deal
            for deal in self.world.deals_of(self.me)
            if deal.is_open
            and self.me in deal.awaiting
            and deal.kind != "chain"
            and 0 < deal.expires_at - now < LAST_MOMENT_SECONDS
        ]
        if not expiring:
            return
        deal = self.chance.choice(expiring)
        await asyncio.sleep(max(0.0, deal.expires_at - now + self.chance.uniform(-0.1, 0.15)))
        if deal.status == "proposed":
            await self.device.make("trade:interest", tradeId=deal.id)
        else:
            await self._say_yes(deal)

    async def _answer_trade(self, deal: KnownDeal) -> None:
        fate = self.chance.random()
        if deal.parties[0] == self.me and fate < 0.6:
            if fate < 0.1:
                await self.device.make("trade:cancel", tradeId=deal.id)
        elif fate < 0.06:
            await self.device.make("trade:reject", tradeId=deal.id)
        elif deal.status == "proposed":
            await self.device.make("trade:interest", tradeId=deal.id)
        else:
            await self._confirm(deal)

    async def _confirm(self, deal: KnownDeal) -> None:
        """Say yes; to all deals over the same things at once, while others are called to propose for them."""
        rivals = [
            other
            for other in self.world.deals.values()
            if other.id != deal.id
            and self.me in other.awaiting
            and (other.status in ("negotiating", "COUNTER_OFFERED") or other.kind == "offer")
            and other.is_open
            and set(other.items) & set(deal.items)
        ]
        if self.chance.random() < 0.5:
            self._call_others(self.chance.choice(deal.items))
            await asyncio.sleep(self.chance.random() * 0.02)
        at_once = [deal, *rivals[: CONFIRMED_AT_ONCE_MAX - 1]] if self.chance.random() < 0.6 else [deal]
        await asyncio.gather(*(self._say_yes(one) for one in at_once))

    async def _say_yes(self, deal: KnownDeal) -> None:
        if deal.kind == "offer":
            await self.device.make("offer:accept", offerId=deal.id)
        else:
            await self.device.make("trade:confirm", tradeId=deal.id)

    async def _answer_offer(self, deal: KnownDeal) -> None:
        fate = self.chance.random()
        mine = [item for item in self.world.items_of(self.me) if item not in deal.items]
        if fate < 0.08:
            await self.device.make("offer:reject", offerId=deal.id)
        elif fate < 0.16:
            await self.device.make("offer:cancel", offerId=deal.id)
        elif fate < 0.4 and mine:
            item = self.chance.choice(mine)
            await self.device.make("offer:counter", offerId=deal.id, counterOfferItemId=item, notes=f"Rather {self._token()}")
        else:
            await self._confirm(deal)

    async def _finish(self, deal: KnownDeal) -> None:
        fate = self.chance.random()
        if deal.kind == "chain":
            if fate < 0.08:
                await self.device.make("chain:withdraw", chainId=deal.id)
            else:
                await self.device.make("chain:execute", chainId=deal.id)
        elif fate < 0.12:
            await self.device.make("trade:cancel", tradeId=deal.id)
        elif fate < 0.15:
            await self.device.make("trade:dispute", tradeId=deal.id)
        elif deal.kind == "offer":
            await self.device.make("offer:complete", offerId=deal.id)
        else:
            await self.device.make("trade:complete", tradeId=deal.id)

    async def _open_ring(self) -> None:
        if mine := self.world.items_of(self.me):
            item = self.chance.choice(mine)
            await self.device.make(
                "chain:create", itemId=item, maxParticipants=self.chance.choice((3, 4)), preferCycles=self.chance.random() < 0.7
            )

    def _call_others(self, item: str) -> None:
        idle = [one for one in self._others if one.me != self.me and one._rush_for is None]
        for one in self.chance.sample(idle, min(RUSH_MAX, len(idle))):
            one._rush_for = item
            one._call.set()

    # Talk

    async def _talk(self) -> None:
        if (conversation := self._any_conversation()) is not None:
            text = f"{self.chance.choice(TEXTS)} {self._token()}"
            await self.device.make("message:send", conversationId=conversation, text=text)

    async def _read(self) -> None:
        """Up to the last, or to some earlier one, as a second device does that lags behind: the mark must not go back."""
        if (conversation := self._any_conversation()) is not None:
            last = self.world.last_seqs.get(conversation, 0)
            seq = self.chance.randint(1, last) if last and self.chance.random() < 0.6 else None
            door = self.device.any_door()
            await self.device.act("message:read", door=door, conversationId=conversation, seq=seq)

    def _any_conversation(self) -> str | None:
        mine = [deal.conversation for deal in self.world.deals_of(self.me)]
        return self.chance.choice(mine[-12:]) if mine else None

    # Looking

    async def _look_at_history(self) -> None:
        if self.world.owners:
            item = self.chance.choice(sorted(self.world.owners))
            await self.device.act("item:history", door=self.device.any_door(), itemId=item)

    async def _look_around(self) -> None:
        event = self.chance.choice(("item:list", "conversation:list", "notification:list", "offer:mine", "chain:pending"))
        await self.device.act(event, door=self.device.any_door())


def _in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
