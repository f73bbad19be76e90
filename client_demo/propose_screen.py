"""Open a deal: pick what I give for what I want, and say something with it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, SelectionList, Static
from textual.widgets.selection_list import Selection

from client_demo.deal_screen import DealScreen
from client_demo.pages import Dialog
from client_demo.shell import shell
from client_demo.wire import Data, Refused, Unreachable, new_key
from client_demo.words import condition, failure, money, one_line, wants

ITEMS_MAX = 100
MESSAGE_CHARACTERS_MAX = 500


class ProposeScreen(Dialog[None]):
    """On success, the new deal's screen takes this one's place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+s", "propose('trade')", "Propose a trade"),
        Binding("ctrl+o", "propose('offer')", "Make an offer"),
    ]

    def __init__(self, wanted: Data, gives: str = "") -> None:
        super().__init__()
        self._wanted = wanted
        self._gives = gives  # the id of my thing to begin with
        self._noun = "trade"
        self._key = new_key()  # one proposal, however often the button is pressed while an answer is awaited

    def compose(self) -> ComposeResult:
        desk = shell(self).desk
        wanted = self._wanted
        with Vertical(classes="dialog tight") as dialog:
            dialog.border_title = "Propose a swap"
            dialog.border_subtitle = "space picks · ctrl+s trade · ctrl+o offer · esc back"
            yield Static(
                Content.assemble(
                    ("You get   ", "$muted"),
                    (one_line(wanted["title"], 56) + "\n", "bold"),
                    (f"          {condition(wanted['condition'])}  {money(wanted.get('estimatedValue'))}\n", "$accent"),
                    (f"from      {one_line(wanted.get('ownerName'), 40)}\n", "$muted"),
                    (f"who wants {one_line(wants(wanted, desk.category_names()), 56)}", "$primary"),
                ),
                classes="question",
                markup=False,
            )
            yield Label("You give (one or more)")
            yield SelectionList[str](id="gives")
            yield Label("Say something with it")
            yield Input(placeholder="optional", id="message", max_length=MESSAGE_CHARACTERS_MAX)
            yield Static(id="problem", classes="problem", markup=False)
            yield Static(
                "Trade: they confirm, and one of you says that it is done. Offer: they accept or counter, and both say so.",
                classes="hint",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button("Back", id="back", compact=True)
                yield Button("Make an offer", id="offer", compact=True)
                yield Button("Propose a trade", variant="primary", id="trade", compact=True)

    def on_mount(self) -> None:
        self.query_one("#gives").focus()
        self.run_worker(self._load())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "back":
            self.dismiss(None)
        else:
            self.action_propose(str(event.button.id))

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.action_propose("trade")

    def action_propose(self, noun: str) -> None:
        if noun != self._noun:
            self._noun, self._key = noun, new_key()  # the same key with another body would be refused
        self.run_worker(self._propose(noun), exclusive=True, group="propose")

    async def _load(self) -> None:
        answer = await shell(self).attempt(shell(self).person.does("item:mine", limit=ITEMS_MAX))
        mine = [item for item in (answer or {"items": []})["items"] if item["status"] == "available"]
        listed = self.query_one("#gives", SelectionList)
        for item in mine:
            words = Content.assemble(
                one_line(item["title"], 44),
                (f"  {condition(item['condition'])}  {money(item.get('estimatedValue'))}", "$muted"),
            )
            listed.add_option(Selection(words, item["id"]))
        if mine:
            listed.highlighted = 0
        if len(mine) == 1:
            listed.select_all()
        elif any(item["id"] == self._gives for item in mine):
            listed.select(self._gives)
        if answer is not None and not mine:
            self._complain("You have nothing on the market to give: list a thing first (2, then a).")

    async def _propose(self, noun: str) -> None:
        gives = list(self.query_one("#gives", SelectionList).selected)
        if not gives:
            self._complain("Pick at least one thing to give (space).")
            return
        if noun == "offer" and len(gives) > 1:
            self._complain("An offer is one thing for one thing. Pick one, or propose a trade.")
            return
        message = self.query_one("#message", Input).value.strip()
        event, ask = _asked(noun, gives, self._wanted["id"], message)
        try:
            answer = await shell(self).person.does(event, **ask, idempotencyKey=self._key)
        except (Refused, Unreachable) as error:
            self._complain(failure(error))
            if isinstance(error, Refused):
                self._key = new_key()  # what was refused is over; the next press is another proposal
            return
        deal = shell(self).desk.keep(answer, noun)
        shell(self).desk.know_name(self._wanted["owner"], self._wanted.get("ownerName") or "someone")
        self.app.switch_screen(DealScreen(deal.conversation_id))

    def _complain(self, sentence: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(sentence)
        problem.add_class("-shown")


def _asked(noun: str, gives: list[str], wanted: str, message: str) -> tuple[str, Data]:
    """The action that proposes, and its payload."""
    if noun == "offer":
        offer: Data = {"offeredItemId": gives[0], "requestedItemId": wanted}
        return "offer:create", offer | ({"notes": message} if message else {})
    trade: Data = {"offeredItem": gives[0] if len(gives) == 1 else gives, "requestedItem": wanted}
    return "trade:request", trade | ({"message": message} if message else {})
