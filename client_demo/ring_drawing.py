"""A ring drawn with characters: as boxes around a circle where there is room, else as a loop down the page. Pure."""

from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from client_demo.rings import Circle, Place

BOX_COLUMNS_MIN, BOX_COLUMNS_MAX = 20, 40
GAP_COLUMNS = 8  # between two boxes: an arrow, with a score above it
BOX_ROWS, GAP_ROWS = 4, 3
MARKS = {"PENDING": ("…", "waits"), "ACCEPTED": ("✓", "yes"), "REJECTED": ("✗", "no"), "COMPLETED": ("✓✓", "yes")}
LEFT_TO_RIGHT = "\u200e"  # after Arabic, so that a terminal that knows better keeps what follows where it is


class Run(NamedTuple):
    """Some characters of one look: name, me, label, thing, frame, arrow, score, kind, middle, waits, yes, no, or none."""

    text: str
    look: str


Drawing = list[list[Run]]


def draw(circle: Circle, me: str, columns: int) -> Drawing:
    """The ring in at most `columns`, its lines all of the same width."""
    top = (len(circle.places) + 1) // 2
    box = min(BOX_COLUMNS_MAX, (columns - (top - 1) * GAP_COLUMNS) // top)
    return _wheel(circle, me, top, box) if box >= BOX_COLUMNS_MIN else loop(circle, me, columns)


def loop(circle: Circle, me: str, columns: int) -> Drawing:
    """Down the page: each person, and below them what they give to the next. A cycle's line leads back to the top."""
    canvas = _Canvas(columns, 2 * len(circle.places) + circle.is_cycle)
    last = len(circle.places) - 1
    for number, place in enumerate(circle.places):
        row = 2 * number
        name_at = 3
        if (mark := MARKS.get(place.answer)) is not None:
            canvas.put(name_at, row, *mark)
            name_at += cell_len(mark[0]) + 1
        score = "" if place.fits is None else percent(place.fits)
        room = columns - name_at - (len(score) + 1 if score else 0)
        canvas.put(name_at, row, _fit(_name(place, me), room), "me" if place.person == me else "name")
        canvas.put(columns - len(score), row, score, "score")
        if place.gives is not None:
            canvas.put(3, row + 1, "↓", "arrow")
            canvas.put(5, row + 1, _fit(place.gives.title, columns - 5), "thing")
        elif number == last:
            canvas.put(5, row + 1, _fit("gives nothing back", columns - 5), "label")
    if circle.is_cycle:
        bottom = 2 * len(circle.places)
        canvas.put(0, 0, "╭▶", "arrow")
        for row in range(1, bottom):
            canvas.put(0, row, "│", "arrow")
        canvas.put(0, bottom, "╰──╯", "arrow")
    return canvas.lines()


def facts(circle: Circle) -> list[str]:
    """What it is, and how good it is."""
    words = [f"{circle.sign} {circle.kind}", f"match {percent(circle.score)}{f', {circle.band}' if circle.band else ''}"]
    return words if circle.expected is None else [*words, f"{percent(circle.expected)} expected"]


def _wheel(circle: Circle, me: str, top: int, box: int) -> Drawing:
    """Boxes clockwise: the top row from left to right, the bottom row back. A chain lacks the last arrow."""
    places = circle.places
    bottom = len(places) - top
    step = box + GAP_COLUMNS
    width = top * step - GAP_COLUMNS
    below = BOX_ROWS + GAP_ROWS
    shift = (width - (bottom * step - GAP_COLUMNS)) // 2  # what the bottom row is moved in
    canvas = _Canvas(width, below + BOX_ROWS)
    for number, place in enumerate(places):
        column = number * step if number < top else shift + (len(places) - 1 - number) * step
        row = 0 if number < top else below
        _box(canvas, column, row, box, place, me)
        if 0 < number < top:
            _arrow_right(canvas, column - GAP_COLUMNS, row + 1, place.fits)
        elif number > top:
            _arrow_left(canvas, column + box, row + 1, place.fits)
    right, left = width - 1 - box // 2, box // 2
    _down(canvas, right, shift + bottom * step - GAP_COLUMNS if shift else None, places[top].fits)
    if circle.is_cycle:
        _up(canvas, left, shift if shift else None, places[0].fits)
    for number, words in enumerate(facts(circle)):
        room = right - left - 12
        column = left + 6 + max(0, room - cell_len(words)) // 2
        canvas.put(column, BOX_ROWS + number, _fit(words, room), "middle" if number else "kind")
    return canvas.lines()


def _box(canvas: "_Canvas", column: int, row: int, width: int, place: Place, me: str) -> None:
    look = "me" if place.person == me else "frame"
    canvas.put(column, row, f"╭{'─' * (width - 2)}╮", look)
    canvas.put(column, row + 3, f"╰{'─' * (width - 2)}╯", look)
    at = column + 2
    if (mark := MARKS.get(place.answer)) is not None:
        canvas.put(at, row, f" {mark[0]} ", mark[1])
        at += cell_len(mark[0]) + 1
    name = _fit(_name(place, me), column + width - at - 4)
    canvas.put(at, row, f" {name} ", "me" if place.person == me else "name")
    for line, label, thing in ((1, "gives", place.gives), (2, "gets", place.gets)):
        canvas.put(column, row + line, "│", look)
        canvas.put(column + width - 1, row + line, "│", look)
        canvas.put(column + 2, row + line, f"{label:<5}", "label")
        title = _fit(thing.title if thing else "nothing", width - 10)
        canvas.put(column + 8, row + line, title, "thing" if thing else "label")


def _arrow_right(canvas: "_Canvas", column: int, row: int, score: float | None) -> None:
    canvas.put(column, row, f"{'─' * (GAP_COLUMNS - 1)}▶", "arrow")
    _above(canvas, column, row, score)


def _arrow_left(canvas: "_Canvas", column: int, row: int, score: float | None) -> None:
    canvas.put(column, row, f"◀{'─' * (GAP_COLUMNS - 1)}", "arrow")
    _above(canvas, column, row, score)


def _above(canvas: "_Canvas", column: int, row: int, score: float | None) -> None:
    if score is not None:
        canvas.put(column + 2, row - 1, percent(score), "score")


def _down(canvas: "_Canvas", column: int, box_end: int | None, score: float | None) -> None:
    """From the last box above to the first one below, which lies under it, or ends at column `box_end`."""
    for row in range(BOX_ROWS, BOX_ROWS + GAP_ROWS):
        canvas.put(column, row, "│", "arrow")
    if box_end is None:
        canvas.put(column, BOX_ROWS + GAP_ROWS - 1, "▼", "arrow")
    else:
        canvas.put(column, BOX_ROWS + GAP_ROWS, "│", "arrow")
        canvas.put(box_end, BOX_ROWS + GAP_ROWS + 1, f"◀{'─' * (column - box_end - 1)}╯", "arrow")
    if score is not None:
        canvas.put(column + 2, BOX_ROWS + 1, percent(score), "score")


def _up(canvas: "_Canvas", column: int, box_start: int | None, score: float | None) -> None:
    """From the last box below, which lies under the first one or begins at column `box_start`, back to the first."""
    canvas.put(column, BOX_ROWS, "▲", "arrow")
    for row in range(BOX_ROWS + 1, BOX_ROWS + GAP_ROWS):
        canvas.put(column, row, "│", "arrow")
    if box_start is not None:
        canvas.put(column, BOX_ROWS + GAP_ROWS, "│", "arrow")
        canvas.put(column, BOX_ROWS + GAP_ROWS + 1, f"╰{'─' * (box_start - column - 1)}", "arrow")
    if score is not None:
        canvas.put(max(0, column - 5), BOX_ROWS + 1, percent(score), "score")


def _name(place: Place, me: str) -> str:
    return "You" if place.person == me else place.name


def percent(share: float) -> str:
    return f"{round(share * 100)} %"


def _fit(text: str, columns: int) -> str:
    """At most so wide, with an ellipsis where something was left out."""
    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, max(0, columns - 1)).rstrip() + "…"


class _Canvas:
    """A sheet of cells to write on; what is wider than a cell takes the next ones."""

    def __init__(self, columns: int, rows: int) -> None:
        self._rows = [[Run(" ", "") for _ in range(columns)] for _ in range(rows)]

    def put(self, column: int, row: int, text: str, look: str) -> None:
        """Write `text`; what would lie beyond the edge is left out."""
        cells = self._rows[row]
        last = None
        for character in text:
            width = cell_len(character)
            if width == 0 and last is not None:
                cells[last] = Run(cells[last].text + character, look)
                continue
            if column + width > len(cells):
                break
            cells[column] = Run(character, look)
            for behind in range(column + 1, column + width):
                cells[behind] = Run("", look)
            last, column = column, column + width
        if last is not None and any("\u0590" <= character <= "\u08ff" for character in text):
            cells[last] = Run(cells[last].text + LEFT_TO_RIGHT, look)

    def lines(self) -> Drawing:
        return [
            [Run("".join(run.text for run in runs), look) for look, runs in groupby(cells, lambda run: run.look)]
            for cells in self._rows
        ]
