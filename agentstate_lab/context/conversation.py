"""
The end of a conversation: as many of its newest turns as a request can hold.

A conversation grows for as long as the run lives. To read, repair and render all of
it for each request would make every step dearer than the one before. What a request
can hold is bounded, and what fell out of one request never comes back into a later
one. So only the end is kept, with each message rendered once.

A text of a tool that is too long for a request is kept as its beginning and its end,
with its size and where the rest is. The stored message is whole.
"""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from .parts import Message, Turn, message_line

MOST = 4_000  # characters of a tool's text that are shown whole
HEAD, TAIL = 1_500, 500  # characters that are shown of a longer one
LEAST = 40  # characters of a text that are left, however little room there is
UNSHOWN = "[… {left} of {size} characters are not shown; {where} …]"


class Conversation:
    """
    The newest turns of a conversation.

    Args:
        room: How many bytes of lines are kept at most. The last turn is kept in any
            case.

        place: How many messages there are before those that will be added.

        where: Where the rest of a text is that is not shown whole.

    Attributes:
        turns: The turns that are kept, the oldest first.

        last: The messages of the last turn, with nothing left out.

        said: How many messages there are, those included that are not kept.
    """

    def __init__(
        self, room: int, place: int = 0, where: str = "message {place}"
    ) -> None:
        self.turns: deque[Turn] = deque()
        self.last: list[Message] = []
        self.said = place
        self._room = room
        self._where = where
        self._size = 0

    @property
    def before(self) -> int:
        """How many messages came before the first that is kept."""
        return self.said - sum(len(turn.messages) for turn in self.turns)

    @property
    def messages(self) -> list[Message]:
        """The messages of the turns that are kept, as the model is shown them."""
        return [message for turn in self.turns for message in turn.messages]

    def add(self, message: Message) -> None:
        """Add what was said, at the end; the oldest turns go when there is no room."""
        self.said += 1
        seen = shortened(message, MOST, self._where.format(place=self.said))
        line = message_line(seen)
        if message.get("role") != "tool" or not self.turns:
            self.turns.append(Turn(number=self.said))
            self.last = []
        self.last.append(message)
        self.turns[-1].add(seen, line)
        self._size += len(line.encode()) + 1
        while self._size > self._room and len(self.turns) > 1:
            gone = self.turns.popleft()
            self._size -= sum(len(one.encode()) + 1 for one in gone.lines)


def shortened(message: Message, most: int, where: str) -> Message:
    """
    The message with no text, and no arguments, longer than *most*.

    Args:
        message: As it is stored.

        most: Characters that may be shown of one text.

        where: Where the rest is, for whoever looks for it.

    >>> said = {"role": "tool", "tool_call_id": "a", "content": "x" * 5_000}
    >>> shortened(said, 4_000, "message 7")["content"][1_500:1_560]
    '[… 3000 of 5000 characters are not shown; message 7 …]xxxxxx'
    """
    calls = message.get("tool_calls") or ()
    text = message.get("content")
    if isinstance(text, str) and len(text) > most:
        message = {**message, "content": cut(text, most, where)}
    if not any(len(_arguments(call)) > most for call in calls):
        return message
    return {**message, "tool_calls": [_less(call, most, where) for call in calls]}


def fitted(turn: Turn, most: int, where: str = "message {place}") -> Turn:
    """
    The turn with its texts cut until it has at most *most* bytes, if that can be.

    Each text keeps its beginning and its end, so the model sees what it has called
    for and that there was an answer.

    Args:
        turn: The turn.

        most: Bytes.

        where: Where the rest of a text is.
    """
    limit = MOST
    made = turn
    while made.size > most and limit > LEAST:
        limit = max(LEAST, limit * 2 // 3)
        made = Turn(number=turn.number)
        for place, message in enumerate(turn.messages):
            there = where.format(place=turn.number + place)
            seen = shortened(message, limit, there)
            made.add(seen, message_line(seen))
    return made


def cut(text: str, most: int, where: str) -> str:
    """
    A text, or the beginning and the end of one that is longer than *most*.

    Args:
        text: The text.

        most: Characters.

        where: Where the rest is.
    """
    if len(text) <= most:
        return text
    head, tail = min(HEAD, most * 3 // 4), min(TAIL, most // 4)
    note = UNSHOWN.format(left=len(text) - head - tail, size=len(text), where=where)
    return f"{text[:head]}{note}{text[len(text) - tail :]}"


def _less(call: Mapping[str, Any], most: int, where: str) -> dict[str, Any]:
    """The call with arguments that are no longer than that, and still JSON."""
    given = _arguments(call)
    if len(given) <= most:
        return dict(call)
    seen = json.dumps({"cut": cut(given, most, where)}, ensure_ascii=False)
    return {**call, "function": {**call["function"], "arguments": seen}}


def _arguments(call: Mapping[str, Any]) -> str:
    return str(call.get("function", {}).get("arguments", ""))
