"""
The files of a cluster: how they come to be, and which of them to believe.

    data/                       PostgreSQL's own
    data/agentstate_password    random, mode 0600; nowhere else
    port                        where the server listened last
    server.log                  what it said since its last start

`initdb` works in a folder beside its place, which is renamed when all is done, so
a killed one leaves no half cluster. The password is in there, so that one rename
brings both.

This module starts no server.
"""

import secrets
import shutil
import socket
import tempfile
from pathlib import Path

from agentstate_lab import system
from agentstate_lab.errors import PostgresUnavailable
from agentstate_lab.stores import atomic_write

from .place import Place
from .programs import Programs

# Below the ports that systems give to outgoing connections: one of those could
# take the port while the server is down.
PORTS = range(20_000, 32_000)

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
timezone = 'UTC'
log_timezone = 'UTC'
"""

FORGET = (
    "`agentstate-lab stop --forget` removes the databases of this home, and the next"
    " start makes new ones"
)


class Files:
    """The files of the cluster in *place*."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.data = place.folder / "data"
        self.log = place.folder / "server.log"
        self._password = self.data / "agentstate_password"
        self._port = place.folder / "port"
        self._pid = self.data / "postmaster.pid"

    def password(self) -> str:
        """The password, or an empty string when it is gone."""
        try:
            return self._password.read_text("ascii").strip()
        except (OSError, ValueError):
            return ""

    def pid(self) -> int | None:
        """The process id that the server noted, or None when there is no number."""
        return _number(_lines(self._pid), 0)

    def drop_pid(self) -> None:
        """Remove the note of the process id."""
        self._pid.unlink(missing_ok=True)

    def ports(self) -> list[int]:
        """Where the server may listen: the port we gave it, and the one it noted."""
        said = (_number(_lines(self._port), 0), _number(_lines(self._pid), 3))
        return list(dict.fromkeys(port for port in said if port and port < 65_536))

    def choose_port(self) -> int:
        """
        The port of last time when it is free, so that addresses stay true.

        Raises:
            PostgresUnavailable: None is free.
        """
        chances = [PORTS[secrets.randbelow(len(PORTS))] for _ in range(50)]
        for port in (*self.ports()[:1], *chances):
            if _is_free(port):
                atomic_write(self._port, str(port).encode())
                return port
        raise PostgresUnavailable(
            f"no port of {PORTS.start} to {PORTS.stop} is free on 127.0.0.1: close"
            " another program"
        )

    def make(self, programs: Programs) -> None:
        """
        Make the cluster: nothing in it yet, and a password that only its files know.

        Raises:
            PostgresUnavailable: `initdb` failed.
        """
        made = Path(tempfile.mkdtemp(prefix=".init-", dir=self.place.folder))
        password = made / "password"
        atomic_write(password, secrets.token_hex(16).encode())
        self.place.give(made)
        self.place.give(password)
        self._initdb(programs, made)
        with (made / "data" / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)
        password.rename(made / "data" / self._password.name)
        (made / "data").rename(self.data)
        shutil.rmtree(made)

    def check(self, programs: Programs) -> None:
        """
        Refuse data that these programs cannot use, before they touch it.

        Raises:
            PostgresUnavailable: The data is another version's, or not whole.
        """
        made_by = _number(_lines(self.data / "PG_VERSION"), 0)
        major = programs.major()
        if made_by is None or not self.password():
            raise PostgresUnavailable(
                f"the databases in {self.data} are not whole: PG_VERSION or"
                f" {self._password.name} is missing. Nothing was changed; {FORGET}"
            )
        if made_by != major:
            raise PostgresUnavailable(
                f"the databases in {self.data} were made by PostgreSQL {made_by}, and"
                f" the programs in {programs.folder} are {major}. Nothing was changed;"
                f" set AGENTSTATE_PG_BIN to those of {made_by}. Or start over: {FORGET}"
            )

    def sweep(self) -> None:
        """Remove what starts that were killed have left beside the data."""
        for left in self.place.folder.glob(".*-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _initdb(self, programs: Programs, made: Path) -> None:
        """Let `initdb` work in *made*."""
        # Before 17 there are no text rules that are the same on every system.
        rules = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        done = programs.run(
            "initdb",
            *("-D", f"{made.name}/data", "--username=postgres", "--encoding=UTF8"),
            *("--locale=C", *(rules if programs.major() >= 17 else ())),
            *("--auth=scram-sha-256", f"--pwfile={made.name}/password"),
            "--no-sync",  # an empty cluster is not worth the wait
        )
        if done.returncode != 0:
            raise PostgresUnavailable(
                f"no databases could be made in {self.place.folder}; initdb said:\n"
                f"{done.stdout}\nRepair that, then start again"
            )


def _lines(path: Path) -> list[bytes]:
    """The lines of a small file, or none when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4_096).splitlines()
    except OSError:
        return []


def _number(lines: list[bytes], place: int) -> int | None:
    """The number in that line, if there is one and it could be an id or a port."""
    word = lines[place].strip() if place < len(lines) else b""
    return int(word) if word.isdigit() and len(word) < 10 else None


def _is_free(port: int) -> bool:
    """Whether a server could listen on *port* of this machine now."""
    with socket.socket() as probe:
        if not system.WINDOWS:
            # Connections that ended a moment ago do not hold it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
