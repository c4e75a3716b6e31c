"""The command line: statuses, one clear line on trouble, runs that can be killed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from runs import counts

from agentstate_lab.__main__ import main, parser
from agentstate_lab.errors import (
    InvalidValue,
    StoreTorn,
    TaskInProgress,
    WorldUnavailable,
)
from agentstate_lab.lab import home
from agentstate_lab.lab.agents import agents
from agentstate_lab.lab.course.course_map import LESSONS
from agentstate_lab.lab.crash import Rig, Row, kill_points
from agentstate_lab.lab.crash.matrix import Matrix
from agentstate_lab.lab.databases import find_postgres
from agentstate_lab.lab.databases.place import Place
from agentstate_lab.lab.exercises import EXERCISES, exercises_in
from agentstate_lab.lab.notebooks import stub_of
from agentstate_lab.lab.practice import fresh, progress
from agentstate_lab.lab.world import SCENARIOS, World, find_world
from agentstate_lab.stores import open_store

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "book" / "use" / "terminal.md").read_text("utf-8")
SAFE = Row("effect.before:1", "a", {"a": 1}, "once", survived=True)
WAITS = Row("effect.inside:1", "a", {"a": 1}, "waits", survived=False, waits=True)
HARM = Row("effect.after:1", "a", {"a": 2}, "2 x a", survived=False)
EFFECTS = [step.name for step in SCENARIOS["deploy"].effects]
QUICK = ("state",)  # `make soak` tries all


def spawn(*arguments: str) -> subprocess.Popen[str]:
    """A command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "agentstate_lab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_completes_with_status_0(world, capsys):
    """Each minute is a line, and the last line says how it ended."""
    status = main(["run", "deploy", "--agent", "naive", "--task-id", "cli-whole"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [line.strip()[:8] for line in lines[1:11]] == [
        f"minute {minute}"[:8] for minute in range(1, 11)
    ]
    assert lines[-1].startswith("completed: ")
    assert counts(world, "cli-whole") == dict.fromkeys(EFFECTS, 1)


def test_the_book_shows_what_happens_at_minute_8(world, capsys):
    """
    What a reader sees there is what the commands really print.

    A run says first which process it is, for whoever wants to kill it.
    """
    command = ("run", "deploy", "--agent", "naive", "--task-id", "friday")
    world.fault("friday", "hang", at=SCENARIOS["deploy"].steps[7].name, seconds=60)
    with spawn(*command) as victim:
        assert victim.stdout is not None
        said = [victim.stdout.readline() for _ in range(8)]
        # A model call in each minute, and an effect from the second on.
        while sum(world.requests("friday").values()) < 2 * 8 - 1:
            time.sleep(0.01)  # the test's own timeout bounds this
        victim.kill()
    main(list(command))
    capsys.readouterr()

    main(["ledger", "--task-id", "friday"])

    (shown,) = re.findall(r"process (\d+): deploy, naive, friday\n  minute 1: ", PAGE)
    assert said[0] == f"process {victim.pid}: deploy, naive, friday\n"
    assert said[1] == "  minute 1: check-status done\n"
    assert f"$ kill -9 {shown} " in PAGE
    assert capsys.readouterr().out in PAGE


@pytest.mark.parametrize("agent", agents.AGENTS)
def test_a_run_says_once_how_it_ended(world, tmp_path, capsys, agent):
    """The command says it for every agent, also for one that tells events."""
    store = f"json:{tmp_path / 'tasks.json'}"
    task = ["--task-id", f"cli-once-{agent}", "--store", store]

    main(["run", "disk", "--agent", agent, *task])

    assert capsys.readouterr().out.count("completed: ") == 1


def test_a_run_without_a_store_keeps_its_task_in_the_home(world, capsys):
    """The shortest command survives a restart too: the second run finds the task."""
    command = ["run", "disk", "--agent", "saving", "--task-id", "cli-at-home"]

    statuses = [main(command), main(command)]

    assert statuses == [0, 0]
    assert "found the task: it is completed" in capsys.readouterr().out
    assert counts(world, "cli-at-home") == {"clean-logs": 1}


def test_an_id_that_the_ledger_does_not_know_is_told(world, capsys):
    """A misspelt id must not look like a task that did nothing."""
    main(["run", "disk", "--agent", "naive", "--task-id", "cli-known"])
    capsys.readouterr()

    statuses = [
        main(["ledger", "--task-id", "cli-knwon"]),
        main(["ledger", "--task-id", "@"]),
        main(["ledger", "--task-id", "@", "--json"]),
    ]

    near, _, far, _, as_json = capsys.readouterr().out.splitlines()
    others = len({entry.task_id for entry in world.ledger()})
    assert statuses == [1, 1, 1]
    assert near.startswith("nothing under that id; did you mean cli-known")
    assert far == f"nothing under that id; `ledger` shows the {others} that there are"
    assert as_json == "[]"


def test_a_run_that_fails_has_status_1(world, capsys):
    """An agent that gives up is told in one line, without a traceback."""
    world.fault("cli-fails", "error", at="model")

    status = main(["run", "disk", "--agent", "naive", "--task-id", "cli-fails"])

    said = capsys.readouterr().err
    assert status == 1
    assert said.startswith("run: failed: InternalServerError")
    assert len(said.splitlines()) == 1


def test_a_task_that_is_not_completed_has_status_1(world, monkeypatch, capsys):
    """Coming to an end is not the same as being done."""
    ended = agents.Outcome(completed=False, result="a person must decide")
    monkeypatch.setattr("agentstate_lab.lab.agents.run_job", lambda *a, **k: ended)

    status = main(["run", "disk", "--task-id", "cli-waits"])

    assert status == 1
    assert "not completed: a person must decide" in capsys.readouterr().out


def spawned_until(step: str, world: World, *arguments: str) -> subprocess.Popen[str]:
    """A run of the durable agent that got as far as asking for *step*, and hangs."""
    task_id = arguments[arguments.index("--task-id") + 1]
    world.fault(task_id, "hang", at=step, seconds=60)
    effects = SCENARIOS["deploy"].effects
    before = [s.effect for s in effects[: EFFECTS.index(step) + 1]]
    victim = spawn(*arguments)
    while sum(world.requests(task_id).get(e or "", 0) for e in {*before}) < len(before):
        assert victim.poll() is None
        time.sleep(0.01)  # the test's own timeout bounds this
    return victim


@pytest.mark.parametrize(
    ("kind", "number", "status", "left"),
    [
        pytest.param("postgresql", 9, -9, "running", id="postgresql-kill"),
        pytest.param("sqlite", 15, 143, "pending", id="sqlite-term"),
        pytest.param("json", 2, 130, "pending", id="json-int"),
    ],
)
def test_a_run_that_was_killed_or_told_to_stop_goes_on_at_once(
    world, capsys, request, tmp_path, kind, number, status, left
):
    """No lease is waited for; whoever was told to stop has also let go of the task."""
    store_url = f"{kind}:{tmp_path / 'tasks'}"
    if kind == "postgresql":
        store_url = str(request.getfixturevalue("postgres"))
    task_id = f"cli-again-{number}-{kind}"
    command = ("run", "deploy", "--task-id", task_id, "--store", store_url)
    victim = spawned_until("deploy-api", world, *command)
    victim.send_signal(number)
    victim.communicate()
    store = open_store(store_url)
    task = store.get(task_id)
    store.close()

    again = main(list(command))

    said = capsys.readouterr().out.splitlines()
    assert (victim.returncode, task.state, again) == (status, left, 0)
    assert said[1:3] == ["  found the task: 4 steps are done", "  deploy-api done"]
    assert counts(world, task_id) == dict.fromkeys(EFFECTS, 1)


def test_an_interrupted_run_has_status_130(world, monkeypatch, capsys):
    """Control-C is answered with a line, not with a traceback."""

    def interrupted(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agentstate_lab.lab.agents.run_job", interrupted)

    status = main(["run", "disk", "--task-id", "cli-stopped"])

    assert status == 130
    assert capsys.readouterr().err == "run: interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        pytest.param(["run", "moon"], "scenario", id="unknown-scenario"),
        pytest.param(["run", "disk\0"], "scenario", id="nul-in-scenario"),
        pytest.param(["run", "disk", "--agent", "best"], "agent", id="unknown-agent"),
        pytest.param(
            ["run", "disk", "--agent", "x" * 1_000_000], "agent", id="huge-agent"
        ),
        pytest.param(
            ["run", "disk", "--step-seconds=-1"], "step_seconds", id="negative-seconds"
        ),
        pytest.param(
            ["run", "disk", "--step-seconds=nan"], "step_seconds", id="nan-seconds"
        ),
        pytest.param(
            ["run", "disk", "--step-seconds=inf"], "step_seconds", id="endless-seconds"
        ),
        pytest.param(["run", "disk", "--store", "clay:x"], "store", id="unknown-store"),
        pytest.param(["run", "disk", "--store", "json:"], "store", id="no-path"),
        pytest.param(["run", "disk", "--store", "json:a\0b"], "", id="nul-in-path"),
        pytest.param(["crash-matrix", "--agent", "best"], "agent", id="matrix-agent"),
        pytest.param(
            ["crash-matrix", "--scenario", "moon"], "scenario", id="matrix-scenario"
        ),
        pytest.param(["crash-matrix", "--store", "clay:"], "store", id="matrix-store"),
        pytest.param(
            ["crash-matrix", "--signal", "SIGHUP"], "signal", id="matrix-signal"
        ),
        pytest.param(
            ["crash-matrix", "--strategy", "never"], "strategy", id="matrix-strategy"
        ),
        pytest.param(
            ["crash-matrix", "--agent", "naive", "--strategy", "every_step"],
            "strategy",
            id="matrix-no-strategy",
        ),
        pytest.param(["run", "disk", "--strategy", "never"], "strategy", id="strategy"),
        pytest.param(["hint", "moon"], "exercise", id="unknown-exercise"),
        pytest.param(["start", "moon"], "service", id="unknown-service"),
        pytest.param(["stop", "moon", "--forget"], "service", id="stop-unknown"),
        pytest.param(["reset", "../../etc/passwd"], "exercise", id="reset-a-path"),
        pytest.param(["check", "no_such.ipynb"], "no_such.ipynb", id="no-notebook"),
        pytest.param(["check", "99"], "'99'", id="unknown-number"),
        pytest.param(["check", "²"], "'²'", id="not-a-number"),
        pytest.param(["check", ""], "''", id="no-name"),
        pytest.param(
            ["run", "disk", "--store", "json:/no/such/x"], "/no/such", id="no-folder"
        ),
        pytest.param(
            ["crash-matrix", "--store", "sqlite:/no/such/x"],
            "/no/such",
            id="matrix-dir",
        ),
        pytest.param(
            ["mcp", "--agent", "a", "--store", "sqlite:/no/x"], "/no", id="mcp-folder"
        ),
    ],
)
def test_a_wrong_argument_is_refused_in_words(world, capsys, arguments, word):
    """Status 2, one line that names the argument, and nothing has happened."""
    if arguments[0] == "run":
        arguments = [*arguments, "--task-id", "cli-refused"]

    status = main(arguments)

    said = capsys.readouterr().err
    assert status == 2
    assert said.startswith(f"{arguments[0]}: ")
    assert word in said
    assert "side effect" not in said
    assert len(said) < 1_000
    assert world.ledger("cli-refused") == []


def test_a_run_that_cannot_begin_does_not_say_that_it_begins(world, capsys):
    """What is wrong with its arguments comes first, and nothing else."""
    main(["run", "disk", "--agent", "nonsense", "--task-id", "cli-not-begun"])

    said = capsys.readouterr()
    agents_there = ", ".join(agents.AGENTS)
    assert said.out == ""
    assert said.err == f"run: agent: 'nonsense' is none of {agents_there}\n"


def test_the_id_of_another_job_is_refused_in_words_of_the_command_line(
    world, tmp_path, capsys
):
    """Whoever typed the id needs another id, not a key."""
    more = ["--task-id", "cli-taken", "--store", f"json:{tmp_path / 'tasks.json'}"]
    main(["run", "disk", *more])

    status = main(["run", "deploy", *more])

    said = capsys.readouterr().err
    assert status == 2
    assert said.startswith("run: --task-id: 'cli-taken' is the id of another job")
    assert "use another --task-id" in said
    assert "side effect" not in said


@pytest.mark.parametrize(
    ("command", "error", "told"),
    [
        pytest.param("run", TaskInProgress("t"), True, id="a-run-may-have-effects"),
        pytest.param("run", InvalidValue("x", "is wrong"), False, id="a-wrong-word"),
        pytest.param("progress", StoreTorn("x", "is torn"), False, id="no-run"),
        pytest.param(
            "progress", StoreTorn("x", "is torn", effect="unknown"), True, id="unsure"
        ),
    ],
)
def test_a_side_effect_is_spoken_of_where_there_may_be_one(
    home_dir, monkeypatch, capsys, command, error, told
):
    """A slip of the keyboard has none, and a run has them for a living."""

    def fails(*args: object, **more: object) -> None:
        raise error

    monkeypatch.setattr("agentstate_lab.lab.agents.run_job", fails)
    monkeypatch.setattr("agentstate_lab.lab.practice.progress", fails)

    status = main([command, *(["disk", "--task-id", "t"] if command == "run" else [])])

    assert status == 2
    assert ("side effect: " in capsys.readouterr().err) is told


@pytest.mark.parametrize(
    "task_id",
    [
        pytest.param("", id="empty"),
        pytest.param("a\0b", id="nul"),
        pytest.param("a\r\nX-Other: b", id="header-lines"),
        pytest.param("x" * 1_000_000, id="huge"),
        pytest.param("\udc80", id="half-a-surrogate-pair"),
        pytest.param("../../etc/passwd", id="path"),
        pytest.param("déploiement №5", id="not-ascii"),
    ],
)
@pytest.mark.parametrize("agent", ["naive", "saving", "durable"])
def test_a_strange_task_id_is_used_or_refused(world, tmp_path, capsys, agent, task_id):
    """It works, or one short line says why not; nothing in between."""
    store = f"json:{tmp_path / 'tasks.json'}"
    arguments = ["--agent", agent, "--task-id", task_id, "--store", store]

    status = main(["run", "disk", *arguments])

    said = capsys.readouterr().err
    assert len(said) < 1_000
    assert (status == 0) == (said == "")
    if status == 0:
        assert counts(world, task_id) == {"clean-logs": 1}
        world.forget(task_id)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["fly"], id="unknown-command"),
        pytest.param(["run", "disk"], id="no-task-id"),
        pytest.param(
            ["run", "disk", "--task-id", "t", "--step-seconds", "soon"],
            id="seconds-in-words",
        ),
    ],
)
def test_a_command_that_cannot_be_read_shows_its_usage(capsys, arguments):
    """Status 2 here as well."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: agentstate-lab")


def test_the_ledger_as_json_has_one_object_for_each_effect(world, capsys):
    """A program can count what happened."""
    main(["run", "disk", "--agent", "naive", "--task-id", "cli-json"])
    capsys.readouterr()

    status = main(["ledger", "--task-id", "cli-json", "--json"])

    assert status == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "task_id": "cli-json",
            "step": "clean-logs",
            "effect": "clean_logs",
            "key": None,
            "count": 1,
        }
    ]


def test_the_ledger_in_words_counts_repeats(world, capsys):
    """The last line is the harm."""
    for _ in range(2):
        main(["run", "disk", "--agent", "naive", "--task-id", "cli-twice"])
    capsys.readouterr()

    main(["ledger", "--task-id", "cli-twice"])

    assert capsys.readouterr().out.splitlines() == [
        "2 x clean-logs        clean_logs   cli-twice (no key)",
        "2 effects, 1 of them repeated",
    ]


def test_the_ledger_shows_no_control_characters(world, capsys):
    """A name from outside cannot move the cursor of a terminal."""
    world.effect("deploy", task_id="a\x1b[2J", step="s\r", arguments={"service": "x"})

    main(["ledger", "--task-id", "a\x1b[2J"])

    assert "a\\u001b[2J" in capsys.readouterr().out


@pytest.mark.usefixtures("process")
def test_world_and_postgres_are_started_found_stopped_and_forgotten(home_dir, capsys):
    """`status` never starts them, `start` finds the same ones, `stop` ends them."""
    assert main(["status"]) == 1
    assert main(["start", "world"]) == 0
    assert [main(["status"]), main(["status", "world"])] == [1, 0]
    half = capsys.readouterr().out.splitlines()
    assert main(["start"]) == 0
    first = (find_world(), find_postgres())
    assert main(["start"]) == 0
    assert main(["status"]) == 0
    assert (find_world(), find_postgres()) == first
    assert [main(["stop"]), main(["stop"])] == [0, 0]
    assert (find_world(), find_postgres()) == (None, None)
    kept = Place(home_dir).is_known()
    stopped = capsys.readouterr().out.splitlines()
    assert [main(["stop", "--forget"]), main(["stop", "--forget"])] == [0, 0]
    assert (kept, Place(home_dir).is_known()) == (True, False)
    forgotten = capsys.readouterr().out.splitlines()

    assert half[-1].startswith("the world runs at http://127.0.0.1:")
    assert "PostgreSQL does not run" in half
    assert stopped[-4:] == [
        "the world has ended",
        "PostgreSQL has ended",
        "the world was not running",
        "PostgreSQL was not running",
    ]
    assert "its databases are gone" in forgotten
    assert forgotten[-1] == "there were no databases"
    assert first[0].token not in "".join(stopped)
    assert urlsplit(first[1].address).password not in "".join(stopped)


def test_stopping_one_leaves_the_other(home_dir, monkeypatch, capsys):
    """A world that cannot be stopped does not keep PostgreSQL running."""

    def locked() -> bool:
        raise WorldUnavailable("another program holds the lock")

    module = import_module("agentstate_lab.lab.doctor.services")
    world = replace(module.SERVICES["world"], stop=locked)
    monkeypatch.setitem(module.SERVICES, "world", world)

    status = main(["stop"])

    said = capsys.readouterr()
    assert status == 2
    assert said.err.startswith("stop: another program holds the lock")
    assert said.out == "PostgreSQL was not running\n"


def test_a_server_of_one_s_own_is_shown_without_its_address(
    postgres, monkeypatch, capsys
):
    """`status` asks it, `stop` leaves it alone, and nobody sees the password."""
    monkeypatch.setenv("AGENTSTATE_PG_DSN", postgres)

    statuses = [main(["start", "postgres"]), main(["stop", "postgres"])]

    said = capsys.readouterr().out.splitlines()
    assert statuses == [0, 0]
    assert said[0] == "PostgreSQL runs at AGENTSTATE_PG_DSN"
    assert main(["status", "postgres"]) == 0
    assert urlsplit(postgres).password not in "".join(said)


@pytest.mark.usefixtures("quick")
def test_a_crash_matrix_as_json(world, capsys):
    """
    The count at the heart of the course, for a program; status 1, since harm was done.
    """
    status = main(["crash-matrix", "--agent", "naive", "--scenario", "disk", "--json"])

    said = capsys.readouterr()
    (matrix,) = json.loads(said.out)
    assert status == 1
    assert matrix["verdict"] == "survives 1 of 3 kill points"
    assert said.err == ""


def agent_in_the_book() -> str:
    """The agent that the page shows."""
    (shown,) = re.findall(r"```python\n(# mine.py\n.*?)```", PAGE, re.DOTALL)
    return shown


@pytest.mark.parametrize(
    ("repair", "harmed"),
    [("", 2), (', key=f"{job.task_id}/{job.step(call).name}"', 0)],
    ids=["as-it-is", "with-a-key"],
)
def test_the_book_s_agent_is_killed_as_one_of_one_s_own(
    world, tmp_path, monkeypatch, capsys, repair, harmed
):
    """
    A module in the folder where the command is given; the repair is worth something.
    """
    name = f"mine_{harmed}"
    source = agent_in_the_book().replace(
        "job.step(call))", f"job.step(call){repair})", 1
    )
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    asked = ["--agent", f"{name}:my_agent", "--scenario", "disk", "--json"]

    status = main(["crash-matrix", *asked])

    (matrix,) = json.loads(capsys.readouterr().out)
    assert (matrix["agent"], matrix["total"]) == ("my", 3)
    assert (matrix["total"] - matrix["survived"], status) == (harmed, int(harmed > 0))


def test_an_own_agent_takes_no_strategy(capsys):
    """What it does about checkpoints is its own business."""
    asked = ["--agent", "json:dumps", "--strategy", "every_step"]

    assert main(["crash-matrix", *asked]) == 2
    assert "durable agent of the course" in capsys.readouterr().err


@pytest.mark.parametrize(
    "shown", re.findall(r"^\$ agentstate-lab ([^#\n]+)", PAGE, re.MULTILINE)
)
def test_a_command_that_the_book_shows_is_one(shown):
    """With these options."""
    assert parser().parse_args(shown.split()).name == shown.split()[0]


@pytest.mark.usefixtures("quick")
def test_a_crash_matrix_of_a_strategy_on_two_stores_by_a_signal(
    world, monkeypatch, capsys
):
    """One matrix a store; each says what it is of."""
    monkeypatch.setattr(Rig, "rehearse", lambda rig: {"effect.inside:1": "clean-logs"})
    command = ["crash-matrix", "--scenario", "disk", "--store", "json", "sqlite"]

    status = main([*command, "--signal", "SIGTERM", "--strategy", "on_state_change"])

    said = capsys.readouterr().out
    title = "durable agent, disk, by SIGTERM: survives 1 of 1 kill point"
    assert (status, said.count(title)) == (0, 2)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([SAFE], 0, id="each-once"),
        pytest.param([SAFE, WAITS], 0, id="a-person-is-asked"),
        pytest.param([SAFE, WAITS, HARM], 1, id="harm"),
    ],
)
def test_the_status_of_a_matrix_is_about_harm(monkeypatch, capsys, rows, expected):
    """To ask a person is safe; one point with harm is enough, in any of the stores."""
    made = iter([rows, [SAFE]])

    def matrix_of(*args: object, **more: object) -> Matrix:
        return Matrix("durable", "disk", "json", tuple(next(made)))

    monkeypatch.setattr("agentstate_lab.lab.crash.crash_matrix", matrix_of)

    status = main(["crash-matrix", "--store", "json", "sqlite"])

    assert status == expected
    assert capsys.readouterr().out.count("kill point") == 2


@pytest.mark.usefixtures("quick")
def test_the_help_says_how_many_points_there_are(world, capsys):
    """How long a matrix takes is known before, and the numbers are those of today."""
    with pytest.raises(SystemExit):
        main(["crash-matrix", "--help"])

    said = " ".join(capsys.readouterr().out.split())
    durable, naive, short, least = (
        len(kill_points(agent, scenario))
        for scenario in ("deploy", "disk")
        for agent in ("durable", "naive")
    )
    assert f'"deploy" the durable agent has {durable} kill points' in said
    assert f'the naive one {naive}, on "disk" they have {short} and {least}' in said


@pytest.mark.parametrize("command", ["run", "crash-matrix"])
def test_the_help_knows_every_agent(capsys, command):
    """No name is left for the reader to guess, and no option without a word."""
    with pytest.raises(SystemExit):
        main([command, "--help"])

    said = capsys.readouterr().out
    assert [name for name in agents.AGENTS if name not in said] == []
    assert not re.search(r"^  --[\w-]+( [A-Z]+)?\n(?! {10})", said, re.M)


@pytest.fixture
def course(tmp_path, home_dir, monkeypatch) -> Path:
    """A repository with nothing but untouched exercises and their solutions."""
    root = tmp_path / "course"
    shutil.copytree(ROOT / "exercises" / "solutions", root / "exercises" / "solutions")
    for solution in (root / "exercises" / "solutions").glob("*.ipynb"):
        stub = root / "exercises" / solution.name
        stub.write_text(stub_of(solution), "utf-8")
    monkeypatch.setattr(home, "repository_root", lambda: root)
    monkeypatch.setattr(fresh, "repository_root", lambda: root)
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    "word", ["retry", "04", "4", "04_retry", "exercises/04_retry.ipynb"]
)
def test_an_exercise_is_named_as_it_comes_to_hand(course, capsys, word):
    """By name, number or file, for each of the three commands."""
    statuses = [main([command, word]) for command in ("hint", "check", "reset")]

    said = capsys.readouterr().out
    assert statuses == [0, 1, 0]
    assert "hint 1 of 3" in said
    assert "exercise 04 retry: not started" in said
    assert "04_retry.ipynb is untouched" in said


@pytest.mark.parametrize(
    "word", ["03", "3", "03_idempotency", "exercises/03_idempotency.ipynb"]
)
def test_a_number_may_stand_for_two_exercises(course, capsys, word):
    """
    Both are checked and put back; nobody is told a hint for the part not asked about.
    """
    statuses = [main([command, word]) for command in ("check", "reset", "hint")]

    said = capsys.readouterr()
    assert statuses == [1, 0, 2]
    assert "exercise 03 idempotency: not started" in said.out
    assert "exercise 03 run_once: not started" in said.out
    assert "has 2 parts; say `hint idempotency` or `hint run_once`" in said.err
    assert sum(row.hints for row in progress().rows) == 0


def test_one_of_two_exercises_is_checked_by_its_name(course, capsys):
    """The other one is left alone."""
    status = main(["check", "run_once"])

    said = capsys.readouterr().out
    assert status == 1
    assert said.startswith("exercise 03 run_once: not started")
    assert "idempotency:" not in said


def test_a_name_without_the_repository_needs_a_file(home_dir, monkeypatch, capsys):
    """An installed package has no exercises."""
    monkeypatch.setattr(home, "repository_root", lambda: None)

    status = main(["check", "state"])

    assert status == 2
    assert "name the notebook's file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "lesson", [one for one in LESSONS if one.check], ids=lambda one: one.name
)
def test_a_lesson_is_not_taken_for_its_exercise(home_dir, capsys, lesson):
    """They share a file name; none of its cells is run, and nothing is counted."""
    status = main(["check", str(ROOT / lesson.notebook)])

    said = capsys.readouterr().err
    assert status == 2
    assert f"is the lesson; the exercise is {lesson.exercise}" in said
    assert not (home_dir / "progress.json").exists()


@pytest.mark.usefixtures("one_judge")
@pytest.mark.parametrize(
    "exercise",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.soak)
        for name in EXERCISES
    ],
)
def test_an_exercise_from_the_terminal(home_dir, capsys, exercise):
    """The untouched stub is not there yet, the solution passes, progress knows both."""
    stub = Path(__file__).parents[3] / "exercises" / f"{EXERCISES[exercise].stem}.ipynb"
    solution = stub.parent / "solutions" / stub.name
    fresh = home_dir / stub.name
    fresh.parent.mkdir(mode=0o700)
    fresh.write_text(stub_of(solution), "utf-8")

    statuses = [
        main(["hint", exercise]),
        main(["check", str(fresh)]),
        main(["check", str(solution)]),
        main(["progress"]),
    ]

    shown = capsys.readouterr().out
    inside = exercises_in(stub.name)
    assert statuses == [0, 1, 0, 0]
    assert f"exercises passed: {len(inside)} of" in shown
    for one in inside:
        assert f"exercise {one.number} {one.name}: not started" in shown
        assert f"exercise {one.number} {one.name}: passed" in shown


def test_whoever_stops_reading_gets_no_traceback(world):
    """`agentstate-lab ledger | head` ends quietly."""
    with spawn("ledger") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (1, "")


def test_a_live_key_is_never_shown(world, monkeypatch, capsys):
    """Not even in the line that says what went wrong."""
    monkeypatch.setenv("AGENTSTATE_MODEL", "some-model")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    status = main(["run", "disk", "--agent", "naive", "--task-id", "cli-live"])

    shown = "".join(capsys.readouterr())
    assert status == 1
    assert "secret" not in shown
    assert os.environ["OPENAI_API_KEY"] not in shown
