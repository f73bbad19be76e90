"""A deal's terms and where it stands, as a panel: beside the list of deals, and beside the talk."""

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from client_demo.deal_words import presence, side
from client_demo.deals import Deal
from client_demo.item_card import Picture
from client_demo.shell import shell

PICTURE_COLUMNS, PICTURE_ROWS = 16, 8


class DealCard(VerticalScroll):
    """Shown where the screen is wide. Its pictures are of the things as they were when the terms were set."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._pictured: tuple[str | None, str | None] | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="pictures"):
            yield Picture(id="picture-gives", columns_max=PICTURE_COLUMNS, rows_max=PICTURE_ROWS)
            yield Picture(id="picture-gets", columns_max=PICTURE_COLUMNS, rows_max=PICTURE_ROWS)
        yield Static(id="side-words", markup=False)

    def show(self, deal: Deal | None) -> None:
        """Show `deal`, or nothing."""
        self.query_one("#pictures").display = deal is not None
        if deal is None:
            self.query_one("#side-words", Static).update("")
            return
        desk = shell(self).desk
        other = desk.name(deal.other)
        there = presence(desk.person.presence.get(deal.other), other)
        self.query_one("#side-words", Static).update(side(deal, other, there))
        pictured = (deal.gives[0].thumbnail_url, deal.gets[0].thumbnail_url)
        if self.display and pictured != self._pictured:
            self._pictured = pictured
            self.query_one("#picture-gives", Picture).show(pictured[0])
            self.query_one("#picture-gets", Picture).show(pictured[1])
