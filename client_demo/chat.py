"""A conversation as it grows: bubbles with ticks, the deal's changes between them, everything in `seq` order."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from client_demo.deals import Deal
from client_demo.desk import Desk
from client_demo.logs import Entry
from client_demo.rings import Ring
from client_demo.words import change_sentence, clean, clock

ROWS_SHOWN_MAX = 400
ROWS_FIRST = 80

SENDING, SENT, READ, FAILED = "…", "✓", "✓✓", "✗"


class Row(Horizontal):
    """One message as a bubble. `seq` is 0 until the server has numbered it."""

    def __init__(self, text: str, *, mine: bool, entry: Entry | None, name: str = "") -> None:
        super().__init__(classes="row -mine" if mine else "row")
        self.text = text
        self._name = name  # of who says it, where there is more than one other
        self.mine = mine
        self.seq = entry.seq if entry else 0
        self.sender = entry.sender if entry and not mine else None
        self._time = clock(entry.created_at) if entry else ""
        self._tick = SENDING if mine else ""

    def compose(self) -> ComposeResult:
        yield Static(self._words(), classes="bubble", markup=False)

    def numbered(self, entry: Entry) -> None:
        """The server has it."""
        self.seq = entry.seq
        self._time = clock(entry.created_at)
        self.remove_class("-failed")
        self.tick(SENT)

    def tick(self, tick: str) -> None:
        if tick != self._tick:
            self._tick = tick
            self.set_class(tick == FAILED, "-failed")
            if self.is_mounted:
                self.query_one(Static).update(self._words())

    @property
    def is_read(self) -> bool:
        return self._tick == READ

    def _words(self) -> Content:
        word = {SENDING: "sending …", SENT: "✓", READ: "✓✓", FAILED: "✗ not sent"}.get(self._tick, "")
        style = {READ: "bold $primary", FAILED: "$error"}.get(self._tick, "$muted")
        about = Content.assemble((self._time, "$muted"), " " if self._time and word else "", (word, style))
        name = Content.styled(f"{self._name}\n" if self._name else "", "bold $secondary")
        return Content.assemble(name, self.text, "  ", about)


class Happening(Static):
    """A change of the deal, in the middle of the log."""

    def __init__(self, sentence: str, time: str) -> None:
        words = Content.assemble(("── ", "$panel"), sentence, (f"  {time}", "$faint"), (" ──", "$panel"))
        super().__init__(words, classes="event", markup=False)


class ChatLog(VerticalScroll):
    """The log of one conversation. Its owner feeds it entries in order, marks, and what is being sent."""

    can_focus = True

    def __init__(self, desk: Desk, deal: Deal) -> None:
        super().__init__(id="log")
        self._desk = desk
        self._others = deal.others
        self._about = "ring" if isinstance(deal, Ring) else "swap"
        self._waiting: dict[str, Row] = {}  # clientMessageId → a bubble not yet numbered
        self._unread_mine: list[Row] = []
        self._last: Row | Happening | None = None
        self.first_seq = 0
        self.last_seq = 0

    def compose(self) -> ComposeResult:
        yield Static("ctrl+↑ earlier messages", id="earlier", markup=False)

    def on_mount(self) -> None:
        self.anchor()

    def begin(self, entries: Sequence[Entry], read_to: int) -> None:
        """The newest of what is known so far."""
        for entry in entries[-ROWS_FIRST:]:
            self.add(entry)
        self.read_to(read_to)
        self._offer_earlier()

    def add(self, entry: Entry) -> None:
        """The next entry; one that is shown already is passed over."""
        if entry.seq <= self.last_seq:
            return
        self.first_seq = self.first_seq or entry.seq
        self.last_seq = entry.seq
        waiting = self._waiting.pop(entry.client_message_id or "", None)
        if waiting is not None:
            waiting.numbered(entry)
            self._unread_mine.append(waiting)
            if waiting is not self._last:
                self.move_child(waiting, after=len(self.children) - 1)  # what was sent later was numbered earlier
                self._last = waiting
            return
        self._put(self._widget(entry))

    def prepend(self, entries: Sequence[Entry]) -> None:
        """Older entries than the first one shown."""
        older = [entry for entry in entries if entry.seq < self.first_seq]
        if older:
            self.first_seq = older[0].seq
            self.mount_all([self._widget(entry) for entry in older], after=0)
        self._offer_earlier()

    def sending(self, client_message_id: str, text: str) -> None:
        """A message is on its way."""
        row = Row(clean(text), mine=True, entry=None)
        self._waiting[client_message_id] = row
        self._put(row)
        self.anchor()

    def failed(self, client_message_id: str) -> None:
        """It was not sent."""
        row = self._waiting.pop(client_message_id, None)
        if row is not None:
            row.tick(FAILED)

    def read_to(self, seq: int) -> None:
        """The others have all read up to `seq`."""
        for row in self._unread_mine:
            if row.seq <= seq:
                row.tick(READ)
        self._unread_mine = [row for row in self._unread_mine if not row.is_read]

    def _widget(self, entry: Entry) -> Row | Happening:
        me = self._desk.person.id
        if entry.kind == "deal":
            who = self._desk.name(entry.sender) if entry.sender else ""
            return Happening(change_sentence(entry.change or {}, who, self._about), clock(entry.created_at))
        mine = entry.sender == me
        name = self._desk.name(entry.sender) if len(self._others) > 1 and not mine else ""
        row = Row(clean(entry.text), mine=mine, entry=entry, name=name)
        if row.mine:
            row.numbered(entry)
            if set(self._others) <= set(entry.read_by):
                row.tick(READ)
            else:
                self._unread_mine.append(row)
        return row

    def _put(self, widget: Row | Happening) -> None:
        before = self._last
        same_kind = isinstance(before, Row) and isinstance(widget, Row) and before.sender == widget.sender
        widget.set_class(same_kind or (isinstance(before, Happening) and isinstance(widget, Happening)), "-follows")
        self._last = widget
        self.mount(widget)
        surplus = len(self.children) - 1 - ROWS_SHOWN_MAX
        if surplus > 0:
            for child in list(self.children)[1 : surplus + 1]:
                child.remove()

    def _offer_earlier(self) -> None:
        self.query_one("#earlier").set_class(self.first_seq > 1, "-shown")
