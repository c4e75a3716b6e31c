"""A real `pgbouncer` in transaction mode, between a test and its database."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from agentstate_lab.lab.databases.handle import Dsn
from agentstate_lab.lab.databases.place import server_user

SESSIONS = 2  # of the server, for any number of clients: each gets what others used

# Debian puts it where only root looks.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")

needs_pooler = pytest.mark.skipif(
    PROGRAM is None, reason="pgbouncer is not installed (Debian: apt install pgbouncer)"
)

CONFIG = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
"""


@contextlib.contextmanager
def pooled(dsn: str) -> Iterator[Dsn]:
    """The address of *dsn* through a pooler of its own, which ends with the block."""
    with tempfile.TemporaryDirectory(prefix="pooler-") as name:
        folder, user = Path(name), server_user()
        parts, listen = conninfo_to_dict(dsn), _free_port()
        server = {"host": parts["host"], "port": parts["port"], "listen": listen}
        (folder / "ini").write_text(
            CONFIG.format(**server, folder=folder, sessions=SESSIONS)
        )
        (folder / "users").write_text(f'"{parts["user"]}" "{parts["password"]}"\n')
        if user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, user.uid, user.gid)
        with _running([str(PROGRAM), str(folder / "ini")], user) as process:
            through = make_conninfo(dsn, host="127.0.0.1", port=listen)
            _wait_for(through, process)
            user_and_password = f"{parts['user']}:{parts['password']}"
            place = f"127.0.0.1:{listen}/{parts['dbname']}"
            yield Dsn(f"postgresql://{user_and_password}@{place}")


@contextlib.contextmanager
def _running(argv: list[str], user: Any) -> Iterator[subprocess.Popen[str]]:
    """The pooler's process."""
    options = {} if user is None else user.as_options()
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait_for(dsn: str, process: subprocess.Popen[str]) -> None:
    """Return when the pooler answers; say why when it has ended."""
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                pytest.fail(f"pgbouncer ended: {process.stderr.read()}")
        else:
            return


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
