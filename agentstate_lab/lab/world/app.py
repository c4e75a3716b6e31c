"""
The process of the world: `python -m agentstate_lab.lab.world.app HOME`.

It listens on a free port of 127.0.0.1, writes the address into HOME/world.json and
serves. It ends when it is asked to, when that file no longer names it, and when
nobody has spoken to it for hours: nothing that the course starts is left running.

This module keeps the process; what it answers is in `routes`.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from filelock import FileLock
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentstate_lab.errors import AgentStateError
from agentstate_lab.stores import atomic_write

from .guard import log
from .ledger import Ledger
from .record import Record
from .refusal import Refusal
from .routes import Services
from .scenarios import next_message
from .world import find_world

IDLE_AFTER = 4 * 3600.0
LOOK_EVERY = 0.5


class WorldProtocol(H11Protocol):
    """
    HTTP, with two additions: an endpoint can reach its connection to cut it, and
    bytes that are not HTTP get their refusal as JSON too.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection to the endpoints."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read."""
        body = json.dumps(Refusal(400, msg, code="invalid_http").body).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def main(where: Path) -> int:
    """Be the world of the home *where* until it is over; returns the exit status."""
    os.umask(0o077)
    os.environ["AGENTSTATE_HOME"] = str(where)
    token = secrets.token_hex(32)
    try:
        ledger = Ledger(where / "ledger.sqlite")
        with listening() as listener:
            if publish(where, token, listener.getsockname()[1]):
                asyncio.run(serve(where, token, ledger, listener))
        ledger.close()
    except (AgentStateError, OSError) as error:
        print(f"the world cannot start: {error}", file=sys.stderr)
        return 1
    finally:
        withdraw(where, token)
    return 0


def listening() -> socket.socket:
    """
    A socket on a free port of 127.0.0.1.

    The protocol is named because asyncio sends small pieces at once only over a
    socket that says it is TCP; else each reply waits 40 ms for an acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


async def serve(
    where: Path, token: str, ledger: Ledger, listener: socket.socket
) -> None:
    """Answer on *listener* until it is time to end."""

    def end() -> None:
        server.should_exit = True

    services = Services(ledger, token, script=next_message, on_stop=end)
    config = uvicorn.Config(
        services.app(),
        http=WorldProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        # Longer than clients keep an idle connection: else a call could be sent
        # into a connection that is being closed.
        timeout_keep_alive=600,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    watch = asyncio.create_task(
        keep_watch(lambda: is_named(where, token), services.presence.idle, end)
    )
    await server.serve(sockets=[listener])
    watch.cancel()


async def keep_watch(
    named: Callable[[], bool],
    idle: Callable[[], float],
    end: Callable[[], None],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """
    Call *end* when the world is no longer *named*, or was *idle* for hours.

    It must be missed twice: a reader may meet the file in the middle of a change.
    """
    missed = 0
    while missed < 2 and idle() < IDLE_AFTER:
        await sleep(LOOK_EVERY)
        missed = 0 if named() else missed + 1
    end()


def publish(where: Path, token: str, port: int) -> bool:
    """Write down how to find this world, unless another one answers already."""
    import psutil

    record = {
        "pid": os.getpid(),
        "created": psutil.Process().create_time(),
        "port": port,
        "token": token,
    }
    with FileLock(where / "world.json.lock", timeout=60, mode=0o600):
        if find_world():
            return False
        atomic_write(where / "world.json", json.dumps(record).encode())
    return True


def is_named(where: Path, token: str) -> bool:
    """Whether `world.json` names the world that knows *token*."""
    record = Record.read(where)
    return record is not None and record.world.token == token


def withdraw(where: Path, token: str) -> None:
    """Take `world.json` away when it names this world."""
    if is_named(where, token):
        try:
            (where / "world.json").unlink()
        except OSError as error:
            log(error)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
