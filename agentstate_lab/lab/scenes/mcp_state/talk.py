"""
Who said what, from top to bottom: a sequence diagram of recorded messages.

Each agent has a line, and so has the server between them. A request goes to the
server, and its answer comes back, dashed. What got lost ends halfway, with a cross.
Nothing is drawn that was not noted (`tapped`), and nothing noted is left out.

The number under the picture counts the requests, and what became of the writes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import GOOD, HARM, INK, NEUTRAL, canvas, figure, plural

from .tapped import Exchange, Loss

SERVER: Final = "server"

MOST: Final = 24  # exchanges in one picture

WIDE: Final = 3.3  # inches between two lines

HIGH: Final = 0.34  # inches for a message


@dataclass(frozen=True, slots=True)
class Message:
    """
    One arrow of the picture.

    Attributes:
        agent: Whose line it goes to or comes from.

        text: What was said.

        back: Whether it comes from the server.

        lost: Whether it never arrived.

        refused: Whether it says no.
    """

    agent: str
    text: str
    back: bool = False
    lost: bool = False
    refused: bool = False


def who_said_what(notes: Iterable[Exchange]) -> None:
    """
    Draw the exchanges as a sequence of messages.

    Args:
        notes: In their order, at most 24.

    Raises:
        InvalidValue: There are none, or too many to be read.
    """
    noted = tuple(notes)
    if not 0 < len(noted) <= MOST:
        why = f"1 to {MOST} exchanges can be drawn, not {len(noted)}"
        raise InvalidValue("notes", why)
    first, *others = dict.fromkeys(note.agent for note in noted)
    columns = [first, SERVER, *others]  # from left to right
    told = "; ".join(f"{note.agent}: {note.asked}, {_end(note)}" for note in noted)
    lanes = ", ".join(columns)
    figure(
        _drawn(columns, [message for note in noted for message in messages(note)]),
        alt=f"Messages from top to bottom, between {lanes}. {told}.",
        number=_counted(noted),
    )


def _counted(notes: Sequence[Exchange]) -> str:
    """How many requests, and what became of the writes."""
    done = [note.answer for note in notes if note.answer.startswith("done")]
    known = sum(answer.endswith("as before") for answer in done)
    conflicts = sum(_refused(note.answer) for note in notes)
    lost = sum(note.loss is not None for note in notes)
    said = [plural(len(done) - known, "write") + " done"]
    said += [plural(conflicts, "conflict")]
    said += [plural(known, "write") + " known already"] if known else []
    said += [plural(lost, "message") + " lost"] if lost else []
    return f"{plural(len(notes), 'request')}: {', '.join(said)}"


def messages(note: Exchange) -> Iterator[Message]:
    """The one or two arrows of an exchange."""
    asked_in_vain = note.loss in (Loss.REQUEST, Loss.UNREACHED)
    yield Message(note.agent, note.asked, lost=asked_in_vain)
    if not asked_in_vain:
        lost, refused = note.loss is Loss.REPLY, _refused(note.answer)
        yield Message(note.agent, note.answer, back=True, lost=lost, refused=refused)


def _end(note: Exchange) -> str:
    """What came of a request, in words."""
    if note.loss is None or not note.answer:
        return note.loss or f"answered {note.answer}"
    return f"answered {note.answer}, {note.loss}"


def _refused(answer: str) -> bool:
    return answer.startswith("conflict")


def _drawn(columns: Sequence[str], arrows: Sequence[Message]) -> Any:
    """Lines down, arrows across."""
    size = (WIDE * (len(columns) - 1) + 1.4, HIGH * len(arrows) + 0.9)
    fig, axes = canvas(*size)
    for x, name in enumerate(columns):
        axes.plot([x, x], [0.2, len(arrows) + 0.4], color=NEUTRAL, linewidth=1.2)
        look = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": INK}
        axes.text(x, -0.4, name, ha="center", va="center", bbox=look)
    for row, message in enumerate(arrows, start=1):
        _arrow(axes, row, columns.index(message.agent), message)
    axes.set_xlim(-0.25, len(columns) - 0.75)
    axes.set_ylim(len(arrows) + 0.5, -1.2)
    axes.set_axis_off()
    return fig


def _arrow(axes: Any, row: int, agent: float, message: Message) -> None:
    """One message in its row; a lost one ends halfway, with a cross."""
    start, end = (1.0, agent) if message.back else (agent, 1.0)
    if message.lost:
        end = (start + end) / 2
    colour = HARM if message.lost or message.refused else GOOD
    look = {
        "arrowstyle": "-" if message.lost else "-|>,head_length=0.5,head_width=0.25",
        "color": colour,
        "linewidth": 1.5,
        "linestyle": "--" if message.back else "-",
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", (end, row), (start, row), arrowprops=look)
    if message.lost:
        axes.plot([end], [row], "x", color=colour, markersize=9, markeredgewidth=2.5)
    text = f"{message.text} (lost)" if message.lost else message.text
    weight = "bold" if message.lost or message.refused else "normal"
    middle = {"ha": "center", "va": "bottom", "fontsize": 8.5, "fontweight": weight}
    axes.text((start + end) / 2, row - 0.08, text, color=INK, **middle)
