"""The notifier: pushes notifications once they have committed, whichever process wrote them.

A notification waits in its outbox until it has been pushed. It is taken, pushed and gone in one transaction, so that of several
processes one pushes it, and that of a process that dies is pushed by the next one that looks.
"""

import asyncio
import contextlib
from uuid import UUID

import structlog

from handlers.pushes import NotificationNew
from matching.refusals import Unavailable
from server.relay import PUSHED, Relay, push_of
from storage.database import Database
from storage.notifications import take_unpushed, trim_inbox

log = structlog.get_logger()

BATCH = 200
LOOK_SECONDS = 1.0
GATHER_SECONDS = 0.02  # what commits in this time is pushed in one go
TRIMMED_ONE_IN = 64  # of the notifications bring their person's inbox back to its bound


class Notifier:
    def __init__(self, database: Database, relay: Relay) -> None:
        self._database = database
        self._relay = relay
        self._told_here: set[UUID] = set()  # sockets here do not wait for a Redis that is away, and hear it once

    async def run(self) -> None:
        """Push what there is when somebody says that there is, and look every second, until cancelled."""
        away = False
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._relay.notified.wait(), LOOK_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
            self._relay.notified.clear()
            try:
                while await self._push_some():
                    pass
                away = False
            except Unavailable:
                if not away:
                    log.warning("notifier.put_off")
                away = True
            except Exception:
                log.exception("notifier.bug")

    async def _push_some(self) -> bool:
        """Push a batch; whether there was one. Raises Unavailable."""
        async with self._database.transaction() as tx:
            rows = await take_unpushed(tx, BATCH)
            if not rows:
                return False
            pushes = []
            for row in rows:
                try:
                    push = push_of(NotificationNew.of(row), [row["user_id"]])
                except Exception:
                    log.exception("notifier.cannot_be_shown", notification=str(row["id"]))
                    continue  # it is not met again
                pushes.append(push)
                if row["id"] not in self._told_here:
                    self._told_here.add(row["id"])
                    self._relay.audience.deliver(push)
            if not await self._relay.publish(pushes):
                raise Unavailable  # it stays in the outbox until the other processes can be told
        self._told_here.clear()
        PUSHED.labels(NotificationNew.event, "notified").inc(len(pushes))
        async with self._database.connection() as tx:
            for row in rows:
                if row["id"].bytes[0] < 256 // TRIMMED_ONE_IN:  # it is made of a hash: any one is as likely
                    await trim_inbox(tx, row["user_id"])
        return True
