import contextlib
import json
import os
import secrets
import shutil
import signal
import socketserver
import stat
import subprocess
import sys
import threading
import time

import psutil
import pytest

from agentstate_lab.errors import InvalidValue, WorldUnavailable
from agentstate_lab.lab.processes import alive, until
from agentstate_lab.lab.world import World, find_world, start_world, stop_world
from agentstate_lab.lab.world import app as world_app
from agentstate_lab.lab.world import record as world_record
from agentstate_lab.lab.world.guard import Presence
from agentstate_lab.lab.world.record import Record

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

START = "from agentstate_lab.lab.world.world import start_world; w = start_world(); "


def python(code: str, **options) -> subprocess.Popen:
    """A process of its own that runs *code*."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **options
    )


def write_record(home, **changes) -> None:
    """Put a record of this process into *home*, with *changes*."""
    home.mkdir(exist_ok=True)
    record = {
        "pid": os.getpid(),
        "created": psutil.Process().create_time(),
        "port": 1,
        "token": secrets.token_hex(32),
    }
    (home / "world.json").write_text(json.dumps({**record, **changes}))


@pytest.fixture
def sleeper(process):
    """A process that is not ours to end."""
    with python("import sys; sys.stdin.read()", stdin=subprocess.PIPE) as process:
        yield process
        assert process.poll() is None, "a process that is no world was ended"


@pytest.mark.usefixtures("process")
def test_nothing_is_found_until_it_is_started_and_after_it_is_stopped(home_dir):
    """Looking starts nothing, and stopping tells whether there was anything."""
    before = (find_world(), stop_world())

    started = start_world()

    assert before == (None, False)
    assert find_world() == start_world() == started
    assert (stop_world(), stop_world(), find_world()) == (True, False, None)
    assert not alive(started.pid)
    # A handle to a world that ended says what to do: nothing was sent.
    with pytest.raises(WorldUnavailable, match="first code cell") as caught:
        started.effect("deploy", task_id="t1", step="s", arguments={})
    assert caught.value.effect == "not started"


@pytest.mark.usefixtures("process")
def test_a_world_stands_alone_and_is_found_from_everywhere(
    home_dir, tmp_path, monkeypatch
):
    """
    By another process, as after a restart of the kernel, and under another name.

    A file that nobody can read, a warning that is an error in test suites, and the
    key of a live model, which it never gets, keep nobody from starting it.
    """
    home_dir.mkdir()
    (home_dir / "world.json").write_bytes(b"\xff" * 100)
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    world = start_world()
    world.effect("deploy", task_id="t1", step="s", arguments={})
    monkeypatch.delenv("PYTHONWARNINGS")

    # On Windows a kernel's restart ends all of its children, whatever their group.
    children = [child.pid for child in psutil.Process().children(recursive=True)]
    environment = psutil.Process(world.pid).environ()
    with python(START + "print(w.pid, w.ledger('t1')[0].count)") as other:
        said = other.stdout.read().split()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in home_dir.iterdir()}

    assert world.pid not in children
    assert not [name for name in environment if name.startswith("OPENAI")]
    assert said == [str(world.pid), "1"]
    assert modes == {0o600} or os.name == "nt"
    link = tmp_path / "link"
    with contextlib.suppress(OSError):  # this user may not make links
        link.symlink_to(home_dir)
        monkeypatch.setenv("AGENTSTATE_HOME", str(link))
    assert find_world() == world
    assert stop_world()
    assert not alive(world.pid)


@pytest.mark.usefixtures("process")
def test_four_starts_at_once_make_one_world(home_dir):
    """Nobody fights, and everybody gets the same."""
    starts = [python(START + "print(w.pid, w.url)") for _ in range(4)]

    found = {start.communicate()[0] for start in starts}

    world = find_world()
    assert found == {f"{world.pid} {world.url}\n"}


@pytest.mark.usefixtures("process")
@POSIX
def test_the_world_outlives_the_hard_death_of_its_starter_s_group(home_dir):
    """A kernel that is killed, or a Ctrl-C in its terminal, leaves the world behind."""
    code = START + "print('ready', flush=True); import time; time.sleep(60)"
    starter = python(code, start_new_session=True)
    starter.stdout.readline()

    os.killpg(starter.pid, signal.SIGKILL)

    starter.communicate()
    assert starter.returncode == -signal.SIGKILL
    assert find_world().ledger() == []


@pytest.mark.usefixtures("process")
def test_stopping_one_home_s_world_leaves_the_other_home_s_alone(
    home_dir, tmp_path, monkeypatch
):
    """A learner's run and a test's run do not end each other."""
    here = start_world()
    monkeypatch.setenv("AGENTSTATE_HOME", str(tmp_path / "other"))
    there = start_world()

    stopped = stop_world()

    assert stopped
    assert not alive(there.pid)
    assert here.ledger() == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\xff garbage", id="garbage"),
        pytest.param(b"[" * 4_000, id="deep"),
        pytest.param(b"[1, 2]", id="a-list"),
        pytest.param(b'{"pid": 1}' + b" " * 50_000_000, id="huge"),
        pytest.param(b'{"pid": 1, "port": 80, "token": "x"', id="cut-off"),
    ],
)
def test_a_file_that_is_no_record_is_taken_for_none(home_dir, content):
    """Half a file, or another program's, is as good as no file."""
    home_dir.mkdir()
    (home_dir / "world.json").write_bytes(content)

    assert find_world() is None
    assert stop_world() is False


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"pid": -1}, id="group-of-processes"),
        pytest.param({"pid": 0}, id="own-group"),
        pytest.param({"pid": True}, id="pid-is-no-number"),
        pytest.param({"pid": 10**400}, id="pid-beyond-reach"),
        pytest.param({"port": 0}, id="port-zero"),
        pytest.param({"port": 70_000}, id="port-too-large"),
        pytest.param({"port": "80"}, id="port-is-text"),
        pytest.param({"token": "secret"}, id="token-is-no-token"),
        pytest.param({"token": None}, id="no-token"),
        pytest.param({"created": "yesterday"}, id="created-is-text"),
        pytest.param({"created": 10**400}, id="created-beyond-reach"),
    ],
)
def test_a_record_with_an_impossible_value_is_taken_for_none(home_dir, changes):
    """A process id of zero or less would name many processes."""
    write_record(home_dir, **changes)

    assert Record.read(home_dir) is None


@pytest.mark.usefixtures("process")
def test_a_dead_record_is_replaced(home_dir):
    """After a reboot the file of the day before is still there."""
    first = start_world()
    psutil.Process(first.pid).kill()
    until(lambda: not alive(first.pid), 5)

    second = start_world()

    assert second.pid != first.pid
    assert second.ledger() == []


@pytest.mark.usefixtures("process")
def test_a_foreign_process_is_never_signalled(home_dir, sleeper):
    """A process id is given out again, perhaps to the learner's editor."""
    write_record(home_dir, pid=sleeper.pid, created=1.0)
    other_time = stop_world()
    created = psutil.Process(sleeper.pid).create_time()
    write_record(home_dir, pid=sleeper.pid, created=created)
    same_time = stop_world()
    world = start_world()

    assert (other_time, same_time, stop_world()) == (False, False, True)
    assert world.pid != sleeper.pid


@pytest.mark.usefixtures("process")
def test_this_very_process_is_not_taken_for_the_world(home_dir):
    """The id in an old file may be one's own."""
    write_record(home_dir)

    assert (find_world(), stop_world()) == (None, False)


@pytest.mark.usefixtures("process")
def test_a_stranger_on_the_port_never_hears_the_token(home_dir):
    """Another program may listen there by now, and it may answer politely."""
    heard: list[bytes] = []

    class Stranger(socketserver.BaseRequestHandler):
        def handle(self):
            heard.append(self.request.recv(65_536))
            self.request.sendall(
                b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"world": "no"}'
            )

    with socketserver.TCPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever).start()
        token = secrets.token_hex(32)
        write_record(home_dir, port=server.server_address[1], token=token)
        found, stopped = find_world(), stop_world()
        server.shutdown()

    assert (found, stopped) == (None, False)
    assert heard
    assert token.encode() not in b"".join(heard)


@pytest.mark.usefixtures("process")
@POSIX
def test_a_world_that_hangs_is_ended_because_it_is_proved_to_be_ours(
    home_dir, monkeypatch
):
    """A stopped process answers nothing and would stay for ever."""
    monkeypatch.setattr(world_record, "ANSWER_WITHIN", 0.1)
    monkeypatch.setattr(world_record, "STUCK_AFTER", 0.1)
    first = start_world()
    os.kill(first.pid, signal.SIGSTOP)
    second = start_world()
    os.kill(second.pid, signal.SIGSTOP)

    stop_world()

    assert not alive(first.pid)
    assert not alive(second.pid)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("lost", ["the home", "its name in the file"])
def test_the_world_ends_when_its_home_no_longer_names_it(home_dir, lost):
    """Whoever deletes `.lab` must not leave a process running for ever."""
    world = start_world()

    if lost == "the home":
        shutil.rmtree(home_dir)
    else:
        write_record(home_dir)

    assert until(lambda: not alive(world.pid), 30)


def watch(*, named: list[bool], idle: list[float]) -> int:
    """Run the watchdog over what it is told; returns how often it looked."""
    import asyncio

    looks: list[float] = []
    ended: list[bool] = []

    async def look(seconds: float) -> None:
        looks.append(seconds)

    asyncio.run(
        world_app.keep_watch(
            lambda: named.pop(0),
            lambda: idle.pop(0),
            lambda: ended.append(True),
            sleep=look,
        )
    )
    assert ended == [True]
    return len(looks)


def test_one_missing_look_does_not_end_the_world():
    """A reader may meet the file in the middle of a change."""
    named = [True, False, True, False, False]

    assert watch(named=named, idle=[0.0] * 6) == 5


def test_the_world_ends_after_four_idle_hours():
    """Nothing that the course starts is left running for ever."""
    hours = [0.0, 3 * 3600.0, 4 * 3600.0]

    assert watch(named=[True] * 3, idle=hours) == 2


def test_a_request_under_way_is_not_idleness(clock):
    """A slow effect is somebody at work."""
    presence = Presence(clock)
    clock.advance(100)

    with presence:
        clock.advance(100)
        during = presence.idle()
    clock.advance(7)

    assert (during, presence.idle()) == (0.0, 7.0)


@pytest.mark.usefixtures("process")
def test_a_ledger_that_cannot_be_read_is_named_and_left_alone(home_dir):
    """The error says which file, and the file keeps its bytes."""
    home_dir.mkdir()
    (home_dir / "ledger.sqlite").write_bytes(b"no database" * 100)

    with pytest.raises(WorldUnavailable, match=r"ledger\.sqlite: not a ledger"):
        start_world()

    assert (home_dir / "ledger.sqlite").read_bytes() == b"no database" * 100
    assert find_world() is None


def test_a_home_in_which_nothing_can_be_written_is_named(home_dir):
    """A folder in the place of the log stands in for a read-only home."""
    (home_dir / "world.log").mkdir(parents=True)

    with pytest.raises(WorldUnavailable, match="could not be launched from"):
        start_world()


def test_a_lock_that_is_never_free_is_named(home_dir):
    """A folder in the place of the lock can never be locked."""
    (home_dir / "world.lock").mkdir(parents=True)

    with pytest.raises(WorldUnavailable, match=r"world\.lock"):
        start_world()

    (home_dir / "world.lock").rmdir()


def test_the_token_is_not_shown():
    """A notebook prints whatever a cell ends with."""
    world = World("http://127.0.0.1:1", "secret", 7)

    assert repr(world) == "World(url='http://127.0.0.1:1', pid=7)"


def test_waiting_ends_when_it_comes_true_or_when_time_is_up(clock, monkeypatch):
    """A condition that never comes true costs the time and no more."""
    monkeypatch.setattr(time, "monotonic", clock)

    assert until(lambda: clock.now > 0.5, 1.0, sleep=clock.sleep)
    assert not until(lambda: False, 1.0, sleep=clock.sleep)


HEAVY = ("openai", "starlette", "uvicorn", "http.client", "ssl", "psutil", "pydantic")


@pytest.mark.usefixtures("process")
def test_only_the_model_of_a_world_is_heavy_to_import():
    """Every cell imports a handle; the model's library waits for who looks at it."""
    code = (
        "import sys, agentstate_lab.lab.world;"
        f"print([name for name in {HEAVY!r} if name in sys.modules]);"
        "from agentstate_lab.lab.world import app;"
        "from agentstate_lab.lab.world.chat.rules import get_ready;"
        "print('openai' in sys.modules); get_ready(); print('openai' in sys.modules)"
    )

    with python(code) as process:
        said = process.stdout.read()

    assert said.splitlines() == ["[]", "False", "True"]


@pytest.mark.parametrize(
    "timeout", [0, -1, float("nan"), float("inf"), None, "1", True]
)
def test_a_timeout_must_be_a_length(timeout):
    """Waiting for ever is refused before anything is sent."""
    world = World("http://127.0.0.1:1", "secret", 7)

    with pytest.raises(InvalidValue, match="timeout"):
        world.effect("deploy", task_id="t", step="s", arguments={}, timeout=timeout)
