"""
What notebook 05 needs of the outside, and what came of it.

`ask_model` is a real request with a timeout of the caller's. `came_of` says in a few
words how a call ended, the same on every run. `Worker` is a process that works a
minute at a time, on a clock of its own, and dies in its fourth.

Nothing here keeps a deadline.
"""

from collections.abc import Callable
from typing import Any

from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.world import connect_model, start_world, task_header

MINUTE = 60.0


def ask_model(task_id: str, timeout: float | None) -> bytes:
    """
    Ask the model a small question for *task_id*; returns the body of its reply.

    Args:
        task_id: Whose call it is: faults that are ordered for it strike here.

        timeout: Seconds, as the client understands them, or None for no limit.
    """
    client, model = connect_model()
    with client:
        reply = client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": "Are you there?"}],
            extra_headers=task_header(task_id),
            timeout=timeout,
        )
        content: bytes = reply.content
    return content


def came_of(fn: Callable[..., Any], *args: Any) -> str:
    """
    How the call `fn(*args)` ended, in words.

    >>> came_of(divmod, 7, 2), came_of(divmod, 7, 0)
    ('returned', 'ZeroDivisionError')
    """
    try:
        fn(*args)
    except Exception as error:  # noqa: BLE001 - whatever it was is what came of it
        effect = getattr(error, "effect", None)
        said = f", side effect: {effect}" if effect else ""
        return f"{type(error).__name__}{said}"
    return "returned"


def a_minute_each(clock: FakeClock) -> Callable[[str], None]:
    """An `on_event` that prints each line and moves *clock* on by a minute."""

    def on_event(text: str) -> None:
        print(text)
        clock.advance(MINUTE)

    return on_event


class Worker:
    """
    Works a minute at a time, for real as far as the ledger can tell.

    Args:
        task_id: What it works on.

        start: The minute at which its process starts.

    Attributes:
        clock: What time it is for this process.
    """

    LIVES = 4 * MINUTE

    def __init__(self, task_id: str, start: int) -> None:
        self.task_id = task_id
        self.clock = FakeClock(start * MINUTE)
        self._dies_at = self.clock() + self.LIVES

    def work_a_minute(self) -> None:
        """Clean logs for a minute. The fourth one ends the process by SIGKILL."""
        self.clock.advance(MINUTE)
        start_world().effect(
            "clean_logs",
            task_id=self.task_id,
            step="clean-logs",
            arguments={"path": "/var/log"},
        )
        if self.clock() >= self._dies_at:
            die()
