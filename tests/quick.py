"""
The quick part of the suite: every test that starts no process and opens no connection.

    pytest --quick

No list and no marker says which tests those are, since either would be wrong one day.
A test that tries is stopped at that very moment, by an audit hook of the interpreter,
and counts as skipped. So does one that was stopped in a thread, or that went on as if
nothing had happened.

What the hook does not see is what a library does in C. The only one of these here is
the driver of PostgreSQL, and its server is a process.
"""

import signal
import sys
import threading
from collections.abc import Generator
from typing import Any, Final

import pytest

STOPPED: Final = {
    **dict.fromkeys(
        (
            *("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"),
            *("os.exec", "os.spawn", "os.system", "os.startfile"),
        ),
        "it starts a process",
    ),
    **dict.fromkeys(("socket.bind", "socket.connect"), "it opens a connection"),
}

PATIENCE: Final = 0.5  # seconds that a test has to notice that it was stopped


class Quick:
    """A plugin that stops what is not quick."""

    def __init__(self) -> None:
        self._running = False
        self._tried = ""
        sys.addaudithook(self._heard)
        if hasattr(signal, "pthread_kill"):
            signal.signal(signal.SIGUSR1, self._woken)

    def pytest_configure(self, config: pytest.Config) -> None:
        """What a stopped test left open is no complaint about the next one."""
        for name in ("UnraisableException", "UnhandledThreadException"):
            ignored = f"ignore::pytest.Pytest{name}Warning"
            config.addinivalue_line("filterwarnings", ignored)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Stop a test that is about to leave this process."""
        if self._running and event in STOPPED:
            self._tried = STOPPED[event]
            self._wake_later()
            pytest.skip(self._tried)

    def _wake_later(self) -> None:
        """Whoever waits for what was stopped here, perhaps in a thread, is woken."""
        if hasattr(signal, "pthread_kill"):
            later = threading.Timer(PATIENCE, self._wake)
            later.daemon = True
            later.start()

    def _wake(self) -> None:
        """Interrupt the test, if it has not ended by itself."""
        if self._running and self._tried:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            self._wake_later()

    def _woken(self, number: int, frame: object) -> None:
        """The main thread ends the test; it may have to be told more than once."""
        if self._running and self._tried:
            pytest.skip(self._tried)

    @pytest.hookimpl(wrapper=True)
    def _listens(self) -> Generator[None, object, object]:
        """Listen while a test runs, with its fixtures."""
        self._running = True
        try:
            return (yield)
        finally:
            self._running = False

    pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = _listens

    def pytest_runtest_logstart(self) -> None:
        """The next test has tried nothing."""
        self._tried = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """
        Whatever came of a test that was stopped, it was skipped.

        All have one place, so that the summary has one line for each reason, and not
        one for each test.
        """
        report = yield
        why = self._tried
        if isinstance(report.longrepr, tuple):  # a fixture was stopped for all at once
            said = report.longrepr[2].removeprefix("Skipped: ")
            why = why or (said if said in STOPPED.values() else "")
        if why:
            report.outcome = "skipped"
            report.longrepr = (__file__, 0, f"Skipped: {why}")
        return report
