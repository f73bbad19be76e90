"""My things: list a new one, relist one that I got, take one off, see whose it has been."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from client_demo.add_item_screen import AddItemScreen
from client_demo.dialogs import Question
from client_demo.history_screen import HistoryScreen
from client_demo.item_card import ItemCard
from client_demo.item_screen import ItemScreen
from client_demo.matches_screen import MatchesScreen
from client_demo.rings_screen import RingsScreen
from client_demo.rows import Row, Rows
from client_demo.shell import shell
from client_demo.wire import Data
from client_demo.words import condition, money, one_line, wants

ITEMS_MAX = 100


class MinePane(Horizontal):
    """What I own, whether it is on the market or not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add"),
        Binding("l", "relist", "Relist"),
        Binding("o", "rings", "Rings"),
        Binding("m", "matches", "Matches"),
        Binding("h", "history", "History"),
        Binding("x", "take_off", "Delete"),
        Binding("r", "reload", "Reload"),
    ]

    def __init__(self, *, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._items: dict[str, Data] = {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="list"):
            yield Static(id="mine-head", classes="head", markup=False)
            yield Rows(id="mine-list")
        yield ItemCard(id="mine-card")

    def arrive(self) -> None:
        """This pane has come into view."""
        self.query_one(Rows).focus()
        self.action_reload()

    def action_reload(self) -> None:
        self.run_worker(self._load(), exclusive=True, group="mine")

    def action_add(self) -> None:
        self.app.push_screen(AddItemScreen(), lambda added: self.action_reload() if added else None)

    def action_history(self) -> None:
        if item := self._here():
            self.app.push_screen(HistoryScreen(item))

    def action_rings(self) -> None:
        if item := self._here():
            self.app.push_screen(RingsScreen(item))

    def action_matches(self) -> None:
        if item := self._here():
            self.app.push_screen(MatchesScreen(item))

    def action_relist(self) -> None:
        if item := self._here():
            self.run_worker(self._relist(item))

    def action_take_off(self) -> None:
        if item := self._here():
            self.run_worker(self._take_off(item))

    @on(OptionList.OptionHighlighted)
    def _look(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one(ItemCard).show(self._items.get(event.option_id or ""))

    @on(OptionList.OptionSelected, "#mine-list")
    def _open(self, event: OptionList.OptionSelected) -> None:
        if (item := self._items.get(event.option_id or "")) is not None:
            self.app.push_screen(ItemScreen(item))

    def _here(self) -> Data | None:
        return self._items.get(self.query_one(Rows).here or "")

    async def _load(self) -> None:
        answer = await shell(self).attempt(shell(self).person.does("item:mine", limit=ITEMS_MAX))
        if answer is None:
            return
        self._items = {item["id"]: item for item in answer["items"]}
        count = len(self._items)
        head = f"{answer['pagination']['total']} thing{'' if count == 1 else 's'} of yours"
        self.query_one("#mine-head", Static).update(head if count else "Nothing of yours yet: press a to list a thing")
        self.query_one(Rows).show([self._row(item) for item in self._items.values()])
        if not count:
            self.query_one(ItemCard).show(None)

    def _row(self, item: Data) -> Row:
        names = shell(self).desk.category_names()
        facts = f"{condition(item['condition'])} · {names.get(item['category'], item['category'])}"
        on_market = item["status"] == "available"
        return Row(
            item["id"],
            Content.styled(one_line(item["title"], 100), "bold"),
            Content.styled(money(item.get("estimatedValue")), "$accent"),
            Content.assemble((facts, "$muted"), (f"  wants {wants(item, names)}", "$primary 80%")),
            Content.styled("● on the market" if on_market else "○ traded", "$success" if on_market else "$muted"),
        )

    async def _relist(self, item: Data) -> None:
        if item["status"] == "available":
            shell(self).say("It is on the market already.")
            return
        ask = shell(self).person.does("item:update", itemId=item["id"], status="available")
        if await shell(self).attempt(ask) is not None:
            shell(self).say(f"{one_line(item['title'], 60)} is on the market again.")
            await self._load()

    async def _take_off(self, item: Data) -> None:
        question = Question(
            "Delete a thing",
            f"Delete {one_line(item['title'], 80)}? Open proposals for it are declined.",
            "Delete",
            bad=True,
        )
        if await self.app.push_screen_wait(question) is None:
            return
        if await shell(self).attempt(shell(self).person.does("item:delete", itemId=item["id"])) is not None:
            await self._load()
