"""The way in: sign in, or register and sign in."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Footer, Input, Label, Static

from client_demo.connection import Person
from client_demo.pages import Page
from client_demo.shell import shell
from client_demo.wire import Refused, Unreachable
from client_demo.words import failure

LOGO = """\
╭──▶───────╮
│ swaploop │
╰───────◀──╯"""


class SignInScreen(Page[None]):
    """Ends in `Shell.enter`. `notice` says why someone is here again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "switch_way", "New here / have an account"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    def __init__(self, notice: str = "") -> None:
        super().__init__()
        self._notice = notice

    def compose(self) -> ComposeResult:
        with Vertical(id="door"):
            yield Static(LOGO, id="logo", markup=False)
            yield Static("things for things, no money in between", id="slogan", markup=False)
            with Vertical(classes="dialog tight") as dialog:
                dialog.border_title = "Sign in"
                dialog.border_subtitle = Content(shell(self).url)
                yield Label("Name", classes="as-sign-in")
                yield Input(placeholder="as others will see you", id="name", classes="as-sign-in", max_length=100)
                yield Label("E-mail")
                yield Input(shell(self).email or "", placeholder="you@example.org", id="email", max_length=254)
                yield Label("Password")
                yield Input(password=True, id="password", max_length=256)
                yield Static(self._notice, id="problem", classes="problem", markup=False)
                yield Button("Sign in", variant="primary", id="go", compact=True)
                yield Static(id="other-way", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._show_way()
        self._complain(self._notice)
        self.query_one("#password" if shell(self).email else "#email").focus()

    @property
    def registering(self) -> bool:
        return self.has_class("-registering")

    def action_switch_way(self) -> None:
        self.toggle_class("-registering")
        self._show_way()
        self._complain("")
        self.query_one("#name" if self.registering else "#email").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "password":
            self._go()
        else:
            self.focus_next()

    def on_button_pressed(self, _event: Button.Pressed) -> None:
        self._go()

    def _show_way(self) -> None:
        word = "Create an account" if self.registering else "Sign in"
        self.query_one(".dialog", Vertical).border_title = word
        self.query_one("#go", Button).label = word
        other = "Have an account?" if self.registering else "New here?"
        self.query_one("#other-way", Static).update(Content.assemble(f"{other} ", ("ctrl+n", "$accent")))

    def _complain(self, sentence: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(sentence)
        problem.set_class(bool(sentence), "-shown")

    def _go(self) -> None:
        self.run_worker(self._come_in(), exclusive=True)

    async def _come_in(self) -> None:
        name, email, password = (self.query_one(f"#{field}", Input).value for field in ("name", "email", "password"))
        for field, value in (("email", email), ("password", password)):
            if not value.strip():
                self._complain(f"Your {'e-mail' if field == 'email' else field} is needed.")
                self.query_one(f"#{field}").focus()
                return
        button = self.query_one("#go", Button)
        button.disabled = True
        self._complain("")
        person = Person(shell(self).url)
        try:
            if not await person.server_is_there():
                raise Unreachable(person.url)
            if self.registering:
                await person.register(name.strip(), email.strip(), password)
            await person.sign_in(email.strip(), password)
            await person.connect()
        except (Refused, Unreachable) as error:
            await person.close()
            self._complain(_why(error, shell(self).url))
            if isinstance(error, Refused) and error.field in ("name", "email", "password"):
                self.query_one(f"#{error.field}").focus()
        else:
            shell(self).enter(person)
        finally:
            button.disabled = False


def _why(error: Refused | Unreachable, url: str) -> str:
    if isinstance(error, Unreachable):
        return f"No server answers at {url}. Is it running? (make run)"
    return failure(error)
