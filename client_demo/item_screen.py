"""One item over the screen: its picture, facts and story, and what I can do with it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from client_demo.desk import Change, Topic
from client_demo.history_screen import HistoryScreen
from client_demo.item_card import Picture, facts, headline, picture_path, story
from client_demo.pages import Dialog
from client_demo.propose_screen import ProposeScreen
from client_demo.shell import shell
from client_demo.wire import Data


class ItemScreen(Dialog[None]):
    """Looks the item up again when it opens, because a list may be old."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("p", "propose", "Propose"),
        Binding("h", "history", "History"),
    ]

    def __init__(self, item: Data) -> None:
        super().__init__()
        self._item = item

    def compose(self) -> ComposeResult:
        mine = self._item["owner"] == shell(self).desk.person.id
        with Vertical(classes="dialog") as dialog:
            dialog.border_subtitle = "esc back · h history" + ("" if mine else " · p propose a swap")
            with Horizontal(id="look"):
                yield Picture(id="item-picture", columns_max=44, rows_max=16)
                with VerticalScroll(id="item-words"):
                    yield Static(id="item-facts", markup=False)
                    yield Static(id="item-story", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("History", id="history", compact=True)
                if not mine:
                    yield Button("Propose a swap", variant="primary", id="propose", compact=True)

    def on_mount(self) -> None:
        shell(self).changes.subscribe(self, self._changed)
        self._show()
        path = picture_path(self._item)
        self.query_one(Picture).display = path is not None
        if path is not None:
            self.query_one(Picture).show(path)
        self.query_one("#propose, #history").focus()
        self.run_worker(self._look_again())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "propose":
            self.action_propose()
        else:
            self.action_history()

    def action_propose(self) -> None:
        if self._item["owner"] != shell(self).desk.person.id:
            self.app.switch_screen(ProposeScreen(self._item))

    def action_history(self) -> None:
        self.app.push_screen(HistoryScreen(self._item))

    def _changed(self, change: Change) -> None:
        if change.topic is Topic.PRESENCE:
            self._show()

    def _show(self) -> None:
        desk = shell(self).desk
        self.query_one(".dialog", Vertical).border_title = headline(self._item)
        self.query_one("#item-facts", Static).update(facts(self._item, desk))
        self.query_one("#item-story", Static).update(story(self._item, desk))

    async def _look_again(self) -> None:
        item = await shell(self).attempt(shell(self).person.does("item:get", itemId=self._item["id"]))
        if item is not None:
            self._item = item
            self._show()
        else:
            self.query_one("#item-facts", Static).update(Content.styled("It is gone.", "$warning"))
