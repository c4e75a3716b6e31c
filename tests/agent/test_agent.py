"""The durable agent: its way to the end, and every way in which it is cut short."""

import contextlib
import functools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import Script, Tools, call, counts, results, stopping

from agentstate_lab.agent import Finished, run_agent
from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.errors import InvalidValue, KeyReused, ReplyLost, TaskInProgress
from agentstate_lab.lab.agents import durable_agent, open_job
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.processes import all_at_once
from agentstate_lab.lab.world import SCENARIOS, start_world
from agentstate_lab.lab.world.chat import MODEL
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore, open_store, working

EFFECTS = [step.name for step in SCENARIOS["deploy"].effects]
STEPS = [step.name for step in SCENARIOS["deploy"].steps]
EACH_ONCE = dict.fromkeys(EFFECTS, 1)


def test_an_undisturbed_run_does_each_effect_once(job):
    """Eight effects, one tool message for each call, and what it knows in its state."""
    task = durable_agent(job)

    said = job.store.messages(job.task_id)
    calls = [one["id"] for m in said for one in m.get("tool_calls", [])]
    assert (task.state, task.error) == ("completed", None)
    assert task.result == SCENARIOS["deploy"].answer
    assert counts(job.task_id) == EACH_ONCE
    assert list(results(job.store, job.task_id)) == calls
    assert [f.key for f in task.agent_state.known_facts] == ["finished"]
    assert list(Finished.of(task.agent_state).newest) == STEPS


def test_its_events_come_in_order_and_say_how_far_it_is(job):
    """What was told is stored by then, and the numbers only grow."""
    events, stored = [], []

    def told(event):
        events.append(event)
        stored.append(len(job.store.messages(job.task_id)))

    durable_agent(job, on_event=told)

    kinds = ["asked", "step"] * len(STEPS) + ["asked", "ended"]
    assert [event.kind for event in events] == kinds
    assert [event.step for event in events if event.kind == "step"] == STEPS
    assert [event.done for event in events] == [(n + 1) // 2 for n in range(21)] + [10]
    assert [event.turns for event in events][::2] == list(range(1, 12))
    assert {event.max_turns for event in events} == {20}
    assert all(0 < event.seconds_left <= 300 for event in events)
    assert stored == [*range(1, 22), 21]


def test_a_learner_reads_one_line_for_each_step(job):
    """In a notebook and in a terminal."""
    lines = []

    durable_agent(replace(job, on_event=lines.append))

    assert lines[0] == "[ 1 of 20 turns] check-status done"
    assert lines[2] == "[ 3 of 20 turns] announce done"
    assert lines[-1].startswith("[11 of 20 turns] completed: Release 4.2 is deployed")
    assert len(lines) == 11


@pytest.mark.parametrize(
    ("script", "texts"),
    [
        pytest.param(["Done."], ["the model has answered", "completed: Done."], id="w"),
        pytest.param(
            [[call("look"), call("drop", call_id="c2")], "Done."],
            [
                "the model calls look, drop",
                "look-44136fa3 done",
                "drop: error: tool: there is none called 'drop'; there are look, recall"
                " (side effect: not started)",
                "the model has answered",
                "completed: Done.",
            ],
            id="two-calls",
        ),
        pytest.param(
            [[call("look", call_id=str(n)) for n in range(5)], "Done."],
            [
                "the model calls look, look, look and 2 more",
                *["look-44136fa3 done"] * 5,
                "the model has answered",
                "completed: Done.",
            ],
            id="five-calls",
        ),
        pytest.param(
            [""],
            [
                "failed: reply: the model sent neither a text nor a tool call"
                " (side effect: not started)"
            ],
            id="nothing",
        ),
    ],
)
def test_an_event_is_a_line_that_can_be_read(run, script, texts):
    """Whatever happens, it is said in words."""
    events = []

    run(Script(*script), [Tools().tool("look")], on_event=events.append)

    assert [event.text for event in events] == texts


@pytest.mark.parametrize("event", [1, 2, 11, 12, 21, 22])
def test_a_run_that_is_interrupted_anywhere_is_finished_by_the_next(job, event):
    """A polite death: nothing is lost, nothing happens twice, nobody has to wait."""
    with pytest.raises(KeyboardInterrupt):
        durable_agent(job, on_event=stopping(event))
    left = job.store.get(job.task_id)

    task = durable_agent(job)

    assert (left.state, left.owner) == ("completed" if event == 22 else "pending", None)
    assert task.state == "completed"
    assert counts(job.task_id) == EACH_ONCE


@pytest.mark.parametrize(
    ("if_unknown", "state", "ran"),
    [
        pytest.param("resend", "completed", 2, id="resend"),
        pytest.param("repeat", "completed", 2, id="repeat"),
        pytest.param("wait", "waiting", 1, id="wait"),
    ],
)
def test_an_interrupt_in_an_effect_leaves_its_outcome_unknown(
    run, store, if_unknown, state, ran
):
    """The next run asks again under the same key, or asks a person."""
    tools = Tools(deploy=[KeyboardInterrupt(), "deployed"])
    deploy = tools.tool("deploy", risk_level="write_local", if_unknown=if_unknown)
    script = Script([call("deploy")], "Done.")

    with pytest.raises(KeyboardInterrupt):
        run(script, [deploy])
    left = store.get("t")
    task = run(script, [deploy])

    assert (left.state, left.owner, left.attempt) == ("pending", None, 0)
    assert (task.state, tools.count("deploy")) == (state, ran)
    assert len({key for _, _, key, _ in tools.ran}) == 1


names = st.sampled_from(["look", "one", "two", "broken", "nowhere"])
turns = st.lists(st.lists(names, min_size=1, max_size=4), max_size=4)


@given(script=turns, stops=st.lists(st.integers(1, 6), max_size=4))
@settings(max_examples=40, deadline=None)
def test_whatever_is_called_and_wherever_it_stops_each_effect_is_had_once(
    script, stops
):
    """One message for each call, each effect once, each turn asked for once."""
    store, tools = MemoryStore(), Tools(broken=[LookupError("no")])
    wanted = [tools.tool("look"), tools.tool("broken")]
    wanted += [
        tools.tool(name, risk_level="write_local", if_unknown="resend")
        for name in ("one", "two")
    ]
    client = Script(*[[call(name) for name in turn] for turn in script], "Done.")
    run = functools.partial(
        run_agent,
        *("t", "Do it."),
        store=store,
        client=client,
        model="m",
        tools=wanted,
        retry=lambda fn, times, sleep: fn(),
    )
    for number in stops:
        with contextlib.suppress(KeyboardInterrupt):
            run(on_event=stopping(number))

    task = run()

    called = [name for turn in script for name in turn]
    messages = [m for m in store.messages("t") if m["role"] == "tool"]
    assert (task.state, task.result) == ("completed", "Done.")
    assert len(messages) == len(called)
    assert len(client.asked) == len(script) + 1
    for name in ("one", "two"):
        assert tools.count(name) == (name in called)


def test_a_resumed_run_asks_the_model_only_for_what_is_new(job):
    """What it said is stored: a live model might plan something else now."""
    with pytest.raises(KeyboardInterrupt):
        durable_agent(job, on_event=stopping(9))
    asked = start_world().requests(job.task_id)["model"]
    events = []

    durable_agent(job, on_event=events.append)

    assert asked == 5
    assert start_world().requests(job.task_id)["model"] == len(STEPS) + 1
    assert events[0].text == "found the task: 4 steps are done"


def test_a_completed_task_is_answered_from_the_store(job):
    """The same result, and not one request more."""
    first = durable_agent(job)
    before = start_world().requests(job.task_id)

    assert durable_agent(job) == first
    assert start_world().requests(job.task_id) == before


def test_the_last_word_is_enough_to_complete_the_task(run, store):
    """The process died between the model's last word and the end of the task."""
    script = Script("Done.")
    with pytest.raises(KeyboardInterrupt):
        run(script, on_event=stopping(1))

    assert run(script).result == "Done."


def test_a_listener_that_raises_ends_the_run_and_loses_nothing(run):
    """It is told of what is stored already."""

    def broken(event):
        if event.kind == "asked":
            raise LookupError("no such bar")

    tools = Tools()
    script = Script([call("look")], "Done.")

    failed = run(script, [tools.tool("look")], on_event=broken)
    task = run(script, [tools.tool("look")])

    assert (failed.state, failed.error) == ("failed", "no such bar")
    assert (task.state, task.error) == ("completed", None)
    assert (tools.count("look"), len(script.asked)) == (1, 2)


def race(name, barrier, url, task_id):
    """The first process runs while the second one tries."""

    def waiting(event):
        if event.kind == "asked" and event.turns in (1, 2):
            barrier()

    job = open_job("disk", task_id, store_url=url, on_event=str)
    if name == "first":
        return str(durable_agent(job, on_event=waiting).state)
    barrier()
    try:
        return str(durable_agent(job).state)
    except TaskInProgress as error:
        return str(error)
    finally:
        barrier()


def test_of_two_processes_with_one_id_one_runs(world, task_id, tmp_path):
    """The other one says so, and ends; each effect happens once."""
    url = f"json:{tmp_path / 'tasks.json'}"
    started = functools.partial(race, url=url, task_id=task_id)

    def both(name, barrier):
        return started(name, barrier)

    first, second = all_at_once(both, ["first", "second"])

    assert first.value == "completed"
    assert "is in progress elsewhere" in second.value
    assert [entry.count for entry in world.ledger(task_id)] == [1]


def test_a_task_that_somebody_is_working_on_is_left_alone(job):
    """Also when the worker is slow: a live one is never robbed."""
    with working() as somebody:
        task = job.store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
        running = job.store.save(task.replace(state="running", owner=somebody))

        with pytest.raises(TaskInProgress):
            durable_agent(job)

    assert job.store.get(job.task_id) == running


def test_one_id_is_one_job(run):
    """The same id for another input is refused."""
    run(Script("Done."))

    with pytest.raises(KeyReused):
        run(Script("Done."), user_input="Do something else.")


@pytest.mark.parametrize(
    ("strategy", "triggers"),
    [
        pytest.param(
            "every_step",
            ["state_change", *["iteration", "step"] * 3, "iteration", "state_change"],
            id="every_step",
        ),
        pytest.param(
            "every_iteration",
            ["state_change", *["iteration"] * 4, "state_change"],
            id="every_iteration",
        ),
        pytest.param(
            "on_state_change", ["state_change", "state_change"], id="on_state_change"
        ),
    ],
)
def test_a_strategy_decides_about_snapshots_and_nothing_else(
    world, task_id, tmp_path, strategy, triggers
):
    """The claim and the end are in all of them; effects and messages are the same."""
    store = open_store(f"sqlite:{tmp_path / 'tasks'}")
    job = replace(open_job("disk", task_id, on_event=str), store=store)

    task = durable_agent(job, strategy=strategy)

    taken = store.checkpoints(task_id)
    assert [one.trigger for one in taken] == triggers
    assert [taken[0].state, taken[-1].state] == ["running", "completed"]
    known = task.agent_state.model_copy(update={"applied_patches": ()})
    assert taken[-1].agent_state == known
    assert store.message_count(task_id) == 7
    assert counts(job.task_id) == {"clean-logs": 1}
    store.close()
    job.client.close()


@pytest.mark.usefixtures("world", "quick")
def test_what_a_store_in_memory_survives_is_the_effects():
    """The next run begins anew, and the keys keep it from doing anything twice."""
    points = ["effect.inside:1", "effect.after:1", "write.inside:6", "write.after:7"]

    matrix = crash_matrix("durable", scenario="disk", store="memory", points=points)

    assert matrix.survived == len(points), str(matrix)


def test_a_fork_goes_on_from_an_old_moment_with_effects_of_its_own(run, store):
    """What was said up to there is its past; what comes next has keys of its own."""
    tools = Tools()
    deploy = [tools.tool("deploy", "service", risk_level="write_local")]
    calls = [[call("deploy", {"service": name}, name)] for name in ("api", "web")]
    run(Script(*calls, "Done."), deploy)
    after_one = store.checkpoints("t")[2]
    CheckpointManager(store).fork("t", after_one.version, new_id="u")

    task = run(Script("Enough."), deploy, task_id="u")

    assert (task.result, tools.count("deploy")) == ("Enough.", 2)
    assert list(results(store, "u")) == ["api"]
    assert store.get("t").result == "Done."


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"max_attempts": 0}, "max_attempts", id="no-attempt"),
        pytest.param({"max_attempts": True}, "max_attempts", id="true"),
        pytest.param({"step_seconds": 0}, "step_seconds", id="no-time"),
        pytest.param({"step_seconds": float("nan")}, "step_seconds", id="nan"),
        pytest.param({"step_seconds": "1"}, "step_seconds", id="text"),
        pytest.param({"context_bytes": -1}, "context_bytes", id="negative"),
        pytest.param({"strategy": "sometimes"}, "strategy", id="strategy"),
        pytest.param({"tools": [Tools().tool("look")] * 2}, "tools", id="two-tools"),
        pytest.param({"tools": [print]}, "tools", id="a-function"),
        pytest.param({"task_id": ""}, "task", id="no-id"),
        pytest.param({"user_input": None}, "task", id="no-input"),
        pytest.param({"model": ""}, "model", id="no-model"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_before_anything_is_stored(
    store, clock, wrong, named
):
    """By name, and not in the middle of a run."""
    options = {"task_id": "t", "user_input": "Do it.", "model": "m", "tools": []}

    with pytest.raises(InvalidValue) as caught:
        run_agent(**{**options, **wrong}, store=store, client=Script())

    assert caught.value.name == named
    assert store.list_by_state("pending") == []


def test_an_error_of_execute_itself_comes_out(run, store):
    """A stub, for example: the task is as it was, and nobody believes that it ran."""

    def stub(store, task_id, work):
        raise NotImplementedError("exercise 03")

    with pytest.raises(NotImplementedError):
        run(Script(), execute=stub)

    assert store.get("t").state == "pending"


def test_the_key_of_the_client_is_in_no_error_and_in_no_store(tmp_path, run):
    """Also when a server repeats it in its refusal."""
    import httpx2
    from openai import OpenAI

    secret = "sk-a-very-secret-key"
    refusal = {"error": {"message": f"Incorrect API key provided: {secret}."}}
    served = httpx2.MockTransport(lambda request: httpx2.Response(401, json=refusal))
    path = tmp_path / "tasks.json"
    store = open_store(f"json:{path}")
    client = OpenAI(
        api_key=secret,
        base_url="http://test",
        http_client=httpx2.Client(transport=served),
    )

    with client:
        task = run(client, store=store)

    assert task.state == "failed"
    assert "Incorrect API key provided: ***" in task.error
    assert secret not in path.read_text()


def test_the_world_s_own_token_is_in_no_store(job, tmp_path):
    """A whole run, with a refusal on the way."""
    path = tmp_path / "tasks.json"
    start_world().fault(job.task_id, "error", at="announce", times=9)

    durable_agent(replace(job, store=open_store(f"json:{path}")))

    assert job.client.api_key not in path.read_text()


def test_an_agent_without_client_and_endpoint_begins_nothing(store):
    """The error comes before the task is stored, and names what to set."""
    with pytest.raises(InvalidValue, match=r"^AGENTSTATE_MODEL: is not set"):
        run_agent("nobody", "Is the disk full?", store=store, tools=[])

    assert store.list_by_state("pending") == []


def test_a_live_endpoint_is_named_by_the_environment(job, monkeypatch):
    """Three variables, and the agent needs no client: here, they name the world."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{start_world().url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", job.client.api_key)
    monkeypatch.setenv("AGENTSTATE_MODEL", MODEL)

    task = durable_agent(replace(job, client=None, model=""))

    assert task.state == "completed"
    assert counts(job.task_id) == EACH_ONCE


def test_a_lost_reply_of_a_look_is_looked_at_again(run):
    """To look twice does no harm."""
    tools = Tools(look=[ReplyLost("silence"), "41 % full"])

    task = run(Script([call("look")], "Done."), [tools.tool("look")])

    assert (task.state, tools.count("look")) == ("completed", 2)
