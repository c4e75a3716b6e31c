"""
The quick part of the suite: every test that starts no process and opens no connection.

    pytest --quick

Whatever starts a process or opens a connection requests the fixture `process`: a test
with `@pytest.mark.usefixtures("process")`, a module with `pytestmark`, a fixture with
an argument. With `--quick` those are left out; a test that requests it late is skipped.

That nobody forgets it is seen by an audit hook of the interpreter, with `--quick` and
without: a test that leaves this process, and has not requested it, fails. What the hook
does not see is what a library does in C. The only one of these here is the driver of
PostgreSQL, and its server is a process. On Windows nothing is seen: there every loop of
asyncio connects to itself.
"""

import sys
from collections.abc import Generator
from typing import Any, Final

import pytest

from agentstate_lab.system import WINDOWS

LEAVES: Final = {
    *("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec"),
    *("os.spawn", "os.system", "os.startfile", "socket.bind", "socket.connect"),
}

# What a library reads about the system by a program, once, where it is first used.
LOOKS: Final = {"uname", "file", "fc-list"}


def requests_process(item: pytest.Item) -> bool:
    """Whether a test requests `process`, itself or by one of its fixtures."""
    return "process" in getattr(item, "fixturenames", ())


class Quick:
    """A plugin that fails a test which leaves this process and has not said so."""

    def __init__(self) -> None:
        self._requested = False
        self._left = ""
        if not WINDOWS:
            sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Remember by which way this process was left."""
        if event in LEAVES and LOOKS.isdisjoint(arguments[:1]):
            self._left = event

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out who requests it."""
        if config.getoption("quick"):
            config.hook.pytest_deselected(
                items=[item for item in items if requests_process(item)]
            )
            items[:] = [item for item in items if not requests_process(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Each test requests for itself."""
        self._requested = requests_process(item)
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """A fixture that a test gets while it runs requests for the test."""
        self._requested |= "process" in fixturedef.argnames

    @pytest.hookimpl(wrapper=True)
    def _listens(self) -> Generator[None, Any, Any]:
        """Listen while a test is set up and runs."""
        self._left = ""
        result = yield
        if self._left and not self._requested:
            pytest.fail(
                f"{self._left}, without the fixture `process`: mark the test with "
                '@pytest.mark.usefixtures("process"), or give the fixture that does '
                "it the argument `process`",
                pytrace=False,
            )
        return result

    pytest_runtest_setup = pytest_runtest_call = _listens
