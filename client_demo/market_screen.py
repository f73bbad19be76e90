"""The main screen: browse, my things, deals, inbox, one at a time."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Footer

from client_demo.browse_pane import BrowsePane
from client_demo.deals_pane import DealsPane
from client_demo.inbox_pane import InboxPane
from client_demo.mine_pane import MinePane
from client_demo.pages import Page
from client_demo.shell import shell
from client_demo.top_bar import PLACES, TopBar


class MarketScreen(Page[None]):
    """What one sees after signing in."""

    AUTO_FOCUS = "#browse-list"  # not the search above it, which would take the first keys for words

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "show('browse')", "Browse", show=False),
        Binding("2", "show('mine')", "My things", show=False),
        Binding("3", "show('deals')", "Deals", show=False),
        Binding("4", "show('inbox')", "Inbox", show=False),
        Binding("ctrl+o", "app.sign_out", "Sign out"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def compose(self) -> ComposeResult:
        yield TopBar("browse")
        with ContentSwitcher(initial="browse"):
            yield BrowsePane(id="browse", classes="pane")
            yield MinePane(id="mine", classes="pane")
            yield DealsPane(id="deals", classes="pane")
            yield InboxPane(id="inbox", classes="pane")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.run_worker(self._load())

    def show_place(self, place: str) -> None:
        """Switch to browse, mine, deals or inbox."""
        assert place in PLACES
        self.query_one(ContentSwitcher).current = place
        self.query_one(TopBar).show_place(place)
        pane = self.query_one(f"#{place}")
        assert isinstance(pane, BrowsePane | MinePane | DealsPane | InboxPane)
        pane.arrive()

    def action_show(self, place: str) -> None:
        self.show_place(place)

    async def _load(self) -> None:
        await shell(self).attempt(shell(self).desk.load())
        if self.query_one(ContentSwitcher).current == "browse":  # else whoever was quicker is elsewhere by now
            self.query_one(BrowsePane).arrive()
