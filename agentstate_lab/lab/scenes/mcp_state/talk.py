"""
Who said what, from top to bottom: a sequence diagram of recorded messages.

Each agent has a line, and so has the server between them. A request goes to the
server, and its answer comes back, dashed. What got lost ends halfway, with a cross.
Nothing is drawn that was not noted (`tapped`), and nothing noted is left out.

The number under the picture counts the requests, and what became of the writes.
"""

from collections.abc import Iterable, Iterator
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


@dataclass(frozen=True, slots=True)
class Talk:
    """
    What was said, and the words for it.

    Attributes:
        notes: The exchanges, in their order.

    >>> note = Exchange("planner", "write to version 1", "conflict: version 2")
    >>> Talk((note,)).verdict
    '1 request: 0 writes done, 1 conflict'
    """

    notes: tuple[Exchange, ...]

    @property
    def agents(self) -> list[str]:
        """Who sent something, in the order of their first requests."""
        return list(dict.fromkeys(note.agent for note in self.notes))

    @property
    def columns(self) -> list[str]:
        """The lines from left to right; the server is the second."""
        first, *others = self.agents
        return [first, SERVER, *others]

    @property
    def messages(self) -> list[Message]:
        """The arrows, from top to bottom."""
        return [message for note in self.notes for message in _messages(note)]

    @property
    def verdict(self) -> str:
        """How many requests, and what became of the writes."""
        done = sum(_wrote(note) and not _replayed(note) for note in self.notes)
        replays = sum(_wrote(note) and _replayed(note) for note in self.notes)
        conflicts = sum(_refused(note.answer) for note in self.notes)
        lost = sum(note.loss is not None for note in self.notes)
        said = [plural(done, "write") + " done", plural(conflicts, "conflict")]
        said += [plural(replays, "write") + " known already"] if replays else []
        said += [plural(lost, "message") + " lost"] if lost else []
        return f"{plural(len(self.notes), 'request')}: {', '.join(said)}"

    @property
    def words(self) -> str:
        """The picture in words."""
        lines = [f"{note.agent}: {note.asked}, {_end(note)}" for note in self.notes]
        lanes = ", ".join(self.columns)
        return f"Messages from top to bottom, between {lanes}. {'; '.join(lines)}."


def who_said_what(notes: Iterable[Exchange]) -> None:
    """
    Draw the exchanges as a sequence of messages.

    Args:
        notes: In their order, at most 24.

    Raises:
        InvalidValue: There are none, or too many to be read.
    """
    talk = Talk(tuple(notes))
    if not 0 < len(talk.notes) <= MOST:
        why = f"1 to {MOST} exchanges can be drawn, not {len(talk.notes)}"
        raise InvalidValue("notes", why)
    figure(_drawn(talk), alt=talk.words, number=talk.verdict)


def _messages(note: Exchange) -> Iterator[Message]:
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


def _wrote(note: Exchange) -> bool:
    return note.answer.startswith("done")


def _replayed(note: Exchange) -> bool:
    return note.answer.endswith("as before")


def _refused(answer: str) -> bool:
    return answer.startswith("conflict")


def _drawn(talk: Talk) -> Any:
    """Lines down, arrows across."""
    columns, messages = talk.columns, talk.messages
    size = (WIDE * (len(columns) - 1) + 1.4, HIGH * len(messages) + 0.9)
    fig, axes = canvas(*size)
    for x, name in enumerate(columns):
        axes.plot([x, x], [0.2, len(messages) + 0.4], color=NEUTRAL, linewidth=1.2)
        look = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": INK}
        axes.text(x, -0.4, name, ha="center", va="center", bbox=look)
    for row, message in enumerate(messages, start=1):
        _arrow(axes, row, columns.index(message.agent), message)
    axes.set_xlim(-0.25, len(columns) - 0.75)
    axes.set_ylim(len(messages) + 0.5, -1.2)
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
