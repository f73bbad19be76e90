"""Where the time of a server process goes: sampled by a timer of the CPU time that it takes, and told by part.

What compiled code takes counts for the line that called it, and where no line did (uvloop; asyncpg's protocol) for the loop.
`make bench ARGS="events --profile"`.
"""

import dis
import json
import linecache
import os
import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PROFILE = "BENCH_PROFILE"  # the folder that each server process leaves its profile in
SAMPLE_SECONDS = 0.001  # the kernel's own ticks may be longer
FUNCTIONS_SHOWN = 12

LOOP = "event loop (uvloop) and asyncpg's protocol"
JSON = "JSON (msgspec)"
OTHER = "other"
# The first that fits, from the innermost frame outwards.
PARTS = {
    r"/asyncpg/": "asyncpg",
    r"/redis/|/storage/(cache|marks|presence|limits|bus|opportunities)\.py": "Redis",
    r"/aiohttp/": "aiohttp",
    r"/(socketio|engineio)/|/server/(engine|packets|rooms|sockets)\.py": "engine and socket packets",
    r"/server/(relay|audience|notifier|sequencer)\.py|/handlers/pushes\.py": "pushes",
    r"/server/logs\.py|/structlog/": "log",
    r"/prometheus_client/|/handlers/tally\.py": "metrics",
    r"/server/rest\.py": "REST door",
    r"/handlers/(dispatch|action|asking|tokens)\.py|/jwt/": "dispatch",
    r"/storage/": "storage",
    r"/handlers/|/bench/no_op_server\.py": "handlers",
    r"/matching/": "matching",
    r"/server/": "server, else",
}
_PARTS = [(re.compile(path), part) for path, part in PARTS.items()]
_OURS = re.compile(r"/(server|handlers|storage|client_demo)/")
_JSON_CALL = re.compile(r"msgspec|\b(encode|decode|convert)\w*\(")
_RUNNERS = ("asyncio/runners.py", "uvloop/__init__.py")


class Profile:
    """CPU seconds of the main thread, by part and by function."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self.functions: dict[str, float] = defaultdict(float)
        self._last = time.thread_time()

    def sample(self, _: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        taken, self._last = now - self._last, now
        part = part_of(frame)
        self.parts[part] += taken
        if frame is not None and part != LOOP:
            self.functions[_name(frame)] += taken

    def write(self, folder: str) -> None:
        file = Path(folder) / f"{os.getpid()}.json"
        file.write_text(json.dumps({"parts": self.parts, "functions": self.functions}))

    @classmethod
    def read(cls, folder: str) -> "Profile":
        """All that were written there, together; they are taken away."""
        profile = cls()
        for file in Path(folder).glob("*.json"):
            written = json.loads(file.read_text())
            for known, seen in ((profile.parts, written["parts"]), (profile.functions, written["functions"])):
                for name, taken in seen.items():
                    known[name] += taken
            file.unlink()
        return profile

    def __str__(self) -> str:
        every = sum(self.parts.values())
        if not every:
            return "Where the time goes: no server process was profiled."
        lines = [f"Where the time of the server's main thread goes ({every:.1f} s of CPU):", ""]
        lines += [f"  {taken / every:6.1%}  {part}" for part, taken in _most(self.parts)]
        lines += ["", "By function, with what it calls that is compiled:", ""]
        lines += [f"  {taken / every:6.1%}  {name}" for name, taken in _most(self.functions)[:FUNCTIONS_SHOWN]]
        return "\n".join(lines)


def _most(taken: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(taken.items(), key=lambda pair: -pair[1])


def part_of(frame: FrameType | None) -> str:
    """Which part of the server a stack belongs to."""
    if frame is None or _is_runner(frame) or (_is_entered(frame) and frame.f_back is not None and _is_runner(frame.f_back)):
        return LOOP
    path = frame.f_code.co_filename
    # What the compiler made up, as the end of an `async for`, has no line
    if _OURS.search(path) and _JSON_CALL.search(linecache.getline(path, frame.f_lineno or 0)):
        return JSON
    outer: FrameType | None = frame
    while outer is not None:
        for pattern, part in _PARTS:
            if pattern.search(outer.f_code.co_filename):
                return part
        outer = outer.f_back
    return OTHER


def _is_runner(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(_RUNNERS)


def _is_entered(frame: FrameType) -> bool:
    """Whether it has done nothing yet since it was called or went on: what was sampled is what was before."""
    return frame.f_code.co_code[frame.f_lasti] == dis.opmap["RESUME"]


def _name(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.name}: {frame.f_code.co_qualname}"


@contextmanager
def profiled() -> Iterator[None]:
    """Where PROFILE is set, sample the block and write what was seen. In the main thread only."""
    folder = os.environ.get(PROFILE)
    if folder is None:
        yield
        return
    profile = Profile()
    signal.signal(signal.SIGPROF, profile.sample)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        profile.write(folder)
