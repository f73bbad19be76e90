"""Whose an item has been: its ownership ledger."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from client_demo.pages import Dialog
from client_demo.shell import shell
from client_demo.wire import Data, Refused, Unreachable
from client_demo.words import clock, one_line

NAMES_ASKED_MAX = 20


class HistoryScreen(Dialog[None]):
    """Oldest first, as the ledger is kept."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,h", "dismiss(None)", "Back")]

    def __init__(self, item: Data) -> None:
        super().__init__()
        self._item = item

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"History of {one_line(self._item['title'], 50)}")
            dialog.border_subtitle = "esc back"
            with VerticalScroll(classes="line"):
                yield Static("…", id="ledger", classes="question", markup=False)

    def on_mount(self) -> None:
        self.run_worker(self._load())

    async def _load(self) -> None:
        ledger = await shell(self).attempt(shell(self).person.does("item:history", itemId=self._item["id"]))
        if ledger is None:
            self.dismiss(None)
            return
        people = dict.fromkeys(person for line in ledger for person in (line["from"], line["to"]) if person)
        for person in list(people)[:NAMES_ASKED_MAX]:
            try:
                await shell(self).desk.learn_name(person)
            except (Refused, Unreachable):
                break  # a ledger without names is still worth showing
        self.query_one("#ledger", Static).update(Content("\n").join([self._line(line) for line in ledger]))

    def _line(self, line: Data) -> Content:
        desk = shell(self).desk
        when = Content.styled(f"{clock(line['at']):>13}  ", "$muted")
        to = Content.styled(desk.name(line["to"]), "bold $secondary")
        if not line["from"]:
            return Content.assemble(when, to, " listed it")
        how = " by a swap" if line["dealId"] else ""
        return Content.assemble(when, (desk.name(line["from"]), "$secondary"), (" → ", "$primary"), to, how)
