"""The JSON file between processes, when it is cut off, and when it is not ours."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from filelock import FileLock

from agentstate_lab.errors import (
    InvalidValue,
    StoreBusy,
    StoreForeign,
    StoreTooNew,
    StoreTorn,
    StoreWriteFailed,
)
from agentstate_lab.lab.processes import HAS_LIMIT
from agentstate_lab.state import Task
from agentstate_lab.stores import Content, JsonFileStore, atomic_file, atomic_write
from agentstate_lab.stores import json_file as json_store

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")


def child(code, *arguments):
    """A python process of its own that runs *code*."""
    argv = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def path(tmp_path):
    """Where the store of the test lies."""
    return tmp_path / "tasks.json"


def filled(path, *keys):
    """A store with a task for each key."""
    store = JsonFileStore(path, clock=lambda: 1.0)
    for key in keys or ("a", "b"):
        store.submit(Task.new(f"Clean {key}", key=key))
    return store


@pytest.mark.usefixtures("process")
def test_processes_lose_no_save(path):
    """Four save 50 times each, compare-and-set: all are counted, none is lost."""
    task = filled(path, "count").list_by_state("pending")[0]
    code = """
        import sys
        from agentstate_lab.stores import JsonFileStore
        from agentstate_lab.stores import execute_step

        store = JsonFileStore(sys.argv[1], lock_timeout=60)
        for _ in range(50):
            execute_step(
                store,
                sys.argv[2],
                lambda task: task.replace(attempt=task.attempt + 1),
            )
    """

    processes = [child(code, path, task.id) for _ in range(4)]
    complaints = [process.communicate(timeout=100)[1] for process in processes]

    assert complaints == [""] * 4
    after = JsonFileStore(path).get(task.id)
    assert (after.attempt, after.version) == (200, 201)


LAST = 890  # the file has some 914 bytes

CUT = """
    import os, sys
    from agentstate_lab.stores import JsonFileStore
    from agentstate_lab.lab.processes import cut_writes_at

    path, portable, numbers = sys.argv[1], sys.argv[2] == "True", sys.argv[3:]
    for n in map(int, numbers):
        victim = os.fork()
        if victim == 0:
            # A time with more digits would make a longer file.
            store = JsonFileStore(path, clock=lambda: 2.0)
            task = store.list_by_state("pending")[0]
            cut_writes_at(n, portable=portable)
            store.save(task.replace(error="the new content " * 8))
            os._exit(0)
        _, status = os.waitpid(victim, 0)
        store = JsonFileStore(path)
        new = [task.error is not None for task in store.list_by_state("pending")]
        print(n, status != 0, new.count(True), len(new))
        if status == 0:
            break
"""


@pytest.mark.usefixtures("process")
@POSIX
@pytest.mark.parametrize(
    "every", [31, pytest.param(1, marks=pytest.mark.soak, id="soak-1")]
)
@pytest.mark.parametrize(
    "portable",
    [
        pytest.param(
            False,
            id="kernel-limit",
            marks=pytest.mark.skipif(not HAS_LIMIT, reason="has no RLIMIT_FSIZE"),
        ),
        pytest.param(True, id="replaced-writers"),
    ],
)
def test_a_save_cut_off_at_any_byte_leaves_the_old_content(path, portable, every):
    """A process dies at one byte after another, and at all of the last ones."""
    filled(path, "a")
    numbers = [*range(0, LAST, every), *range(LAST, 2_000)]

    process = child(CUT, path, portable, *numbers)
    printed, complaint = process.communicate(timeout=100)

    assert complaint == ""
    *cut, last = [line.split() for line in printed.splitlines()]
    # Died, nothing new, the old task there; then one byte more, and it lived.
    assert {tuple(row[1:]) for row in cut} == {("True", "0", "1")}
    assert last == [str(path.stat().st_size), "False", "1", "1"]


@pytest.mark.usefixtures("process")
@POSIX
def test_kills_at_any_moment_leave_a_whole_file(path):
    """
    Writers die by SIGKILL in the middle of saving; every number they saw confirmed is
    in the file, and no temporary file piles up.
    """
    task = filled(path, "count").list_by_state("pending")[0]
    code = """
        import sys
        from agentstate_lab.stores import JsonFileStore

        store = JsonFileStore(sys.argv[1])
        while True:
            task = store.get(sys.argv[2])
            saved = store.save(task.replace(attempt=task.attempt + 1))
            print(saved.attempt, flush=True)
    """
    for number in range(kills()):
        process = child(code, path, task.id)
        confirmed = [int(process.stdout.readline()) for _ in range(1 + number % 7)]
        os.kill(process.pid, signal.SIGKILL)
        # The rest of the same stream: `communicate` would pass over its buffer.
        confirmed += [int(line) for line in process.stdout.read().splitlines()]
        process.communicate()

        assert process.returncode == -signal.SIGKILL
        stored = JsonFileStore(path).get(task.id).attempt
        # The last save may be done and not yet printed.
        assert stored - confirmed[-1] in (0, 1)

    JsonFileStore(path).save(JsonFileStore(path).get(task.id))
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "tasks.json",
        "tasks.json.lock",
    ]


def kills():
    """4 in the suite; `AGENTSTATE_KILLS=200` for the long run."""
    return int(os.environ.get("AGENTSTATE_KILLS", "4"))


def whole(path):
    """The bytes of a whole file."""
    filled(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda raw: raw[: len(raw) // 2], StoreTorn, id="half"),
        pytest.param(lambda raw: raw + b"\0" * 512, StoreTorn, id="zeros-after"),
        pytest.param(lambda raw: raw * 2, StoreTorn, id="twice"),
        pytest.param(
            lambda raw: raw.replace(b"pending", b"running"), StoreTorn, id="edited"
        ),
        pytest.param(
            lambda raw: raw.replace(b'version":1,"sha', b'version":3,"sha'),
            StoreTooNew,
            id="newer",
        ),
        pytest.param(
            lambda raw: raw.replace(b'version":1,"sha', b'version":-1,"sha'),
            StoreTorn,
            id="negative-version",
        ),
        pytest.param(lambda raw: b'{"task-1": {}}', StoreForeign, id="a-bare-map"),
        pytest.param(lambda raw: b"\x7fELF\x02\x01", StoreForeign, id="a-program"),
        pytest.param(lambda raw: b"[" * 1_000_000, StoreForeign, id="brackets"),
        pytest.param(lambda raw: b"\n" + raw, StoreForeign, id="a-line-before"),
    ],
)
def test_a_file_that_cannot_be_believed_is_refused_and_not_touched(path, change, error):
    """Reading and writing both say what is wrong with which file; its bytes stay."""
    raw = change(whole(path))
    path.write_bytes(raw)

    for use in (
        lambda store: store.get("t"),
        lambda store: store.list_by_state("pending"),
        lambda store: store.submit(Task.new("Clean c", key="c")),
    ):
        with pytest.raises(error, match=r"tasks\.json: .*(side effect: not started)"):
            use(JsonFileStore(path))

    assert path.read_bytes() == raw


def test_every_cut_of_a_whole_file_is_torn(path):
    """However much is missing, it is not taken for a whole file or a foreign one."""
    raw = whole(path)

    head = raw.index(b"\n") + 10
    for length in (*range(head), *range(head, len(raw), 13), len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(StoreTorn):
            JsonFileStore(path).list_by_state("pending")


def test_a_file_that_is_damaged_while_the_store_is_open_is_noticed(path):
    """What was read once is not believed for ever."""
    store = filled(path)
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(StoreTorn):
        store.list_by_state("pending")


def test_a_huge_file_is_refused_before_it_is_read(path, monkeypatch):
    """The limit protects the memory of whoever opens a wrong file."""
    filled(path)
    monkeypatch.setattr(json_store, "MAX_FILE_BYTES", 100)

    with pytest.raises(StoreForeign, match="the limit is 100"):
        JsonFileStore(path).list_by_state("pending")


def test_a_store_does_not_grow_beyond_what_it_could_read(path, monkeypatch):
    """The save that would be too much is refused; the file stays readable."""
    store = filled(path)
    raw = path.read_bytes()
    monkeypatch.setattr(json_store, "MAX_FILE_BYTES", len(raw) + 10)

    with pytest.raises(StoreWriteFailed, match="use a database"):
        store.submit(Task.new("Clean c", key="c"))

    assert path.read_bytes() == raw


def test_a_path_does_not_move_with_the_working_directory(tmp_path, monkeypatch):
    """A relative path means what it meant when the store was opened."""
    monkeypatch.chdir(tmp_path)
    store = JsonFileStore("tasks.json")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    store.submit(Task.new("Clean c", key="c"))

    assert (tmp_path / "tasks.json").exists()


def test_a_lock_that_is_never_free_ends_in_an_error(path):
    """Waiting has an end, and the message says what to do."""
    filled(path)

    with (
        FileLock(f"{path}.lock"),
        pytest.raises(StoreBusy, match="held the lock for 0 s"),
    ):
        JsonFileStore(path, lock_timeout=0).submit(Task.new("Clean c", key="c"))


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(path):
    """A full disk is an error with a name; the file is what it was."""

    class FullDisk(JsonFileStore):
        """Writes half, and then there is no space."""

        def _write_bytes(self, file, data):
            os.write(file, data[: len(data) // 2])
            raise OSError(28, "No space left on device")

    filled(path)
    raw = path.read_bytes()

    with pytest.raises(
        StoreWriteFailed, match="No space left on device; the old content"
    ):
        FullDisk(path).submit(Task.new("Clean c", key="c"))

    assert path.read_bytes() == raw
    assert len(list(path.parent.iterdir())) == 2


def test_only_bytes_that_changed_are_parsed_again(path, monkeypatch):
    """A save costs one parse of what others wrote, none of what this store wrote."""
    store = filled(path)
    parsed = []
    monkeypatch.setattr(
        json_store, "parse", lambda raw, where: parsed.append(raw) or Content()
    )

    task = store.list_by_state("pending")[0]
    store.save(task.replace(state="running"))

    assert parsed == []


def test_the_steps_of_an_atomic_write_come_in_their_order(path, monkeypatch):
    """Write, flush the bytes, replace, flush the name: another order can lose both."""
    if sys.platform == "darwin" or os.name == "nt":
        pytest.skip("flushes by other calls")
    calls = []
    fsync, replace = os.fsync, Path.replace

    def kind(file):
        return "folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "file"

    def noted_fsync(file):
        calls.append(f"fsync {kind(file)}")
        fsync(file)

    def noted_replace(source, target):
        calls.append("replace")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)

    atomic_write(path, b"new")

    assert calls == ["fsync file", "replace", "fsync folder"]


def test_a_name_that_was_not_flushed_is_an_unknown_outcome(path, monkeypatch):
    """The content is in place, but nobody can say whether a power cut would keep it."""

    def refuse(folder):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(atomic_file, "_flush_folder", refuse)

    with pytest.raises(StoreWriteFailed, match="side effect: unknown"):
        atomic_write(path, b"new")

    assert path.read_bytes() == b"new"


def test_a_short_write_is_continued(path):
    """The system may take less than it is given; the rest must follow."""
    taken = []

    def reluctant(file, data):
        taken.append(os.write.__name__)
        atomic_file.write_bytes(file, data)

    real = os.write
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(os, "write", lambda file, data: real(file, data[:3]))
        atomic_write(path, b"0123456789", write=reluctant)

    assert path.read_bytes() == b"0123456789"


def test_nothing_that_cannot_be_stored_gets_near_the_file(path):
    """The value is refused before the old content is at risk."""
    store = filled(path)
    raw = path.read_bytes()

    with pytest.raises(InvalidValue):
        store.submit(Task.new("\ud800", key="c"))

    assert path.read_bytes() == raw
