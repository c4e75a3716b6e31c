"""The durable agent: limits over all runs, and what the model is shown."""

import json

import pytest
from script import Script, Tools, call, counts, reply, results, stopping

from agentstate_lab.agent import Finished
from agentstate_lab.context import MOST
from agentstate_lab.errors import EffectRefused, InvalidValue
from agentstate_lab.lab.agents import durable_agent, state_for
from agentstate_lab.lab.world import SCENARIOS, start_world
from agentstate_lab.state import AgentState, Budget, Task
from agentstate_lab.state.agent_state import Used
from agentstate_lab.stores import ArtifactStore

STEPS = [step.name for step in SCENARIOS["deploy"].steps]


@pytest.mark.parametrize(
    ("limits", "why", "asked"),
    [
        pytest.param({"max_steps": 3}, "3 of 3 steps", 3, id="turns"),
        pytest.param({"max_steps": 0}, "0 of 0 steps", 0, id="no-turn"),
        pytest.param({"max_llm_tokens": 25}, "30 of 25 llm_tokens", 3, id="tokens"),
    ],
)
def test_a_limit_that_is_reached_ends_in_failed_with_a_reason(run, limits, why, asked):
    """The model would go on for ever; a second run is granted nothing anew."""
    script = Script(*[[call("look")]] * 9)
    state = AgentState(goal="Do it.", budget=Budget(**limits))
    look = [Tools().tool("look")]

    first = run(script, look, agent_state=state)
    second = run(script, look, agent_state=state)

    assert (first.state, second.state) == ("failed", "failed")
    assert why in first.error
    assert second.error == first.error
    assert len(script.asked) == asked


def test_a_limit_is_counted_over_all_runs(run):
    """An interrupted run has used what it has used."""
    script = Script(*[[call("look")]] * 9)
    state = AgentState(goal="Do it.", budget=Budget(max_steps=5))
    for event in (2, 3, 2):  # of the later runs, the first event is what they found
        with pytest.raises(KeyboardInterrupt):
            run(
                script,
                [Tools().tool("look")],
                agent_state=state,
                on_event=stopping(event),
            )

    task = run(script, [Tools().tool("look")])

    assert "5 of 5 steps" in task.error
    assert len(script.asked) == 5


def test_a_server_that_counts_no_tokens_is_not_free(run):
    """They are estimated, and the limit holds."""
    script = Script(*[reply([call("look")], tokens=None)] * 99)
    budget = Budget(max_llm_tokens=500, max_steps=99)

    task = run(
        script,
        [Tools().tool("look")],
        agent_state=AgentState(goal="Do it.", budget=budget),
    )

    assert "of 500 llm_tokens" in task.error
    assert len(script.asked) < 10


def test_what_was_used_before_is_not_granted_again(run, clock):
    """A state that was handed over brings its counters along."""
    used = Used(steps=18, wall_time_ms=200_000)
    state = AgentState(goal="Do it.", budget=Budget(used=used))
    script = Script(lambda request: clock.advance(99) or [call("look")], [call("look")])

    task = run(script, [Tools().tool("look")], agent_state=state)

    assert "20 of 20 steps" in task.error
    assert (task.deadline.limit, task.deadline.used) == (300, 299)


@pytest.mark.parametrize("used", [300_000, 400_000])
def test_a_budget_without_time_is_refused_before_anything_is_stored(run, store, used):
    """Nothing could begin under it."""
    budget = Budget(used=Used(wall_time_ms=used))

    with pytest.raises(InvalidValue, match="leaves no time"):
        run(Script(), agent_state=AgentState(goal="Do it.", budget=budget))

    assert store.list_by_state("pending") == []


def test_the_deadline_holds_over_restarts_and_is_shown(run, store, clock):
    """Two runs share it, with the time between them; the reason is stored after it."""
    tools = Tools(look=[lambda seconds: str(clock.advance(100))])
    look = [tools.tool("look")]
    script = Script(*[[call("look")]] * 9)
    left = []
    with pytest.raises(KeyboardInterrupt):
        run(script, look, on_event=stopping(2))
    clock.advance(50)

    task = run(script, look, on_event=lambda event: left.append(event.seconds_left))

    assert task.state == "failed"
    assert "'ask the model, turn 4' was not started" in task.error
    assert (task.deadline.limit, task.deadline.used) == (300, 300)
    assert task.agent_state.budget.used.wall_time_ms == 300_000
    assert tools.count("look") == 3
    assert left == [150, 150, 50, 50, 0, 0]


def test_a_failed_task_is_granted_no_more_time(run, clock):
    """Each further run says the same, and asks nobody."""
    script = Script(lambda request: clock.advance(301) or [call("look")])
    tools = Tools()

    errors = [run(script, [tools.tool("look")]).error for _ in range(3)]

    assert all("was not started: its deadline passed" in error for error in errors)
    assert (len(script.asked), tools.ran) == (1, [])


def test_a_result_that_comes_after_the_deadline_is_kept(run, store, clock):
    """It is there, so it is stored; what comes next is not begun."""
    tools = Tools(deploy=[lambda seconds: clock.advance(301) or "deployed"])
    deploy = tools.tool("deploy", risk_level="write_local")

    task = run(Script([call("deploy")]), [deploy])

    assert task.state == "failed"
    assert results(store) == {"c1": "deployed"}
    assert list(Finished.of(task.agent_state).newest.values()) == ["deployed"]


def test_a_call_that_finds_no_time_ends_the_run_and_is_named(run, store, clock):
    """The model is told nothing of it: it will not be asked again."""
    tools = Tools(one=[lambda seconds: str(clock.advance(301))])
    wanted = [tools.tool(name, step_name=lambda tool, a: tool) for name in ("one", "b")]
    script = Script([call("one"), call("b", call_id="c2")])

    task = run(script, wanted)

    assert "step 'b' was not started" in task.error
    assert (list(results(store)), tools.count("b")) == (["c1"], 0)


def test_a_clock_that_is_set_back_grants_nothing(run, store, clock):
    """What was used is used, whatever the time of day says."""
    slow = Tools(look=[lambda seconds: str(clock.advance(200))])
    script = Script([call("look")], [call("look")], [call("look")])
    with pytest.raises(KeyboardInterrupt):
        run(script, [slow.tool("look")], on_event=stopping(2))

    task = run(script, [slow.tool("look")], wall=lambda: 0.0)

    assert task.state == "failed"
    assert slow.count("look") == 2


def test_the_time_until_an_interrupt_is_stored(run, store, clock):
    """Also what went by since the last step."""

    def interrupted(request):
        clock.advance(40)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Script(interrupted))

    assert store.get("t").deadline.used == 40


@pytest.mark.parametrize("kind", ["hang", "drip", "slow"])
def test_a_model_that_keeps_it_waiting_is_given_up_at_the_deadline(job, kind):
    """Silence, a byte now and then, or an answer that comes too late."""
    start_world().fault(job.task_id, kind, seconds=0.5, times=99)

    task = durable_agent(
        job,
        agent_state=state_for(job).model_copy(
            update={"budget": Budget(max_wall_time_ms=300)}
        ),
    )

    assert task.state == "failed"
    assert "its deadline passed" in task.error
    assert counts(job.task_id) == {}


def test_a_model_that_hangs_once_is_asked_again(job):
    """An attempt has seconds of its own, and the run has more."""
    start_world().fault(job.task_id, "hang", seconds=30)

    task = durable_agent(job, step_seconds=0.5, max_attempts=9)

    assert task.state == "completed"
    assert start_world().requests(job.task_id)["model"] >= len(STEPS) + 2


def test_a_tool_that_hangs_is_given_up_and_the_model_is_told(run, store):
    """Nobody knows what became of it, and that is what it is told."""
    import threading

    never = threading.Event()
    tools = Tools(look=[lambda seconds: str(never.wait(seconds * 20))])

    task = run(
        Script([call("look")], "Done."),
        [tools.tool("look")],
        step_seconds=0.5,
        max_attempts=1,
    )

    never.set()
    assert task.result == "Done."
    assert "was given up" in results(store)["c1"]
    assert "unknown" in results(store)["c1"]


def test_a_wait_that_the_deadline_does_not_pay_for_is_not_begun(run, clock):
    """The model says: come back in a minute. The run has half of one."""
    busy = EffectRefused(429, None, "busy", retry_after=60)
    state = AgentState(goal="Do it.", budget=Budget(max_wall_time_ms=30_000))

    task = run(Script(busy), agent_state=state)

    assert (task.state, task.error) == ("failed", str(busy))
    assert clock.slept == []


def test_a_task_that_was_submitted_without_a_deadline_gets_that_of_its_budget(
    run, store, clock
):
    """A fork, for example; its time begins with its first run."""
    store.submit(Task.new("Do it.", task_id="t"))
    clock.advance(1_000)

    task = run(Script(lambda request: clock.advance(100) or "Done."))

    assert task.state == "completed"
    assert (task.deadline.limit, task.deadline.used) == (300, 100)


def size(messages):
    """What the model was shown of state and conversation, in bytes."""
    _, state, *turns = messages
    lines = [json.dumps(turn, ensure_ascii=False) for turn in turns]
    return len("\n".join([state["content"], *lines]).encode())


@pytest.mark.parametrize("limit", [3_000, 6_000, 64_000])
def test_the_model_is_never_shown_more_than_it_may_be(run, limit):
    """Long results, long talk; what it must know is always there."""
    tools = Tools(look=["ü" * 700])
    deploy = tools.tool("deploy", risk_level="write_local", step_name=lambda *g: "go")
    talk = [[call("look", {"path": str(n)}, f"c{n}")] for n in range(15)]
    script = Script([call("deploy")], *talk, "Done.")

    task = run(script, [tools.tool("look", "path"), deploy], context_bytes=limit)

    assert task.result == "Done."
    assert max(map(size, script.asked)) <= limit
    assert all('"go": "ok"' in asked[1]["content"] for asked in script.asked[1:3])
    assert all('"deploy": 1' in asked[1]["content"] for asked in script.asked[1:])
    assert all("goal: Do it." in asked[1]["content"] for asked in script.asked)


def test_too_small_a_view_ends_with_a_reason_and_a_larger_one_goes_on(run):
    """The error says the least that is needed; nothing was asked."""
    script = Script("Done.")

    failed = run(script, context_bytes=5)
    task = run(script, context_bytes=12)

    assert failed.state == "failed"
    assert "needs 12, and the limit is 5" in failed.error
    assert (task.state, len(script.asked)) == ("completed", 1)


def test_what_was_asked_is_shown_besides_another_goal(run):
    """The goal is the run's, the words are the user's."""
    script = Script("Done.")

    lines = ["goal: Keep the shop running", 'fact asked: "Do it." (from user)']
    least = len("\n".join(lines))

    state = AgentState(goal="Keep the shop running")
    failed = run(script, agent_state=state, context_bytes=least - 1)
    run(script, context_bytes=least)

    assert f"needs {least}" in failed.error
    assert [asked[1]["content"].splitlines() for asked in script.asked] == [lines]


def test_the_digest_of_another_task_is_where_this_one_goes_on(run, store):
    """A state handed over says what was finished before; effects have new keys."""
    tools = Tools()
    deploy = [tools.tool("deploy", risk_level="write_local", step_name=lambda *g: "go")]
    first = run(Script([call("deploy")], "Done."), deploy)

    second = run(
        Script([call("deploy")], "Done."),
        deploy,
        task_id="u",
        agent_state=first.agent_state,
    )

    assert tools.count("deploy") == 2
    assert Finished.of(second.agent_state).done == {"deploy": 2}
    assert second.agent_state.budget.used.steps == 4


def test_a_large_result_is_kept_outside_the_state(run, store, tmp_path):
    """The model is told where it is, how large, and how it begins."""
    artifacts = ArtifactStore(tmp_path)
    log = "error: disk full\n" + "ü" * MOST
    tools = Tools(look=[log], peek=["x" * MOST])
    look = [tools.tool("look", step_name=lambda *g: "read-log"), tools.tool("peek")]
    script = Script([call("look"), call("peek", call_id="c2")], "Done.")

    task = run(script, look, artifacts=artifacts)

    (kept,) = task.agent_state.artifacts
    said = results(store)
    assert artifacts.get(kept.artifact_id) == log.encode()
    assert (kept.type, kept.bytes) == ("tool_result.look", len(log.encode()))
    assert kept.summary.startswith("read-log: error: disk full")
    assert kept.artifact_id in said["c1"]
    assert len(said["c1"]) < 400
    assert said["c2"] == "x" * MOST
    assert kept.artifact_id in script.asked[1][1]["content"]


def test_a_large_result_of_an_effect_is_kept_once_whatever_dies(run, store, tmp_path):
    """The result is recorded before it is kept: a full disk costs no effect."""
    folder = tmp_path / "full"
    folder.write_text("in the way")
    tools = Tools(deploy=["x" * (MOST + 1)])
    deploy = [tools.tool("deploy", risk_level="write_local")]
    script = Script([call("deploy")], "Done.")

    failed = run(script, deploy, artifacts=ArtifactStore(folder))
    task = run(script, deploy, artifacts=ArtifactStore(tmp_path / "there"))

    assert failed.state == "failed"
    assert "no artifact was stored" in failed.error
    assert (task.state, tools.count("deploy")) == ("completed", 1)
    assert len(task.agent_state.artifacts) == 1


def test_without_a_place_for_it_a_large_result_stays_in_the_conversation(run, store):
    """The model sees that it was answered: the beginning, the end, the size."""
    tools = Tools(look=["begin" + "x" * 200_000 + "end"])
    script = Script([call("look")], "Done.")

    task = run(script, [tools.tool("look")])

    shown = script.asked[1][-1]["content"]
    assert (task.state, len(results(store)["c1"])) == ("completed", 200_008)
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert "of 200008 characters are not shown" in shown
    assert max(map(size, script.asked)) <= 5_000
