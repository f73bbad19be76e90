"""What was asked and what came of it: one JSON line per call, written as it ends. Of answers, little is kept in memory."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from client_demo.attempts import Attempt

ATTEMPTS_KEPT_MAX = 20
# What is checked of an answer, by its event; of one that has a status, that.
CHECKED = {
    "message:send": ("conversationId", "seq"),
    "message:read": ("lastReadSeq",),
    "item:create": ("id",),
}
CHECKED_OF_EACH = {
    "conversation:list": ("id", "lastSeq", "lastReadSeq", "unread"),
    "item:history": ("dealId",),
}


@dataclass(slots=True)
class Call:
    """One call by one device. Its times are the run's clock. `outcome` is "ok", "refused" or "unknown"."""

    number: int
    user: str
    device: str
    event: str
    payload: dict[str, Any]
    key: str | None
    sent_at: float
    ended_at: float = 0.0
    outcome: str = "unknown"
    code: str = ""  # a refusal's
    message: str = ""
    answer: Any = None  # once it is in the file: only what is checked by it
    said: str = ""  # the whole of outcome and answer, as a digest
    attempts: list[Attempt] = field(default_factory=list)
    again: str = ""  # "later" or "at once": the same key was used before, or at the same time

    @property
    def is_ok(self) -> bool:
        return self.outcome == "ok"


class History:
    """Calls in the order in which they began; the file has them in the order in which they ended."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.calls: list[Call] = []
        self._file: TextIO = path.open("w", encoding="utf-8")

    def begin(self, **facts: Any) -> Call:
        call = Call(number=len(self.calls) + 1, **facts)
        self.calls.append(call)
        return call

    def end(self, call: Call) -> None:
        whole = json.dumps([call.outcome, call.code, call.message, call.answer], sort_keys=True)
        call.said = hashlib.sha256(whole.encode()).hexdigest()[:16]
        self._write({"call": asdict(call)})
        call.answer = _brief(call.event, call.answer)
        call.attempts = call.attempts if len(call.attempts) < ATTEMPTS_KEPT_MAX else call.attempts[-ATTEMPTS_KEPT_MAX:]

    def note(self, **facts: Any) -> None:
        """Something else that happened: a fault, a phase."""
        self._write(facts)

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")


def _brief(event: str, answer: Any) -> Any:
    if event in CHECKED_OF_EACH and answer is not None:
        rows = answer["items"] if isinstance(answer, dict) else answer
        brief = [{name: row[name] for name in CHECKED_OF_EACH[event]} for row in rows]
        return {"items": brief} if isinstance(answer, dict) else brief
    if not isinstance(answer, dict):
        return None
    return {name: answer[name] for name in CHECKED.get(event, ("status",)) if name in answer}
