"""The two stores in one file alike: whose it is, and what else may be at its path."""

import os
import stat

import pytest

from agentstate_lab.errors import InvalidValue, StoreError, StoreForeign, StoreReadOnly
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.stores import JsonFileStore
from agentstate_lab.stores.sql import SqliteStore

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")


@pytest.fixture(params=[JsonFileStore, SqliteStore])
def kind(request):
    """The class of the store."""
    return request.param


@pytest.fixture
def path(tmp_path):
    """Where the file is."""
    return tmp_path / "tasks"


def used(kind, path):
    """One task in a store at that path."""
    with kind(path) as store:
        return stored(store)


@POSIX
def test_the_file_and_those_beside_it_are_private(kind, path):
    """Prompts and results are for their owner alone, whatever the umask says."""
    old = os.umask(0)
    try:
        with kind(path) as store:
            stored(store)
            modes = {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(old)

    assert modes == {0o600}


@POSIX
def test_a_read_only_file_is_refused_and_not_touched(kind, path):
    """Root could write it, and a replace asks the folder alone; so the store asks."""
    used(kind, path)
    path.chmod(0o400)
    raw = path.read_bytes()

    said = "read-only; it was not touched"
    with pytest.raises(StoreReadOnly, match=said), kind(path) as store:
        stored(store, "another")

    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (raw, 0o400)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(kind, path):
    """Opening a pipe would hang until somebody writes into it."""
    os.mkfifo(path)

    with pytest.raises(StoreForeign, match="is not a file"):
        used(kind, path)


def test_a_folder_in_place_of_the_file_is_refused(kind, path):
    """A mistake in the path, named as one."""
    path.mkdir()

    with pytest.raises(StoreForeign, match="tasks: is not a file"):
        used(kind, path)


def test_a_file_in_place_of_the_folder_is_refused(kind, tmp_path):
    """The error is the store's own, with the path in it."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match=r"file.tasks: "):
        used(kind, tmp_path / "file" / "tasks")


@pytest.mark.parametrize("place", ["a\0b", None, 7.5])
def test_a_path_that_no_file_can_have_is_refused(kind, place):
    """Before anything is made."""
    with pytest.raises(InvalidValue, match="store path"):
        kind(place)


def test_a_link_stays_a_link(kind, path):
    """The file behind the link is what is meant."""
    link = path.with_name("link")
    link.symlink_to(path)

    task = used(kind, link)

    assert link.is_symlink()
    with kind(path) as real:
        assert real.get(task.id) == task
