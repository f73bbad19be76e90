"""Tells a play on one terminal: who did what, by which door, and what was really answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from client_demo.connection import Door
from client_demo.ring_drawing import draw, loop
from client_demo.rings import Circle
from client_demo.wire import Refused

Answer = TypeVar("Answer")

COLUMNS_MAX = 96
DOOR_STYLES = {Door.REST: "bold #7fa7f0", Door.EVENT: "bold #5ad1b3"}
MUTED = "#8496a3"
ACTOR_WIDTH = 7
RING_COLUMNS = 74
RING_LOOKS = {
    "label": "#8496a3",
    "frame": "#5d6c78",
    "arrow": "#f2a65a",
    "score": "#7fa7f0",
    "kind": "bold #f2a65a",
    "middle": "#8496a3",
    "waits": "bold #f0c75e",
    "yes": "bold #84d17b",
    "no": "bold #f07a74",
}


class Narrator:
    """`pause_seconds` between the steps; 0 plays as fast as the server answers."""

    def __init__(self, console: Console, pause_seconds: float) -> None:
        self.console = console
        self.pause_seconds = pause_seconds
        self._styles: dict[str, str] = {}

    def introduce(self, styles: dict[str, str]) -> None:
        """The people and their colours."""
        self._styles |= styles

    async def pause(self, share: float = 1.0) -> None:
        await asyncio.sleep(self.pause_seconds * share)

    async def scene(self, number: int, title: str) -> None:
        await self.pause()
        self.console.print()
        heading = Text.assemble((f" {number} ", "bold #10161b on #f2a65a"), (f" {title} ", "bold"))
        self.console.print(Rule(heading, align="left", style="#2b3a45"), width=self._width)

    async def act(self, who: str, door: Door, call: str, doing: Awaitable[Answer], facts: Callable[[Answer], str]) -> Answer:
        """Do it, and tell it on one line: who, by which door, the call, what came back, how long it took."""
        started = time.perf_counter()
        answer = await doing
        self._line(who, door, call, facts(answer), f"{(time.perf_counter() - started) * 1_000:.0f} ms")
        return answer

    def _line(self, who: str, door: Door, call: str, facts: str, took: str) -> None:
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=ACTOR_WIDTH)
        line.add_column(width=5)
        line.add_column(width=27, no_wrap=True, overflow="ellipsis")
        line.add_column(ratio=1)
        line.add_column(justify="right", width=7)
        line.add_row(
            self.name(who),
            Text(door.value, DOOR_STYLES[door]),
            Text(call),
            Text(facts, MUTED),
            Text(took, MUTED),
        )
        self.console.print(Padding(line, (0, 1)), width=self._width)

    def heard(self, who: str, push: str, facts: str) -> None:
        """A push that has arrived at someone."""
        words = Text.assemble(self.name(who), (" hears ", MUTED), push, (f"  {facts}", MUTED))
        self._below(Text("↳", "#f2a65a"), words)

    def refused(self, who: str, door: Door, call: str, asked: str, no: Refused) -> None:
        """A call that was answered with no."""
        self._line(who, door, call, asked, "")
        self._below(Text("✗", "#f07a74"), Text.assemble((no.code, "bold #f07a74"), (f"  {no.message}", MUTED)))

    def note(self, words: str) -> None:
        """Something to know about the line above."""
        self._below(Text(" "), Text(words, f"italic {MUTED}"))

    def _below(self, sign: Text, words: Text) -> None:
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=ACTOR_WIDTH)
        line.add_column(width=1)
        line.add_column(ratio=1)
        line.add_row("", sign, words)
        self.console.print(Padding(line, (0, 1)), width=self._width)

    def name(self, who: str) -> Text:
        return Text(who, f"bold {self._styles.get(who, '')}".strip())

    @asynccontextmanager
    async def bubble(self, who: str, text: str, *, right: bool) -> AsyncIterator["Bubble"]:
        """A message that changes in place: typing, sent, read."""
        bubble = Bubble(self, who, text, right)
        with Live(bubble.drawn(), console=self.console, refresh_per_second=12, transient=False) as live:
            bubble.live = live
            yield bubble
        if not self.console.is_terminal:
            self.console.line()  # into a file, the last state is printed without an end of line

    def pictures(self, shown: list[tuple[str, Text]]) -> None:
        """Pictures side by side, a caption under each."""
        row = Table.grid(padding=(0, 2))
        for _ in shown:
            row.add_column()
        row.add_row(*[Group(picture, Text(caption, MUTED)) for caption, picture in shown])
        self.console.print(Padding(row, (1, 2, 0, 2)), width=self._width)

    def ring(self, circle: Circle, *, small: bool = False) -> None:
        """A ring, with everyone by name; `small`: as a loop down the page, with what each has answered."""
        drawing = loop(circle, "", RING_COLUMNS // 2) if small else draw(circle, "", RING_COLUMNS)
        lines = []
        for line in drawing:
            styles = [self._styles.get(run.text.strip()) or RING_LOOKS.get(run.look, "") for run in line]
            lines.append(Text.assemble(*[(run.text, style) for run, style in zip(line, styles, strict=True)]))
        self.console.print(Padding(Group(*lines), (1, 1, 1, 2)), width=self._width)

    def finale(self, lines: list[Text]) -> None:
        self.console.print()
        self.console.print(Panel(Group(*lines), border_style="#5ad1b3", padding=(0, 2)), width=self._width)

    @property
    def _width(self) -> int:
        return min(self.console.width, COLUMNS_MAX)


class Bubble:
    """One message of the chat. `show` redraws it."""

    live: Live

    def __init__(self, narrator: Narrator, who: str, text: str, right: bool) -> None:
        self._narrator = narrator
        self._who = who
        self._text = text
        self._right = right
        self._below = Text("")
        self._typing = True

    def typing(self, seen_by: str) -> None:
        self._below = Text.assemble((f"{seen_by} sees: ", MUTED), (f"{self._who} is typing …", "italic #f2a65a"))
        self.live.update(self.drawn())

    def said(self, tick: str, about: str) -> None:
        self._typing = False
        style = "bold #5ad1b3" if tick == "✓✓" else MUTED
        self._below = Text.assemble((tick, style), (f" {about}", MUTED))
        self.live.update(self.drawn())

    def drawn(self) -> Padding:
        words = Text("· · ·", MUTED) if self._typing else Text(self._text)
        inside = Group(words, self._below)
        title = self._narrator.name(self._who)
        width = min(60, self._narrator._width - 8)
        style = self._narrator._styles.get(self._who, "")
        panel = Panel(inside, title=title, title_align="left", border_style=style, width=width, padding=(0, 1))
        indent = max(0, self._narrator._width - width - 2) if self._right else 2
        return Padding(panel, (0, 0, 0, indent))
