"""My inbox: what I was told of my deals while I was elsewhere; enter goes to what it tells of."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from client_demo.deal_screen import DealScreen
from client_demo.desk import Change, Topic
from client_demo.inbox import Notice
from client_demo.rings_screen import RingsScreen
from client_demo.rows import Row, Rows
from client_demo.shell import shell
from client_demo.words import ago

SIGNS = {
    "offer": ("⇄", "$secondary"),
    "interest": ("⇄", "$warning"),
    "counter": ("⇄", "$warning"),
    "ring": ("⟳", "$accent"),
    "ring-found": ("⟳", "$accent"),
    "yes-missing": ("!", "bold $warning"),
    "accepted": ("✓", "$primary"),
    "executed": ("✓", "$primary"),
    "completed": ("✓✓", "$success"),
    "rejected": ("✗", "$error"),
    "cancelled": ("✗", "$error"),
    "cancel-asked": ("?", "$warning"),
    "disputed": ("!", "bold $error"),
    "terms-changed": ("⇄", "$warning"),
    "expired": ("✗", "$muted"),
    "overdue": ("!", "bold $warning"),
}


class InboxPane(Horizontal):
    """Kept current by pushes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "read_all", "All read"),
        Binding("r", "reload", "Reload"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="list"):
            yield Static(id="inbox-head", classes="head", markup=False)
            yield Rows(id="inbox-list")

    def on_mount(self) -> None:
        shell(self).changes.subscribe(self, self._changed)
        self._show()

    def arrive(self) -> None:
        """This pane has come into view."""
        self.query_one(Rows).focus()
        self._show()

    def action_reload(self) -> None:
        self.run_worker(shell(self).attempt(shell(self).desk.inbox.load()), exclusive=True, group="inbox")

    def action_read_all(self) -> None:
        self.run_worker(shell(self).attempt(shell(self).desk.inbox.read_all()), exclusive=True, group="inbox")

    @on(OptionList.OptionSelected, "#inbox-list")
    def _open(self, event: OptionList.OptionSelected) -> None:
        notice = shell(self).desk.inbox.get(event.option_id or "")
        if notice is not None:
            self.run_worker(self._follow(notice), exclusive=True, group="follow")

    async def _follow(self, notice: Notice) -> None:
        """Mark it as read, and show what it tells of."""
        app = shell(self)
        await app.attempt(app.desk.inbox.read([notice]))
        if notice.leads_to_ring:
            item = await app.attempt(app.person.does("item:get", itemId=notice.item_id))
            if item is not None:
                self.app.push_screen(RingsScreen(item, notice.opportunity_id))
        elif notice.conversation_id is not None:
            if notice.conversation_id not in app.desk.deals:
                await app.attempt(app.desk.load_deals())
            if notice.conversation_id in app.desk.deals:
                self.app.push_screen(DealScreen(notice.conversation_id))
            else:
                app.say("That deal is too old to be shown here.")

    def _changed(self, change: Change) -> None:
        if change.topic is Topic.INBOX:
            self._show()

    def _show(self) -> None:
        inbox = shell(self).desk.inbox
        notices = inbox.newest_first()
        words = f"{inbox.unread} unread" if inbox.unread else "everything read"
        self.query_one("#inbox-head", Static).update(words if notices else "Nothing here yet: you are told when a deal moves")
        self.query_one(Rows).show([_row(notice) for notice in notices])


def _row(notice: Notice) -> Row:
    sign, style = SIGNS.get(notice.kind, ("·", "$muted"))
    return Row(
        notice.id,
        Content.assemble((f"{sign:<2} ", style), (notice.title, "$muted" if notice.is_read else "bold")),
        Content.styled("" if notice.is_read else "●", "bold $accent"),
        Content.styled(f"   {notice.reason}", "$muted"),
        Content.styled(ago(notice.created_at), "$faint"),
    )
