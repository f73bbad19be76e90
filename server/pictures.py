"""The pictures of listings: an uploaded file goes in, a WebP and its thumbnail come out, and both are kept or neither.

The work is done in two threads (Pillow releases the GIL); at most 32 files wait for them. (C74)
"""

import asyncio
import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from matching.refusals import Unavailable
from server.picture_rendering import SIZE_BYTES_MAX, render

CONTENT_TYPE = "image/webp"

THREADS = 2
WAITING_MAX = 32
UNREFERENCED_SECONDS_MAX = 3600
SWEEP_BATCH = 500

_SERVED = re.compile(r"(?P<name>[0-9a-f]{32})(?:\.thumb)?\.webp")
_OURS = re.compile(r"(?P<name>[0-9a-f]{32})(?:\.thumb)?\.webp(?:\.part)?")


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture: an unguessable name, and the size in pixels of the large version."""

    name: str
    width: int
    height: int


class Pictures:
    """The pictures of one upload directory. One per process; several processes may share the directory."""

    def __init__(self, upload_dir: Path) -> None:
        self._directory = upload_dir
        self._directory.mkdir(parents=True, exist_ok=True)
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="pictures")
        self._places = threading.BoundedSemaphore(THREADS + WAITING_MAX)

    async def make(self, source: Path) -> Picture:
        """Store the picture in the file `source`, which stays the caller's: both versions are there, or neither.

        Raises TooLarge, UnsupportedMedia, InvalidRequest (empty or damaged) or Unavailable (too many are waiting).
        """
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many pictures are being worked on. Please try again in a moment.", field="image")
        work = self._threads.submit(self._make, source)
        work.add_done_callback(lambda _: self._places.release())
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            # A thread cannot be stopped: what it still makes, for nobody, goes when it is done.
            work.add_done_callback(self._forget)
            raise

    def path(self, name: str, thumbnail: bool = False) -> Path:
        """Where a version of the picture lies. Its last part is what stands in its address: `find` reads it back."""
        return self._directory / f"{name}{'.thumb' if thumbnail else ''}.webp"

    def find(self, file_name: str) -> Path | None:
        """The file that an address ends in, or None. Takes any string, and never leaves the directory."""
        if not _SERVED.fullmatch(file_name):
            return None
        path = self._directory / file_name
        return path if path.is_file() else None

    async def discard(self, names: Iterable[str]) -> None:
        """Remove pictures for good; those that are gone already are no error."""
        await asyncio.to_thread(self._discard, list(names))

    async def sweep(self, known: Callable[[list[str]], Awaitable[Collection[str]]]) -> int:
        """Remove the files that nothing references and that are over an hour old; answer how many went.

        `known` is asked with up to 500 names at a time, and answers those that are referenced. Files that are not
        ours by their name are left alone, whatever the directory has been set to.
        """
        removed = 0
        batches = _old_pictures(self._directory)
        while (old := await asyncio.to_thread(next, batches, None)) is not None:
            if old:
                referenced = await known(sorted(set(old.values())))
                doomed = [path for path, name in old.items() if name not in referenced or path.suffix == ".part"]
                await asyncio.to_thread(_unlink, doomed)
                removed += len(doomed)
        return removed

    async def close(self) -> None:
        """Finish the picture in hand, drop those that wait, and end the threads."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    def _make(self, source: Path) -> Picture:
        with source.open("rb") as file:
            data = file.read(SIZE_BYTES_MAX + 1)
        large, small = render(data)

        name = secrets.token_hex(16)
        parts: list[tuple[Path, Path]] = []
        try:
            for image, thumbnail in ((small, True), (large, False)):
                final = self.path(name, thumbnail)
                parts.append((final.with_name(f"{final.name}.part"), final))
                image.save(parts[-1][0], format="WEBP", quality=82, method=4)
            for part, final in parts:
                part.replace(final)
        except BaseException:
            _unlink([path for pair in parts for path in pair])
            raise
        return Picture(name, large.width, large.height)

    def _discard(self, names: list[str]) -> None:
        _unlink([self.path(name, thumbnail) for name in names for thumbnail in (False, True)])

    def _forget(self, work: "Future[Picture]") -> None:
        if not work.cancelled() and work.exception() is None:
            self._discard([work.result().name])


def _old_pictures(directory: Path) -> Iterator[dict[Path, str]]:
    """Our files that are old enough to be swept, each with the name of its picture, from 500 entries at a time.

    The directory is opened, read and closed here, by whoever asks for the next: were it closed by a sweep that is cancelled,
    while the sweep's thread still reads it, the thread would read freed memory.
    """
    with os.scandir(directory) as entries:  # read as it goes: there may be millions
        while batch := list(islice(entries, SWEEP_BATCH)):
            yield _unchanged_for_an_hour(batch)


def _unchanged_for_an_hour(entries: "list[os.DirEntry[str]]") -> dict[Path, str]:
    """Our files among them that are old enough to be swept, with the name of the picture each belongs to."""
    before = time.time() - UNREFERENCED_SECONDS_MAX
    old = {}
    for entry in entries:
        ours = _OURS.fullmatch(entry.name)
        with contextlib.suppress(FileNotFoundError):  # removed by another process meanwhile
            if ours and entry.stat().st_mtime < before:
                old[Path(entry.path)] = ours["name"]
    return old


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
