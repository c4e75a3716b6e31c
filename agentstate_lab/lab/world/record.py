"""
Where the world of a home is to be found, and whether it is still that world.

A process id and a port are numbers that the system gives out again. A file that
names them may be from last week, from another program, or half written. Believing
it means talking to a stranger or, worse, killing one. So a record is proved before
it is used: by a reply that only the world can give, and before any signal by the
time the process was started and its command line.

This module reads the record; `app` writes it.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentstate_lab.errors import ReplyLost, WorldUnavailable
from agentstate_lab.lab.processes import runs, until

from .exchange import send
from .handle import World, proof

MODULE = "agentstate_lab.lab.world.app"

ANSWER_WITHIN = 2.0
STUCK_AFTER = 10.0
GONE_WITHIN = 5.0

MAX_FILE = 4_096

# What reading a file that may hold anything can raise.
UNSOUND = (
    ArithmeticError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Record:
    """
    What `world.json` says of the world of the home *where*.

    It is written by the world, but anything may be found there: an old one, another
    program's, half a file. So nothing in it is believed before it is checked.
    """

    where: Path
    world: World
    created: float

    @classmethod
    def read(cls, where: Path) -> "Record | None":
        """The record in *where*, or None when there is no sound one."""
        path = where / "world.json"
        try:
            if not path.is_file():
                return None
            with path.open("rb") as file:
                said = json.loads(file.read(MAX_FILE))
            pid, port, token = said["pid"], said["port"], said["token"]
            created = float(said["created"])
            sound = type(pid) is int and 0 < pid < 2**32
            sound = sound and type(port) is int and 0 < port < 2**16
            sound = sound and re.fullmatch("[0-9a-f]{64}", token) is not None
        except UNSOUND:
            return None
        if not sound:
            return None
        return cls(where, World(f"http://127.0.0.1:{port}", token, pid), created)

    def answers(self) -> bool:
        """
        Whether the world that was meant is the one that answers.

        A machine under load may be slow, so a world whose process is there gets
        more time before it is given up.
        """
        try:
            try:
                return self._proves_itself(ANSWER_WITHIN)
            except ReplyLost:
                patience = STUCK_AFTER if self.process() else 0.0
                return patience > 0 and self._proves_itself(patience)
        except (ReplyLost, WorldUnavailable):
            return False

    def _proves_itself(self, within: float) -> bool:
        """
        Whether the reply proves that it knows the token, without the token being
        sent: another program may listen on the port by now.
        """
        reply = send(self.world.url, "GET", "/health", timeout=within, most=4_096)
        said = (reply.body.get("world"), reply.body.get("pid"))
        return said == (proof(self.world.token), self.world.pid)

    def process(self) -> Any:
        """
        The `psutil.Process` of the world, or None unless it is proved to be it.

        The id may belong to another program by now, so the time it was started and
        its command line must fit as well.
        """
        import psutil

        try:
            process = psutil.Process(self.world.pid)
            command = process.cmdline()
            fits = (
                process.status() != psutil.STATUS_ZOMBIE
                and abs(process.create_time() - self.created) < 2.0
                and command[-2:-1] == [MODULE]
                and Path(command[-1]).samefile(self.where)
            )
        except (psutil.Error, OSError, ValueError, ArithmeticError):
            return None
        return process if fits else None

    def stop(self) -> bool:
        """
        End the world: ask it, and use force on a proved process that stays.

        Returns whether there was anything to end.
        """
        import psutil

        process, asked = self.process(), False
        if self.answers():
            with suppress(WorldUnavailable):
                self.world.ask("POST", "/stop", {})
                asked = True
        if process is None:
            return asked
        if not (asked and until(lambda: not runs(process), GONE_WITHIN)):
            with suppress(psutil.Error):
                process.kill()
            until(lambda: not runs(process), GONE_WITHIN)
        return True
