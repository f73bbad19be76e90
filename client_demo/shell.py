"""What every screen of the terminal app leans on: the person, the desk, and how a failure becomes a sentence."""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Awaitable
from typing import TypeVar

from textual.app import App
from textual.dom import DOMNode
from textual.signal import Signal

from client_demo.connection import Person
from client_demo.desk import Change, Desk
from client_demo.wire import Refused, Unreachable
from client_demo.words import failure

Answer = TypeVar("Answer")

PICTURES_KEPT_MAX = 60


class Shell(App[None]):
    """The app as its screens see it. `changes` tells of every change on the desk."""

    def __init__(self, url: str, email: str | None) -> None:
        super().__init__()
        self.url = url.rstrip("/")
        self.email = email
        self._person: Person | None = None
        self._desk: Desk | None = None
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self.changes: Signal[Change] = Signal(self, "desk")

    @property
    def person(self) -> Person:
        assert self._person is not None, "only the sign-in screen is shown before someone has signed in"
        return self._person

    @property
    def desk(self) -> Desk:
        assert self._desk is not None, "only the sign-in screen is shown before someone has signed in"
        return self._desk

    async def attempt(self, call: Awaitable[Answer]) -> Answer | None:
        """What `call` answers; None, and a sentence on the screen, when it is refused or nothing answers."""
        try:
            return await call
        except (Refused, Unreachable) as error:
            self.complain(error)
            return None

    def complain(self, error: Refused | Unreachable) -> None:
        self.say(failure(error), bad=True)

    def say(self, sentence: str, *, bad: bool = False) -> None:
        self.notify(sentence, severity="error" if bad else "information", timeout=6 if bad else 4, markup=False)

    async def picture(self, path: str) -> bytes | None:
        """The bytes of a picture, kept for next time; None when it cannot be had. A picture is worth no complaint."""
        if path not in self._pictures:
            try:
                self._pictures[path] = await self.person.picture(path)
            except (Refused, Unreachable):
                return None
            if len(self._pictures) > PICTURES_KEPT_MAX:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(path)
        return self._pictures[path]

    @abstractmethod
    def enter(self, person: Person) -> None:
        """Someone has signed in. The app does this, which knows the screens."""

    @abstractmethod
    def go(self, place: str) -> None:
        """Show one of the main places: browse, mine, deals, inbox. The app does this."""


def shell(node: DOMNode) -> Shell:
    """The app that a widget or screen lives in."""
    app = node.app
    assert isinstance(app, Shell)
    return app
