"""
One cluster and its server: start it, find it again, end it.

A server is found by asking it, and only a process that stands in the cluster's
data folder is believed or signalled. Each change is made under a lock: two who
come upon the same stale file, or start for the first time at once, do not race.

The server outlives whoever started it, as the servers that you know from work do.
It listens on 127.0.0.1 alone, with a random password, and comes back on the same
port, so that addresses which other processes hold stay true.
"""

import os
import signal
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from agentstate_lab import system
from agentstate_lab.errors import PostgresUnavailable
from agentstate_lab.lab.home import locked
from agentstate_lab.lab.processes import alive, end_of_log, until

from .files import FORGET, Files
from .handle import Dsn, Postgres, who_answers
from .place import Place, digest
from .process import number_went_to_another, process_in, processes_in
from .programs import Programs, find_programs

STARTS = 3
READY_WITHIN = 60.0
GONE_WITHIN = 20.0
LOCK_WITHIN = 120.0

IN_ORDER, AT_ONCE = "INT", "QUIT"  # the signals of a clean end, and of a crash


class Cluster:
    """The cluster of *home*: its files, and the server that may run on them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.place = Place(home)
        self.files = Files(self.place)
        self._mark = f"agentstate-{digest(self.files.data)}"

    def find(self) -> Postgres | None:
        """The running server, or None. Nothing is changed."""
        pid = self.files.pid() if self.place.is_known() else None
        return self._ask()[0] if pid and self._is_ours(pid) else None

    def start(self) -> Postgres:
        """
        The running server, or a new one.

        Raises:
            InvalidValue: A setting cannot be used.
            PostgresUnavailable: It did not start; the message says why.
        """
        with self._locked():
            return self.find() or self._start()

    def stop(self, sign: str = IN_ORDER) -> bool:
        """
        End the server, by this signal; False when there is none.

        Raises:
            PostgresUnavailable: It did not end.
        """
        if not self.place.folder.exists():
            return False
        with self._locked():
            return self._stop(sign)

    def forget(self) -> bool:
        """
        End the server and remove its databases; False when there are none.

        Raises:
            PostgresUnavailable: It did not end, or the folder cannot be removed.
        """
        if not os.path.lexists(self.place.folder):
            return False
        with self._locked():
            self._forget()
        return True

    def _start(self) -> Postgres:
        """Start the server. Under the lock, so nobody else does."""
        if not self.place.is_known() and os.path.lexists(self.place.folder):
            self._forget()  # left by a home that was removed
        self.place.make()
        self.files.sweep()
        programs = find_programs(self.place)
        if os.path.lexists(self.files.data):
            self.files.check(programs)
        else:
            self.files.make(programs)
        return self._bring_up(programs)

    def _bring_up(self, programs: Programs) -> Postgres:
        """Start the server on its data, and wait until it answers."""
        answers: list[Postgres] = []
        said = "it does not answer"
        starts = STARTS

        def up() -> bool:
            nonlocal said, starts
            if self._processes():  # the server, or what is left of a dead one
                answer, said = self._ask()
                answers.extend([answer] if answer else [])
            elif starts:
                starts -= 1
                self._drop_stale_pid()
                said = self._launch(programs)
            return bool(answers) or not (starts or self._processes())

        until(up, READY_WITHIN)
        if not answers:
            raise PostgresUnavailable(
                f"PostgreSQL did not start in {self.place.folder}: {said}\nIts log"
                f" ends with:\n{end_of_log(self.files.log)}\nRepair that, then call"
                f" start_postgres() again. If nothing else helps, {FORGET}"
            )
        return answers[0]

    def _launch(self, programs: Programs) -> str:
        """Let `pg_ctl` start the server, and return what it said."""
        self.files.log.unlink(missing_ok=True)
        # These go through a shell, so they hold no path.
        options = f"-p {self.files.choose_port()} -c cluster_name={self._mark}"
        names = ("-D", self.files.data.name, "-l", self.files.log.name)
        wait = ("-w", "-t", f"{READY_WITHIN / STARTS:.0f}")
        return programs.run("pg_ctl", "start", *names, *wait, "-o", options).stdout

    def _drop_stale_pid(self) -> None:
        """
        Remove a note of a process id over which no server could ever start.

        The number is another program's by now, or there is no number. A number
        that nobody has, PostgreSQL handles itself, and by more signs than these.
        """
        pid = self.files.pid()
        if pid is None or number_went_to_another(self.files.data, pid):
            self.files.drop_pid()

    def _ask(self) -> tuple[Postgres | None, str]:
        """The server, if it answers and is ours, or else why not."""
        said = "it has noted no port"
        for port in self.files.ports():
            where = f"127.0.0.1:{port}"
            # Whatever PGSSLMODE says: these bytes never leave the machine.
            dsn = Dsn(
                f"postgresql://postgres:{self.files.password()}@{where}/postgres"
                "?sslmode=disable"
            )
            said = who_answers(dsn, self._is_ours)
            if not said:
                return Postgres(where, dsn, partial(self.stop, AT_ONCE)), ""
        return None, said

    def _is_ours(self, pid: int) -> bool:
        return process_in(self.files.data, self._mark, pid) is not None

    def _processes(self) -> list[Any]:
        return processes_in(self.files.data, self._mark)

    def _stop(self, first: str) -> bool:
        """End what runs on these files; under the lock."""
        running = self._processes()
        for sign in (first, AT_ONCE):
            _signal(running, sign, self.place)
            if until(lambda: not any(alive(p.pid) for p in running), GONE_WITHIN):
                return bool(running)
        raise PostgresUnavailable(
            f"PostgreSQL in {self.place.folder} does not end: end process"
            f" {running[0].pid} yourself, then try again"
        )

    def _forget(self) -> None:
        """Remove everything; under the lock."""
        self._stop(AT_ONCE)
        self.place.remove()

    def _locked(self) -> AbstractContextManager[None]:
        """The lock under which the cluster is changed."""
        return locked(self.home / "pg.lock", LOCK_WITHIN, PostgresUnavailable)


def _signal(running: list[Any], name: str, place: Place) -> None:
    """Tell the server among these processes, and no other, to end."""
    import psutil

    ids = {process.pid for process in running}
    for process in running:
        with suppress(psutil.Error):
            if process.ppid() in ids:
                continue  # its server tells it
            if system.WINDOWS:
                find_programs(place).run("pg_ctl", "kill", name, str(process.pid))
            else:
                process.send_signal(getattr(signal, f"SIG{name}"))
