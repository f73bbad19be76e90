"""What all screens of the terminal app are: places whose work ends when they are left."""

from typing import TypeVar

from textual.messages import Prune
from textual.screen import ModalScreen, Screen

Answer = TypeVar("Answer")


class Page(Screen[Answer]):
    """A screen of its own."""

    async def on_prune(self, _event: Prune) -> None:
        _end_work(self)


class Dialog(ModalScreen[Answer]):
    """A screen over another one."""

    async def on_prune(self, _event: Prune) -> None:
        _end_work(self)


def _end_work(screen: Screen[Answer]) -> None:
    """End the workers of the screen and of all that is on it.

    Textual does so only once the widgets on it are gone: what had waited for the server until then would look for them in vain.
    """
    for worker in screen.workers:
        if screen in worker.node.ancestors_with_self:
            worker.cancel()
