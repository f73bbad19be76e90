"""The bar on top of every screen: where I am, what waits for me, whether I am connected."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from client_demo.connection import State
from client_demo.desk import Change, Topic
from client_demo.shell import shell
from client_demo.words import one_line

STATE_LOOKS: dict[State, tuple[str, str]] = {
    State.ONLINE: ("● online", "$success"),
    State.CONNECTING: ("◌ connecting…", "$warning"),
    State.RECONNECTING: ("◌ reconnecting…", "$warning"),
    State.OFFLINE: ("○ offline", "$muted"),
    State.ENDED: ("○ signed out", "$error"),
}
COUNT_MAX = 99
NARROW_COLUMNS = 90
PLACES = {"browse": ("1", "Browse"), "mine": ("2", "My things"), "deals": ("3", "Deals"), "inbox": ("4", "Inbox")}


class Place(Static):
    """One of the main places; a click goes there."""

    def on_click(self, _event: Click) -> None:
        shell(self).go(str(self.id).removeprefix("to-"))


class TopBar(Horizontal):
    """`here` is the place shown below it; empty on a screen of its own."""

    TOPICS: ClassVar = (Topic.DEALS, Topic.STATE, Topic.ENTRY, Topic.INBOX)

    def __init__(self, here: str = "") -> None:
        super().__init__()
        self._here = here

    def compose(self) -> ComposeResult:
        yield Static("⇄ swaploop", id="brand", markup=False)
        for place in PLACES:
            yield Place(id=f"to-{place}", classes="place")
        yield Static(id="gap")
        yield Static(id="state")
        yield Static(id="who")

    def on_mount(self) -> None:
        shell(self).changes.subscribe(self, self._changed)
        self.refresh_words()

    def show_place(self, here: str) -> None:
        self._here = here
        self.refresh_words()

    def refresh_words(self) -> None:
        desk = shell(self).desk
        unread = {"deals": desk.unread_total(), "inbox": desk.inbox.unread}
        for place, (key, name) in PLACES.items():
            label = Content.assemble((key, "$accent"), f" {name}")
            if count := unread.get(place):
                label = label.append(Content.styled(f" •{count if count < COUNT_MAX else f'{COUNT_MAX}+'}", "bold $accent"))
            widget = self.query_one(f"#to-{place}", Static)
            widget.update(label)
            widget.set_class(place == self._here, "-here")
        word, colour = STATE_LOOKS[desk.person.state]
        self.query_one("#state", Static).update(Content.styled(word, colour))
        room = 16 if self.app.size.width > NARROW_COLUMNS else 8
        self.query_one("#who", Static).update(Content.styled(one_line(desk.person.user.get("name"), room), "bold"))

    def _changed(self, change: Change) -> None:
        if change.topic in self.TOPICS:
            self.refresh_words()
