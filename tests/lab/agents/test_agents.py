import inspect
from dataclasses import replace
from types import SimpleNamespace

import pytest
from runs import counts, stopping_after

from agentstate_lab.errors import EffectRefused, InvalidValue, ReplyLost
from agentstate_lab.lab.agents import (
    agents,
    ask,
    learn,
    naive_agent,
    noted_agent,
    open_job,
    outcome_of,
    pace,
    render_note,
    run_job,
    saving_agent,
)
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.world import SCENARIOS
from agentstate_lab.state import (
    AgentState,
    Fact,
    Task,
    TaskState,
    UpsertFact,
    UseBudget,
)
from agentstate_lab.stores import MemoryStore

DEPLOY = SCENARIOS["deploy"]
EFFECTS = [step.name for step in DEPLOY.effects]
EACH_ONCE = dict.fromkeys(EFFECTS, 1)


def quiet(text):
    """Say nothing."""


@pytest.mark.parametrize("agent", ["naive", "saving"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_undisturbed_agent_does_every_effect_once(world, task_id, agent, scenario):
    """Without a crash, no agent of the course does harm."""
    outcome = run_job(scenario, task_id, agent, store_url="memory:", on_event=quiet)

    job = SCENARIOS[scenario]
    assert (outcome.completed, outcome.result) == (True, job.answer)
    assert counts(world, task_id) == {step.name: 1 for step in job.effects}


def test_the_saving_agent_goes_on_where_it_stopped(world, task_id, tmp_path):
    """Only the step whose record was missing happens twice: the gap of notebook 03."""
    url = f"json:{tmp_path / 'tasks.json'}"
    said = []
    with pytest.raises(KeyboardInterrupt):
        run_job("deploy", task_id, "saving", store_url=url, on_event=stopping_after(7))

    outcome = run_job("deploy", task_id, "saving", store_url=url, on_event=said.append)

    assert outcome.completed
    assert counts(world, task_id) == EACH_ONCE | {"deploy-web": 2}
    assert said[:2] == ["found the task: 6 steps are done", "minute 7: deploy-web done"]


def test_a_completed_task_is_not_run_again(world, task_id, tmp_path):
    """Asked again, the saving agent returns the stored result and does nothing."""
    url = f"json:{tmp_path / 'tasks.json'}"
    first = run_job("deploy", task_id, "saving", store_url=url, on_event=quiet)
    asked = world.requests(task_id)
    said = []

    again = run_job("deploy", task_id, "saving", store_url=url, on_event=said.append)

    assert again == first
    assert said == ["found the task: it is completed"]
    assert world.requests(task_id) == asked


def test_the_saving_agent_records_each_step_under_a_stable_patch_id(world, task_id):
    """Facts, patch ids and the steps used all name the same ten steps."""
    store = MemoryStore()
    job = open_job("deploy", task_id, on_event=quiet)
    saving_agent(replace(job, store=store))

    state = store.get(task_id).agent_state

    steps = [f"done:{step.name}" for step in DEPLOY.steps]
    assert [fact.key for fact in state.known_facts] == steps
    assert list(state.applied_patches) == steps
    assert state.budget.used.steps == 10


def test_an_agent_that_saves_needs_a_store(task_id):
    """It says so before anything happens."""
    with pytest.raises(InvalidValue, match="this agent needs one") as caught:
        run_job("deploy", task_id, "saving")

    assert caught.value.effect == "not started"


def test_the_events_tell_the_story_in_minutes(task_id):
    """One short line a step, the same in every run."""
    said = []

    run_job("disk", task_id, "naive", on_event=said.append)

    assert said == [
        "minute 1: check-disk done",
        "minute 2: clean-logs done",
        "minute 3: verify done",
    ]


def test_each_step_takes_its_time_before_it_is_done(task_id, monkeypatch):
    """The pace multiplies the time, and the wait comes before the effect."""
    monkeypatch.setenv("AGENTSTATE_PACE", "0.5")
    clock = FakeClock()
    seen = []

    run_job(
        "disk",
        task_id,
        step_seconds=4,
        sleep=clock.sleep,
        on_event=lambda text: seen.append(clock()),
    )

    assert clock.slept == [2.0, 2.0, 2.0]
    assert seen == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("agent", ["naive", "saving"])
def test_an_interrupt_during_a_wait_ends_the_run_before_the_step(
    world, task_id, agent, monkeypatch
):
    """A polite restart is an interrupt: no agent swallows it, and nothing is done."""
    monkeypatch.setenv("AGENTSTATE_PACE", "1")
    waits = iter(range(3))

    def sleep(seconds):
        if next(waits) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(
            "deploy",
            task_id,
            agent,
            store_url="memory:",
            step_seconds=1,
            sleep=sleep,
            on_event=quiet,
        )

    assert counts(world, task_id) == {"open-ticket": 1}


@pytest.mark.parametrize(
    ("said", "factor"),
    [
        pytest.param("", 1.0, id="empty"),
        pytest.param(" 0 ", 0.0, id="no-waiting"),
        pytest.param("2.5", 2.5, id="slower"),
        pytest.param("1e-3", 0.001, id="quick"),
    ],
)
def test_the_pace_is_a_factor(monkeypatch, said, factor):
    """It is read from the environment, so no cell needs to change."""
    monkeypatch.setenv("AGENTSTATE_PACE", said)

    assert pace() == factor


@pytest.mark.parametrize(
    "said",
    ["-1", "nan", "inf", "1e9", "fast", "0x10", "1,5", "1 2", "9" * 5_000, "٣\x1b[31m"],
)
def test_a_pace_that_makes_no_sense_is_refused_by_name(monkeypatch, task_id, said):
    """Before anything is started, and in a message of readable length."""
    monkeypatch.setenv("AGENTSTATE_PACE", said)

    with pytest.raises(InvalidValue, match="AGENTSTATE_PACE") as caught:
        run_job("deploy", task_id)

    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param({"scenario": "moon"}, "none is called 'moon'", id="scenario"),
        pytest.param({"agent": "bold"}, "one of naive, saving", id="agent"),
        pytest.param({"agent": None}, "one of naive, saving", id="no-agent"),
        pytest.param({"task_id": ""}, "must name the job", id="empty-id"),
        pytest.param({"task_id": None}, "must name the job", id="no-id"),
        pytest.param({"step_seconds": -1}, "step_seconds", id="negative-time"),
        pytest.param({"step_seconds": float("nan")}, "step_seconds", id="nan-time"),
        pytest.param({"store_url": "csv:x"}, "store url", id="store"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(arguments, complaint):
    """Each wrong argument is named before anything is started."""
    with pytest.raises(InvalidValue, match=complaint):
        run_job(**{"scenario": "disk", "task_id": "t", **arguments})


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("error", EffectRefused, id="refused"),
        pytest.param("reply_lost", ReplyLost, id="reply-lost"),
    ],
)
@pytest.mark.parametrize("agent", ["naive", "saving"])
def test_what_the_world_raises_goes_through(world, task_id, agent, fault, error):
    """These agents handle no failure: the caller sees the world's own error."""
    world.fault(task_id, fault, at="deploy-api")

    with pytest.raises(error):
        run_job("deploy", task_id, agent, store_url="memory:", on_event=quiet)


def test_an_empty_reply_of_the_model_is_refused(job):
    """Some servers answer without a choice; that is not the end of the work."""
    empty = job.through(lambda **asked: SimpleNamespace(choices=[]))

    with pytest.raises(InvalidValue, match="no choice"):
        ask(empty, [])


@pytest.mark.parametrize(
    ("returned", "completed"),
    [
        pytest.param("done", True, id="text"),
        pytest.param(None, True, id="nothing"),
        pytest.param(Task.new("x", key="k"), False, id="pending-task"),
        pytest.param(
            Task.new("x", key="k").model_copy(
                update={"state": TaskState.COMPLETED, "result": "r"}
            ),
            True,
            id="completed-task",
        ),
    ],
)
def test_a_task_says_itself_whether_it_is_completed(returned, completed):
    """Anything else that an agent returns is taken for its result."""
    assert outcome_of(returned).completed is completed


@pytest.mark.parametrize("agent", [naive_agent, saving_agent, noted_agent])
def test_an_agent_fits_a_notebook_cell(agent):
    """It is shown as a listing: narrow, and short without its docstring."""
    shown = set(inspect.getdoc(agent).splitlines())
    lines = [
        line
        for line in inspect.getsource(agent).splitlines()
        if line.strip() not in {*shown, '"""'}
    ]

    assert max(map(len, lines)) <= 76
    assert len(lines) <= (35 if agent is noted_agent else 25)


# The note for the replacement: each field is needed, and its loss is counted.


def handed_over(task_id, **fields):
    """The note of an agent that stopped after four steps."""
    job = open_job("deploy", task_id, on_event=quiet)
    begin = {"goal": DEPLOY.goal, **fields}
    return job, noted_agent(job, begin, steps=4, approved=EFFECTS)


def without(note, field):
    """The note as JSON, with one field deleted."""
    return {key: value for key, value in note.items() if key != field}


def test_with_the_whole_note_the_work_is_finished_once(world, task_id):
    """The replacement does the other six steps, and nothing again."""
    job, note = handed_over(task_id)

    last = noted_agent(job, note)

    assert AgentState.model_validate(last).fact("answer") == DEPLOY.answer
    assert last["budget"]["used"]["steps"] == 10
    assert counts(world, task_id) == EACH_ONCE


def test_without_the_budget_used_the_limit_is_no_limit(world, task_id):
    """Six steps were allowed: with the counter six are done, without it ten."""
    job, note = handed_over(task_id, budget={"max_steps": 6})

    kept = noted_agent(job, note)
    after_kept = counts(world, task_id)
    note["budget"] = without(note["budget"], "used")
    noted_agent(job, note)

    assert "budget_exhausted" in kept["risk_flags"]
    assert list(after_kept) == EFFECTS[:5]
    assert list(counts(world, task_id)) == EFFECTS


def test_without_the_goal_the_replacement_asks_what_to_do(world, task_id):
    """Nothing is done again and nothing is finished."""
    job, note = handed_over(task_id)

    last = noted_agent(job, without(note, "goal"))

    answer = AgentState.model_validate(last).fact("answer")
    assert answer.startswith("What am I to do?")
    assert counts(world, task_id) == dict.fromkeys(EFFECTS[:3], 1)


def test_with_the_plan_what_was_taken_out_is_left_out(world, task_id):
    """A person took the worker out of this release; only the plan knows."""
    plan = [step.name for step in DEPLOY.steps if step.name != "deploy-worker"]
    job, note = handed_over(task_id, plan=plan)

    noted_agent(job, note)
    before = counts(world, task_id)
    noted_agent(job, without(note, "plan"), steps=2)

    assert "deploy-worker" not in before
    assert counts(world, task_id)["deploy-worker"] == 1


def test_a_note_of_no_more_steps_is_handed_on_as_it_is(task_id):
    """What the one before knew, the next one knows."""
    job, note = handed_over(task_id)

    assert noted_agent(job, note, steps=0) == note


def test_what_is_learned_twice_counts_twice():
    """Without a task, the number of patches is the version: no step is lost."""
    state = AgentState(goal="g")
    fact = UpsertFact(fact=Fact(key="done:a", value="ok"))

    for _ in range(3):
        state = learn(state, fact, UseBudget(steps=1))

    assert state.budget.used.steps == 3
    assert render_note(state) == "goal: g\ndone: a"


def test_the_names_that_the_command_line_knows():
    """They are public: `run --agent NAME`."""
    known = ["durable", "idempotent", "naive", "saving", "timed"]

    assert sorted(agents.AGENTS) == known
