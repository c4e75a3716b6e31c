"""The agent as workflows of DBOS: its steps, its workers, its queue."""

import base64
import json
import os
import pickle
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import counts
from script import call, reply

from agentstate_lab.agent import IdempotencyKey, SecondsLeft, tool
from agentstate_lab.errors import (
    EffectRefused,
    InvalidValue,
    KeyReused,
    LabError,
    ReplyLost,
    StoreTorn,
    StoreUnavailable,
    TaskNotFound,
)
from agentstate_lab.lab.agents import scaled_agent
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.lab.scenes.scale_out import Fleet
from agentstate_lab.lab.scenes.scale_out.step_costs import kept_costs
from agentstate_lab.scale_out import AgentQueue, AgentWorker, Means
from agentstate_lab.scale_out import workflow as scale_out
from agentstate_lab.scale_out.workflow import MAX_ATTEMPTS, MAX_RUNS, act, decide
from agentstate_lab.state import TaskState
from agentstate_lab.system import HAS_FORK

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "11_scale_out.ipynb"
GOAL = "Deploy release 4.2 of the shop."


def means(run=lambda arguments, key, seconds: "fine", ask=None, **about):
    """What a worker has: one tool."""

    def look(*, key: IdempotencyKey, seconds: SecondsLeft):
        return run({}, key, seconds)

    one = tool(look, **about)
    return Means(ask or (lambda messages, seconds: None), [one])


# The two steps, without a workflow around them.


def test_an_effect_is_asked_for_under_the_key_of_its_task_and_step():
    """DBOS repeats a step, and the key is what makes that harmless."""
    keys = []

    def run(arguments, key, seconds):
        keys.append(key)
        return "done"

    for _ in range(2):
        said = act(means(run), "job", call("look"))

    assert said == {"role": "tool", "tool_call_id": "c1", "content": "done"}
    assert keys[0] == keys[1]
    act(means(run), "another", call("look"))
    assert keys[2] != keys[0]


@pytest.mark.parametrize(
    ("error", "options", "times"),
    [
        pytest.param(EffectRefused(422, None, "no"), {}, 1, id="refused"),
        pytest.param(EffectRefused(503, None, "busy"), {}, MAX_ATTEMPTS, id="busy"),
        pytest.param(ReplyLost(), {}, 1, id="unknown-no-key"),
        pytest.param(
            ReplyLost(), {"if_unknown": "resend"}, MAX_ATTEMPTS, id="unknown-with-key"
        ),
        pytest.param(
            ReplyLost(), {"risk_level": "read_only"}, MAX_ATTEMPTS, id="only-looks"
        ),
    ],
)
def test_a_tool_is_tried_again_where_that_does_no_harm(error, options, times):
    """And whatever comes of it, its call has its one message."""
    tried = []

    def run(arguments, key, seconds):
        tried.append(key)
        raise error

    said = act(means(run, **options), "job", call("look"), sleep=lambda seconds: None)

    assert len(tried) == times
    assert (said["role"], said["tool_call_id"]) == ("tool", "c1")
    assert said["content"].startswith("error: ")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        pytest.param(call("none"), "there is none called", id="unknown-tool"),
        pytest.param(call("look", "{"), "arguments", id="no-json"),
        pytest.param(call("look", '{"more": 1}'), "more", id="too-many"),
        pytest.param({"id": "c1"}, "there is none called", id="no-function"),
        pytest.param(call("look", "[" * 50_000), "arguments", id="deep"),
    ],
)
def test_a_call_that_makes_no_sense_is_told_so(raw, told):
    """A model can mend what it did; the run goes on."""
    said = act(means(), "job", raw)

    assert told in said["content"]
    assert len(said["content"]) <= 500


@settings(max_examples=30)
@given(st.text(max_size=300), st.text(max_size=300))
def test_no_call_gets_out_of_its_step_without_a_message(name, arguments):
    """Whatever a model calls for."""
    said = act(means(), "job", call(name, arguments))

    assert json.loads(json.dumps(said))["tool_call_id"] == "c1"


def test_the_model_is_asked_again_when_that_may_help():
    """A refusal that passes is one; what is stored is a plain message."""
    asked = []

    def ask(messages, seconds):
        asked.append(list(messages))
        if len(asked) == 1:
            raise EffectRefused(429, None, "busy")
        return reply("Done.")

    said = decide(means(ask=ask), [], 1, sleep=lambda seconds: None)

    assert said == {"role": "assistant", "content": "Done."}
    assert len(asked) == 2


def test_a_model_that_answers_nothing_fails_the_step():
    """The step has no result then, and the task says why it failed."""
    with pytest.raises(InvalidValue, match="neither a text nor a tool call"):
        decide(means(ask=lambda messages, seconds: reply("")), [], 1)


# The place, and the queue.


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """An empty queue in a file: DBOS takes longer to make one than most tests take."""
    path = tmp_path_factory.mktemp("queue") / "empty.db"
    AgentQueue(f"sqlite:{path}").close()
    return path


@pytest.fixture
def url(empty, tmp_path):
    """An empty queue for one test."""
    return f"sqlite:{shutil.copy(empty, tmp_path / 'queue.db')}"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("", id="empty"),
        pytest.param("sqlite:", id="no-path"),
        pytest.param("sqlite:a\0b", id="nul"),
        pytest.param("json:tasks.json", id="another-store"),
        pytest.param("postgresql:ann:swordfish@host/db", id="no-slashes"),
        pytest.param("mysql://ann:swordfish@host/db", id="another-database"),
        pytest.param("sqlite:a?mode=b.db", id="an-option"),
        pytest.param(None, id="none"),
        pytest.param(7, id="number"),
    ],
)
def test_a_place_that_is_none_is_refused_and_not_shown(wrong):
    """There may be a password in it."""
    for use in (AgentQueue, lambda url: AgentWorker(url, "a", lambda one: means())):
        with pytest.raises(InvalidValue) as caught:
            use(wrong)

        assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("127.0.0.1:1/db", id="nobody-there"),
        pytest.param("127.0.0.1:notaport/db", id="no-port"),
        pytest.param("127.0.0.1:1", id="no-database"),
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(where):
    """Nothing of the driver's words comes along, and the next worker can be one."""
    url = f"postgresql://ann:swordfish@{where}"
    for use in (
        lambda: AgentQueue(url),
        lambda: AgentWorker(url, "a", lambda one: means()).__enter__(),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            use()
        shown = "".join(map(str, (caught.value, caught.value.__cause__)))
        assert "swordfish" not in shown
        assert caught.value.__suppress_context__


def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path):
    """Somebody else's file stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)
    before = path.read_bytes()

    with pytest.raises(StoreUnavailable):
        AgentQueue(f"sqlite:{path}")

    assert path.read_bytes() == before


def test_the_file_is_for_its_owner_alone(empty):
    """Prompts and results are in it."""
    assert stat.S_IMODE(empty.stat().st_mode) == 0o600


def test_a_task_is_handed_in_once(url):
    """The second time is an answer and no second task."""
    with AgentQueue(url) as queue:
        first = queue.submit("job", GOAL)
        again = queue.submit("job", GOAL)

    assert first == again
    assert (first.state, first.worker, first.runs) == (TaskState.PENDING, None, 0)


@pytest.mark.parametrize("wrong", ["a\ud800", None, 7, b"bytes"])
def test_an_input_that_cannot_be_stored_is_refused(url, wrong):
    """And nothing is in the queue."""
    with AgentQueue(url) as queue:
        with pytest.raises(InvalidValue):
            queue.submit("job", wrong)
        with pytest.raises(TaskNotFound):
            queue.look("job")


@pytest.mark.parametrize(
    "odd",
    ["", "nul \0 in it", "日本語 ", "'; drop table workflow_status; --", "x" * 10**7],
)
def test_an_odd_input_comes_back_as_it_was(url, odd):
    """Empty, hostile, or ten megabytes."""
    with AgentQueue(url) as queue:
        queue.submit("job", odd)
        assert queue.submit("job", odd).state == TaskState.PENDING
        with pytest.raises(KeyReused):
            queue.submit("job", odd + "!")


def test_a_task_that_nobody_handed_in_is_not_found(url):
    """Also after a look at another one."""
    with AgentQueue(url) as queue:
        queue.submit("another", GOAL)
        queue.look("another")
        with pytest.raises(TaskNotFound):
            queue.look("job")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("", id="empty"),
        pytest.param("a\0b", id="nul"),
        pytest.param("a\ud800", id="half-a-pair"),
        pytest.param("x" * 256, id="long"),
        pytest.param(None, id="none"),
        pytest.param(7, id="number"),
    ],
)
def test_a_name_that_cannot_be_stored_is_refused(url, wrong):
    """Of a task, of a worker, of a version."""
    with AgentQueue(url) as queue:
        for use in (queue.look, queue.held_by, queue.hand_over):
            with pytest.raises(InvalidValue):
                use(wrong)
        with pytest.raises(InvalidValue):
            queue.submit(wrong, GOAL)
    for more in ({"name": wrong}, {"version": wrong}):
        options = {"name": "a", **more}
        with pytest.raises(InvalidValue):
            AgentWorker(url, prepare=lambda one: means(), **options)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", 10**9])
def test_a_number_of_tasks_at_once_is_one(url, wrong):
    """None, half of one or a billion is a mistake."""
    with pytest.raises(InvalidValue):
        AgentWorker(url, "a", lambda one: means(), at_once=wrong)


def test_what_is_stored_is_json_and_no_pickle(url):
    """Everybody can read it, and nothing runs when it is read."""
    with AgentQueue(url) as queue:
        queue.submit("job", GOAL)
    with closing(sqlite3.connect(url.removeprefix("sqlite:"))) as file:
        rows = file.execute("select inputs from workflow_input").fetchall()
        rows = rows or file.execute("select inputs from workflow_status").fetchall()

    assert json.loads(rows[0][0]) == {"namedArgs": {}, "positionalArgs": ["job", GOAL]}


class Bomb:
    """What somebody who can write to the database would like to be unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_row_that_says_that_it_is_a_pickle_is_not_read(url, tmp_path):
    """The row chooses how it is read, so it is the reader who must refuse."""
    went_off = tmp_path / "went-off"
    bomb = base64.b64encode(pickle.dumps(Bomb(str(went_off)))).decode()
    with AgentQueue(url) as queue:
        queue.submit("job", GOAL)
        with closing(sqlite3.connect(url.removeprefix("sqlite:"))) as file, file:
            for table in ("workflow_status", "workflow_input"):
                names = {c[1] for c in file.execute(f"pragma table_info({table})")}
                if "inputs" in names:
                    file.execute(f"update {table} set inputs = ?", (bomb,))
                if "serialization" in names:
                    file.execute(f"update {table} set serialization = 'py_pickle'")
        for use in (lambda: queue.submit("job", GOAL), lambda: queue.look("job")):
            with pytest.raises(StoreTorn, match="no JSON"):
                use()

    assert not went_off.exists()


# Workers, each a process of its own.


@pytest.fixture
def fleet(url, world):
    """Workers on that queue."""
    with Fleet(url, patience=60) as fleet:
        yield fleet


def test_what_a_dead_worker_had_waits_until_it_is_handed_over(fleet, world, task_id):
    """The step in flight is asked for again under its key; nothing happens twice."""
    fleet.start("a")
    fleet.catch(task_id, "deploy-api")
    fleet.kill("a")
    fleet.start("b")

    assert fleet.queue.held_by("a") == [task_id]
    assert fleet.queue.hand_over("a") == [task_id]
    fleet.done(task_id)

    found = fleet.queue.look(task_id)
    assert (found.state, found.worker, found.version) == ("completed", "b", "1")
    assert "Release 4.2" in found.result
    assert list(counts(world, task_id).values()) == [1] * 8
    assert world.requests(task_id)["deploy"] == 5
    assert fleet.queue.hand_over("b") == []


def test_a_worker_that_comes_back_puts_what_it_had_into_the_queue(
    fleet, world, task_id
):
    """Under the same name and the same version."""
    fleet.start("a")
    fleet.catch(task_id, "deploy-api")
    fleet.kill("a")
    assert fleet.queue.held_by("a") == [task_id]
    fleet.start("a")
    fleet.done(task_id)

    assert fleet.queue.held_by("a") == []
    assert counts(world, task_id)["deploy-api"] == 1


def test_a_slow_worker_whose_task_was_handed_over_records_nothing(
    fleet, world, task_id
):
    """It is alive, its reply comes at last, and its next step does not run."""
    fleet.start("a")
    world.fault(task_id, "drip", at="deploy-api", seconds=0.05)
    fleet.submit(task_id)
    fleet.until(lambda: "deploy-api" in counts(world, task_id), "the api")
    fleet.start("b")
    fleet.queue.hand_over("a")
    fleet.done(task_id)
    before = world.requests(task_id)
    other = f"{task_id}-other"
    fleet.kill("b")
    fleet.submit(other)  # a is free for it when it has given up the first
    fleet.done(other)

    assert fleet.queue.look(task_id).worker == "b"
    assert fleet.queue.look(other).worker == "a"
    assert world.requests(task_id) == before
    world.forget(other)


def broken(*given):
    """Fail with half of a surrogate pair, as a strange file name has it."""
    raise InvalidValue("name", "bad \udcff")


def told(messages, seconds):
    """Call for a tool, and repeat what it said."""
    said = [one["content"] for one in messages if one["role"] == "tool"]
    return reply(said[0]) if said else calling("c1")


def calling(call_id):
    """A reply with a call."""
    return reply([call("look", call_id=call_id)])


def prepare(task_id):
    """What a task of that name has."""
    if task_id == "no-means":
        broken()
    return {
        "echo": means(ask=lambda messages, seconds: reply(messages[0]["content"])),
        "no-model": means(ask=broken),
        "no-result": means(broken, told),
        "restless": means(ask=lambda messages, seconds: calling(f"c{len(messages)}")),
    }[task_id]


ENDS = {
    "echo": (TaskState.COMPLETED, GOAL),
    "no-means": (TaskState.FAILED, "bad ?"),
    "no-model": (TaskState.FAILED, "bad ?"),
    "no-result": (TaskState.COMPLETED, "bad ?"),
    "restless": (TaskState.FAILED, "all 20 turns are used up"),
}


def outcome(fn, *given):
    """What comes back, or the error, in words."""
    try:
        return fn(*given)
    except Exception as error:  # noqa: BLE001 - the words are looked at
        return f"{type(error).__name__}: {error}"


@pytest.fixture(scope="module")
def ended(process, empty, tmp_path_factory):
    """What one worker said of several tasks, and where it had them."""
    place = tmp_path_factory.mktemp("ended")
    first, second = (
        f"sqlite:{shutil.copy(empty, place / name)}" for name in ("a.db", "b.db")
    )

    def work():
        with AgentWorker(first, "a", prepare) as worker:
            said = {one: outcome(worker.run, one, GOAL) for one in ENDS}
            said["others"] = [
                outcome(worker.run, "echo", wrong) for wrong in ("B", "a\ud800", 7)
            ]
            other = AgentWorker(second, "b", prepare)
            said["other"] = outcome(other.__enter__)
        with other:
            return said

    return in_new_process(work).value, first


@pytest.mark.parametrize("task_id", ENDS)
def test_how_a_task_ended_is_said_and_stored_in_words(ended, task_id):
    """Also where an error cannot be stored as it is, or a model never ends."""
    said, url = ended
    state, words = ENDS[task_id]
    with AgentQueue(url) as queue:
        found = queue.look(task_id)

    assert found.state == state
    assert words in said[task_id]
    assert words in (found.result or found.error)


def test_an_id_belongs_to_its_input_here_too(ended):
    """What `submit` refuses, `run` refuses: no answer to another question."""
    errors = [words.partition(":")[0] for words in ended[0]["others"]]

    assert errors == ["KeyReused", "InvalidValue", "InvalidValue"]


def test_there_is_one_worker_in_a_process(ended):
    """DBOS would give the second one the database of the first, and say nothing."""
    assert "this process has one already" in ended[0]["other"]


@pytest.mark.skipif(not HAS_FORK, reason="there is no fork here")
@pytest.mark.usefixtures("process")
def test_a_task_that_kills_its_workers_is_not_tried_for_ever(url):
    """Five times, then it is dead; whoever hands it over says "again"."""

    def work():
        """One process forks the workers: to import DBOS takes longer than they live."""
        statuses = []
        for _ in range(MAX_RUNS + 1):
            child = os.fork()
            if child == 0:
                with AgentWorker(url, "a", lambda one: os._exit(9)) as worker:
                    outcome(worker.run, "job", GOAL)
                os._exit(0)
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return statuses

    ended = in_new_process(work)
    with AgentQueue(url) as queue:
        found = queue.look("job")

    assert ended.value == [9] * MAX_RUNS + [0]
    assert found.state == TaskState.DEAD


def test_a_tool_that_hangs_is_given_up(monkeypatch):
    """It has its seconds, and the worker has other tasks."""
    monkeypatch.setattr(scale_out, "STEP_SECONDS", 0.1)
    never = threading.Event()

    said = act(means(lambda *given: str(never.wait(30))), "job", call("look"))

    never.set()
    assert "was given up" in said["content"]


def long_work(url, turns, dies_at=None):
    """Run a task of so many turns with results of 2 KB; what each request had."""
    seen = []

    def prepare(one):
        def ask(messages, seconds):
            seen.append((len(json.dumps(messages)), messages[1:2]))
            number = int(messages[-1].get("tool_call_id", "c0")[1:]) + 1
            if number == dies_at:
                os._exit(9)
            return calling(f"c{number}") if number <= turns else reply("Done.")

        return means(lambda *given: "x" * 2_000, ask, risk_level="read_only")

    with AgentWorker(url, "a", prepare, max_turns=turns + 1) as worker:
        said = worker.run("long", GOAL)
    return said, seen


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("turns", [40, pytest.param(1_000, marks=pytest.mark.soak)])
def test_a_long_workflow_that_is_begun_again_has_requests_of_one_size(url, turns):
    """What fell out is in the digest, made again from the steps that DBOS recorded."""
    ended = in_new_process(long_work, url, turns, turns, limit=600)

    again = in_new_process(long_work, url, turns, limit=600)

    said, seen = again.value
    assert (ended.value, said, len(seen)) == (None, "Done.", 2)
    assert max(size for size, _ in seen) < 70_000
    (digest,) = seen[-1][1]
    assert f'"done": {{"look": {turns}}}' in digest["content"]


def test_a_fleet_says_what_is_wrong(fleet, url):
    """A place twice, a worker that is not there, something that never comes."""
    fleet.start("a")
    with pytest.raises(InvalidValue, match="already"):
        fleet.start("a")
    with pytest.raises(InvalidValue, match="no worker"):
        fleet.kill("b")
    with Fleet(url, patience=0.1) as hasty, pytest.raises(LabError, match="a miracle"):
        hasty.until(lambda: False, "a miracle")


def test_a_whole_machine_goes_on_under_its_name(home_dir, task_id):
    """`scaled_agent` is a queue, a worker and a run in one process."""
    from agentstate_lab.lab.agents import run_job

    first = run_job("disk", task_id, scaled_agent, on_event=str)
    again = run_job("disk", task_id, scaled_agent, on_event=str)

    assert first == again
    assert first.completed


# What it costs.


def test_the_kept_figures_are_what_notebook_11_says():
    """Some six times a save, twice `run_once`; three times was to be reached."""
    for kind, costs in kept_costs().items():
        assert 5 <= costs["DBOS"] / costs["save"] < 7, kind
        assert 1.5 <= costs["DBOS"] / costs["run_once"] < 2.5, kind
    assert (
        kept_costs()["SQLite"]["LangGraph sync"] >= 3 * kept_costs()["SQLite"]["save"]
    )
    text = NOTEBOOK.read_text("utf-8")
    times = [costs["DBOS"] / costs["run_once"] for costs in kept_costs().values()]
    told = "{:.1f} times on SQLite and {:.1f} on PostgreSQL".format(*times)
    assert "Some six times as long, on both" in text
    assert f"compared with `run_once`, {told}" in text


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b'{"SQLite": 7}', id="no-figures"),
        pytest.param(b'{"SQLite": {"save": "soon"}}', id="no-number"),
        pytest.param(b"\xff\xfe", id="no-text"),
    ],
)
def test_a_file_without_figures_is_refused_by_name(tmp_path, held):
    """The message says which command writes it."""
    path = tmp_path / "scale_out.json"
    if held is not None:
        path.write_bytes(held)

    with pytest.raises(LabError, match=r"scale_out\.json cannot be read.*--keep"):
        kept_costs(path)
