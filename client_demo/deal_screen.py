"""One deal: its terms, the talk about it, and exactly the moves that are open to me now."""

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import AppFocus, Resize
from textual.widgets import Button, Footer, Input, Static

from client_demo.chat import ChatLog
from client_demo.counter_screen import CounterScreen
from client_demo.deal_card import DealCard
from client_demo.deal_words import moves_label, pipeline, presence, terms, title_line
from client_demo.deals import Deal, Move
from client_demo.desk import Change, Topic
from client_demo.dialogs import question
from client_demo.logs import Entry
from client_demo.pages import Page
from client_demo.ring_drawing import draw
from client_demo.ring_words import drawn
from client_demo.rings import Ring
from client_demo.shell import shell
from client_demo.swaps import Swap
from client_demo.top_bar import TopBar
from client_demo.wire import Refused, Unreachable, new_key

MESSAGE_CHARACTERS_MAX = 4_000
TYPING_EVERY_SECONDS = 3.0
TYPING_ANSWER_SECONDS = 2.0
EARLIER_PAGE = 50
WHEEL_SCREEN_ROWS_MIN, WHEEL_COLUMNS_MIN = 32, 48


class DealScreen(Page[None]):
    """Follows its deal by `desk.changes`; what has been shown is marked as read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("f2", "make('interest')", "Interested"),
        Binding("f3", "make('confirm')", "Confirm"),
        Binding("f3", "make('accept')", "Accept"),
        Binding("f4", "make('complete')", "Swapped"),
        Binding("f4", "make('execute')", "Done"),
        Binding("f5", "make('counter')", "Counter"),
        Binding("f8", "make('reject')", "Decline"),
        Binding("f9", "make('cancel')", "Call off"),
        Binding("f9", "make('withdraw')", "Step back"),
        Binding("f10", "make('dispute')", "Problem"),
        Binding("ctrl+up", "earlier", "Earlier", show=False),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, conversation_id: str) -> None:
        super().__init__()
        self._conversation_id = conversation_id
        self._typing_told_at = 0.0

    @property
    def deal(self) -> Deal:
        return shell(self).desk.deals[self._conversation_id]

    def shows(self, deal: Deal) -> bool:
        return deal.conversation_id == self._conversation_id

    def compose(self) -> ComposeResult:
        yield TopBar("deals")
        with Vertical(id="terms"):
            yield Static(id="title", markup=False)
            yield Static(id="gives-gets", markup=False)
            yield Static(id="pipeline", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="talk"):
                yield Static(id="wheel", markup=False)
                yield ChatLog(shell(self).desk, self.deal)
                yield Static(id="typing", markup=False)
                yield Input(placeholder="Write a message", id="composer", max_length=MESSAGE_CHARACTERS_MAX)
                yield Horizontal(id="moves")
            yield DealCard()
        yield Footer(show_command_palette=False, compact=True)

    async def on_mount(self) -> None:
        shell(self).changes.subscribe(self, self._changed)
        self.query_one("#composer").focus()
        await self._show_deal()
        self.run_worker(self._open())
        self.set_interval(1.0, self._show_typists)  # silence ends a "typing" without any push

    # ── following ───────────────────────────────────────────────────────────────────────────────

    async def _open(self) -> None:
        app = shell(self)
        log = await app.attempt(app.desk.open_log(self.deal))
        if log is not None:
            self.query_one(ChatLog).begin(log.entries, log.read_to_by(self.deal.others))
        self._read()
        await app.attempt(app.desk.look_up(self.deal))
        await app.attempt(app.person.watch(self.deal.others))
        self._show_words()

    async def _changed(self, change: Change) -> None:
        if change.topic in (Topic.PRESENCE, Topic.STATE):
            self._show_words()
        if change.conversation_id != self._conversation_id:
            return
        match change.topic:
            case Topic.DEALS:
                await self._show_deal()
            case Topic.ENTRY if change.entry is not None:
                self.query_one(ChatLog).add(change.entry)
                self._show_typists()
                self._read()
            case Topic.MARKS:
                log = shell(self).person.logs[self._conversation_id]
                self.query_one(ChatLog).read_to(log.read_to_by(self.deal.others))
            case Topic.TYPING:
                self._show_typists()
            case Topic.INBOX:
                self._read()

    async def _show_deal(self) -> None:
        self._show_words()
        moves = self.deal.moves()
        bar = self.query_one("#moves", Horizontal)
        if [button.id for button in bar.query(Button)] != [f"move-{move.verb}" for move in moves]:
            focus_was_there = self.focused is not None and bar in self.focused.ancestors
            await bar.remove_children()
            await bar.mount_all([_button(move) for move in moves])
            if focus_was_there:
                self.query_one("#composer").focus()
        self.refresh_bindings()

    def _show_words(self) -> None:
        desk, deal = shell(self).desk, self.deal
        there = presence(deal, desk.name, desk.person.presence)
        self.query_one("#title", Static).update(title_line(deal, there, self.size.width - 2))
        self.query_one("#gives-gets", Static).update(terms(deal))
        self.query_one("#pipeline", Static).update(pipeline(deal, deal.hint(desk.name)))
        self.query_one(DealCard).show(deal)
        self._show_wheel(deal)

    def _show_wheel(self, deal: Deal) -> None:
        """A ring, drawn above the talk where there is room for both."""
        wheel = self.query_one("#wheel", Static)
        columns = self.query_one("#talk").size.width - 2
        wheel.display = isinstance(deal, Ring) and self.size.height >= WHEEL_SCREEN_ROWS_MIN and columns >= WHEEL_COLUMNS_MIN
        if wheel.display and isinstance(deal, Ring):
            wheel.update(drawn(draw(deal.circle, deal.me, columns)))

    def on_resize(self, _event: Resize) -> None:
        self.call_after_refresh(self._show_words)

    def _show_typists(self) -> None:
        app = shell(self)
        names = [app.desk.name(user) for user in app.person.typists(self._conversation_id)]
        verb = "is" if len(names) == 1 else "are"
        self.query_one("#typing", Static).update(f"{' and '.join(names)} {verb} typing …" if names else "")

    @on(AppFocus)
    def _looked_at(self) -> None:
        self._read()

    def on_screen_resume(self) -> None:
        self._read()

    def _read(self) -> None:
        """Tell the others that it was read; not while nobody looks at this terminal."""
        if self.app.app_focus and self.is_current:
            desk = shell(self).desk
            self.run_worker(shell(self).attempt(desk.read(self._conversation_id)))
            self.run_worker(shell(self).attempt(desk.inbox.read_of(self._conversation_id)))

    # ── talking ─────────────────────────────────────────────────────────────────────────────────

    @on(Input.Submitted, "#composer")
    def _send(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text:
            event.input.value = ""
            self._typing_told_at = 0.0
            self.run_worker(self._deliver(text, new_key()))

    async def _deliver(self, text: str, client_message_id: str) -> None:
        app, log = shell(self), self.query_one(ChatLog)
        log.sending(client_message_id, text)
        try:
            await app.person.does(
                "message:send", conversationId=self._conversation_id, text=text, clientMessageId=client_message_id
            )
        except (Refused, Unreachable) as error:
            log.failed(client_message_id)
            app.complain(error)
            composer = self.query_one("#composer", Input)
            composer.value = composer.value or text

    @on(Input.Changed, "#composer")
    def _typed(self, event: Input.Changed) -> None:
        now = asyncio.get_running_loop().time()
        if event.value and now - self._typing_told_at > TYPING_EVERY_SECONDS:
            self._typing_told_at = now
            self.run_worker(self._tell_typing())

    async def _tell_typing(self) -> None:
        """A hint, sent once and not missed when it is lost."""
        try:
            await shell(self).person.does(
                "typing", conversationId=self._conversation_id, typing=True, within_seconds=TYPING_ANSWER_SECONDS
            )
        except (Refused, Unreachable):
            self._typing_told_at = 0.0

    async def action_earlier(self) -> None:
        log = self.query_one(ChatLog)
        if log.first_seq > 1:
            page = await shell(self).attempt(
                shell(self).person.does(
                    "message:list", conversationId=self._conversation_id, beforeSeq=log.first_seq, limit=EARLIER_PAGE
                )
            )
            log.prepend([Entry.of(data) for data in page or []])

    # ── moving ──────────────────────────────────────────────────────────────────────────────────

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only the moves that are open now have a key, and stand in the footer."""
        if action == "make":
            return any(move.verb == parameters[0] for move in self.deal.moves())
        return True

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.action_make(str(event.button.id).removeprefix("move-"))

    def action_make(self, verb: str) -> None:
        self.run_worker(self._make(verb), exclusive=True, group="move")

    async def _make(self, verb: str) -> None:
        """Make the move with the terms that were on the screen when it was chosen: their revision goes with it."""
        deal = self.deal
        move = next((move for move in deal.moves() if move.verb == verb), None)
        if move is None:
            return
        if isinstance(deal, Swap) and verb == "counter":
            await self.app.push_screen_wait(CounterScreen(deal))
            return
        words: str | None = ""
        if move.question:
            words = await self.app.push_screen_wait(question(move))
        if words is None:
            return
        app = shell(self)
        event, payload = deal.call(move, words)
        try:
            answer = await app.person.does(event, **payload)
        except (Refused, Unreachable) as error:
            app.complain(error)
            if isinstance(error, Refused):  # it is not as it was shown: show it as it is
                await app.attempt(app.desk.look_up(deal))
            return
        if event.startswith(f"{deal.noun}:"):
            app.desk.keep(answer, deal.noun)
        else:
            await app.attempt(app.desk.look_up(deal))


def _button(move: Move) -> Button:
    variant = {"good": "success", "bad": "error"}.get(move.tone, "default")
    return Button(moves_label(move), variant=variant, id=f"move-{move.verb}", compact=True)  # type: ignore[arg-type]
