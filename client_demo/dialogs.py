"""Small questions over a screen: yes or no, with a reason where one is asked for."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from client_demo.deals import Move
from client_demo.pages import Dialog

REASON_CHARACTERS_MAX = 500


class Question(Dialog[str | None]):
    """Answers None for no; for yes the reason, which is empty when none was asked for or given."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer(False)", "No"),
        Binding("ctrl+y", "answer(True)", "Yes"),
    ]

    def __init__(
        self,
        title: str,
        question: str,
        yes: str,
        *,
        bad: bool = False,
        asks_reason: bool = False,
        reason_hint: str = "Why? (optional)",
    ) -> None:
        super().__init__()
        self._reason_hint = reason_hint
        self._title = title
        self._question = question
        self._yes = yes
        self._bad = bad
        self._asks_reason = asks_reason

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -bad" if self._bad else "dialog") as dialog:
            dialog.border_title = Content(self._title)
            dialog.border_subtitle = "esc no"
            yield Static(self._question, classes="question", markup=False)
            if self._asks_reason:
                with Vertical(classes="tight line"):
                    yield Input(placeholder=self._reason_hint, max_length=REASON_CHARACTERS_MAX, id="reason")
            with Horizontal(classes="buttons"):
                yield Button("No", id="no", compact=True)
                yield Button(Content(self._yes), variant="error" if self._bad else "primary", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#reason" if self._asks_reason else "#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "yes")

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.action_answer(True)

    def action_answer(self, yes: bool) -> None:
        reason = self.query_one("#reason", Input).value.strip() if self._asks_reason else ""
        self.dismiss(reason if yes else None)


def question(move: Move) -> Question:
    """What is asked before the move is made."""
    return Question(
        move.label,
        move.question,
        move.label,
        bad=move.tone == "bad",
        asks_reason=move.asks_reason,
        reason_hint=move.reason_hint,
    )
