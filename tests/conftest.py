"""What every test may ask for: a clock, a home of its own, and the world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.world import World, start_world, stop_world

LIVE_MODEL = ("AGENTSTATE_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL")


@pytest.fixture(autouse=True, scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """
    A home for the whole session, so that no test touches the learner's own runs.

    The world of that home, if a test started it, is stopped at the end.
    """
    folder = tmp_path_factory.mktemp("session-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTSTATE_HOME", str(folder))
        patch.setenv("AGENTSTATE_PACE", "0")
        for name in LIVE_MODEL:
            patch.delenv(name, raising=False)
        yield folder
        stop_world()


@pytest.fixture
def home_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home for one test, with its world stopped afterwards."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AGENTSTATE_HOME", str(folder))
    yield folder
    # The test may have changed the variable, or broken the folder.
    monkeypatch.setenv("AGENTSTATE_HOME", str(folder))
    if folder.is_dir():
        stop_world()


@pytest.fixture
def world(session_home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world that the session's tests share: use a task id of your own."""
    monkeypatch.setenv("AGENTSTATE_HOME", str(session_home))
    return start_world()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when the test says so."""
    return FakeClock()
