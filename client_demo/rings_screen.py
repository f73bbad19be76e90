"""The rings through one of my things: found ones, drawn, best first; one of them can be proposed."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Footer, OptionList, Static

from client_demo.deal_screen import DealScreen
from client_demo.dialogs import Question
from client_demo.pages import Page
from client_demo.ring_drawing import draw, percent
from client_demo.ring_words import drawn
from client_demo.rings import Circle
from client_demo.rows import Row, Rows
from client_demo.shell import shell
from client_demo.top_bar import TopBar
from client_demo.wire import Data, Refused, Unreachable, new_key
from client_demo.words import one_line

PEOPLE_MAX = 5
PEOPLE_MAX_WIDER = 10
COLUMNS_MIN = 30


class RingsScreen(Page[None]):
    """Asks the server when it opens. Cycles stand before chains, each kind best first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("p", "propose", "Propose"),
        Binding("e", "rank", "Rank by chance"),
        Binding("w", "widen", "Up to 10 people"),
        Binding("r", "reload", "Look again"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, item: Data, opportunity_id: str | None = None) -> None:
        """`opportunity_id`: the ring to look at first, if it is still there."""
        super().__init__()
        self._item = item
        self._sought = opportunity_id
        self._circles: dict[str, Circle] = {}
        self._rank = "score"
        self._people_max = PEOPLE_MAX
        self._keys: dict[str, str] = {}  # by opportunity, so that to try again is one proposal

    def compose(self) -> ComposeResult:
        yield TopBar("mine")
        yield Static(id="found-head", classes="head", markup=False)
        with Container(id="found"):
            with Vertical(classes="list"):
                yield Rows(id="found-list")
            with VerticalScroll(id="look-scroll"):
                yield Static(id="look", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#look-scroll", VerticalScroll).can_focus = False
        self.query_one(Rows).focus()
        self.action_reload()

    def action_reload(self) -> None:
        self.run_worker(self._load(), exclusive=True, group="rings")

    def action_rank(self) -> None:
        self._rank = "expected" if self._rank == "score" else "score"
        self.action_reload()

    def action_widen(self) -> None:
        self._people_max = PEOPLE_MAX_WIDER if self._people_max == PEOPLE_MAX else PEOPLE_MAX
        self.action_reload()

    def action_propose(self) -> None:
        if (circle := self._here()) is not None:
            self.run_worker(self._propose(circle), exclusive=True, group="propose")

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._look()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_propose()

    def on_resize(self, _event: Resize) -> None:
        self.call_after_refresh(self._look)

    def _here(self) -> Circle | None:
        return self._circles.get(self.query_one(Rows).here or "")

    async def _load(self) -> None:
        app = shell(self)
        title = one_line(self._item["title"], 40)
        head = self.query_one("#found-head", Static)
        head.update(f"Looking for rings through {title} …")
        ask = {"itemId": self._item["id"], "maxParticipants": self._people_max, "rank": self._rank}
        answer = await app.attempt(app.person.does("barter:opportunities", **ask))
        if answer is None:
            head.update(f"No rings could be looked for through {title}")
            return
        found = answer["opportunities"]
        circles = [Circle.of_opportunity(one) for one in [*found["cycles"], *found["chains"]]]
        self._circles = {circle.id: circle.seen_by(app.person.id) for circle in circles}
        by = "match" if self._rank == "score" else "chance that they come about"
        count = f"{found['total']} ring{'' if found['total'] == 1 else 's'} through {title}, by {by}"
        nothing = f"No ring through {title} yet. w looks at up to {PEOPLE_MAX_WIDER} people"
        head.update((count if found["exact"] else f"{count}; there may be more") if circles else nothing)
        rows = self.query_one(Rows)
        rows.show([self._row(circle) for circle in self._circles.values()])
        if self._sought is not None:
            rows.go_to(self._sought)
            self._sought = None
        self._look()

    def _row(self, circle: Circle) -> Row:
        me = shell(self).person.id
        mine = circle.place_of(me)
        gets = mine.gets.title if mine.gets else "nothing"
        others = ", ".join(place.name for place in circle.places if place.person != me)
        expected = "" if circle.expected is None else f"{percent(circle.expected)} expected"
        return Row(
            circle.id,
            Content.assemble((f"{circle.sign} ", "$accent" if circle.is_cycle else "$secondary"), (f"get {gets}", "bold")),
            Content.styled(percent(circle.score), "$accent"),
            Content.assemble((f"{circle.kind}: ", "$muted"), (others, "$secondary")),
            Content.styled(expected, "$muted"),
        )

    def _look(self) -> None:
        circle = self._here()
        scroll = self.query_one("#look-scroll", VerticalScroll)
        columns = max(COLUMNS_MIN, scroll.scrollable_content_region.width)
        look = self.query_one("#look", Static)
        if circle is None:
            look.update("")
            return
        me = shell(self).person.id
        look.update(Content("\n\n").join([drawn(draw(circle, me, columns)), _explained(circle, me)]))

    async def _propose(self, circle: Circle) -> None:
        app = shell(self)
        mine = circle.place_of(app.person.id)
        gives = mine.gives.title if mine.gives else "nothing"
        gets = mine.gets.title if mine.gets else "nothing"
        words = f"You give {gives}, you get {gets}. The other {len(circle.places) - 1} are asked; they have a week to say yes."
        if await self.app.push_screen_wait(Question(f"Propose this {circle.kind}", words, "Propose")) is None:
            return
        key = self._keys.setdefault(circle.id, new_key())
        ask = {"itemId": self._item["id"], "opportunityId": circle.id, "maxParticipants": self._people_max}
        try:
            chain = await app.person.does("chain:create", **ask, idempotencyKey=key)
        except (Refused, Unreachable) as error:
            app.complain(error)
            if isinstance(error, Refused):  # somebody was quicker: what is there now?
                del self._keys[circle.id]
                self.action_reload()
            return
        deal = app.desk.keep(chain, "chain")
        self.app.switch_screen(DealScreen(deal.conversation_id))


def _explained(circle: Circle, me: str) -> Content:
    """What the numbers mean, in a sentence or two."""
    mine = circle.place_of(me)
    parts = []
    if mine.fits is not None:
        parts.append(f"What you get fits what you want by {percent(mine.fits)}.")
    if circle.expected is not None:
        parts.append(f"Counting how people have kept their word so far, expect {percent(circle.expected)}.")
    if not circle.is_cycle:
        parts.append("A chain: the first gives without getting, the last gets without giving.")
    return Content.styled(" ".join(parts), "$muted")
