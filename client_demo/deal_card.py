"""A deal's terms and where it stands, as a panel: beside the list of deals, and beside the talk."""

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from client_demo.deal_words import side
from client_demo.deals import Deal
from client_demo.item_card import Picture
from client_demo.rings import Ring
from client_demo.shell import shell

PICTURE_COLUMNS, PICTURE_ROWS = 16, 8
CARD_COLUMNS = 36  # until it has been laid out


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
        self.query_one("#pictures").display = deal is not None and not isinstance(deal, Ring)
        if deal is None:
            self.query_one("#side-words", Static).update("")
            return
        desk = shell(self).desk
        columns = max(24, (self.size.width or CARD_COLUMNS) - 1)
        self.query_one("#side-words", Static).update(side(deal, desk.name, desk.person.presence, columns))
        if isinstance(deal, Ring):
            return
        pictured = (deal.gives[0].picture, deal.gets[0].picture)
        if self.display and pictured != self._pictured:
            self._pictured = pictured
            self.query_one("#picture-gives", Picture).show(pictured[0])
            self.query_one("#picture-gets", Picture).show(pictured[1])
