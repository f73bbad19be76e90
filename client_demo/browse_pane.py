"""Browse listings: search, category, pages; the highlighted one's card beside the list where there is room."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Select, Static

from client_demo.desk import Desk
from client_demo.item_card import ItemCard, owner
from client_demo.item_screen import ItemScreen
from client_demo.propose_screen import ProposeScreen
from client_demo.rows import Row, Rows
from client_demo.shell import shell
from client_demo.wire import Data
from client_demo.words import condition, money, one_line, wants

PAGE_ITEMS = 20


class BrowsePane(Horizontal):
    """Listings of everybody. Asks the server on arrival, on enter in the search field, and on turning a page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search"),
        Binding("p", "propose", "Propose"),
        Binding("n", "turn(1)", "Next page"),
        Binding("b", "turn(-1)", "Page back"),
        Binding("r", "reload", "Reload"),
    ]

    def __init__(self, *, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._items: dict[str, Data] = {}
        self._page = 1
        self._pages = 1

    def compose(self) -> ComposeResult:
        with Vertical(classes="list"):
            with Horizontal(classes="filters tight"):
                yield Input(placeholder="Search, then enter", id="search", max_length=100)
                yield Select[str]([], prompt="All categories", id="category")
            yield Static(id="browse-head", classes="head", markup=False)
            yield Rows(id="browse-list")
        yield ItemCard(id="browse-card")

    def arrive(self) -> None:
        """This pane has come into view."""
        select = self.query_one("#category", Select)
        if not self._items and shell(self).desk.categories:
            # Filling it in resets its value, and that would ask the server a second time.
            with self.prevent(Select.Changed):
                select.set_options(shell(self).desk.category_choices())
        self.query_one(Rows).focus()
        self.action_reload()

    def action_search(self) -> None:
        self.query_one("#search").focus()

    def action_reload(self) -> None:
        self.run_worker(self._load(), exclusive=True, group="listings")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no turning where there is no page."""
        return action != "turn" or (isinstance(by := parameters[0], int) and 1 <= self._page + by <= self._pages)

    def action_turn(self, by: int) -> None:
        if 1 <= self._page + by <= self._pages:
            self._page += by
            self.action_reload()

    def action_propose(self) -> None:
        item = self._items.get(self.query_one(Rows).here or "")
        if item is None:
            return
        if item["owner"] == shell(self).desk.person.id:
            shell(self).say("That is yours already.")
            return
        self.app.push_screen(ProposeScreen(item))

    @on(Input.Submitted, "#search")
    @on(Select.Changed, "#category")
    def _narrow(self) -> None:
        self._page = 1
        self.action_reload()
        self.query_one(Rows).focus()

    @on(OptionList.OptionHighlighted)
    def _look(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one(ItemCard).show(self._items.get(event.option_id or ""))

    @on(OptionList.OptionSelected, "#browse-list")
    def _open(self, event: OptionList.OptionSelected) -> None:
        if (item := self._items.get(event.option_id or "")) is not None:
            self.app.push_screen(ItemScreen(item))

    async def _load(self) -> None:
        filters: Data = {}
        if search := self.query_one("#search", Input).value.strip():
            filters["search"] = search
        category = self.query_one("#category", Select).value
        if isinstance(category, str):
            filters["category"] = category
        head = self.query_one("#browse-head", Static)
        answer = await shell(self).attempt(shell(self).person.does("item:list", page=self._page, limit=PAGE_ITEMS, **filters))
        if answer is None:
            head.update("Could not load the listings: press r to try again")
            return
        pagination = answer["pagination"]
        self._pages = max(1, pagination["totalPages"])
        self._items = {item["id"]: item for item in answer["items"]}
        self.refresh_bindings()
        about = " or more" if pagination.get("totalIsEstimate") else ""
        count = f"{pagination['total']:,}{about} listing{'' if pagination['total'] == 1 else 's'}"
        nothing = "Nothing here yet: list a thing of yours with 2, a" if not filters else "Nothing matches"
        head.update(f"{count}   page {self._page} of {self._pages}" if self._items else nothing)
        self.query_one(Rows).show([listing_row(item, shell(self).desk) for item in self._items.values()])
        if not self._items:
            self.query_one(ItemCard).show(None)


def listing_row(item: Data, desk: Desk) -> Row:
    names = desk.category_names()
    place = [condition(item["condition"]), names.get(item["category"], one_line(item["category"], 30))]
    if item.get("governorate"):
        place.append(one_line(item["governorate"], 20))
    return Row(
        item["id"],
        Content.styled(one_line(item["title"], 100), "bold"),
        Content.styled(money(item.get("estimatedValue")), "$accent"),
        Content.assemble((" · ".join(place), "$muted"), (f"  wants {wants(item, names)}", "$primary 80%")),
        owner(item, desk),
    )
