"""
Fresh processes for runs that are meant to die: the side that asks for them.

    with Spawner() as spawner:
        ended = spawner.run({"agent": "naive", "scenario": "deploy", ...})

Where there is fork, one helper forks a child for each run. Where there is none
(Windows), each run gets a new Python; that is slower and nothing else.

This module knows nothing of agents: `victim` does the work, at the other end.
"""

import os
import queue
from typing import Self

from agentstate_lab import system
from agentstate_lab.lab.processes import READY_WITHIN, Gone, Message, Process

RUN_LIMIT = 30.0  # seconds; a run of the course takes a tenth of one
BURIED_WITHIN = 5.0  # seconds in which the helper ends a run that nobody waits for

_SERVES = f"{__package__}.victim"
_LIVE = ("AGENTSTATE_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL")


class Spawner:
    """
    Runs requests, each in a fresh process.

    The scripted model answers there, whatever model is configured here.

    Args:
        fork: Whether to fork from a helper; by default, where that is possible.

        limit: Seconds that one run may take.
    """

    def __init__(self, *, fork: bool | None = None, limit: float = RUN_LIMIT) -> None:
        self.limit = limit
        self._forks = system.HAS_FORK if fork is None else fork
        self._helper: Process | None = None

    def __enter__(self) -> Self:
        """Start the helper, where there is one."""
        if self._forks:
            self._helper = _started(fork=True)
        return self

    def __exit__(self, *exc: object) -> None:
        """End the helper, and with it the run that it may be waiting for."""
        if self._helper is not None:
            self._helper.end(BURIED_WITHIN)

    def run(self, request: Message, *, limit: float | None = None) -> Gone:
        """
        Run *request* in a fresh process, and say how that ended.

        Args:
            request: What to run; see `victim.run`.

            limit: Seconds after which it is killed; by default, the spawner's own.

        Raises:
            LabError: The process could not be started.
        """
        limit = self.limit if limit is None else limit
        if self._helper is None:
            return _run_alone(request, limit)
        self._helper.say(**request, limit=limit)
        report: Message = {}
        while "status" not in (said := self._helper.must_say(limit + READY_WITHIN)):
            report = said
        return Gone(report=report, **said)


def _run_alone(request: Message, limit: float) -> Gone:
    """Run in a new Python, which is there for this alone."""
    report: Message = {}
    timed_out = False
    with _started(fork=False) as process:
        process.say(**request, limit=limit)
        try:
            while said := process.hear(limit):
                report = said
        except queue.Empty:
            timed_out = True
        status = process.end(0.0 if timed_out else BURIED_WITHIN)
    return Gone(process.pid, status, timed_out, report)


def _started(*, fork: bool) -> Process:
    """A process that serves runs: many, or one where it cannot fork."""
    environment = {k: v for k, v in os.environ.items() if k not in _LIVE}
    return Process(_SERVES, {"fork": fork}, environment=environment)
