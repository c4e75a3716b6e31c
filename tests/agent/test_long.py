"""A long run: every step costs what the first one cost, counted and not timed."""

import json
from collections import Counter

import pytest
from script import Script, Tools, call, stopping

from agentstate_lab.agent import Finished, run_agent
from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import AgentState, Budget, record_to_json
from agentstate_lab.stores import Page, open_store
from agentstate_lab.stores.sql import tables

BUDGET = Budget(max_steps=10**6, max_llm_tokens=10**9)
STATE = AgentState(goal="Write notes.", budget=BUDGET)


class Counted:
    """A database that counts what it is asked for, and knows after which request."""

    def __init__(self, store):
        self.seen, self.marks = Counter(), []
        database = store.database
        self._read, self._commit = database.read, database.commit
        database.read, database.commit = self.read, self.commit

    def read(self, statement, **values):
        """Read, and count."""
        self.seen["reads of the task"] += statement == tables.GET
        self.seen["statements"] += 1
        return self._read(statement, **values)

    def commit(self, moment):
        """Commit, and count with what is written."""
        self.seen["commits"] += 1
        self.seen["bytes of the task"] += len(moment.values["line"])
        snapshots = sum(len(one["line"]) for one in moment.checkpoints)
        self.seen["bytes of snapshots"] += snapshots
        return self._commit(moment)

    def mark(self, event):
        """Note what had been counted when the model answered."""
        if event.kind == "asked":
            self.marks.append(Counter(self.seen))

    def ten_steps(self, last):
        """What ten steps have cost, to the one of this number."""
        return self.marks[last] - self.marks[last - 10]


def notes(number):
    """A script that writes so many notes, and the tool for it."""
    tools = Tools(note=["n" * 200])
    note = tools.tool(
        "note",
        "name",
        risk_level="write_local",
        if_unknown="resend",
        step_name=lambda tool, arguments: arguments["name"],
    )
    turns = [[call("note", {"name": f"note-{n}"}, f"c{n}")] for n in range(number)]
    return Script(*turns, "Done."), tools, [note]


def write(store, script, tools, **more):
    """Run the agent on it, in no time."""
    clock = FakeClock()
    options = {"agent_state": STATE, "model": "m", "sleep": clock.sleep, **more}
    timed = {"clock": clock, "wall": clock}
    return run_agent(
        "t", "Write.", store=store, client=script, tools=tools, **timed, **options
    )


def test_the_last_steps_cost_what_early_ones_cost(tmp_path):
    """
    Two reads of the task, four commits, the same statements; bytes stay in bounds.

    They are counted by tens, since rotation looks once in some steps.
    """
    script, tools, note = notes(90)
    with open_store(f"sqlite:{tmp_path / 'tasks.db'}") as store:
        counted = Counted(store)
        task = write(store, script, note, on_event=counted.mark)
        kept = len(store.checkpoints("t"))

    early, late = counted.ten_steps(20), counted.ten_steps(90)
    assert (task.state, tools.count("note")) == ("completed", 90)
    assert late["reads of the task"] == 20
    assert (early["commits"], late["commits"]) == (40, 40)
    assert late["statements"] == early["statements"] <= 42
    assert late["bytes of the task"] < 1.1 * early["bytes of the task"] < 200_000
    assert late["bytes of snapshots"] < 1.1 * early["bytes of snapshots"] < 80_000
    assert kept <= 40


def test_a_hundred_steps_leave_three_bytes_on_the_disk_for_each_new_one(tmp_path):
    """With snapshots at every step, and what an empty file has already."""
    script, _, note = notes(100)
    path = tmp_path / "tasks.db"
    with open_store(f"sqlite:{path}") as store:
        write(store, script, note)
        messages, records = store.messages("t"), store.steps("t")
    news = sum(len(json.dumps(one)) for one in messages)
    news += sum(len(record_to_json(one, "a step")) for one in records)

    assert path.stat().st_size <= 3 * news


def test_a_request_of_a_long_run_has_one_size_and_the_digest(store):
    """Nothing that is always shown grows; the counts are exact."""
    script, _, note = notes(40)

    task = write(store, script, note, context_bytes=5_000)

    assert task.result == "Done."
    shown = [sum(len(str(m)) for m in asked) for asked in script.asked]
    assert max(shown) < 8_000
    assert Finished.of(task.agent_state).done == {"note": 40}
    assert '"note": 39' in script.asked[39][1]["content"]
    assert script.asked[-1][-1]["tool_call_id"] == "c39"


@pytest.mark.parametrize("restart", [False, True], ids=["same-run", "after-restart"])
def test_an_early_effect_that_is_called_for_again_is_replayed(store, restart):
    """From its record, when its turn has long fallen out; it is not counted again."""
    script, tools, note = notes(40)
    script.lines[39] = [call("note", {"name": "note-3"}, "again")]
    if restart:
        with pytest.raises(KeyboardInterrupt):
            write(store, script, note, context_bytes=3_000, on_event=stopping(90))

    task = write(store, script, note, context_bytes=3_000)

    assert (task.state, tools.count("note")) == ("completed", 39)
    assert Finished.of(task.agent_state).done == {"note": 39}
    assert script.asked[-1][-1]["content"] == "n" * 200


def test_a_run_resumes_from_the_end_of_the_conversation_alone(tmp_path):
    """A page or two of messages are read, however long the run was."""
    script, _, note = notes(70)
    url = f"sqlite:{tmp_path / 'tasks.db'}"
    with open_store(url) as store, pytest.raises(KeyboardInterrupt):
        write(store, script, note, context_bytes=3_000, on_event=stopping(180))
    pages = []
    with open_store(url) as store:
        whole = store.messages
        store.messages = lambda *of: pages.append(of[1:]) or whole(*of)
        task = write(store, script, note, context_bytes=3_000)

    assert task.state == "completed"
    assert pages == [(Page(0, 50, newest_first=True),)]


def test_a_fork_knows_what_was_done_before_it(store):
    """Its digest is that of its moment; its own effects have keys of their own."""
    script, _, note = notes(20)
    write(store, script, note)
    manager = CheckpointManager(store)
    moment = manager.history("t")[21]

    fork = manager.fork("t", moment.version, new_id="fork")

    done = Finished.of(fork.agent_state).steps
    assert 0 < done < 20
    assert store.message_count("fork") == moment.messages
    assert record_to_json(moment, "c").count("note-") <= 11


def test_results_of_200_kb_are_kept_and_shown_by_their_ends(store):
    """Twenty of them: each request stays small, each stored message is whole."""
    tools = Tools(look=["begin" + "x" * 200_000 + "end"])
    turns = [[call("look", {"path": str(n)}, f"c{n}")] for n in range(20)]
    script = Script(*turns, "Done.")

    task = write(store, script, [tools.tool("look", "path")])

    assert task.result == "Done."
    assert max(len(str(asked)) for asked in script.asked) < 64_000
    assert len(store.messages("t")[1]["content"]) == 200_008
    assert "recall(message=40) shows them" in script.asked[-1][-1]["content"]


def test_a_note_of_somebody_else_is_kept_and_seen(run, store):
    """A save on the task in hand is refused, and made again on what was written."""
    from agentstate_lab.state import Fact, UpsertFact

    def noting(event):
        if event.kind == "asked" and event.turns == 1:
            fact = UpsertFact(fact=Fact(key="note", value="careful", source="b"))
            store.save(store.get("t").learned(fact))

    tools = Tools()
    script = Script([call("look")], "Done.")

    task = run(script, [tools.tool("look")], on_event=noting)

    assert task.agent_state.fact("note") == "careful"
    assert 'fact note: "careful"' in script.asked[1][1]["content"]
    assert Finished.of(task.agent_state).done == {"look": 1}
