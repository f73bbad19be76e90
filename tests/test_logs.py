"""What a caller sent stands in a log line as text: it neither steers a terminal nor makes lines of its own."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
import structlog

from server.logs import configure_logs

NASTY = "item\x1b[2J\x1b]0;title\x07\x9b31m\u2028\u202e"


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[str], str]]:
    """Log a line, an error in it, with what a caller sent; what that writes, in the form asked for."""
    before = structlog.get_config()

    def write(form: str) -> str:
        configure_logs("info", form)
        with structlog.contextvars.bound_contextvars(action=NASTY):
            try:
                raise ValueError(NASTY + "\rforged")
            except ValueError:
                structlog.get_logger().exception("action.bug", name=NASTY, greeting="مرحبا")
        return capsys.readouterr().err

    yield write
    structlog.configure(**before)


def test_on_a_console_control_characters_are_shown_and_do_nothing(written: Callable[[str], str]) -> None:
    said = written("console")
    assert not [line for line in said.split("\n") if not line.isprintable()]
    first, *traceback = said.rstrip("\n").split("\n")
    assert first.count(r"item\x1b[2J\x1b]0;title\x07\x9b31m\u2028\u202e") == 2
    assert "مرحبا" in first, "letters of any language are letters"
    assert traceback[-1].endswith(r"\rforged")
    assert traceback[0] == "Traceback (most recent call last):"


def test_as_json_it_is_one_line(written: Callable[[str], str]) -> None:
    line, end = written("json").split("\n")
    assert end == ""
    assert msgspec.json.decode(line)["action"] == NASTY
