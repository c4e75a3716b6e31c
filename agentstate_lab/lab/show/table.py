"""
A table: a caption that says what it shows, and rows of words under their titles.

The text is for terminals, logs and stored outputs; the HTML is for the notebook, where
a screen reader is told what each row and column is. Both say everything in words: a
colour only repeats what stands in its cell.

A long table is hard to read when most of its rows say that all is well. Such rows
are called calm. In the notebook one line stands for them, and they can be unfolded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, Self

from .shown import Shown

Tone = Literal["", "good", "open", "harm"]

LONG = 12  # rows; a longer table folds the calm ones

TABLE = "border-collapse:collapse;color:var(--jp-content-font-color1,inherit);"
CAPTION = "text-align:left;color:inherit;padding:.4em 0;"
CELL = (
    "padding:2px 10px;text-align:left;vertical-align:top;white-space:pre-line;"
    "border:1px solid var(--jp-border-color2,#8888);"
)
# Both colours of a pair are given, so that it reads in a light and a dark theme.
TONES: dict[Tone, str] = {
    "": "",
    "good": "background-color:#d3ecd8;color:#0b3d1a;",
    "open": "background-color:#f5e9c4;color:#4a3a00;",
    "harm": "background-color:#f6d5d5;color:#5c0f0f;",
}


class Cell(str):
    """
    What a cell says, with a colour that repeats it or a page that it leads to.

    Attributes:
        tone: "good", "open" or "harm"; empty for no colour.

        href: Where it leads to, seen from the notebook; empty for nowhere.

    >>> Cell("twice", tone="harm") == "twice"
    True
    """

    __slots__ = ("href", "tone")
    tone: Tone
    href: str

    def __new__(cls, text: str, *, tone: Tone = "", href: str = "") -> Self:
        """The words come first; without them there is no cell."""
        made = super().__new__(cls, text)
        made.tone, made.href = tone, href
        return made

    def html(self) -> str:
        """The words, and the link if there is one."""
        said = escape(self)
        return f'<a href="{escape(self.href)}">{said}</a>' if self.href else said


Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Table(Shown):
    """
    Rows of words under a caption, as plain text and as HTML.

    Attributes:
        caption: What the table says, in one line.

        head: The titles of the columns.

        rows: The cells, row by row: words, or a `Cell`. The first one names its row.

        calm: The numbers of the rows that a reader may skip, from 0; they say the
            same as each other.

        note: What stands below, in a sentence.
    """

    caption: str
    head: Row
    rows: tuple[Row, ...]
    calm: frozenset[int] = frozenset()
    note: str = ""

    def __str__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        below = ["", self.note] if self.note else []
        return "\n".join([self.caption, "", *text, *below])

    def html(self) -> str:
        """The table; the calm rows of a long one are folded."""
        note = f"\n<p>{escape(self.note)}</p>" if self.note else ""
        if len(self.rows) <= LONG or len(self.calm) < 2:
            return _table(self.caption, self.head, self.rows) + note
        calm = [self.rows[number] for number in sorted(self.calm)]
        shown = [row for n, row in enumerate(self.rows) if n not in self.calm]
        count = f"{len(calm)} {'more' if shown else 'rows'}"
        for_all = (count, *map(_first, zip(*(row[1:] for row in calm), strict=True)))
        return (
            _table(self.caption, self.head, [*shown, for_all])
            + f"\n<details><summary>{count}, one by one</summary>\n"
            + _table("", self.head, calm)
            + f"\n</details>{note}"
        )


def _first(cells: Sequence[str]) -> str:
    """The first of some cells that say the same, or nothing."""
    return next(filter(None, cells), "")


def _table(caption: str, head: Row, rows: Sequence[Row]) -> str:
    """One table with the heads that a screen reader needs."""
    heads = [f'<th scope="col" style="{CELL}">{escape(title)}</th>' for title in head]
    says = f'<caption style="{CAPTION}">{escape(caption)}</caption>\n'
    return (
        f'<table style="{TABLE}">\n{says if caption else ""}'
        f"<thead><tr>{''.join(heads)}</tr></thead>\n"
        f"<tbody>\n{''.join(map(_row, rows))}</tbody>\n</table>"
    )


def _row(row: Row) -> str:
    """One row; its first cell is its head."""
    first, *others = (one if isinstance(one, Cell) else Cell(one) for one in row)
    cells = "".join(
        f'<td style="{CELL}{TONES[cell.tone]}">{cell.html()}</td>' for cell in others
    )
    return f'<tr><th scope="row" style="{CELL}">{first.html()}</th>{cells}</tr>\n'


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table for a page in the repository."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


class Tabled(Shown):
    """What is shown as the table that it makes of itself."""

    __slots__ = ()

    def table(self) -> Table:
        """The table that says it all."""
        raise NotImplementedError

    def __str__(self) -> str:
        return str(self.table())

    def html(self) -> str:
        """The table as HTML."""
        return self.table().html()
