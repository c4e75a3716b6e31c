"""The stores of the course, each against the contract groups that it offers."""

import pytest

from agentstate_lab.errors import InvalidValue, TaskNotFound, VersionConflict
from agentstate_lab.lab.contracts.history import (
    DurableHistoryContract,
    HistoryStoreContract,
)
from agentstate_lab.lab.contracts.lists import TaskListContract
from agentstate_lab.lab.contracts.steps import DurableStepContract, StepStoreContract
from agentstate_lab.lab.contracts.store import DurableContract, TaskStoreContract
from agentstate_lab.state import Task
from agentstate_lab.stores import (
    MAX_STEP_TRIES,
    JsonFileStore,
    MemoryStore,
    execute_step,
    open_store,
)
from agentstate_lab.stores.sql import SqliteStore


class TestMemoryStore(
    TaskStoreContract, TaskListContract, StepStoreContract, HistoryStoreContract
):
    """Keeps the contract, and nothing beyond the process."""

    def make_store(self, folder, clock):
        """A new store: there is no old one to find."""
        return MemoryStore(clock=clock)


class TestJsonFileStore(
    TaskStoreContract,
    TaskListContract,
    StepStoreContract,
    HistoryStoreContract,
    DurableContract,
    DurableStepContract,
    DurableHistoryContract,
):
    """Keeps the contract in one file."""

    def make_store(self, folder, clock):
        """The store in that file."""
        return JsonFileStore(folder / "tasks.json", clock=clock)


def test_a_url_opens_the_store_it_names(tmp_path):
    """The same code runs on every store; only the url differs."""
    with open_store(f"json:{tmp_path / 'tasks.json'}") as store:
        assert isinstance(store, JsonFileStore)
    with open_store(f"sqlite:{tmp_path / 'tasks.db'}") as store:
        assert isinstance(store, SqliteStore)
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("redis:x", "none of memory:, json:", id="unknown-kind"),
        pytest.param("tasks.json", "none of", id="no-kind"),
        pytest.param("", "none of", id="empty"),
        pytest.param(None, "none of", id="nothing"),
        pytest.param(b"memory:", "none of", id="bytes"),
        pytest.param("json:", "needs a path", id="no-path"),
        pytest.param("memory:x", "takes no path", id="path-for-memory"),
        pytest.param("sqlite:", "needs a path", id="no-database"),
        pytest.param("sqlite:a\0b", "null", id="nul-in-a-path"),
        pytest.param("json:   ", "needs a path", id="spaces-for-a-path"),
        pytest.param("sqlite::memory:", "write memory:", id="memory-of-sqlite"),
        pytest.param("sqlite:///x.db", "write sqlite:PATH", id="as-sqlalchemy-has-it"),
        pytest.param("sqlite:file:x.db?mode=ro", "write sqlite:PATH", id="uri"),
        pytest.param("json:~nobody-of-that-name/x", "no user", id="no-such-home"),
    ],
)
def test_a_url_that_names_no_store_is_refused(url, why):
    """The message says which kinds there are."""
    with pytest.raises(InvalidValue, match=why):
        open_store(url)


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    """A shell leaves the sign behind a colon, and a folder of that name is a trap."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    with open_store("sqlite:~/x.db") as store:
        assert store.path == tmp_path.resolve() / "x.db"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgres://ann:s3cret@db/tasks", id="a-kind-like-ours"),
        pytest.param(" postgresql://ann:s3cret@db/tasks", id="a-space-before"),
        pytest.param("host=db password=s3cret", id="words"),
        pytest.param("ann:s3cret@db", id="no-kind"),
    ],
)
def test_a_url_that_is_refused_is_not_shown(url):
    """It may have a password in it, and errors are written to logs."""
    with pytest.raises(InvalidValue) as caught:
        open_store(url)

    assert "s3cret" not in str(caught.value)


def test_a_step_that_always_loses_ends_with_the_conflict():
    """A step gives up after a thousand lost races, with the real reason."""
    store = MemoryStore()
    task = store.submit(Task.new("Clean the logs", key="k")).task
    tries = []

    def step(current):
        tries.append(current.version)
        store.save(current.replace(attempt=current.attempt + 1))
        return current

    with pytest.raises(VersionConflict):
        execute_step(store, task.id, step)
    assert len(tries) == MAX_STEP_TRIES


def test_a_step_on_an_unknown_task_runs_nothing():
    """The function is not called when there is nothing to call it on."""
    with pytest.raises(TaskNotFound):
        execute_step(MemoryStore(), "nobody", lambda task: 1 / 0)


def test_an_error_in_a_step_leaves_the_task_as_it_was():
    """A step either becomes a whole write or none."""
    store = MemoryStore()
    task = store.submit(Task.new("Clean the logs", key="k")).task

    with pytest.raises(ZeroDivisionError):
        execute_step(store, task.id, lambda task: 1 / 0)

    assert store.get(task.id) == task
