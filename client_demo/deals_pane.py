"""My deals: with whom, about what, where they stand, what is unread, on whom they wait."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from client_demo.deal_card import DealCard
from client_demo.deal_screen import DealScreen
from client_demo.deal_words import STATUS_COLOURS
from client_demo.deals import Deal
from client_demo.desk import Change, Topic
from client_demo.rows import Row, Rows
from client_demo.shell import shell
from client_demo.words import clock


class DealsPane(Horizontal):
    """Kept current by pushes; the reload key is for the doubtful."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "reload", "Reload")]

    def compose(self) -> ComposeResult:
        with Vertical(classes="list"):
            yield Static(id="deals-head", classes="head", markup=False)
            yield Rows(id="deals-list")
        yield DealCard()

    def on_mount(self) -> None:
        shell(self).changes.subscribe(self, self._changed)
        self._show()

    def arrive(self) -> None:
        """This pane has come into view."""
        self.query_one(Rows).focus()
        self._show()

    def action_reload(self) -> None:
        self.run_worker(shell(self).attempt(shell(self).desk.load_deals()), exclusive=True, group="deals")

    @on(OptionList.OptionHighlighted)
    def _look(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one(DealCard).show(shell(self).desk.deals.get(event.option_id or ""))

    @on(OptionList.OptionSelected, "#deals-list")
    def _open(self, event: OptionList.OptionSelected) -> None:
        deal = shell(self).desk.deals.get(event.option_id or "")
        if deal is not None:
            self.app.push_screen(DealScreen(deal.conversation_id))

    def _changed(self, change: Change) -> None:
        if change.topic in (Topic.DEALS, Topic.PRESENCE):
            self._show()

    def _show(self) -> None:
        deals = shell(self).desk.newest_first()
        running = sum(not deal.closed for deal in deals)
        words = f"{running} open, {len(deals) - running} closed"
        self.query_one("#deals-head", Static).update(words if deals else "No deals yet: find something in 1 Browse and press p")
        rows = self.query_one(Rows)
        rows.show([self._row(deal) for deal in deals])
        self.query_one(DealCard).show(shell(self).desk.deals.get(rows.here or ""))

    def _row(self, deal: Deal) -> Row:
        desk = shell(self).desk
        unread = desk.unread(deal)
        online = any(desk.person.is_online(other) for other in deal.others)
        dot = ("● ", "$success") if online else ("○ ", "$faint")
        badge = Content.styled(f" •{unread}", "bold $accent") if unread else Content("")
        return Row(
            deal.conversation_id,
            Content.styled(deal.title, "bold" if not deal.closed else "$muted"),
            Content.assemble((deal.status_word, STATUS_COLOURS.get(deal.status_word, "$muted")), badge),
            Content.assemble(dot, (deal.with_whom(desk.name), "$secondary"), (f"  {deal.hint(desk.name)}", "$muted")),
            Content.styled(clock(deal.updated_at), "$faint"),
        )
