"""Counter an offer or a trade: put another of my things in the place of what I was to give."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from client_demo.pages import Dialog
from client_demo.shell import shell
from client_demo.swaps import Swap
from client_demo.wire import Data, Refused, Unreachable, new_key
from client_demo.words import condition, failure, money, one_line

ITEMS_MAX = 100
NOTES_CHARACTERS_MAX = 1_000


class CounterScreen(Dialog[None]):
    """Closes when the counter-offer is on the table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+s", "counter", "Counter"),
    ]

    def __init__(self, swap: Swap) -> None:
        super().__init__()
        self._swap = swap
        self._key = new_key()
        self._asked: Data = {}

    def compose(self) -> ComposeResult:
        swap = self._swap
        with Vertical(classes="dialog tight") as dialog:
            dialog.border_title = "Counter-offer"
            dialog.border_subtitle = "ctrl+s counters · esc back"
            yield Static(
                Content.assemble(
                    ("You get   ", "$muted"),
                    (swap.names_of(swap.gets), "bold"),
                    ("\ninstead of ", "$muted"),
                    swap.names_of(swap.gives),
                ),
                classes="question",
                markup=False,
            )
            yield Label("You would rather give")
            yield OptionList(id="gives", markup=False)
            yield Label("Say something with it")
            yield Input(placeholder="optional", id="notes", max_length=NOTES_CHARACTERS_MAX)
            yield Static(id="problem", classes="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Back", id="back", compact=True)
                yield Button("Counter", variant="primary", id="counter", compact=True)

    def on_mount(self) -> None:
        self.query_one("#gives").focus()
        self.run_worker(self._load())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "counter":
            self.action_counter()
        else:
            self.dismiss(None)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.action_counter()

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        self.query_one("#notes").focus()

    def action_counter(self) -> None:
        self.run_worker(self._counter(), exclusive=True, group="counter")

    async def _load(self) -> None:
        answer = await shell(self).attempt(shell(self).person.does("item:mine", limit=ITEMS_MAX))
        given = {thing.item_id for thing in self._swap.gives}
        mine = [
            item for item in (answer or {"items": []})["items"] if item["status"] == "available" and item["id"] not in given
        ]
        listed = self.query_one("#gives", OptionList)
        for item in mine:
            facts = f"  {condition(item['condition'])}  {money(item.get('estimatedValue'))}"
            listed.add_option(Option(Content.assemble(one_line(item["title"], 44), (facts, "$muted")), id=item["id"]))
        if mine:
            listed.highlighted = 0
        elif answer is not None:
            self._complain("You have nothing else on the market: list a thing first (2, then a).")

    async def _counter(self) -> None:
        listed = self.query_one("#gives", OptionList)
        if listed.highlighted is None:
            return
        notes = self.query_one("#notes", Input).value.strip()
        item = listed.get_option_at_index(listed.highlighted).id
        ask: Data = {"offerId": self._swap.id, "counterOfferItemId": item} | ({"notes": notes} if notes else {})
        if ask != self._asked:
            self._asked, self._key = ask, new_key()
        try:
            offer = await shell(self).person.does("offer:counter", **ask, idempotencyKey=self._key)
        except (Refused, Unreachable) as error:
            self._complain(failure(error))
            if isinstance(error, Refused):
                self._key = new_key()
            return
        if self._swap.noun == "offer":
            shell(self).desk.keep(offer, "offer")
        else:  # the answer is in an offer's words
            await shell(self).attempt(shell(self).desk.look_up(self._swap))
        self.dismiss(None)

    def _complain(self, sentence: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(sentence)
        problem.add_class("-shown")
