"""List a thing: what it is, what I want for it, and a picture from a file."""

import asyncio
import os
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Label, Select, Static, TextArea

from client_demo.pages import Dialog
from client_demo.shell import shell
from client_demo.wire import Data, Refused, Unreachable, new_key
from client_demo.words import CONDITIONS, LOOKING_FOR, failure

PICTURE_FILE_BYTES_MAX = 10 * 1024 * 1024
KEYWORDS_MAX = 20


class AddItemScreen(Dialog[bool]):
    """Answers whether something was listed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Back"),
        Binding("ctrl+s", "add", "List it"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._key = new_key()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tight") as dialog:
            dialog.border_title = "List a thing"
            dialog.border_subtitle = "tab next · ctrl+s list it · esc back"
            yield Label("What is it?")
            yield Input(placeholder="Film camera, Zenit E", id="title", max_length=200)
            yield Label("Describe it")
            yield TextArea(id="description", show_line_numbers=False, tab_behavior="focus")
            with Horizontal(classes="line"):
                with Vertical():
                    yield Label("Category")
                    yield Select(shell(self).desk.category_choices(), prompt="Choose", id="category")
                with Vertical(classes="-last"):
                    yield Label("Condition")
                    choices = [(name, code) for code, name in CONDITIONS.items()]
                    yield Select(choices, value="GOOD", allow_blank=False, id="condition")
            with Horizontal(classes="line"):
                with Vertical():
                    yield Label("Worth about, EGP (optional)")
                    yield Input(type="number", id="estimatedValue", max_length=12)
                with Vertical(classes="-last"):
                    yield Label("You look for")
                    looking_for = [(name, code) for code, name in LOOKING_FOR.items()]
                    yield Select(looking_for, value="flexible", allow_blank=False, id="lookingFor")
            with Horizontal(classes="line"):
                with Vertical():
                    yield Label("Wanted: keywords, with commas")
                    yield Input(placeholder="bicycle, skates", id="keywords", max_length=200)
                with Vertical(classes="-last"):
                    yield Label("Picture: path of a file (optional)")
                    yield Input(placeholder="~/camera.jpg", id="picture", max_length=500)
            yield Static(id="problem", classes="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Back", id="back", compact=True)
                yield Button("List it", variant="primary", id="add", compact=True)

    def on_mount(self) -> None:
        self.query_one("#title").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "add":
            self.action_add()
        else:
            self.dismiss(False)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        self.focus_next()

    def action_add(self) -> None:
        self.run_worker(self._add(), exclusive=True)

    async def _add(self) -> None:
        try:
            picture = await asyncio.to_thread(read_picture, self.query_one("#picture", Input).value.strip())
        except (OSError, ValueError) as error:
            self._complain(f"The picture cannot be read: {error}", "picture")
            return
        category = self.query_one("#category", Select).value
        if not isinstance(category, str):
            self._complain("Choose a category.", "category")
            return
        person = shell(self).person
        try:
            item = await person.does("item:create", idempotencyKey=self._key, **self._asked(category))
        except (Refused, Unreachable) as error:
            self._complain(failure(error), error.field if isinstance(error, Refused) else None)
            if isinstance(error, Refused):
                self._key = new_key()
            return
        if picture is not None:
            await shell(self).attempt(person.uploads(item["id"], [picture]))
        shell(self).say("Listed.")
        self.dismiss(True)

    def _asked(self, category: str) -> Data:
        asked: Data = {
            "title": self.query_one("#title", Input).value.strip(),
            "description": self.query_one("#description", TextArea).text.strip(),
            "category": category,
            "condition": self.query_one("#condition", Select).value,
            "lookingFor": self.query_one("#lookingFor", Select).value,
        }
        if worth := self.query_one("#estimatedValue", Input).value.strip():
            asked["estimatedValue"] = float(worth)
        keywords = [word.strip() for word in self.query_one("#keywords", Input).value.split(",") if word.strip()]
        if keywords:
            asked["wants"] = {"keywords": keywords[:KEYWORDS_MAX]}
        return asked

    def _complain(self, sentence: str, field: str | None) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(sentence)
        problem.add_class("-shown")
        fields = {"title", "description", "category", "condition", "estimatedValue", "lookingFor", "picture"}
        if field in fields:
            self.query_one(f"#{field}").focus()


def read_picture(path: str) -> bytes | None:
    """The file's bytes, None for no path. Raises OSError or ValueError with a sentence."""
    if not path:
        return None
    file = Path(os.path.expanduser(path))
    if not file.is_file():
        raise ValueError("there is no such file")
    if file.stat().st_size > PICTURE_FILE_BYTES_MAX:
        raise ValueError("it is larger than 10 MB")
    return file.read_bytes()
