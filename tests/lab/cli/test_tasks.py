"""Stored tasks from a terminal: what is shown of them, and what a person answers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agentstate_lab.__main__ import main
from agentstate_lab.errors import OutcomeUnknown
from agentstate_lab.idempotency import resume_task, run_once
from agentstate_lab.lab.cli.told import MAX_STEPS, span
from agentstate_lab.state import AgentState, Constraints, Task
from agentstate_lab.stores import end, open_store, working

SHOP = Path(__file__).with_name("shop_agents.py")
CAREFUL = {"human_in_the_loop": {"required_for_risk_levels": ["external_action"]}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of somebody's shop, and the place to stand."""
    shutil.copy(SHOP, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("shop_agents", None)


@pytest.fixture
def url(folder):
    """A store that other processes can open."""
    return "sqlite:tasks.db"


@pytest.fixture
def say(capsys):
    """Run a command; its status, and what it printed on both streams."""

    def said(*arguments):
        status = main([*map(str, arguments)])
        return status, *capsys.readouterr()

    return said


def careful(task_id):
    """A task whose risky steps need a person."""
    state = AgentState(goal="Tidy", constraints=Constraints.model_validate(CAREFUL))
    return Task.new("Tidy", task_id=task_id, agent_state=state)


def goes_on(url):
    """Run the agent again, and return its task."""
    import shop_agents

    with open_store(url) as store:
        return shop_agents.agent(store, store.get("t"))


@pytest.fixture
def step(url):
    """A task "t" that waits: its agent has asked."""
    with open_store(url) as store:
        store.submit(careful("t"))
    goes_on(url)
    return "wipe-9f750966"


def test_the_list_shows_what_waits_and_what_it_asks(url, step, say):
    """What is over is not in it, unless one asks."""
    with open_store(url) as store:
        store.submit(Task.new("x", task_id="other"))
        resume_task(store, "other", str)

    status, out, _ = say("tasks", "--store", url)
    _, over, _ = say("tasks", "--store", url, "--state", "completed")

    assert status == 0
    assert out.startswith("waiting")
    assert step in out
    assert "other" not in out
    assert over.split()[0] == "completed"


def test_the_list_says_which_owner_is_gone(url, say):
    """A task that is running may be in good hands, or in nobody's."""
    with open_store(url) as store, working() as me:
        gone = me.model_copy(update={"run_id": "another"})
        for name, owner in (("good", me), ("orphan", gone)):
            task = store.submit(Task.new("x", task_id=name)).task
            store.save(task.replace(state="running", owner=owner))

        _, out, _ = say("tasks", "--store", url)

    assert [line.split()[-1] for line in out.splitlines()] == ["alive", "gone"]


def test_a_list_that_is_cut_says_so(url, say):
    """Whoever sees two of three must not think that there are two."""
    with open_store(url) as store:
        for number in range(3):
            store.submit(Task.new("x", task_id=f"t{number}"))

    _, out, _ = say("tasks", "--store", url, "--limit", 2)
    _, told, _ = say("tasks", "--store", url, "--limit", 2, "--json")

    assert [line.split()[2] for line in out.splitlines()[:2]] == ["s", "s"]
    assert "and more that are pending" in out
    assert json.loads(told)["more"] == ["pending"]
    assert len(json.loads(told)["tasks"]) == 2


def test_a_waiting_task_shows_the_whole_call_and_its_budget(url, step, say):
    """What a person decides on is not cut."""
    status, out, _ = say("task", "t", "--store", url)

    assert status == 0
    assert 'waits      wipe {"path": "/srv"}' in out
    assert "turns      2 of 20" in out
    assert "time left  4 min" in out


def test_a_task_for_a_program_says_the_same(url, step, say):
    """Names and numbers instead of words."""
    _, out, _ = say("task", "t", "--store", url, "--json")
    told = json.loads(out)

    assert (told["state"], told["owner"]) == ("waiting", "nobody")
    assert told["open_calls"] == ['wipe {"path": "/srv"}']
    assert told["budget"]["used"]["steps"] == 2
    assert told["questions"]


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(("command", "effects"), [("approve", 1), ("deny", 0)])
def test_an_answer_from_another_terminal_lets_the_task_go_on(
    folder, url, step, command, effects
):
    """A process that knows neither the agent nor its tools."""
    terminal = [sys.executable, "-m", "agentstate_lab", command, "t", step]
    said = subprocess.run(
        [*terminal, "--store", url, "--by", "ann"], capture_output=True, text=True
    )

    task = goes_on(url)

    assert (said.returncode, said.stderr) == (0, "")
    assert "t is pending" in said.stdout
    assert (task.state, task.result) == ("completed", "Done.")
    done = folder / "effects"
    assert (done.read_text().count("/srv") if done.exists() else 0) == effects


def test_an_answer_for_a_program_is_the_task(url, step, say):
    """As `task` tells it."""
    _, out, _ = say("cancel", "t", "--store", url, "--json", "--by", "ann")

    assert json.loads(out)["state"] == "cancelled"
    assert json.loads(out)["error"] == "cancelled by ann"


@pytest.mark.parametrize("happened", [True, False])
def test_a_person_says_what_became_of_an_unknown_step(url, say, happened):
    """If it happened, its result is replayed; if not, it may start."""
    ran = []

    def work(asked):
        return str(run_once(store, "t", "mail", lambda key: ran.append(key) or "new"))

    with open_store(url) as store:
        store.submit(Task.new("x", task_id="t"))
        with pytest.raises(OutcomeUnknown):
            resume_task(store, "t", lambda asked: lose(store))
        how = ["--happened", "--result", "old"] if happened else ["--did-not-happen"]

        before = say("task", "t", "--store", url)[1]
        say("resolve", "t", "mail", "--store", url, *how)
        task = resume_task(store, "t", work)

    assert "1 unknown" in before
    assert (task.result, len(ran)) == (("old", 0) if happened else ("new", 1))


def lose(store):
    """An effect whose reply is lost."""

    def effect(key):
        raise ConnectionError

    return run_once(store, "t", "mail", effect)


def test_of_many_steps_the_newest_and_every_open_one_are_shown(folder, say):
    """And how many are left out."""
    url = "sqlite:tasks.db"
    with open_store(url) as store, working() as me:
        store.submit(Task.new("x", task_id="t"))
        task = store.get("t")
        store.save(task.replace(state="running", owner=me))
        for number in range(MAX_STEPS + 5):
            run_once(store, "t", f"step-{number}", lambda key: "r" * 999)
        end(store, "t", me, state="failed", error="why\x1b[31m")

    _, out, _ = say("task", "t", "--store", url)

    assert "25 done" in out
    assert "the first 5 that are done are left out" in out
    assert "step-4 " not in out
    assert "step-5  rrr" in out
    assert "(and 799 more)" in out
    assert "why\\u001b[31m" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["task", "t?"], "no task 't?' is stored", id="id"),
        pytest.param(["approve", "t", "go"], "does not ask whether", id="step"),
        pytest.param(["resolve", "t", "go", "--happened"], "never begun", id="begun"),
        pytest.param(
            ["resolve", "t", "go", "--did-not-happen", "--result", "x"],
            "belongs to a step that happened",
            id="result",
        ),
        pytest.param(["tasks", "--state", "asleep"], "asleep", id="state"),
        pytest.param(["tasks", "--limit", "0"], "from 1", id="limit"),
        pytest.param(["cancel", "x\x1b[31m"], "no task", id="escape"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_a_status(url, say, arguments, said):
    """Nothing was changed, and no terminal is recoloured."""
    with open_store(url) as store:
        store.submit(Task.new("x", task_id="t"))

    status, out, err = say(*arguments, "--store", url)

    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("memory:", "is new in each process"),
        ("sqlite:no.db", "there is no file"),
        ("json:no/tasks.json", "there is no folder"),
        ("yaml:x", "it starts with none of"),
    ],
)
def test_a_store_that_is_not_there_is_not_made(folder, say, place, said):
    """A misprint must not look like a store without tasks."""
    before = set(folder.iterdir())

    status, _, err = say("tasks", "--store", place)

    assert status == 2
    assert said in err
    assert set(folder.iterdir()) == before


def test_the_tasks_of_a_home_need_no_address(home_dir, say):
    """What `run` keeps there, these commands find."""
    home_dir.mkdir()
    with open_store(f"json:{home_dir / 'tasks.json'}") as store:
        store.submit(Task.new("x", task_id="friday"))

    assert "friday" in say("tasks")[1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 s"), (60, "1 min"), (7199, "1 h"), (1e6, "11 d")]
)
def test_a_length_of_time_has_one_unit(seconds, text):
    """Rounded down: an hour that is not over is no hour."""
    assert span(seconds) == text
