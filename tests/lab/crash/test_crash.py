import contextlib
import json
import os
import stat
import subprocess
import sys
import time

import psutil
import pytest
from runs import counts

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue, KillMissed, LabError
from agentstate_lab.lab.agents import run_job
from agentstate_lab.lab.crash import (
    Fuse,
    KillingStore,
    KillingWorld,
    Point,
    crash_at,
    crash_kernel,
    crash_matrix,
    forget_crash,
    kill_points,
)
from agentstate_lab.lab.crash.matrix import Matrix, judge
from agentstate_lab.lab.crash.spawner import Spawner
from agentstate_lab.lab.world import SCENARIOS
from agentstate_lab.state import Task, TaskState
from agentstate_lab.stores import JsonFileStore, MemoryStore

DEPLOY = SCENARIOS["deploy"]
EFFECTS = [step.name for step in DEPLOY.effects]
MOMENTS = ["before", "inside", "after"]

pytestmark = pytest.mark.usefixtures("world")


def helpers():
    """The helper processes that this one has started and not ended."""
    children = psutil.Process().children(recursive=True)
    commands = {c.pid: c.as_dict(["cmdline"], ad_value=[])["cmdline"] for c in children}
    return {p for p, c in commands.items() if "agentstate_lab.lab.crash.victim" in c}


@pytest.fixture(autouse=True)
def nothing_left(session_home):
    """After each test: no helper, no victim, no folder of a run."""
    # By number: what the shared helper is called, it says only when it has begun.
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    end = time.monotonic() + 40  # a busy machine may need a moment to bury them
    while not helpers() <= before and time.monotonic() < end:
        time.sleep(0.02)
    assert helpers() <= before
    assert list(session_home.glob("crashes/run-*")) == []


# The whole thing, on the agents of the course.


@pytest.mark.usefixtures("quick")
def test_the_naive_agent_survives_only_the_death_before_the_first_effect(world):
    """A sample of the matrix of notebook 00; the ledger is as it was afterwards."""
    rows_before = world.ledger()
    points = ["effect.before:1", "effect.inside:1", "effect.before:5", "effect.after:8"]

    matrix = crash_matrix("naive", points=points)

    assert matrix.verdict == "survives 1 of 4 kill points"
    for row, twice in zip(matrix.rows, (0, 1, 4, 8), strict=True):
        assert row.effects == {
            step: 2 if n < twice else 1 for n, step in enumerate(EFFECTS)
        }
    assert world.ledger() == rows_before


@pytest.mark.usefixtures("quick")
def test_the_saving_agent_has_one_gap_between_effect_and_record():
    """A sample of the matrix of notebook 03: only what is in the gap is repeated."""
    points = ["effect.before:2", "effect.inside:2", "write.before:5", "write.after:5"]

    matrix = crash_matrix("saving", points=points)

    assert [(row.point, row.outcome) for row in matrix.rows] == [
        ("effect.before:2", "once"),
        ("effect.inside:2", "2 x announce"),
        ("write.before:5", "2 x announce"),
        ("write.after:5", "once"),
    ]
    assert matrix.rows[2].name == "done:announce"


@pytest.mark.usefixtures("quick")
def test_a_store_in_memory_saves_nothing_from_a_death():
    """The same agent with the wrong store is as forgetful as the naive one."""
    matrix = crash_matrix("saving", store="memory", points=["effect.before:3"])

    assert matrix.rows[0].outcome == "2 effects twice"


@pytest.mark.usefixtures("quick")
def test_the_same_matrix_twice_is_the_same_text():
    """No id, no time and no process number shows."""
    points = ["effect.inside:1", "write.inside:4"]

    first, again = (
        crash_matrix("saving", scenario="disk", points=points) for _ in range(2)
    )

    assert first == again
    assert str(first) == str(again)


@pytest.mark.usefixtures("quick")
def test_an_agent_of_the_learner_is_killed_like_any_other():
    """The function travels with what it uses; here the receiver's key repairs it."""
    from agentstate_lab.lab.agents import ask, tool_says, user_says
    from agentstate_lab.lab.world import perform

    def key_for(job, step):
        return f"{job.task_id}/{step.name}"

    def careful_agent(job):
        messages = [user_says(job.scenario.goal)]
        while calls := (message := ask(job, messages)).get("tool_calls"):
            messages.append(message)
            for call in calls:
                step = job.step(call)
                key = key_for(job, step)
                text = perform(step, world=job.world, task_id=job.task_id, key=key)
                messages.append(tool_says(call, text))

    matrix = crash_matrix(careful_agent, scenario="disk")

    assert matrix.title == "careful agent, disk: survives 3 of 3 kill points"


@pytest.mark.usefixtures("quick")
def test_the_kill_points_are_those_that_a_run_reaches():
    """One effect and six writes: submitted, running, three facts, completed."""
    points = kill_points("saving", "disk")

    effects = [f"effect.{moment}:1" for moment in MOMENTS]
    writes = [f"write.{moment}:{n}" for n in range(1, 7) for moment in MOMENTS]
    assert points == effects + writes


# One death.


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("point", "done"),
    [
        pytest.param("effect.before:3", 2, id="before"),
        pytest.param("effect.inside:3", 3, id="inside"),
        pytest.param("effect.after:3", 3, id="after"),
    ],
)
def test_a_death_is_real_and_where_it_was_told(world, task_id, point, done):
    """SIGKILL, the process gone, and so many effects counted at that moment."""
    death = crash_at("naive", point, task_id=task_id)

    assert str(death) == f"killed at {point} by SIGKILL; the process is gone"
    assert death.status == -9
    assert not psutil.pid_exists(death.pid)
    assert repr(death) == f"Death(point={point!r}, task_id={task_id!r})"
    assert list(counts(world, task_id)) == EFFECTS[:done]


@pytest.mark.usefixtures("quick")
def test_without_a_task_id_a_death_has_a_task_of_its_own(world):
    """The death says which, so that the ledger can be asked."""
    death = crash_at("naive", "effect.after:1", scenario="disk")

    assert counts(world, death.task_id) == {"clean-logs": 1}
    world.forget(death.task_id)


@pytest.mark.usefixtures("quick")
def test_a_death_inside_a_write_leaves_half_of_the_bytes_beside_the_old_file(
    task_id, tmp_path
):
    """The store is whole at the version before, and the next run goes on from it."""
    path = tmp_path / "tasks.json"
    url = f"json:{path}"

    crash_at("saving", "write.inside:4", task_id=task_id, store=url)

    stored = JsonFileStore(path).get(task_id)
    halves = [f for f in tmp_path.iterdir() if f.suffix == ".tmp"]
    assert (stored.version, stored.state) == (3, TaskState.RUNNING)
    assert [0 < half.stat().st_size < 2_000 for half in halves] == [True]
    done = run_job("deploy", task_id, "saving", store_url=url, on_event=lambda t: None)
    assert done.completed


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("moment", "version"),
    [
        pytest.param("before", 2, id="before"),
        pytest.param("inside", 2, id="inside"),
        pytest.param("after", 3, id="after"),
    ],
)
def test_a_write_is_there_only_after_it(task_id, tmp_path, moment, version):
    """A death before or inside the third write leaves the second."""
    path = tmp_path / "tasks.json"

    crash_at("saving", f"write.{moment}:3", task_id=task_id, store=f"json:{path}")

    assert JsonFileStore(path).get(task_id).version == version


def test_without_fork_each_run_gets_a_new_python(world, task_id, monkeypatch):
    """What Windows does, done here: the same death, the same count."""
    monkeypatch.setattr(system, "HAS_FORK", False)

    death = crash_at("naive", "effect.after:2", task_id=task_id)

    assert death.status == -9
    assert counts(world, task_id) == {"open-ticket": 1, "announce": 1}


def test_a_configured_live_model_is_not_asked(task_id, monkeypatch):
    """The lab always runs on the scripted model: it is free, and the same each time."""
    monkeypatch.setenv("AGENTSTATE_MODEL", "expensive")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    assert crash_at("naive", "effect.before:1", task_id=task_id).status == -9


# Told to stop: the polite deaths.


def leaves_a_note(path):
    """An agent with one effect, and a `finally` that says so."""

    def noting(job):
        from pathlib import Path

        step = job.scenario.effects[0]
        asked = {"task_id": job.task_id, "step": step.name, "arguments": {}}
        try:
            job.world.effect(step.effect, **asked)
            job.on_event("done")
        finally:
            job.on_event("on the way out")
            Path(path).write_text("finally ran")

    return noting


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("signal", "status", "polite"),
    [
        pytest.param("SIGKILL", -9, False, id="kill"),
        pytest.param("SIGTERM", -15, True, id="term"),
        pytest.param("SIGINT", -2, True, id="int"),
    ],
)
def test_who_is_told_to_stop_may_still_say_goodbye(
    tmp_path, signal, status, polite, moment
):
    """`finally` runs, and may touch the world; then the process ends by the signal."""
    note = tmp_path / "note"
    agent = leaves_a_note(str(note))

    death = crash_at(agent, f"effect.{moment}:1", scenario="disk", signal=signal)

    assert (death.status, note.exists()) == (status, polite)
    assert f"by {signal}; the process is gone" in str(death)


def swallows(job):
    """Take an interrupt for a failure, and go on."""
    import contextlib

    step = job.scenario.effects[0]
    asked = {"task_id": job.task_id, "step": step.name, "arguments": {}}
    with contextlib.suppress(BaseException):
        job.world.effect(step.effect, **asked)


def replaces(job):
    """Make something else of an interrupt."""
    try:
        job.world.effect("deploy", task_id=job.task_id, step="s", arguments={})
    except (KeyboardInterrupt, SystemExit):
        raise LookupError("what was that?") from None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize(
    ("agent", "said"),
    [
        pytest.param(swallows, "completed the task", id="swallows"),
        pytest.param(replaces, "raised LookupError: what was that?", id="replaces"),
    ],
)
def test_an_agent_that_does_not_stop_when_told_is_a_missed_kill(agent, said, signal):
    """An agent that outlives an interrupt has not died, and is not counted as dead."""
    with pytest.raises(KillMissed, match="did not die") as caught:
        crash_at(agent, "effect.before:1", signal=signal)

    assert said in str(caught.value)


# Agents that do not die where they are told.


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("point", "agent"),
    [
        pytest.param("effect.after:2", "naive", id="one-effect-only"),
        pytest.param("write.before:1", "naive", id="no-write"),
        pytest.param("write.after:999999", "saving", id="far-away"),
    ],
)
def test_a_point_that_is_not_reached_is_a_missed_kill(task_id, point, agent):
    """The message says how many effects and writes there were."""
    writes = 6 if agent == "saving" else 0

    with pytest.raises(KillMissed, match=f"did not die at {point}") as caught:
        crash_at(agent, point, scenario="disk", task_id=task_id, store="memory:")

    assert f"completed the task after 1 effect and {writes} writes" in str(caught.value)
    assert caught.value.effect == "unknown"


def raises(job):
    """Fail at the start."""
    raise RuntimeError("boom\n" * 1_000)


def leaves(job):
    """End the process by itself."""
    import os

    os._exit(3)


def quits(job):
    """End it politely."""
    raise SystemExit(4)


def dies_elsewhere(job):
    """Be killed by somebody else."""
    import os

    os.kill(os.getpid(), 9)


def loops(job):
    """Never come to an end."""
    while True:
        pass


def wants(job, more):
    """Take an argument that nobody has."""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("agent", "said"),
    [
        pytest.param(raises, "raised RuntimeError: boom boom", id="raises"),
        pytest.param(leaves, "ended the process itself, with status 3", id="os-exit"),
        pytest.param(quits, "raised SystemExit: 4", id="sys-exit"),
        pytest.param(dies_elsewhere, "itself, with status -9", id="killed"),
        pytest.param(loops, "was still running after 0.5 s", id="endless"),
        pytest.param(wants, "raised TypeError", id="wrong-signature"),
    ],
)
def test_an_agent_that_ends_in_its_own_way_is_a_missed_kill(agent, said):
    """A kill that was not ours proves nothing; the message says what happened."""
    limit = 0.5 if "0.5 s" in said else 20

    with pytest.raises(KillMissed) as caught:
        crash_at(agent, "effect.after:1", limit=limit)

    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


def test_without_fork_an_endless_run_is_a_missed_kill_as_well(monkeypatch):
    """The way a process was started does not change what it may do."""
    monkeypatch.setattr(system, "HAS_FORK", False)

    with pytest.raises(KillMissed, match="was still running after 2 s"):
        crash_at(loops, "effect.after:1", limit=2)


def test_a_helper_that_fails_is_named_as_the_cause():
    """The stage failed, not the agent; what it said at its end is passed on."""
    with Spawner() as lab, pytest.raises(LabError, match=r"(?s)ended early.*KeyError"):
        lab.run({"agent": "naive"})


@pytest.mark.usefixtures("quick")
def test_the_next_lab_sweeps_up_after_a_killed_one(session_home):
    """Its folder names the process; a folder of a living one is left alone."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = session_home / "crashes" / f"run-{dead.pid}-x"
    ours = session_home / "crashes" / f"run-{os.getpid()}-x"
    for folder in (left, ours):
        folder.mkdir(parents=True)

    kill_points("naive", "disk")

    assert (left.exists(), ours.exists()) == (False, True)
    ours.rmdir()


@pytest.mark.parametrize(
    "point",
    [
        "effect.after:0",
        "effect.after:-1",
        "effect.after:01",
        "effect.after:1.5",
        "effect.after:",
        "effect.after:9999999",
        "effect.after:1\n",
        "effect.after",
        "effect.during:1",
        "model.before:1",
        "EFFECT.after:1",
        "nonsense",
        "",
        "x" * 100_000,
        None,
        7,
        ["effect.after:1"],
    ],
)
def test_a_point_that_makes_no_sense_is_refused(point):
    """Before anything is started, with an example of a right one."""
    with pytest.raises(InvalidValue, match=r"as in effect\.after:7") as caught:
        crash_at("naive", point)
    with pytest.raises(InvalidValue):
        crash_matrix("naive", points=["effect.after:1", point])

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param({"agent": "bold"}, "'bold' is none of naive", id="name"),
        pytest.param({"agent": 7}, "neither a function nor one of", id="number"),
        pytest.param({"agent": None}, "neither a function nor one of", id="none"),
        pytest.param({"scenario": "moon"}, "there are disk and deploy", id="scenario"),
        pytest.param({"store": "csv:x"}, "store url", id="store"),
        pytest.param({"store": "json"}, "store url", id="store-without-place"),
        pytest.param({"store": 7}, "store url", id="store-number"),
        pytest.param({"signal": "SIGHUP"}, "SIGKILL, SIGTERM, SIGINT", id="signal"),
        pytest.param({"signal": 9}, "SIGKILL, SIGTERM, SIGINT", id="signal-number"),
        pytest.param({"signal": None}, "SIGKILL, SIGTERM, SIGINT", id="no-signal"),
        pytest.param({"limit": 0}, "limit", id="no-time"),
        pytest.param({"limit": float("nan")}, "limit", id="nan-time"),
    ],
)
def test_a_crash_that_makes_no_sense_is_refused(arguments, complaint):
    """Each wrong argument is named, and nothing was started."""
    with pytest.raises(InvalidValue, match=complaint) as caught:
        crash_at(**{"agent": "naive", "point": "effect.after:1", **arguments})

    assert caught.value.effect == "not started"


def test_an_agent_that_cannot_travel_is_refused_with_a_way_out():
    """An open file, a lock or a socket belongs to its process."""
    import threading

    lock = threading.Lock()

    def locked_agent(job):
        return lock

    with pytest.raises(InvalidValue, match="cannot be sent to a fresh process"):
        crash_at(locked_agent, "effect.after:1")


@pytest.mark.usefixtures("quick")
def test_an_agent_that_fails_without_a_crash_gets_no_matrix():
    """A matrix of an agent that does not work would blame the crashes."""
    with pytest.raises(LabError, match="does not get through even without") as caught:
        crash_matrix(quits)

    assert "raised SystemExit: 4" in str(caught.value)


@pytest.mark.usefixtures("quick")
def test_an_agent_that_fails_when_run_again_is_shown_as_such(tmp_path):
    """The cell says what it raised; the missing effects are counted too."""
    mark = str(tmp_path / "mark")

    def once_only(job):
        from pathlib import Path

        from agentstate_lab.lab.agents import naive_agent

        if Path(mark).exists():
            Path(mark).unlink()
            raise FileExistsError("already started")
        if job.task_id.endswith("-1"):
            Path(mark).touch()
        return naive_agent(job)

    matrix = crash_matrix(once_only, scenario="disk", points=["effect.before:1"])

    assert matrix.rows[0].outcome == "0 x clean-logs, raised FileExistsError"


@pytest.mark.usefixtures("quick")
def test_a_task_that_is_not_completed_did_not_survive():
    """An agent may return its task; then the task says how it stands."""

    def waits(job):
        from agentstate_lab.state import Task

        done = Task.new("x", key="k").replace(state="running")
        step = job.scenario.effects[0]
        job.world.effect(
            step.effect,
            task_id=job.task_id,
            step=step.name,
            arguments={},
            key=job.task_id,
        )
        again = job.store.submit(Task.new("x", task_id=job.task_id)).created
        return done.replace(state="completed" if again else "waiting")

    matrix = crash_matrix(waits, scenario="disk", points=["write.after:1"])

    assert matrix.rows[0].outcome == "waits for a person"
    assert not matrix.rows[0].survived
    assert matrix.verdict.endswith("at 1 it waits for a person")


# The death of this very process.


def kernel(code, home):
    """How a Python that runs *code* ends, and what it printed."""
    lines = f"""
import atexit
from agentstate_lab.lab.crash import crash_kernel, forget_crash
atexit.register(print, "atexit ran")
try:
    {code}
finally:
    print("finally ran")
"""
    return subprocess.run(
        [sys.executable, "-u", "-c", lines],
        env={**os.environ, "AGENTSTATE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_named_death_is_hard_and_happens_once_until_it_is_forgotten(tmp_path):
    """No `finally`, no `atexit`; then Run All gets through, and says why."""
    dies = "crash_kernel(once='nb00')"

    first = kernel(dies, tmp_path)
    second = kernel(f"{dies}; print('went on'); crash_kernel(once='nb02')", tmp_path)
    third = kernel(f"forget_crash('nb02'); forget_crash('nb00'); {dies}", tmp_path)

    said = "The kernel died here once already (nb00). Going on.\nwent on\n"
    assert (first.returncode, first.stdout) == (-9, "")
    assert (second.returncode, second.stdout) == (-9, said)
    assert (third.returncode, third.stdout) == (-9, "")
    mark = tmp_path / "crashes" / "nb00.died"
    assert stat.S_IMODE(mark.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a/b", "A", ".hidden", "a b", "a\n", "x" * 65, "é", 7, True, b"a"],
)
def test_a_death_needs_a_plain_name(name):
    """The name becomes a file; nothing but small letters, digits, - and _ will do."""
    with pytest.raises(InvalidValue, match="no name for a death"):
        crash_kernel(once=name)
    with pytest.raises(InvalidValue, match="no name for a death"):
        forget_crash(name)


# The fuse, without dying.


class Died(BaseException):
    """Stands in for the end of the process."""


def burn():
    """Stand in for `die`."""
    raise Died


class Answering:
    """A world that says yes."""

    def effect(self, effect, **asked):
        """Count nothing, answer."""
        return {"done": effect}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_fuse_burns_at_its_point_and_nowhere_else(moment):
    """The first effect passes; the second is the point, and `after` needs a touch."""
    fuse = Fuse(Point("effect", moment, 2), burn)
    world = KillingWorld(Answering(), fuse)
    asked = {"task_id": "t", "step": "s", "arguments": {}}

    assert world.effect("deploy", **asked) == {"done": "deploy"}
    if moment == "after":
        world.effect("deploy", **asked)
    with pytest.raises(Died):
        world.effect("deploy", **asked)

    assert fuse.reached["effect"] == ["s", "s"]


@pytest.mark.parametrize(
    ("moment", "requests"),
    [
        pytest.param("before", 1, id="before"),
        pytest.param("inside", 3, id="inside"),
        pytest.param("after", 3, id="after"),
    ],
)
def test_an_effect_that_fails_and_its_repeat_are_one_point(moment, requests):
    """Before is before the first of them; inside and after, only a success has."""
    fuse = Fuse(Point("effect", moment, 2), burn)
    sent = []

    class Failing(Answering):
        def effect(self, effect, **asked):
            """Fail for the second request alone."""
            sent.append(effect)
            if len(sent) == 2:
                raise ConnectionError
            return super().effect(effect, **asked)

    world = KillingWorld(Failing(), fuse)
    asked = {"task_id": "t", "step": "s", "arguments": {}}

    with contextlib.suppress(Died):
        for _ in range(9):
            with contextlib.suppress(ConnectionError):
                world.effect("deploy", **asked)

    assert len(sent) == requests


def test_a_submit_that_finds_its_task_is_no_write():
    """Otherwise the points of a second run would be counted differently."""
    fuse = Fuse(None, burn)
    store = KillingStore(MemoryStore(clock=lambda: 0.0), fuse)
    task = store.submit(Task.new("x", key="k")).task

    store.submit(Task.new("x", key="k"))
    store.save(task.replace(state="running"))

    assert fuse.reached["write"] == ["submit", "running"]
    assert store.list_by_state("running") == [store.get(task.id)]


# The table.


@pytest.mark.parametrize(
    ("counted", "completed", "outcome"),
    [
        pytest.param({"a": 1, "b": 1, "c": 1}, True, "once", id="once"),
        pytest.param({"a": 2, "b": 1, "c": 1}, True, "2 x a", id="one-twice"),
        pytest.param({"a": 2, "b": 2, "c": 1}, True, "2 effects twice", id="two-twice"),
        pytest.param({"a": 3, "b": 3, "c": 3}, True, "3 effects 3 times", id="thrice"),
        pytest.param({"a": 1, "b": 1}, True, "0 x c", id="missing"),
        pytest.param({}, True, "3 effects never", id="nothing"),
        pytest.param({"a": 2, "b": 1}, True, "2 x a, 0 x c", id="both"),
        pytest.param({"a": 1, "b": 1, "c": 1, "d": 1}, True, "1 x d", id="not-asked"),
        pytest.param({"a": 1, "b": 1, "c": 1}, False, "was not completed", id="open"),
        pytest.param(
            {"a": 2, "b": 1, "c": 1}, False, "2 x a, was not completed", id="both-wrong"
        ),
    ],
)
def test_a_row_says_in_words_what_was_counted(counted, completed, outcome):
    """Survived is: every effect one time and the task completed; all else is harm."""
    row = judge(
        "effect.after:1", "a", expected="abc", counted=counted, completed=completed
    )

    assert (row.outcome, row.survived) == (outcome, outcome == "once")


def small_matrix(**changes):
    """Two places, one of them with a single moment."""
    once = {"a": 1}
    rows = [
        judge(f"effect.{moment}:1", "<a>", expected="a", counted=n, completed=True)
        for moment, n in zip(MOMENTS, ({"a": 1}, {"a": 2}, once), strict=True)
    ]
    rows.append(
        judge("write.inside:2", "submit", expected="a", counted=once, completed=True)
    )
    fields = {"agent": "my", "scenario": "disk", "store": "json", "rows": tuple(rows)}
    return Matrix(**{**fields, **changes})


@pytest.mark.parametrize(
    ("counted", "waits", "outcome"),
    [
        pytest.param({"a": 1}, True, "waits for a person", id="it-happened"),
        pytest.param({}, True, "waits for a person", id="it-did-not"),
        pytest.param({"a": 2}, False, "2 x a, 0 x b, asks", id="harm-is-not-hidden"),
    ],
)
def test_waiting_is_no_harm_and_no_success(counted, waits, outcome):
    """A person has to answer; but what happened twice is harm, whoever waits."""
    row = judge(
        "write.after:3",
        "started:a",
        expected="ab",
        counted=counted,
        completed=False,
        waiting=True,
        ended="asks",
    )

    assert (row.waits, row.survived, row.outcome) == (waits, False, outcome)


def test_the_matrix_reads_as_text():
    """One line a place, one column a moment, a title with the verdict."""
    assert str(small_matrix()).splitlines() == [
        "my agent, disk, json store: survives 3 of 4 kill points",
        "",
        "killed at        before  inside  after",
        "effect 1: <a>    once    2 x a   once",
        "write 2: submit          once",
    ]


def test_the_matrix_reads_as_a_table_for_every_reader():
    """A caption, headers with their scope, words in each cell, nothing unescaped."""
    bundle = small_matrix()._repr_mimebundle_(include=None, exclude=None)

    html = bundle["text/html"]
    assert bundle["text/plain"] == str(small_matrix())
    assert ">my agent, disk, json store: survives 3 of 4 kill points</caption>" in html
    assert html.count('scope="col"') == 4
    assert html.count('scope="row"') == 2
    assert "effect 1: &lt;a&gt;" in html
    assert "<a>" not in html
    assert ">2 x a</td>" in html
    for cell in html.split("<td ")[1:]:
        style = cell.partition(">")[0]
        assert ("background-color" in style) == (";color:" in style)


def test_the_matrix_is_json():
    """What the command line prints for programs."""
    said = json.loads(json.dumps(small_matrix().to_json()))

    assert (said["survived"], said["total"]) == (3, 4)
    assert said["rows"][1] == {
        "point": "effect.inside:1",
        "name": "<a>",
        "effects": {"a": 2},
        "outcome": "2 x a",
        "survived": False,
        "waits": False,
        "completed": True,
    }


def test_one_point_is_not_called_points():
    """A sentence is read aloud."""
    matrix = small_matrix(rows=small_matrix().rows[:1])

    assert matrix.title == "my agent, disk: survives 1 of 1 kill point"
