"""The terminal app: `run(url, email)`."""

from collections import deque
from typing import ClassVar

from textual.binding import Binding, BindingType

from client_demo.connection import Person, State
from client_demo.deal_screen import DealScreen
from client_demo.desk import Change, Desk, Topic
from client_demo.logs import Entry
from client_demo.market_screen import MarketScreen
from client_demo.rings import Ring
from client_demo.shell import Shell
from client_demo.sign_in_screen import SignInScreen
from client_demo.theme import CSS, DAY, NIGHT
from client_demo.words import change_sentence, one_line

WIDE_COLUMNS = 104
TOAST_TITLE_CHARACTERS_MAX = 34  # one line at 80 columns
UNTOLD_MAX = 5  # toasts that wait; a screen full of them would tell nobody anything


class SwaploopApp(Shell):
    """Sign in, browse, list things, propose swaps, talk, settle."""

    TITLE = "swaploop"
    CSS = CSS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE_COLUMNS, "-wide")]  # noqa: RUF012 - textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False),
        Binding("ctrl+t", "light", "Light or dark", show=False),
    ]

    def __init__(self, url: str, email: str | None) -> None:
        super().__init__(url, email)
        self._untold: deque[Entry] = deque(maxlen=UNTOLD_MAX)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The two greys that our styles name, for themes that do not have them."""
        return {name: NIGHT.variables[name] for name in ("muted", "faint")}

    def on_mount(self) -> None:
        self.register_theme(NIGHT)
        self.register_theme(DAY)
        self.theme = NIGHT.name
        self.push_screen(SignInScreen())

    def enter(self, person: Person) -> None:
        self._person = person
        self._desk = Desk(person, self._changed)
        self.switch_screen(MarketScreen())

    def go(self, place: str) -> None:
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if isinstance(self.screen, MarketScreen):
            self.screen.show_place(place)

    async def leave(self, notice: str = "") -> None:
        """Back to the way in; the session ends at the server too."""
        person, desk = self.person, self.desk
        while len(self.screen_stack) > 2:
            self.pop_screen()
        await self.switch_screen(SignInScreen(notice))
        self._pictures.clear()
        self._untold.clear()
        desk.close()
        await person.sign_out()
        await person.close()
        if self._person is person:  # until here, so that quitting meanwhile closes it
            self._person = self._desk = None

    def action_light(self) -> None:
        self.theme = DAY.name if self.theme == NIGHT.name else NIGHT.name

    def action_sign_out(self) -> None:
        self.run_worker(self.leave(), exclusive=True, group="leave")

    async def on_unmount(self) -> None:
        if self._desk is not None:
            self._desk.close()
        if self._person is not None:
            await self._person.close()

    def _changed(self, change: Change) -> None:
        self.changes.publish(change)
        if change.topic is Topic.STATE and self.person.state is State.ENDED:
            reason = self.person.ended_because
            notice = f"Your session has ended{f': {reason}' if reason else ''}. Please sign in again."
            self.run_worker(self.leave(notice), exclusive=True, group="leave")
        elif change.entry is not None and change.entry.sender != self.person.id and self.person.state is State.ONLINE:
            self._untold.append(change.entry)
        elif change.notice is not None and change.notice.seq is None:  # what no entry tells: a reminder, another ring
            self.notify(change.notice.title, title="Inbox", markup=False)
        if change.topic in (Topic.ENTRY, Topic.DEALS):
            self._tell()

    def _tell(self) -> None:
        """What others did in deals that are not on the screen, as toasts, once it is known what deal and who."""
        for entry in list(self._untold):
            deal = self.desk.deals.get(entry.conversation_id)
            if deal is None or not self.desk.knows(entry.sender):
                continue
            self._untold.remove(entry)
            if not any(isinstance(screen, DealScreen) and screen.shows(deal) for screen in self.screen_stack):
                who = self.desk.name(entry.sender) if entry.sender else ""
                about = "ring" if isinstance(deal, Ring) else "swap"
                said = f"{who}: {one_line(entry.text)}"
                sentence = change_sentence(entry.change, who, about) if entry.change else said
                self.notify(sentence, title=one_line(deal.title, TOAST_TITLE_CHARACTERS_MAX), markup=False)


def run(url: str, email: str | None = None) -> None:
    """Run the terminal app against the server at `url`, with the e-mail filled in if given."""
    SwaploopApp(url, email).run()
