"""A list whose rows have two lines, each with something at the left and something at the right."""

from typing import NamedTuple

from textual.content import Content
from textual.events import Resize
from textual.widgets import OptionList
from textual.widgets.option_list import Option

SCROLLBAR_AND_PADDING = 3


class Row(NamedTuple):
    """One row; `key` comes back when it is chosen. Contents are never read as markup."""

    key: str
    title: Content
    right: Content
    below: Content
    below_right: Content


class Rows(OptionList):
    """An option list of `Row`s that keeps its place while its rows change."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._rows: list[Row] = []

    def show(self, rows: list[Row]) -> None:
        """Show these rows. The highlighted one stays highlighted if it is still among them."""
        same_places = [row.key for row in rows] == [row.key for row in self._rows]
        here = self.here
        self._rows = rows
        if same_places:
            self._redraw()
            return
        self.clear_options()
        self.add_options([Option(self._prompt(row), id=row.key) for row in rows])
        keys = [row.key for row in rows]
        self.highlighted = (keys.index(here) if here in keys else 0) if keys else None

    def go_to(self, key: str) -> None:
        """Highlight this row, if it is there."""
        keys = [row.key for row in self._rows]
        if key in keys:
            self.highlighted = keys.index(key)

    @property
    def here(self) -> str | None:
        """The key of the highlighted row."""
        place = self.highlighted
        return self._rows[place].key if place is not None and place < len(self._rows) else None

    def on_resize(self, _event: Resize) -> None:
        self._redraw()

    def _redraw(self) -> None:
        for place, row in enumerate(self._rows):
            self.replace_option_prompt_at_index(place, self._prompt(row))

    def _prompt(self, row: Row) -> Content:
        width = max(20, self.size.width - SCROLLBAR_AND_PADDING)
        return Content("\n").join([_line(row.title, row.right, width), _line(row.below, row.below_right, width)])


def _line(left: Content, right: Content, width: int) -> Content:
    """Left and right on one line of `width` cells; the left one gives way."""
    room = max(4, width - right.cell_length - (1 if right.cell_length else 0))
    return Content.assemble(left.truncate(room, ellipsis=True, pad=True), " " if right.cell_length else "", right)
