"""The doctor finds what is wrong, says what to do, and leaves no trace."""

import os
import socket
import sqlite3
import sys
from importlib import metadata
from pathlib import Path

import psycopg
import pytest

from agentstate_lab.errors import WorldUnavailable
from agentstate_lab.lab.databases import find_postgres, start_postgres, stop_postgres
from agentstate_lab.lab.databases.place import Place
from agentstate_lab.lab.doctor import doctor, examine, verdict
from agentstate_lab.lab.doctor.doctor import Finding, Trouble
from agentstate_lab.lab.world import World, find_world, start_world


def only(name: str) -> Finding:
    """What the check called *name* finds here."""
    (finding,) = examine({name: doctor.CHECKS[name]})
    return finding


@pytest.mark.usefixtures("process")
def test_a_fit_machine_passes_every_check_and_is_left_as_it_was(home_dir):
    """The doctor has nothing to complain about where the suite runs."""
    findings = {finding.name: finding for finding in examine()}

    assert [f.name for f in findings.values() if not f.ok] == []
    assert list(findings) == list(doctor.CHECKS)
    assert verdict(list(findings.values())) == "all well: run `make lab`"
    assert findings["postgres"].said.startswith("PostgreSQL 18")
    assert find_world() is None
    assert not Place(home_dir).is_known()
    assert list(home_dir.glob("doctor-*")) == []


@pytest.mark.usefixtures("process")
def test_a_running_world_keeps_running(home_dir):
    """A learner may ask the doctor in the middle of a run."""
    pid = start_world().pid

    assert only("world").ok

    found = find_world()
    assert found is not None
    assert found.pid == pid


def test_a_failed_check_hides_no_other():
    """Whatever a check raises becomes a finding, and the next one runs."""

    def trouble() -> str:
        raise Trouble("it is broken", "mend it")

    def known() -> str:
        raise WorldUnavailable("nobody there")

    def surprise() -> str:
        raise ZeroDivisionError("why")

    checks = {"a": trouble, "b": known, "c": surprise, "d": lambda: "fine"}

    findings = list(examine(checks))

    assert [f.ok for f in findings] == [False, False, False, True]
    assert findings[0].advice == "mend it"
    assert "nobody there" in findings[1].said
    assert findings[2].said == "ZeroDivisionError: why"
    assert verdict(findings) == "to repair: a, b, c"


def test_every_failure_says_what_to_do():
    """The line after a failure begins with an arrow and a remedy."""
    finding = Finding("port", False, "taken\nby another", "close the other program")

    assert str(finding).splitlines() == [
        "FAILED  port      taken",
        "                  by another",
        "                  -> close the other program",
    ]


def test_another_python_is_refused(monkeypatch):
    """The remedy names the command that chooses a Python."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))

    finding = only("python")

    assert not finding.ok
    assert "3.10.13" in finding.said
    assert "make lab PYTHON=" in finding.advice


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param("0.1", "openai 0.1 is not", id="too-old"),
        pytest.param(None, "openai is missing", id="missing"),
    ],
)
def test_a_wrong_package_is_named(monkeypatch, found, said):
    """The name, what is there, and what is wanted."""
    real = metadata.version

    def version(name: str) -> str:
        if name != "openai":
            return real(name)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)

    finding = only("packages")

    assert not finding.ok
    assert finding.said.startswith(said)
    assert "make lab" in finding.advice


def test_a_package_that_is_not_installed_is_noticed(monkeypatch):
    """Notebooks run in their own folder, so the package must be installed."""
    monkeypatch.setattr(doctor, "PACKAGE", "agentstate-lab-of-nobody")

    finding = only("packages")

    assert not finding.ok
    assert "--editable" in finding.advice


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_home_that_others_can_read_is_noticed(home_dir):
    """Prompts and results are nobody else's business."""
    home_dir.mkdir(mode=0o700)
    home_dir.chmod(0o755)

    finding = only("home")

    assert not finding.ok
    assert finding.advice.endswith(f"chmod 700 '{home_dir}'")


def test_a_home_that_is_a_file_is_noticed(tmp_path, monkeypatch):
    """The message of the home says what to set."""
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("AGENTSTATE_HOME", str(tmp_path / "file"))

    finding = only("home")

    assert not finding.ok
    assert "AGENTSTATE_HOME" in finding.said


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder nobody writes")
@pytest.mark.parametrize("check", ["home", "sqlite"])
def test_a_home_that_cannot_be_written_is_no_matter_of_installing(monkeypatch, check):
    """Not even root makes files there."""
    monkeypatch.setenv("AGENTSTATE_HOME", "/proc")

    finding = only(check)

    assert finding.said.startswith("/proc cannot be written")
    assert "AGENTSTATE_HOME" in finding.advice
    assert "make lab" not in finding.advice


def test_a_disk_without_a_write_ahead_log_is_noticed(home_dir, monkeypatch):
    """A network folder may refuse the log that two processes share."""
    real = sqlite3.connect

    class Deaf(sqlite3.Connection):
        def execute(self, sql, *args):
            return super().execute(sql.replace("WAL", "DELETE"), *args)

    monkeypatch.setattr(sqlite3, "connect", lambda path: real(path, factory=Deaf))

    finding = only("sqlite")

    assert not finding.ok
    assert "AGENTSTATE_HOME" in finding.advice


def test_a_closed_loopback_is_noticed(monkeypatch):
    """Some firewalls keep a machine from talking to itself."""

    def refused(*args: object, **more: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(socket, "create_server", refused)

    finding = only("port")

    assert not finding.ok
    assert "firewall" in finding.advice


def test_a_world_that_does_not_start_is_noticed(home_dir, monkeypatch):
    """What it said at its end is part of the finding."""

    def dead() -> World:
        raise WorldUnavailable("its log ends with: no such module")

    monkeypatch.setattr("agentstate_lab.lab.world.start_world", dead)

    finding = only("world")

    assert not finding.ok
    assert "no such module" in finding.said


def test_the_doctor_leaves_postgres_as_it_was(own_postgres):
    """What ran keeps running, what did not does not, and the databases stay."""
    own_postgres.database("lesson")

    assert only("postgres").ok
    assert find_postgres() is not None
    stop_postgres()
    assert only("postgres").ok
    assert find_postgres() is None

    with psycopg.connect(start_postgres().dsn("lesson")) as connection:
        found = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert ("agentstate_lesson",) in found
    assert ("agentstate_doctor",) not in found


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        pytest.param("AGENTSTATE_PG_BIN", "no such folder", "PG_BIN", id="programs"),
        pytest.param("AGENTSTATE_PG_DSN", "no address", "PG_DSN", id="address"),
        pytest.param(
            "AGENTSTATE_PG_DSN",
            "postgresql://me:secret@127.0.0.1:9/x",
            "or unset AGENTSTATE_PG_DSN",
            id="nobody-there",
        ),
    ],
)
def test_a_postgres_that_cannot_be_had_is_noticed(
    home_dir, monkeypatch, name, value, word
):
    """The setting at fault is named, its secret is not."""
    monkeypatch.setenv(name, value)

    finding = only("postgres")

    assert not finding.ok
    assert word in finding.said
    assert "secret" not in str(finding)


def test_a_live_model_without_a_key_is_noticed(home_dir, monkeypatch):
    """The missing variable is named."""
    monkeypatch.setenv("AGENTSTATE_MODEL", "some-model")

    finding = only("model")

    assert not finding.ok
    assert "OPENAI_API_KEY" in finding.said


def test_a_live_model_is_not_called_and_its_key_not_shown(home_dir, monkeypatch):
    """Asking the doctor costs nothing and gives nothing away."""
    monkeypatch.setenv("AGENTSTATE_MODEL", "some-model")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    finding = only("model")

    assert finding.ok
    assert finding.said == "live: some-model is configured; it was not called"
