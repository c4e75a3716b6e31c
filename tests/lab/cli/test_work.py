"""Workers from a terminal: one line for each task, and a polite end."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentstate_lab.__main__ import main
from agentstate_lab.errors import AgentStateError, StoreUnavailable
from agentstate_lab.lab.cli.work import result_of, take_tasks
from agentstate_lab.state import AgentState, Constraints, Task
from agentstate_lab.stores import open_store

SHOP = Path(__file__).with_name("shop_agents.py")
PAGE = Path(__file__).parents[3].joinpath("book/use/terminal.md").read_text("utf-8")
URL = "sqlite:tasks.db"
COMMAND = [sys.executable, "-u", "-m", "agentstate_lab", "work", "--store", URL]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of somebody's shop, and the place to stand."""
    shutil.copy(SHOP, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("shop_agents", "shop"):
        sys.modules.pop(name, None)


@pytest.fixture
def submit():
    """Submit tasks of these ids, and return the store."""
    with open_store(URL) as store:

        def submitted(*ids, **about):
            for task_id in ids:
                store.submit(Task.new("Tidy", task_id=task_id, **about))
            return store

        yield submitted


def work(agent, *options, store=URL):
    """Run one worker in this process until nothing is left; its status."""
    return main(
        [
            "work",
            "--agent",
            f"shop_agents:{agent}",
            "--store",
            store,
            "--drain",
            *options,
        ]
    )


def states(store, *ids):
    """The states of these tasks, in their order."""
    return [str(store.get(one).state) for one in ids]


def until(condition):
    """Wait until *condition* holds; the test's own limit ends it otherwise."""
    while not condition():
        time.sleep(0.02)


def test_a_worker_runs_what_waits_in_the_queue(submit, folder, capsys):
    """One line for each task, and each effect once."""
    store = submit("a", "b")

    assert work("agent") == 0

    out = capsys.readouterr().out
    assert "a: completed: Done.\nb: completed: Done.\n" in out
    assert states(store, "a", "b") == ["completed", "completed"]
    assert (folder / "effects").read_text().count("\n") == 2


def test_a_task_that_needs_a_person_waits_and_goes_on_after_the_answer(
    submit, folder, capsys
):
    """The worker goes on with the others meanwhile."""
    needs = {"human_in_the_loop": {"required_for_risk_levels": ["external_action"]}}
    limits = Constraints.model_validate(needs)
    store = submit("a", agent_state=AgentState(goal="Tidy", constraints=limits))

    work("agent")
    before = states(store, "a")
    main(["approve", "a", "wipe-9f750966", "--store", URL])
    work("agent")

    assert (before, states(store, "a")) == (["waiting"], ["completed"])
    assert (folder / "effects").read_text().count("\n") == 1
    assert "a: waiting: May" in capsys.readouterr().out


@pytest.mark.usefixtures("process")
def test_the_shop_in_the_book_asks_what_it_says_there(folder, monkeypatch, capsys):
    """With a model that looks first, and then wipes."""
    (source,) = re.findall(r"```python\n(# shop.py\n.*?)```", PAGE, re.DOTALL)
    source = source.replace("[wipe])", "[look, wipe], client=Client(), model='m')")
    shop = folder / "shop.py"
    shop.write_text(f"from shop_agents import Client, look\n{source}")
    subprocess.run([sys.executable, shop], check=True)

    status = main(["work", "--agent", "shop:agent", "--store", URL, "--drain"])

    asked = re.search("^friday: waiting: .*$", capsys.readouterr().out, re.MULTILINE)
    assert (status, asked is not None) == (0, True)
    assert f"\n{asked[0]}\n" in PAGE
    assert main(["approve", "friday", "wipe-9f750966", "--store", URL]) == 0


def test_an_agent_of_another_name_is_run_under_it(submit):
    """Whose task it is belongs to the task."""
    store = submit("a", agent_id="planner")

    work("agent")

    assert states(store, "a") == ["completed"]


@pytest.mark.parametrize(
    ("agent", "state", "said"),
    [
        ("plain", "completed", '{"asked": "Tidy"}'),
        ("broken", "failed", "no such shop"),
        ("half", "failed", "came back with a task that is failed: no time"),
    ],
)
def test_whatever_an_agent_returns_or_raises_is_stored(
    submit, capsys, agent, state, said
):
    """One that fails does not end the worker."""
    store = submit("a")

    assert work(agent) == 0

    task = store.get("a")
    assert (task.state, task.owner) == (state, None)
    assert said in (task.result or task.error)
    assert f"a: {state}: " in capsys.readouterr().out


def test_a_returned_task_is_its_result():
    """One that is completed; any other is no result."""
    running = Task.new("x", task_id="t").replace(state="running")

    assert result_of(running.replace(state="completed", result="ok")) == "ok"
    with pytest.raises(AgentStateError, match="a task that is running"):
        result_of(running)


@pytest.mark.usefixtures("process")
def test_a_worker_that_is_told_to_stop_gives_its_task_back(submit, folder):
    """Pending again, no attempt counted, and nobody has to wait for the lease."""
    store = submit("a")
    worker = subprocess.Popen([*COMMAND, "--agent", "shop_agents:hang"])
    until((folder / "begun").exists)

    worker.terminate()

    assert worker.wait(30) == 143
    task = store.get("a")
    assert (task.state, task.attempt, task.owner) == ("pending", 0, None)


@pytest.mark.usefixtures("process")
def test_the_task_of_a_killed_worker_is_done_by_the_next_one(submit, folder):
    """At once: on this machine it is proved gone."""
    store = submit("a")
    worker = subprocess.Popen([*COMMAND, "--agent", "shop_agents:hang"])
    until((folder / "begun").exists)
    worker.kill()
    worker.wait(30)

    work("agent")

    assert (store.get("a").state, store.get("a").attempt) == ("completed", 2)


@pytest.mark.usefixtures("process")
def test_several_workers_share_a_queue_and_end_together(submit, folder):
    """Each task is done by one of them; told to stop, all of them do."""
    ids = [f"t{number}" for number in range(12)]
    store = submit(*ids)
    team = [*COMMAND, "--agent", "shop_agents:agent", "--workers", "2"]
    with subprocess.Popen(team, stdout=subprocess.PIPE, text=True) as workers:
        told = [workers.stdout.readline() for _ in range(2 + len(ids))]
        workers.terminate()
        rest = workers.stdout.read()  # to its end: no worker holds it open any more

    assert workers.returncode == 143
    done = [line.split(":")[0] for line in told if "completed" in line]
    assert (sorted(done), "completed" in rest) == (sorted(ids), False)
    assert set(states(store, *ids)) == {"completed"}
    assert (folder / "effects").read_text().count("\n") == 12


@pytest.mark.usefixtures("process")
def test_workers_without_the_one_that_started_them_end(submit, folder):
    """It was killed, and could tell nobody."""
    submit()
    team = [*COMMAND, "--agent", "shop_agents:agent", "--workers", "2"]
    with subprocess.Popen(team, stdout=subprocess.PIPE, text=True) as workers:
        assert [workers.stdout.readline().split()[0] for _ in "12"] == ["worker"] * 2
        workers.kill()

        assert workers.stdout.read() == ""


def test_a_store_that_cannot_be_reached_is_said_once_and_asked_again(capsys):
    """A restart of the database ends no worker."""
    looks = []

    class Away:
        def claim_next(self, *given, **more):
            looks.append(1)
            raise StoreUnavailable("db", "it is away")

    def sleep(seconds):
        if len(looks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_tasks(Away(), str, 60.0, drain=False, sleep=sleep)

    assert capsys.readouterr().err.count("it is away") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--agent", "shop_agents"], "is no MODULE:FUNCTION"),
        (["--agent", "no_such:agent"], "cannot be imported: ModuleNotFoundError"),
        (["--agent", "shop_agents:nobody"], "has no function 'nobody'"),
        (["--agent", "shop_agents:__doc__"], "has no function '__doc__'"),
        (["--agent", "../x:y"], "is no MODULE:FUNCTION"),
        (["--workers", "0"], "from 1 to 64"),
        (["--lease", "nan"], "seconds"),
        (["--store", "json:tasks.json"], "has no queue"),
        (["--store", "sqlite:no/tasks.db"], "there is no folder"),
    ],
)
def test_what_cannot_work_is_one_line_and_no_task_is_touched(
    submit, capsys, arguments, said
):
    """Before the first claim."""
    store = submit("a")
    given = {"--agent": "shop_agents:agent", "--store": URL}
    given |= dict([arguments])

    status = main(["work", *(word for pair in given.items() for word in pair)])

    err = capsys.readouterr().err
    assert (status, err.count("\n")) == (2, 1)
    assert said in err
    assert states(store, "a") == ["pending"]
