"""What every test may ask for: a clock, a home of its own, the world, PostgreSQL."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from hypothesis import HealthCheck, settings
from quick import Quick

from agentstate_lab.lab.agents import Job, open_job
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.crash import rig
from agentstate_lab.lab.crash.spawner import Spawner
from agentstate_lab.lab.databases import Cluster, Postgres, start_postgres
from agentstate_lab.lab.databases.handle import Dsn
from agentstate_lab.lab.exercises.judge import runner
from agentstate_lab.lab.exercises.judge.supervise import Judge
from agentstate_lab.lab.world import World, start_world, stop_world
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore, TaskStore, open_store
from agentstate_lab.stores.sql import PostgresStore
from agentstate_lab.system import HAS_FORK

# Jupyter brings a grammar of addresses that each process would build anew, in two
# seconds; jsonschema does without it.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# How long an example takes to think of is the machine's mood, not a property.
settings.register_profile(
    "suite",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", settings.get_profile("suite"), max_examples=20)
settings.register_profile("soak", settings.get_profile("suite"), max_examples=400)
settings.load_profile("suite")

# A suite in the background of a shell ignores interrupts, and so would all that its
# tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a learner may have set for real, and no test may use.
LIVE = (
    "AGENTSTATE_MODEL",
    "AGENTSTATE_PG_DSN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
)
POSTGRES_HOME = "AGENTSTATE_TEST_POSTGRES"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that `make quick` is made of."""
    parser.addoption("--quick", action="store_true", help="no process, no connection")


def pytest_configure(config: pytest.Config) -> None:
    """
    Name the home of the one PostgreSQL that all workers share.

    Whoever names it ends it: with workers, the process that outlives them.
    """
    if config.getoption("quick"):
        settings.load_profile("quick")
    config.pluginmanager.register(Quick())
    if POSTGRES_HOME not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="agentstate-postgres-"))
        os.environ[POSTGRES_HOME] = str(folder)

        def end() -> None:
            del os.environ[POSTGRES_HOME]
            Cluster(folder).forget()
            shutil.rmtree(folder)

        config.add_cleanup(end)


@pytest.fixture(scope="session")
def process(pytestconfig: pytest.Config) -> None:
    """What starts a process or opens a connection requests this, see quick.py."""
    if pytestconfig.getoption("quick"):
        pytest.skip("it starts a process or opens a connection")


@pytest.fixture(autouse=True, scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """
    A home for the whole session, so that no test touches the learner's own runs.

    What a test started for that home is stopped at the end.
    """
    folder = tmp_path_factory.mktemp("session-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTSTATE_HOME", str(folder))
        patch.setenv("AGENTSTATE_PACE", "0")
        for name in LIVE:
            patch.delenv(name, raising=False)
        yield folder
        stop_world()
        Cluster(folder).forget()


@pytest.fixture
def home_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home for one test; what runs for it is stopped afterwards."""
    folder = tmp_path / "home"
    monkeypatch.setenv("AGENTSTATE_HOME", str(folder))
    yield folder
    # The test may have changed the variable, or broken the folder.
    monkeypatch.setenv("AGENTSTATE_HOME", str(folder))
    if folder.is_dir():
        stop_world()
        Cluster(folder).forget()


@pytest.fixture
def world(process: None, session_home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world that the session's tests share: use a task id of your own."""
    monkeypatch.setenv("AGENTSTATE_HOME", str(session_home))
    return start_world()


@pytest.fixture(scope="session")
def postgres_server(process: None) -> Postgres:
    """The PostgreSQL that all tests share: never stop or crash it."""
    return Cluster(Path(os.environ[POSTGRES_HOME])).start()


@pytest.fixture
def postgres(process: None, postgres_server: Postgres) -> Iterator[Dsn]:
    """The address of an empty database, for one test."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.database(name)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def shared_database(process: None, postgres_server: Postgres) -> Iterator[Dsn]:
    """A database for tests that keep apart by schema: to make one takes longer."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.database(name)
    postgres_server.drop(name)


@pytest.fixture(params=["memory", "json", "sqlite", "postgresql"])
def any_store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> Iterator[TaskStore]:
    """An empty store of every kind."""
    if request.param == "postgresql":
        dsn = request.getfixturevalue("shared_database")
        opened = PostgresStore(dsn, clock=clock, schema=f"s_{uuid.uuid4().hex}")
    else:
        place = "" if request.param == "memory" else tmp_path / "tasks"
        opened = open_store(f"{request.param}:{place}", clock=clock)
    with opened as store:
        yield store


@pytest.fixture
def mount(process: None) -> Iterator[Callable[[Path, str], Path]]:
    """A way to mount a small file system at a folder, with options, as root can."""
    mounted = []

    def mount(folder: Path, options: str) -> Path:
        if not hasattr(os, "geteuid") or os.geteuid() != 0:
            pytest.skip("only root can mount a disk")
        folder.mkdir(exist_ok=True)
        line = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        done = subprocess.run(line, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def own_postgres(process: None, home_dir: Path) -> Postgres:
    """A PostgreSQL for one test, which may stop and crash it. It takes a second."""
    return start_postgres()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when the test says so."""
    return FakeClock()


@pytest.fixture
def task_id(request: pytest.FixtureRequest, world: World) -> Iterator[str]:
    """A task of this test's own."""
    yield request.node.nodeid
    world.forget(request.node.nodeid)


@pytest.fixture
def store() -> MemoryStore:
    """A store in memory."""
    return MemoryStore()


@pytest.fixture
def run(store: MemoryStore, clock: FakeClock) -> Callable[..., Task]:
    """Run an agent on a script, in no time."""
    from script import runner

    return runner(store, clock)


@pytest.fixture
def job(task_id: str, clock: FakeClock) -> Iterator[Job]:
    """The deployment, with a store in memory and a sleep that takes no time."""
    opened = open_job("deploy", task_id, sleep=clock.sleep, on_event=str)
    yield replace(opened, store=MemoryStore())
    opened.client.close()


@pytest.fixture(scope="session")
def shared_helper(process: None, session_home: Path) -> Iterator[Spawner]:
    """One helper of the crash lab for the tests that `quick` is for."""
    if not HAS_FORK:
        pytest.skip("there is no fork here")
    with Spawner(fork=True) as spawner:
        yield spawner


@pytest.fixture
def quick(shared_helper: Spawner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use one helper for many tests: starting one is most of a single death."""

    class Shared:
        def __init__(self, limit: float) -> None:
            shared_helper.limit = limit
            self.limit = limit
            self.run = shared_helper.run

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *exc: object) -> None:
            pass

    monkeypatch.setattr(rig, "Spawner", Shared)


@pytest.fixture(scope="session")
def judges(process: None, session_home: Path) -> Iterator[list[Judge]]:
    """The process that tries answers in the tests that `one_judge` is for."""
    kept: list[Judge] = []
    yield kept
    for judge in kept:
        judge.end()


@pytest.fixture
def one_judge(judges: list[Judge], monkeypatch: pytest.MonkeyPatch) -> None:
    """One process tries the answers of many tests: to start one is most of a check."""

    def shared(*, fork: bool) -> contextlib.AbstractContextManager[Judge]:
        if not fork:
            return Judge(fork=False)
        if not judges or judges[0].ended:
            judges[:] = [Judge(fork=True)]
        return contextlib.nullcontext(judges[0])

    monkeypatch.setattr(runner, "Judge", shared)
