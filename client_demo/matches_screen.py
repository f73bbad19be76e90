"""Whose things I could swap one of mine for, best first, each with the reason."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, OptionList, Static

from client_demo.item_card import Picture
from client_demo.item_screen import ItemScreen
from client_demo.pages import Page
from client_demo.propose_screen import ProposeScreen
from client_demo.ring_drawing import percent
from client_demo.rows import Row, Rows
from client_demo.shell import shell
from client_demo.top_bar import TopBar
from client_demo.wire import Data
from client_demo.words import condition, money, one_line


class MatchesScreen(Page[None]):
    """Asks the server when it opens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("p", "propose", "Propose"),
        Binding("r", "reload", "Look again"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, item: Data) -> None:
        super().__init__()
        self._item = item
        self._matches: dict[str, Data] = {}

    def compose(self) -> ComposeResult:
        yield TopBar("mine")
        yield Static(id="found-head", classes="head", markup=False)
        with Container(id="found"):
            with Vertical(classes="list"):
                yield Rows(id="found-list")
            with VerticalScroll(id="look-scroll"):
                yield Static(id="look", markup=False)
                yield Picture(id="look-picture", columns_max=48, rows_max=16)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#look-scroll", VerticalScroll).can_focus = False
        self.query_one(Rows).focus()
        self.action_reload()

    def action_reload(self) -> None:
        self.run_worker(self._load(), exclusive=True, group="matches")

    def action_propose(self) -> None:
        self.run_worker(self._open(proposing=True), exclusive=True, group="open")

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._look()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.run_worker(self._open(proposing=False), exclusive=True, group="open")

    async def _load(self) -> None:
        app = shell(self)
        title = one_line(self._item["title"], 40)
        head = self.query_one("#found-head", Static)
        head.update(f"Looking for what fits {title} …")
        matches = await app.attempt(app.person.does("barter:matches", itemId=self._item["id"]))
        if matches is None:
            head.update(f"Nothing could be looked for to swap {title} for")
            return
        self._matches = {match["id"]: match for match in matches}
        count = f"{len(matches)} thing{'' if len(matches) == 1 else 's'} to swap {title} for, best first"
        head.update(count if matches else f"Nothing to swap {title} for: look for a ring (esc, o)")
        self.query_one(Rows).show([_row(match) for match in matches])
        self._look()

    def _look(self) -> None:
        match = self._matches.get(self.query_one(Rows).here or "")
        self.query_one("#look", Static).update(_story(match) if match else "")
        picture = self.query_one(Picture)
        picture.display = bool(match and match["images"])
        if match and match["images"]:
            picture.show(match["images"][0])

    async def _open(self, *, proposing: bool) -> None:
        app = shell(self)
        here = self.query_one(Rows).here
        if here is None:
            return
        item = await app.attempt(app.person.does("item:get", itemId=here))
        if item is not None:
            app.push_screen(ProposeScreen(item, gives=self._item["id"]) if proposing else ItemScreen(item))


def _row(match: Data) -> Row:
    both = Content.styled("⇄ " if match["mutual"] else "  ", "$accent")
    return Row(
        match["id"],
        Content.assemble(both, (one_line(match["title"], 100), "bold")),
        Content.styled(percent(match["matchScore"]), "$accent"),
        Content.assemble("  ", (one_line(match["matchReason"], 120), "$primary 80%")),
        Content.styled(one_line(match["seller"]["fullName"], 24), "$secondary"),
    )


def _story(match: Data) -> Content:
    """The match in full: why it fits, and what else its owner has."""
    facts = "  ·  ".join(filter(None, [condition(match["condition"]), money(match.get("estimatedValue"))]))
    lines = [
        Content.styled(one_line(match["title"], 120), "bold"),
        Content.assemble((facts, "$muted"), ("  by ", "$muted"), (one_line(match["seller"]["fullName"], 40), "$secondary")),
        Content.assemble((f"{percent(match['matchScore'])}  ", "$accent"), one_line(match["matchReason"], 300)),
    ]
    if match["mutual"]:
        lines.append(Content.styled("⇄ Each of you has what the other is looking for.", "$success"))
    if match["seller"]["items"]:
        lines.append(Content.styled("They also have", "bold $muted"))
        lines += [
            Content.assemble(f"  {one_line(item['title'], 60)}", (f"  {money(item.get('estimatedValue'))}", "$muted"))
            for item in match["seller"]["items"]
        ]
    return Content("\n").join(lines)
