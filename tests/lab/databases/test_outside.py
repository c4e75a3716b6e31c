"""A server of one's own, and the databases that the course makes on any server."""

import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
import pytest
from databases import SECRET, execute

from agentstate_lab.errors import InvalidValue, PostgresUnavailable
from agentstate_lab.lab.databases import (
    find_postgres,
    forget_postgres,
    start_postgres,
    stop_postgres,
)
from agentstate_lab.lab.databases.place import Place


@pytest.mark.parametrize(
    "dsn",
    [
        pytest.param(f"host=127.0.0.1 password={SECRET}", id="not-a-url"),
        pytest.param(f"postgres://me:{SECRET}@127.0.0.1/x", id="other-scheme"),
        pytest.param(f"postgresql://me:%zz{SECRET}@127.0.0.1/x", id="bad-escape"),
        pytest.param(f"postgresql://me:{SECRET}@[::1/x", id="bad-host"),
        pytest.param(f"postgresql://me:{SECRET}@h/x?dbname=y", id="two-databases"),
        pytest.param(f"postgresql://me:{SECRET}@h/x?moon=1", id="unknown-option"),
        pytest.param(f"postgresql://me:{SECRET} @h/x", id="a-space"),
        pytest.param(SECRET * 100_000, id="huge"),
    ],
)
@pytest.mark.parametrize("look", [start_postgres, find_postgres])
def test_a_malformed_address_is_refused_and_not_shown(monkeypatch, dsn, look):
    """Refused before anything is sent, in words that hold no piece of it."""
    monkeypatch.setenv("AGENTSTATE_PG_DSN", dsn)

    with pytest.raises(InvalidValue, match="AGENTSTATE_PG_DSN") as caught:
        look()

    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("host", "said"),
    [
        pytest.param("127.0.0.1:9", "nobody listens", id="nobody-there"),
        pytest.param("a.invalid", "not known", id="unknown-host"),
        pytest.param("tail@127.0.0.1:9", "not", id="at-sign-in-the-password"),
        pytest.param("127.0.0.1:moon", "cannot be used", id="no-port"),
    ],
)
def test_an_outside_server_that_is_not_there_is_told_without_its_address(
    monkeypatch, host, said
):
    """The libraries quote what they could not use, so they are not quoted here."""
    monkeypatch.setenv("AGENTSTATE_PG_DSN", f"postgresql://me:{SECRET}@{host}/x")

    with pytest.raises(PostgresUnavailable, match=said) as caught:
        start_postgres()

    assert "unset AGENTSTATE_PG_DSN" in str(caught.value)
    assert not {SECRET, "tail"} & set(str(caught.value).replace("@", " ").split())
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"password": "wrong"}, "refuses the password", id="password"),
        pytest.param({"path": "/no_such"}, "no such user or database", id="database"),
    ],
)
def test_an_outside_server_that_refuses_is_told(postgres, monkeypatch, change, said):
    """A wrong password and a wrong name are different mistakes."""
    url = urlsplit(postgres)
    netloc = url.netloc.replace(url.password, change.get("password", url.password))
    wrong = url._replace(netloc=netloc, path=change.get("path", url.path)).geturl()
    monkeypatch.setenv("AGENTSTATE_PG_DSN", wrong)

    with pytest.raises(PostgresUnavailable, match=said):
        start_postgres()


def test_an_outside_server_is_used_and_never_stopped(
    home_dir, postgres_server, postgres, monkeypatch
):
    """It is somebody else's: no file is made for it, and no crash played on it."""
    monkeypatch.setenv("AGENTSTATE_PG_DSN", postgres)
    outside = start_postgres()

    assert (stop_postgres(), forget_postgres()) == (False, False)
    assert find_postgres() == outside
    with pytest.raises(PostgresUnavailable, match="not ours to crash"):
        outside.crash()
    assert execute(postgres, "SELECT 1") == [(1,)]
    assert not Place(home_dir).is_known()


def test_a_database_of_the_same_name_on_an_outside_server_is_left_alone(
    postgres, monkeypatch
):
    """Ours have names of their own, so that `fresh` never drops another's."""
    theirs = urlsplit(postgres).path.lstrip("/")
    monkeypatch.setenv("AGENTSTATE_PG_DSN", postgres)
    execute(postgres, "CREATE TABLE theirs AS SELECT 1 AS n")
    outside = start_postgres()

    ours = outside.database(theirs[-40:], fresh=True)
    execute(ours, "CREATE TABLE ours AS SELECT 2 AS n")
    outside.drop(theirs[-40:])

    assert execute(postgres, "SELECT n FROM theirs") == [(1,)]


def test_an_outside_user_who_may_not_make_databases_is_told(
    postgres_server, monkeypatch
):
    """The right that is missing is named; it was refused, so nothing happened."""
    role = f"weak_{os.getpid()}"
    execute(postgres_server.address, f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'")
    url = urlsplit(postgres_server.address)
    address = f"{role}:{SECRET}@127.0.0.1:{url.port}"
    monkeypatch.setenv("AGENTSTATE_PG_DSN", f"postgresql://{address}/postgres")
    outside = start_postgres()

    with pytest.raises(PostgresUnavailable, match="CREATEDB") as caught:
        outside.database("refused")

    execute(postgres_server.address, f"DROP ROLE {role}")
    assert caught.value.effect == "not started"
    assert SECRET not in str(caught.value)


def test_a_server_that_falls_silent_leaves_the_outcome_unknown(postgres_server):
    """It may have dropped the database before the connection was lost."""
    with (
        pytest.raises(PostgresUnavailable) as caught,
        postgres_server._connected() as connection,
    ):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    assert caught.value.effect == "unknown"


def test_a_database_is_made_once_and_anew_only_when_that_is_said(postgres_server):
    """A lesson that is run again finds its rows, unless it asks for none."""
    name = f"twice_{os.getpid()}"
    execute(postgres_server.database(name), "CREATE TABLE t AS SELECT 1 AS n")

    kept = execute(postgres_server.database(name), "SELECT n FROM t")
    with psycopg.connect(postgres_server.dsn(name)):  # somebody is still connected
        fresh = postgres_server.database(name, fresh=True)

    assert kept == [(1,)]
    assert execute(fresh, "SELECT FROM pg_tables WHERE tablename = 't'") == []
    postgres_server.drop(name)
    postgres_server.drop(name)


def test_a_database_that_three_make_at_once_is_made_once(postgres_server):
    """Nobody is told that another was quicker."""
    name = f"race_{os.getpid()}"
    with ThreadPoolExecutor() as threads:
        made = list(threads.map(postgres_server.database, [name] * 3))

    assert made == [postgres_server.dsn(name)] * 3
    postgres_server.drop(name)


@pytest.mark.parametrize(
    "name",
    ["", "A", "a b", 'a"; --', "é", "a/b", "a\0", "x" * 49, None, 8],
    ids=repr,
)
def test_a_name_that_could_mean_something_else_is_refused(postgres_server, name):
    """Before it reaches a server or an address."""
    for use in (postgres_server.dsn, postgres_server.database, postgres_server.drop):
        with pytest.raises(InvalidValue, match="a-z, 0-9 and _"):
            use(name)
