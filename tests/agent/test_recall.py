"""What has fallen out of a request can be found again, a page at a time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import Script, Tools, call, results

from agentstate_lab.agent.recall import PAGE, recall_of
from agentstate_lab.errors import TaskNotFound
from agentstate_lab.state import StepRecord, Task
from agentstate_lab.stores import MemoryStore

TEXT = "begin " + "x" * 8_000 + " end"


@pytest.fixture
def past(any_store):
    """A task with thirty calls of a tool, one long result and one recorded step."""
    task = any_store.submit(Task.new("Do it.", task_id="t")).task
    messages = []
    for n in range(30):
        calls = [call("deploy", {"service": f"s{n}"}, f"c{n}")]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        said = TEXT if n == 3 else f"deployed s{n}"
        messages.append({"role": "tool", "tool_call_id": f"c{n}", "content": said})
    done = StepRecord(name="go", status="done", key="k", fingerprint="", result=TEXT)
    any_store.save(task, steps=[done], messages=messages)
    return any_store


def asked(store, **what):
    """What the tool answers."""
    return recall_of(store, "t").run(what, "key", 60.0)


def test_calls_of_a_tool_are_listed_the_newest_first(past):
    """With their arguments and how their results begin; the next page goes on."""
    first, last = asked(past, called="deploy"), asked(past, called="deploy", page=3)

    lines = first.splitlines()
    assert lines[0] == ('recalled: message 59: deploy {"service": "s29"}: deployed s29')
    assert (len(lines), lines[-1]) == (11, "more: page=2")
    assert 'deploy {"service": "s3"}: begin xxx' in last
    assert asked(past, called="deploy", page=4) == "recalled: nothing"


def test_a_text_is_found_with_what_is_around_it(past):
    """Each hit says where the whole message is."""
    found = asked(past, text="deployed s17")

    assert found == "recalled: message 36 (tool): deployed s17"


@pytest.mark.parametrize("what", [{"step": "go"}, {"message": 8}], ids=["step", "said"])
def test_a_long_text_comes_in_pages(past, what):
    """Together they are the whole text."""
    pages = [asked(past, **what, page=n).split("\n", 2)[2] for n in (1, 2, 3)]

    assert "".join(pages) == TEXT
    assert "page 2 of 3, 8010 characters in all" in asked(past, **what, page=2)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"step": "nothing"}, "no step is called 'nothing'"),
        ({"message": 99}, "there is no message 99"),
        ({"message": -1}, "messages are numbered from 1"),
        ({"text": "\0%_"}, "nothing"),
        ({"called": 'deploy"} or 1'}, "nothing"),
    ],
    ids=["step", "message", "negative", "odd-text", "odd-tool"],
)
def test_what_is_not_there_is_said(past, what, said):
    """Also for a wish that was meant to break out of the query."""
    assert asked(past, **what).startswith(f"recalled: {said}")


@given(st.text(), st.text(), st.integers(1, 10**6))
def test_an_answer_has_one_size(step, text, page):
    """Whatever is asked for."""
    store = MemoryStore()
    task = store.submit(Task.new("Do it.", task_id="t")).task
    store.save(task, messages=[{"role": "tool", "content": "y" * 50_000}] * 12)

    for what in ({"step": step}, {"text": text}, {"text": "y"}, {"message": 2}):
        if all(what.values()):
            assert len(asked(store, **what, page=page)) < PAGE + 500


def test_the_model_is_told_when_its_wish_is_none(run, store):
    """Two wishes at once, or a page that is none; the run goes on."""
    wishes = [{}, {"step": "a", "text": "b"}, {"text": "a", "page": 0}]
    calls = [call("recall", wish, f"c{n}") for n, wish in enumerate(wishes)]
    script = Script(calls, "Done.")

    task = run(script, [Tools().tool("look")])

    said = list(results(store).values())
    assert (task.result, len(said)) == ("Done.", 3)
    assert all(text.startswith("error:") for text in said)


def test_what_fell_out_is_announced_and_found_in_the_run(run):
    """The first result is not in the last request; one look brings it back."""
    tools = Tools(look=["the code is 4711", "x" * 900])
    talk = [[call("look", {"path": str(n)}, f"c{n}")] for n in range(8)]
    script = Script(*talk, [call("recall", {"text": "the code"}, "r")], "4711")
    events = []

    task = run(
        script,
        [tools.tool("look", "path")],
        context_bytes=4_000,
        on_event=events.append,
    )

    last = json.dumps(script.asked[-1])
    assert task.result == "4711"
    assert '"content": "the code is 4711"' not in json.dumps(script.asked[-2][2:])
    assert "recalled: message 2 (tool): the code is 4711" in last
    assert any("without messages 1 to" in e.text for e in events if e.kind == "shown")


def test_it_knows_no_other_task():
    """It is made for one task, and no argument names another."""
    with pytest.raises(TaskNotFound):
        asked(MemoryStore(), text="anything")
