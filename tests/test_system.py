"""What another system lacks has another way, and each of them is taken here."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading

import psutil
import pytest

from agentstate_lab import system
from agentstate_lab.lab.crash.signals import HARD, died_by, fall
from agentstate_lab.lab.databases import cluster
from agentstate_lab.lab.databases.files import _is_free
from agentstate_lab.lab.databases.place import server_user
from agentstate_lab.lab.doctor import doctor
from agentstate_lab.lab.exercises.judge import child
from agentstate_lab.lab.processes import alive, cut_at_each_byte, in_new_process, until
from agentstate_lab.lab.processes.ended import Ended
from agentstate_lab.lab.processes.handle import Process
from agentstate_lab.lab.processes.kernel import own_sockets
from agentstate_lab.lab.processes.line import _private, end_after
from agentstate_lab.lab.processes.processes import CALL, request_for
from agentstate_lab.mcp_state.grants import _check_private
from agentstate_lab.mcp_state.serve import _listener
from agentstate_lab.state import Task
from agentstate_lab.stores import JsonFileStore, is_gone, working
from agentstate_lab.stores.atomic_file import atomic_write
from agentstate_lab.stores.owner import _my_start, boot_id
from agentstate_lab.stores.sql.sqlite_log import refuse_foreign_log

HERE = pytest.mark.skipif(system.WINDOWS, reason="this system has only the other way")
OPEN_TO_ALL = 0o644


@pytest.fixture
def windows(monkeypatch):
    """The ways that are gone on Windows, for this process."""
    monkeypatch.setattr(system, "WINDOWS", True)


@pytest.fixture
def without_proc(monkeypatch):
    """A system without `/proc`, such as macOS."""
    monkeypatch.setattr(system, "LINUX", False)
    for kept in (boot_id, _my_start):
        kept.cache_clear()
    yield
    for kept in (boot_id, _my_start):
        kept.cache_clear()


def as_on_windows(work, *args):
    """In a fresh process: call *work* there with Windows' ways."""
    system.WINDOWS = True
    return work(*args)


@HERE
@pytest.mark.parametrize(("there", "folders"), [(True, 0), (False, 1)])
def test_a_folder_is_flushed_where_that_can_be_done(
    tmp_path, monkeypatch, there, folders
):
    """Windows has no such call and needs none; the file itself is flushed on both."""
    monkeypatch.setattr(system, "WINDOWS", there)
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda file: flushed.append(os.fstat(file)))

    atomic_write(tmp_path / "file", b"new")

    modes = [one.st_mode for one in flushed]
    assert [*map(stat.S_ISDIR, modes)].count(True) == folders
    assert [*map(stat.S_ISREG, modes)].count(True) == 1
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.usefixtures("windows")
def test_a_reader_of_the_json_file_keeps_writers_out(tmp_path):
    """Windows cannot replace a file that somebody has open, so both take the lock."""
    store = JsonFileStore(tmp_path / "tasks.json")
    task = store.submit(Task.new("goal", task_id="a")).task

    with store._reading():
        assert store._lock.is_locked
    assert not store._lock.is_locked
    assert store.get("a") == task


@pytest.mark.usefixtures("without_proc", "process")
def test_without_proc_a_worker_is_known_to_be_alive_or_gone():
    """Its number and its start come from the system's own clock."""
    with working() as me, subprocess.Popen([sys.executable, "-c", "input()"]) as other:
        started = psutil.Process(other.pid).create_time()
        him = me.model_copy(update={"pid": other.pid, "started_at": started})
        assert (boot_id().endswith(" pid"), is_gone(me), is_gone(him)) == (1, 0, 0)
        other.kill()
        other.wait()

        assert is_gone(him)


@pytest.mark.usefixtures("without_proc")
def test_without_proc_no_log_of_sqlite_is_judged(tmp_path, monkeypatch):
    """Nothing is asked that only Linux can answer."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    path = tmp_path / "tasks.db"
    path.with_name("tasks.db-wal").write_bytes(b"log")
    path.write_bytes(b"put there later")

    assert refuse_foreign_log(path) is None


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_death_without_signals_has_the_status_that_a_shell_would_say(name):
    """Nothing runs any more, and the crash lab takes it for that death."""
    ended = in_new_process(as_on_windows, fall, name)

    assert ended.status == 128 + int(getattr(signal, name, 9))
    assert died_by(ended.status, name)


@pytest.mark.usefixtures("windows")
def test_such_a_death_is_told_as_a_kill():
    """In the same words on every system, as far as they are true."""
    assert Ended.died(128 + 9).how == "killed, as by SIGKILL"
    assert Ended.died(3).how == "ended itself with exit status 3"
    assert died_by(128 + 9, HARD)


def starts_a_child():
    """Start a process, and stay."""
    subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    threading.Event().wait()


@pytest.mark.usefixtures("windows", "process")
def test_without_groups_what_a_process_has_started_ends_with_it(monkeypatch):
    """It is found below it, one by one."""
    monkeypatch.delattr(os, "killpg", raising=False)
    with Process(CALL, request_for(starts_a_child, (), 60.0)) as process:
        process.must_say(60.0)  # it is there, and waits
        process.say(go=True)
        assert until(psutil.Process(process.pid).children, 60)
        (below,) = psutil.Process(process.pid).children()

        process.kill()

        assert until(lambda: not alive(below.pid), 30)


@pytest.mark.usefixtures("process")
def test_without_fork_every_sixteenth_byte_has_its_death(tmp_path, monkeypatch):
    """Each costs the start of a Python, so there are fewer."""
    monkeypatch.setattr(system, "HAS_FORK", False)
    path = tmp_path / "file"

    ends = [ended.how for ended in cut_at_each_byte(path.write_bytes, b"x" * 20)]

    assert [how.rpartition(" ")[2] for how in ends[:2]] == ["0", "16"]
    assert ends[2:] == ["returned"]


@pytest.mark.usefixtures("windows")
def test_a_kernel_has_no_sockets_that_are_files():
    """It is told free ports instead."""
    assert own_sockets() == {}


def wait_for_the_end():
    """Be ended by one's own timer."""
    end_after(0.01)
    threading.Event().wait()


@pytest.mark.usefixtures("process")
def test_without_an_alarm_a_timer_ends_a_process_that_nobody_misses():
    """Its exit status says so."""
    assert in_new_process(as_on_windows, wait_for_the_end).status == 1


@pytest.mark.usefixtures("windows")
def test_without_fcntl_a_private_file_is_a_plain_copy(monkeypatch):
    """It is another number for the same file."""
    monkeypatch.setitem(sys.modules, "fcntl", None)

    copied = _private(1)

    assert os.fstat(copied).st_ino == os.fstat(1).st_ino
    os.close(copied)


def test_without_limits_of_the_kernel_an_answer_has_its_limit_of_time(monkeypatch):
    """Where there is no `resource`, nothing is lowered, and nothing fails."""
    monkeypatch.setitem(sys.modules, "resource", None)

    assert child.limit(1.0) is None


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("there", [True, False])
def test_a_port_is_free_or_not_in_either_way(monkeypatch, there):
    """Windows would lend a taken port to whoever asks for it a second time."""
    monkeypatch.setattr(system, "WINDOWS", there)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert not _is_free(port)
    assert _is_free(port)


@pytest.mark.usefixtures("windows", "process")
def test_the_server_of_mcp_shares_its_port_with_nobody():
    """The option that would is for systems where it means something else."""
    with contextlib.closing(_listener(0)) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0


@pytest.mark.usefixtures("windows")
def test_without_modes_nobody_is_told_to_change_one(home_dir):
    """A folder and a file of tokens are as private as the account that has them."""
    home_dir.mkdir(mode=0o755)
    tokens = home_dir / "tokens.json"
    tokens.write_text("{}")
    tokens.chmod(OPEN_TO_ALL)

    assert doctor.folder() == str(home_dir)
    assert _check_private(tokens) is None


@pytest.mark.usefixtures("windows")
def test_without_users_like_nobody_a_server_is_its_starter_s():
    """PostgreSQL gives up such rights by itself there."""
    assert server_user() is None


@HERE
def test_without_signals_postgres_is_ended_by_its_own_program(
    own_postgres, home_dir, monkeypatch
):
    """`pg_ctl kill` tells the server, and it tells its workers."""
    ours = cluster.Cluster(home_dir)
    running, place = ours._processes(), ours.place
    monkeypatch.setattr(system, "WINDOWS", True)

    cluster._signal(running, "INT", place)

    assert until(lambda: not any(one.is_running() for one in running), 30)
