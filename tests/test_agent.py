"""The durable agent: limits, failures, people, and its own functions or yours."""

import functools
from dataclasses import replace

import pytest

from agentstate_lab.approval import approve, cancel, deny
from agentstate_lab.errors import InvalidValue, TaskInProgress
from agentstate_lab.execution import execute_task
from agentstate_lab.idempotency import resolve
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.durable import durable_agent, state_for
from agentstate_lab.lab.job import open_job
from agentstate_lab.lab.scenarios import SCENARIOS
from agentstate_lab.owner import working
from agentstate_lab.retry import execute_with_retry
from agentstate_lab.state import Budget
from agentstate_lab.store import MemoryStore
from agentstate_lab.task import Task

EACH_ONCE = dict.fromkeys([step.name for step in SCENARIOS["deploy"].effects], 1)
ASK = {"required_for_risk_levels": ["write_local"]}


@pytest.fixture
def task_id(request, world):
    """A task of this test's own."""
    yield request.node.nodeid
    world.forget(request.node.nodeid)


@pytest.fixture
def job(task_id, clock):
    """The deployment, with a store in memory and a sleep that takes no time."""
    opened = open_job("deploy", task_id, sleep=clock.sleep, on_event=lambda line: None)
    yield replace(opened, store=MemoryStore())
    opened.client.close()


def counts(world, task_id):
    """What the world counted for the task, by step."""
    return {entry.step: entry.count for entry in world.ledger(task_id)}


def with_budget(job, **limits):
    """What the agent knows at the start, with another budget."""
    budget = Budget(**limits)
    return state_for(job).model_copy(update={"budget": budget})


def test_a_run_does_each_effect_once_and_says_how_far_it_is(world, job):
    """
    Eight effects, one tool message for each call, events with growing numbers.
    """
    events = []

    task = durable_agent(job, on_event=events.append)

    said = job.store.messages(job.task_id)
    calls = [call["id"] for m in said for call in m.get("tool_calls", [])]
    results = [m["tool_call_id"] for m in said if m["role"] == "tool"]
    assert task.state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE
    assert calls == results
    assert [e.done for e in events if e.kind == "step"] == list(range(1, 11))


@pytest.mark.parametrize("kind", ["throttle", "error"])
def test_failures_of_model_and_tools_are_tried_again(world, job, clock, kind):
    """
    Two in a row at each: one run gets through, with waits in between.
    """
    world.fault(job.task_id, kind, times=2)
    world.fault(job.task_id, kind, at="deploy-api", times=2)

    task = durable_agent(job)

    assert task.state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE
    assert len(clock.slept) == 4


def test_a_lost_reply_is_asked_for_again(world, job):
    """
    Within the same run, under the same key.
    """
    world.fault(job.task_id, "reply_lost", at="report")

    task = durable_agent(job)

    assert task.state == "completed" or durable_agent(job).state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        pytest.param({"max_steps": 3}, "3 of 3 steps", id="turns"),
        pytest.param({"max_llm_tokens": 100}, "llm_tokens", id="tokens"),
    ],
)
def test_a_budget_that_is_used_up_ends_in_failed_and_stays_so(world, job, limits, why):
    """
    With a reason, and a second run is granted nothing anew.
    """
    state = with_budget(job, **limits)

    first = durable_agent(job, agent_state=state)
    asked = world.requests(job.task_id)["model"]
    second = durable_agent(job, agent_state=state)

    assert (first.state, second.state) == ("failed", "failed")
    assert why in first.error
    assert world.requests(job.task_id)["model"] == asked


def test_the_time_of_a_task_is_not_granted_again_by_a_restart(world, job, clock):
    """
    Used up by one run, it is used up for the next; the reason is stored after it.
    """
    state = with_budget(job, max_wall_time_ms=60_000)
    wall = functools.partial(clock.__call__)

    def slow(event):
        clock.advance(25)

    options = {"agent_state": state, "clock": clock, "wall": wall}
    first = durable_agent(job, on_event=slow, **options)
    before = counts(world, job.task_id)
    second = durable_agent(job, **options)

    assert (first.state, second.state) == ("failed", "failed")
    assert "deadline" in second.error
    assert counts(world, job.task_id) == before


@pytest.mark.parametrize("answer", [approve, deny])
def test_a_risky_step_waits_for_a_person(world, job, answer):
    """
    Nothing risky ran before the answer; afterwards it did, or the model was told.
    """
    state = state_for(job, human_in_the_loop=ASK)
    waiting = durable_agent(job, agent_state=state)
    before = counts(world, job.task_id)

    answer(job.store, job.task_id, "open-ticket")
    after = durable_agent(job)

    assert waiting.state == "waiting"
    assert waiting.agent_state.open_questions == ("May open-ticket run?",)
    assert before == {}
    if answer is deny:
        assert after.result == "I stopped: open-ticket was denied."
        assert counts(world, job.task_id) == {}
    else:
        assert after.state == "waiting"
        assert after.agent_state.open_questions == ("May clean-logs run?",)


def test_only_what_was_asked_can_be_answered(job):
    """
    An answer to nothing is refused, and changes nothing.
    """
    job.store.submit(Task.new("g", task_id="t"))

    with pytest.raises(InvalidValue, match="does not ask"):
        approve(job.store, "t", "deploy-api")

    assert job.store.get("t").version == 1


def test_an_unknown_outcome_waits_and_goes_on_after_an_answer(world, job):
    """
    A mail server without keys, a lost reply: nobody guesses.
    """
    world.fault(job.task_id, "reply_lost", at="announce")
    agent = functools.partial(durable_agent, keyless={"send_mail"})

    waiting = agent(job)
    resolve(job.store, job.task_id, "announce", happened=True, result="seen")
    task = agent(job)

    assert waiting.agent_state.open_questions == ("Did announce happen?",)
    assert task.state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE


def test_a_cancelled_task_starts_no_effect_any_more(world, job):
    """
    Somebody cancels it in the middle of the run.
    """

    def stop(event):
        if event.done == 3:
            cancel(job.store, job.task_id)

    task = durable_agent(job, on_event=stop)

    assert task.state == "cancelled"
    assert len(counts(world, job.task_id)) == 2


def test_a_task_that_somebody_is_working_on_is_left_alone(job):
    """
    The second process says so, and ends.
    """
    with working() as somebody:
        task = job.store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
        job.store.save(task.replace(state="running", owner=somebody))

        with pytest.raises(TaskInProgress):
            durable_agent(job)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param('{"no": "choices"}', "no choice", id="no-choice"),
        pytest.param("", "without a text", id="empty-text"),
        pytest.param("x" * 10_000_001, "characters", id="ten-megabytes"),
    ],
)
def test_a_model_that_answers_nonsense_fails_the_task_with_a_reason(job, script, why):
    """
    Whatever comes, the task ends in the store and not in a traceback.
    """
    task = durable_agent(replace(job, client=Client(script)))

    assert task.state == "failed"
    assert why in task.error


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        pytest.param("drop_database", "{}", "there is none called", id="unknown-tool"),
        pytest.param("deploy", "{", "got no JSON", id="no-json"),
        pytest.param("deploy", '{"service": 7}', "as texts", id="a-number"),
        pytest.param("deploy", "[" * 10_000, "got no JSON", id="brackets"),
    ],
)
def test_a_call_that_cannot_be_run_is_answered_all_the_same(
    world, job, name, arguments, told
):
    """
    The model is told what was wrong, once for each call, and may mend it.
    """
    calls = [{"function": {"name": name, "arguments": arguments}}] * 50

    task = durable_agent(replace(job, client=Client("all done", calls)))

    results = [m for m in job.store.messages(job.task_id) if m["role"] == "tool"]
    assert task.result == "all done"
    assert len({m["tool_call_id"] for m in results}) == len(results) == 50
    assert all(told in m["content"] for m in results)
    assert counts(world, job.task_id) == {}


class Client:
    """A client that answers with calls once, if it has any, and then with a text."""

    def __init__(self, text, calls=()):
        self.text, self.calls = text, list(calls)
        self.chat = self.completions = self
        self.choices = [] if "choices" in text else [self]
        self.message = self

    def create(self, **asked):
        """One reply, which is this object."""
        return self

    def model_dump(self, **options):
        """The message of the reply."""
        calls, self.calls = self.calls, []
        said = {"role": "assistant", "content": self.text}
        return {**said, "tool_calls": calls} if calls else said


def plain_execute(store, task_id, work):
    """What a learner writes in exercise 03: no owner, and the version of the start."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    try:
        result = work(task.user_input)
    except Exception as error:
        store.save(task.replace(state="failed", error=str(error)))
        raise
    return store.save(task.replace(state="completed", result=result, error=None))


def with_plain_functions(job):
    """The agent on functions as a learner writes them."""
    return durable_agent(job, execute=plain_execute, retry=execute_with_retry)


def with_package_functions(job):
    """The agent on the package's own functions, as notebook 10 hands them over."""
    return durable_agent(job, execute=execute_task, retry=execute_with_retry)


@pytest.mark.parametrize("agent", [with_plain_functions, with_package_functions])
def test_it_survives_on_functions_that_know_less(agent):
    """
    Killed around an effect and around writes, and run again.
    """
    points = ["effect.inside:1", "write.after:2", "write.inside:7", "write.before:9"]

    matrix = crash_matrix(agent, scenario="disk", points=points)

    assert matrix.survived == len(points), str(matrix)


def test_a_question_is_no_failure_whatever_the_function_makes_of_it(job):
    """
    The plain function stores "failed"; the task waits all the same.
    """
    state = state_for(job, human_in_the_loop=ASK)

    task = durable_agent(job, agent_state=state, execute=plain_execute)

    assert task.state == "waiting"


@pytest.mark.parametrize("strategy", ["every_step", "every_iteration"])
@pytest.mark.parametrize("store", ["json", "sqlite"])
def test_a_sample_of_deaths_on_other_stores_and_strategies(store, strategy):
    """
    One effect each, everywhere.
    """

    def agent(job):
        return durable_agent(job, strategy=strategy)

    points = ["effect.inside:1", "write.inside:6", "write.after:7"]
    matrix = crash_matrix(agent, scenario="disk", store=store, points=points)

    assert matrix.survived == len(points), str(matrix)
