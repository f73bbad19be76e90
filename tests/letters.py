"""The letters of a market that has no mail server: files, of which the oldest go."""

import contextlib
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path


def letters_with(text: str, data_dir: Path) -> list[EmailMessage]:
    """Those that have this text in what is sent, oldest first. Others are not parsed: there may be a thousand."""
    found = []
    for written_at, content in sorted(_files(data_dir / "mail")):
        if text.encode() in content:
            letter = message_from_bytes(content, policy=default)
            assert isinstance(letter, EmailMessage), written_at
            found.append(letter)
    return found


def _files(folder: Path) -> Iterator[tuple[int, bytes]]:
    for file in folder.glob("*.eml"):
        with contextlib.suppress(FileNotFoundError):  # it was one of the oldest
            yield file.stat().st_mtime_ns, file.read_bytes()
