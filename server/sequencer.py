"""Puts the entries of each conversation in order of `seq` before they are pushed to a room.

Two commits that follow each other can be heard of in the other order: from two connections, or from two processes. An entry
that is early waits for the ones before it: for as long as it takes until what a process left over when it died is found in the
outbox (server.relay), and no longer. Then it is late by less than the promised 2 s, and older ones may come after it; clients
order by `seq`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

CONVERSATIONS_MAX = 1_000
FIRST_WAIT_SECONDS = 0.1  # nothing is known of the conversation yet: is another entry on its way?
GAP_WAIT_SECONDS = 1.4  # an outbox row is due after 1 s, is found within server.relay.LOOK_SECONDS, and is yet to be pushed
EARLY_MAX = 1_000  # of one conversation

Send = Callable[[], None]


class Sequencer:
    def __init__(self) -> None:
        self._last: OrderedDict[UUID, int] = OrderedDict()
        self._early: dict[UUID, dict[int, list[Send]]] = {}  # an entry may come twice
        self._waits: dict[UUID, asyncio.TimerHandle] = {}  # one for each conversation in `_early`

    def take(self, conversation_id: UUID, seq: int, send: Send) -> None:
        """Call `send` when it is this entry's turn, or after a short wait."""
        last = self._last.get(conversation_id)
        if last is None and seq > 1:
            self._hold(conversation_id, seq, send, FIRST_WAIT_SECONDS)
        elif last is not None and seq <= last:
            send()  # late, or once more
        elif seq == (last or 0) + 1:
            send()
            self._sent(conversation_id, seq)
            self._send_next(conversation_id)
        else:
            self._hold(conversation_id, seq, send, GAP_WAIT_SECONDS)

    def _hold(self, conversation_id: UUID, seq: int, send: Send, seconds: float) -> None:
        early = self._early.setdefault(conversation_id, {})
        early.setdefault(seq, []).append(send)
        if conversation_id not in self._waits:
            self._wait(conversation_id, seconds)
        elif len(early) > EARLY_MAX:
            self._waits[conversation_id].cancel()
            self._give_up(conversation_id)

    def _wait(self, conversation_id: UUID, seconds: float) -> None:
        self._waits[conversation_id] = asyncio.get_running_loop().call_later(seconds, self._give_up, conversation_id)

    def _give_up(self, conversation_id: UUID) -> None:
        """Whatever has not come by now: send what is here."""
        if conversation_id not in self._last:  # the log begins here with the first that came; a gap in it is another wait
            self._sent(conversation_id, min(self._early[conversation_id]) - 1)
            self._send_next(conversation_id)
            return
        del self._waits[conversation_id]
        early = self._early.pop(conversation_id)
        for seq in sorted(early):
            for send in early[seq]:
                send()
            self._sent(conversation_id, seq)

    def _send_next(self, conversation_id: UUID) -> None:
        early = self._early.get(conversation_id)
        if early is None:
            return
        while (sends := early.pop(self._last[conversation_id] + 1, None)) is not None:
            for send in sends:
                send()
            self._sent(conversation_id, self._last[conversation_id] + 1)
        # The wait was for what has come. What is still early waits for something else, and has its own full time for it.
        self._waits.pop(conversation_id).cancel()
        if early:
            self._wait(conversation_id, GAP_WAIT_SECONDS)
        else:
            del self._early[conversation_id]

    def _sent(self, conversation_id: UUID, seq: int) -> None:
        self._last[conversation_id] = max(seq, self._last.get(conversation_id, 0))
        self._last.move_to_end(conversation_id)
        while len(self._last) > CONVERSATIONS_MAX:
            self._last.popitem(last=False)
