"""The durable agent: a message for each call, a reason for each failure."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from answers.retry_answers import RIGHT as RETRIES
from script import Script, Tools, call, counts, reply, results, stopping

from agentstate_lab.agent.reply import MAX_CALLS
from agentstate_lab.errors import StoreBusy, TaskInProgress, VersionConflict
from agentstate_lab.lab.agents import durable_agent
from agentstate_lab.lab.world import SCENARIOS, start_world
from agentstate_lab.state import AppendFacts, Fact, StatePatch
from agentstate_lab.stores import execute_step

EFFECTS = [step.name for step in SCENARIOS["deploy"].effects]
STEPS = [step.name for step in SCENARIOS["deploy"].steps]
EACH_ONCE = dict.fromkeys(EFFECTS, 1)


class Mute(Exception):
    """An error without a text."""


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        pytest.param(call("look"), "ok", id="well-formed"),
        pytest.param(call("fail"), "error: no such service", id="a-tool-that-fails"),
        pytest.param(call("mute"), "error: Mute", id="without-a-text"),
        pytest.param(call("long"), "error: " + "x" * 493, id="with-a-long-text"),
        pytest.param(call("drop"), "error: tool: there is none called", id="unknown"),
        pytest.param(call("look", "{"), "error: arguments: look: this", id="no-json"),
        pytest.param(call("look", "[" * 9_999), "error: arguments", id="brackets"),
        pytest.param(call("look", "9" * 200_000), "error: arguments", id="huge"),
        pytest.param(call("look", '{"path": 7}'), "error: arguments", id="a-number"),
        pytest.param(call("look", call_id=None), "ok", id="without-an-id"),
        pytest.param({"id": "c1"}, "error: tool: there is none", id="no-function"),
        pytest.param("look", "error: tool: there is none", id="a-word"),
    ],
)
@pytest.mark.parametrize("copies", [1, 3])
def test_each_call_gets_one_tool_message(run, store, wanted, told, copies):
    """Next to one that is well-formed; the script refuses a conversation with a gap."""
    answers = {
        "fail": [LookupError("no such service")],
        "mute": [Mute()],
        "long": [ValueError("x" * 10_000)],
    }
    tools = Tools(**answers)
    named = [tools.tool(name) for name in ("look", "fail", "mute", "long")]
    calls = [call("look", call_id="first"), *[wanted] * copies]
    script = Script(calls, "Done.")

    task = run(script, named, max_attempts=1)

    assert (task.state, task.result) == ("completed", "Done.")
    first, *others = results(store).values()
    assert (first, len(others)) == ("ok", copies)
    assert all(said.startswith(told) for said in others)
    assert len(script.asked) == 2


def test_many_calls_in_one_turn_are_all_carried_out(run, store):
    """One after the other, in their order."""
    tools = Tools()
    calls = [call("look", {"path": str(n)}, f"c{n}") for n in range(MAX_CALLS)]

    look = tools.tool("look", "path")
    task = run(Script(calls, "Done."), [look], strategy="every_iteration")

    assert task.result == "Done."
    assert list(results(store)) == [f"c{n}" for n in range(MAX_CALLS)]
    assert [ran[1]["path"] for ran in tools.ran] == list(map(str, range(MAX_CALLS)))


@pytest.mark.parametrize("stop_at", range(2, 8))
def test_a_turn_of_many_calls_goes_on_where_it_was_cut(run, stop_at):
    """A step that is done is not run again, and the model is not asked again."""
    tools = Tools()
    wanted = [tools.tool(f"t{n}", risk_level="write_local") for n in range(6)]
    script = Script([call(f"t{n}", call_id=f"c{n}") for n in range(6)], "Done.")
    with pytest.raises(KeyboardInterrupt):
        run(script, wanted, on_event=stopping(stop_at))

    task = run(script, wanted)

    assert task.result == "Done."
    assert [ran[0] for ran in tools.ran] == [f"t{n}" for n in range(6)]


def test_the_same_effect_twice_happens_once(run, store):
    """The model calls again for what is done: the recorded result is the answer."""
    tools = Tools(deploy=["first", "second"])
    deploy = tools.tool("deploy", "service", risk_level="write_local")
    wanted = {"service": "api"}
    script = Script([call("deploy", wanted, "a"), call("deploy", wanted, "b")], "Done.")

    run(script, [deploy])

    assert results(store) == {"a": "first", "b": "first"}
    assert tools.count("deploy") == 1


def test_one_name_for_two_intents_is_told_to_the_model(run, store):
    """The second is refused by its fingerprint, not answered with the first result."""
    tools = Tools()
    deploy = tools.tool(
        "deploy",
        "service",
        risk_level="write_local",
        step_name=lambda tool, arguments: "deploy",
    )
    calls = [call("deploy", {"service": name}, name) for name in ("api", "web")]

    task = run(Script(calls, "Done."), [deploy])

    assert task.state == "completed"
    assert results(store)["api"] == "ok"
    assert "exists with another input" in results(store)["web"]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(StoreBusy("its own database", "is locked"), id="store"),
        pytest.param(VersionConflict("x", expected=1, found=2), id="conflict"),
        pytest.param(TaskInProgress("x"), id="in-progress"),
    ],
)
def test_a_tool_s_own_store_is_not_the_agent_s(run, store, error):
    """Its errors are told to the model, like any others."""
    tools = Tools(look=[error])

    task = run(Script([call("look")], "Done."), [tools.tool("look")], max_attempts=1)

    assert task.state == "completed"
    assert results(store)["c1"].startswith("error: ")


def test_a_note_that_somebody_writes_meanwhile_is_kept(run, store):
    """It comes between a look and a save, and the run saves again, on top of it."""

    def noting(seconds):
        learned = AppendFacts(facts=(Fact(key="note", value="seen"),))
        execute_step(
            store,
            "t",
            lambda task: task.apply(
                StatePatch(id="n", base_version=task.version, operations=(learned,))
            ),
        )
        return "ok"

    save, between = store.save, [noting, noting]

    def late(task, **more):
        if more.get("messages") and between:
            store.save = save
            between.pop()(0)
            store.save = late
        return save(task, **more)

    store.save = late
    task = run(Script([call("look")], "Done."), [Tools().tool("look")])

    assert (task.result, between) == ("Done.", [])
    assert task.agent_state.fact("note") == "seen"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(SimpleNamespace(choices=[]), "no choice", id="empty-choices"),
        pytest.param(reply(""), "neither a text nor a tool call", id="empty-text"),
        pytest.param(reply("x" * 10_000_001), "the limit is", id="ten-megabytes"),
        pytest.param(SimpleNamespace(), "no choice", id="no-reply"),
        pytest.param(reply([call("look")] * 200), "200 calls", id="200-calls"),
    ],
)
def test_nonsense_ends_in_failed_with_a_reason_and_can_be_asked_again(
    run, store, answer, why
):
    """Nothing of it is in the conversation; what it cost is counted."""
    script = Script(answer, "Done.")

    first = run(script, [Tools().tool("look")])
    second = run(script, [Tools().tool("look")])

    assert (first.state, second.state) == ("failed", "completed")
    assert why in first.error
    assert first.agent_state.budget.used.steps == 1
    assert second.agent_state.budget.used.steps == 2
    assert (second.result, second.error) == ("Done.", None)
    assert len(store.messages("t")) == 1


def test_ten_megabytes_over_the_wire_are_survived(run):
    """The real client, and a server that has lost its mind."""
    import httpx2
    from openai import OpenAI

    choice = {"message": {"role": "assistant", "content": "x" * 10_000_001}}
    body = {"id": "c", "object": "chat.completion", "created": 0, "model": "m"}
    served = httpx2.MockTransport(
        lambda request: httpx2.Response(200, json={**body, "choices": [choice]})
    )
    client = OpenAI(
        api_key="k", base_url="http://test", http_client=httpx2.Client(transport=served)
    )

    with client:
        task = run(client)

    assert task.state == "failed"
    assert "10000" in task.error


@pytest.mark.parametrize("kind", ["throttle", "error", "drop"])
def test_failures_of_the_model_are_tried_again(job, clock, kind):
    """Three in a row: one run gets through, with three requests and waits more."""
    start_world().fault(job.task_id, kind, times=3, after=2)

    task = durable_agent(job)

    assert task.state == "completed"
    assert counts(job.task_id) == EACH_ONCE
    assert start_world().requests(job.task_id)["model"] == len(STEPS) + 1 + 3
    assert len(clock.slept) == 3


@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        ("throttle", "package"),
        ("error", "plain"),
        ("drop", "package"),
        ("reply_lost", "plain"),
    ],
)
def test_failures_of_tools_are_tried_again_under_the_same_key(job, clock, kind, retry):
    """The service knows the key, so also a lost reply is no reason to stop."""
    start_world().fault(job.task_id, kind, at="report", times=3)
    given = {} if retry == "package" else {"retry": RETRIES[retry]}

    task = durable_agent(job, **given)

    assert task.state == "completed"
    assert counts(job.task_id) == EACH_ONCE
    assert start_world().requests(job.task_id)["send_mail"] == 2 + 3
    assert len(clock.slept) == 3


def test_a_model_that_stays_away_ends_the_run_with_its_error(job):
    """Four attempts are four requests, also when the client would try again itself."""
    start_world().fault(job.task_id, "throttle", times=99)
    eager = job.client.with_options(max_retries=2)

    task = durable_agent(replace(job, client=eager))

    assert task.state == "failed"
    assert "429" in task.error
    assert start_world().requests(job.task_id) == {"model": 4}


def test_a_tool_that_stays_away_is_told_to_the_model(job):
    """Four attempts for each call; the scripted model calls three times."""
    start_world().fault(job.task_id, "error", at="announce", times=99)

    task = durable_agent(job)

    assert task.result == "I give up: announce failed 3 times."
    assert start_world().requests(job.task_id)["send_mail"] == 12
    assert counts(job.task_id) == {"open-ticket": 1}


@pytest.mark.parametrize(
    ("kind", "retry"), [("throttle", "package"), ("error", "plain")]
)
def test_without_a_key_a_refusal_is_tried_again(job, kind, retry):
    """It says that nothing happened, so a repeat cannot be the second time."""
    start_world().fault(job.task_id, kind, at="announce", times=2)
    given = {} if retry == "package" else {"retry": RETRIES[retry]}

    task = durable_agent(job, keyless={"send_mail"}, **given)

    assert task.state == "completed"
    assert counts(job.task_id) == EACH_ONCE


@pytest.mark.parametrize("retry", ["package", "thread"])
def test_without_a_key_silence_is_not_tried_again(job, retry):
    """It may have happened: one request, and a question for a person."""
    start_world().fault(job.task_id, "reply_lost", at="announce", times=99)
    given = {} if retry == "package" else {"retry": RETRIES[retry]}

    task = durable_agent(job, keyless={"send_mail"}, **given)

    assert task.state == "waiting"
    assert start_world().requests(job.task_id)["send_mail"] == 1
    assert counts(job.task_id)["announce"] == 1


@pytest.mark.parametrize("if_unknown", ["resend", "wait", "repeat"])
def test_a_receiver_that_is_still_at_it_is_asked_ten_times_and_not_forty(
    run, store, if_unknown
):
    """One layer tries again, and not two of them on top of each other."""

    class StillAtIt(Exception):
        status_code = 409

    tools = Tools(deploy=[StillAtIt("in progress")])
    deploy = tools.tool("deploy", risk_level="write_local", if_unknown=if_unknown)

    run(Script([call("deploy")], "Done."), [deploy])

    assert tools.count("deploy") == 10


def test_a_refusal_of_the_model_for_good_is_not_tried_again(job, clock):
    """No attempt helps against a wrong name."""
    task = durable_agent(replace(job, model="no-such-model"))

    assert task.state == "failed"
    assert "no-such-model" in task.error
    assert start_world().requests(job.task_id).get("model", 0) <= 1
    assert clock.slept == []


def half(said="Half a sen", why="length"):
    """A reply that is not whole."""
    answer = reply(said)
    answer.choices[0].finish_reason = why
    return answer


def test_a_model_whose_answer_was_cut_off_is_told_and_asked_again(run, store):
    """Half a sentence is no result, and what was cut does not run."""
    tools = Tools()
    script = Script(half(), half([call("look")]), [call("look")], "Done.")

    task = run(script, [tools.tool("look")])

    assert (task.state, task.result) == ("completed", "Done.")
    assert tools.count("look") == 1
    assert script.asked[1][-1]["content"].startswith("Your last answer was cut off")
    assert task.agent_state.budget.used.steps == 4


def test_a_model_whose_answers_are_all_cut_off_ends_the_run_with_the_reason(run):
    """After three in a row, not when the whole budget is gone; a resume tries once."""
    script = Script(half(), half(), half(), half(), "Done.")

    first, second, third = (run(script) for _ in range(3))

    assert (first.state, second.state) == ("failed", "failed")
    assert "cut off (length)" in first.error
    assert (third.state, len(script.lines)) == ("completed", 0)


@pytest.mark.parametrize("why", ["content_filter", "refusal"])
def test_an_answer_that_is_kept_back_ends_the_run_with_the_reason(run, why):
    """It never completes a task, and asking the same again would not help."""
    task = run(Script(half(why=why)))

    assert (task.state, task.result) == ("failed", None)
    assert f"kept back ({why}): nothing of it was used" in task.error
