"""
One notebook kernel, to be run, restarted and killed by a program.

A kernel has two deaths. JupyterLab's Restart button is polite: it interrupts the
running cell, so `finally` and `atexit` still run (`restart`). A power cut is not:
nothing of the kernel's runs any more (`kill`, then `start_again`). An agent that
saves its state in `finally` survives the first and not the second, so both are
needed to test one.

This module knows nothing of notebooks as files, and it never waits for ever: each
wait has an end and notices a dead kernel at once.
"""

import os
import queue
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any, Self

from agentstate_lab import system
from agentstate_lab.errors import KernelDied, LabError

from .alive import until

READY_WITHIN = 60.0
GONE_WITHIN = 10.0
SOCKET_PATH = 107  # bytes that the path of a socket may have


def own_sockets() -> dict[str, str]:
    """
    The arguments of a kernel's manager by which its sockets are files of its own.

    A kernel on TCP is told five ports that were free a moment ago. Where much runs at
    once, another process has one of them by then, and the kernel dies at its start.

    Returns:
        `transport` and `ip`; nothing where a file cannot be a socket (Windows), where
        its path would be too long for one, or where it cannot be made.
    """
    from jupyter_core.paths import jupyter_runtime_dir
    from jupyter_core.utils import ensure_dir_exists

    folder = jupyter_runtime_dir()
    path = f"{folder}/kernel-{uuid.uuid4()}"
    if system.WINDOWS or len(os.fsencode(f"{path}-1")) > SOCKET_PATH:
        return {}
    try:
        # Nobody has made it yet where no kernel was ever started.
        ensure_dir_exists(folder, mode=0o700)
    except OSError:
        return {}
    return {"transport": "ipc", "ip": path}


class Kernel:
    """
    A kernel of this Python, ended at the end of the `with` block.

    Args:
        cwd: Its working directory.

        env: Its environment, or None for this process's.

    Example::

        with Kernel() as kernel:
            kernel.run("6 * 7")  # '42'
    """

    def __init__(
        self, *, cwd: str | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        from jupyter_client.manager import KernelManager

        self._manager: Any = KernelManager(kernel_name="python3", **own_sockets())
        self._client: Any = None
        self._launch: dict[str, Any] = {
            "cwd": cwd,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        if env is not None:
            self._launch["env"] = dict(env)

    def __enter__(self) -> Self:
        """Start it."""
        self._manager.start_kernel(**self._launch)
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """End it, whatever happened."""
        if self._client is not None:
            self._client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._manager.provisioner.pid)

    def submit(self, code: str) -> str:
        """Begin to run *code* as a cell, and return the id to wait for."""
        return str(self._client.execute(code, allow_stdin=False, stop_on_error=False))

    def wait(self, cell: str, timeout: float = 30.0) -> str:
        """
        What *cell* showed, once it has ended: prints, its value, its error.

        Raises:
            KernelDied: The kernel ended first.
            LabError: It took longer than *timeout* seconds.
        """
        end = time.monotonic() + timeout
        said: list[str] = []
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                if not self._manager.is_alive():
                    shown = "".join(said)
                    raise KernelDied(f"the kernel died; so far: {shown!r}") from None
                if time.monotonic() > end:
                    raise LabError(
                        f"the cell ran longer than {timeout:g} s", effect="unknown"
                    ) from None
                continue
            if message["parent_header"].get("msg_id") == cell:
                content = message["content"]
                if content.get("execution_state") == "idle":
                    return "".join(said)
                said.append(shown_by(message["msg_type"], content))

    def run(self, code: str, timeout: float = 30.0) -> str:
        """Run *code* as a cell and return what it showed."""
        return self.wait(self.submit(code), timeout)

    def restart(self) -> None:
        """Press the Restart button: the running cell is interrupted first."""
        self._manager.restart_kernel(now=False)
        self._connect()

    def kill(self) -> None:
        """Cut the power: nothing in the kernel gets to run."""
        import psutil

        psutil.Process(self.pid).kill()
        if not until(lambda: not self._manager.is_alive(), GONE_WITHIN):
            raise LabError(f"the kernel {self.pid} survived its kill")

    def start_again(self) -> None:
        """Start a new kernel in the place of the dead one."""
        self._manager.restart_kernel(now=True)
        self._connect()

    def _connect(self) -> None:
        """A new connection: an old one does not reach a new kernel."""
        if self._client is not None:
            self._client.stop_channels()
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=READY_WITHIN)
        except RuntimeError as error:
            raise LabError(self._silence()) from error

    def _silence(self) -> str:
        """Why there was no answer, and what to do."""
        if self._manager.is_alive():
            return (
                f"no kernel of {sys.executable} answered within {READY_WITHIN:g} s: the"
                " machine may be busy; try again"
            )
        return (
            f"a kernel of {sys.executable} ended at its start; to see why, run"
            f" {sys.executable} -m ipykernel_launcher"
        )


def shown_by(kind: str, content: Mapping[str, Any]) -> str:
    """The text of one message of the kernel."""
    if kind == "stream":
        return str(content["text"])
    if kind in ("execute_result", "display_data"):
        return str(content["data"].get("text/plain", ""))
    if kind == "error":
        return f"{content['ename']}: {content['evalue']}"
    return ""
