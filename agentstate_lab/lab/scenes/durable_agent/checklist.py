"""
The checklist of the chapter, as a self-assessment that runs code.

Five promises make an agent fit for work that matters. Here each is tried on an
agent, with a failure that really happens, and the ledger is read afterwards. What
an agent says of itself is not asked.

The failures are those of the lessons: a lost reply (03), a throttled model (04), a
time that is used up (05), a death in the middle (00 to 02, 07). Nothing waits for
real: the agent gets a sleep that only takes note.
"""

import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentstate_lab.agent import Finished
from agentstate_lab.deadline import Deadline
from agentstate_lab.lab.agents import run_job
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.crash import Agent, crash_at
from agentstate_lab.lab.home import home
from agentstate_lab.lab.show import Cell, Table, plural, times
from agentstate_lab.lab.world import World, scenario_named, start_world
from agentstate_lab.state import Task
from agentstate_lab.stores import open_store

SCENARIO = "deploy"

Verdict = tuple[bool, str]


class Trial:
    """One promise on trial: a task of its own, a store of its own, the world."""

    def __init__(self, agent: Agent, folder: Path) -> None:
        self.agent = agent
        self.world: World = start_world()
        self.task_id = f"checklist-{uuid.uuid4().hex[:12]}"
        self.url = f"json:{folder / self.task_id}.json"
        self.clock = FakeClock()

    def run(self) -> str:
        """Run the agent once, and say how it ended."""
        try:
            outcome = run_job(
                SCENARIO,
                self.task_id,
                self.agent,
                store_url=self.url,
                sleep=self.clock.sleep,
                on_event=lambda line: None,
            )
        except Exception as error:  # noqa: BLE001 - the agent on trial may raise any
            return type(error).__name__
        return "completed" if outcome.completed else "not completed"

    def die(self, point: str) -> None:
        """Kill the agent at *point*."""
        crash_at(
            self.agent, point, scenario=SCENARIO, task_id=self.task_id, store=self.url
        )

    def counts(self) -> dict[str, int]:
        """What the world counted, by step."""
        return {e.step: e.count for e in self.world.ledger(self.task_id)}

    def each_once(self) -> bool:
        """Whether every effect of the job happened, and none twice."""
        counts = self.counts()
        return len(counts) == 8 and set(counts.values()) == {1}


def repeats_do_no_harm(trial: Trial) -> Verdict:
    """A reply is lost, and whoever is in charge runs it again."""
    trial.world.fault(trial.task_id, "reply_lost", at="deploy-api")
    runs = 0
    while runs < 3 and (runs == 0 or not trial.each_once()):
        trial.run()
        runs += 1
    count = trial.counts().get("deploy-api", 0)
    return trial.each_once(), f"a lost reply: deploy-api happened {times(count)}"


def passing_failures_pass(trial: Trial) -> Verdict:
    """The model is throttled twice, and one run gets through."""
    trial.world.fault(trial.task_id, "throttle", times=2, seconds=0.0)
    ended = trial.run()
    waited = len(trial.clock.slept)
    good = ended == "completed" and trial.each_once() and waited >= 2
    return good, f"two refusals (429): {ended}, after {waited} waits"


def time_runs_out(trial: Trial) -> Verdict:
    """The time of the task is used up: no effect may start any more."""
    spent = Deadline.after(60.0).record()
    spent = spent.model_copy(update={"used": 60.0})
    goal = scenario_named(SCENARIO).goal
    store = open_store(trial.url)
    store.submit(Task.new(goal, task_id=trial.task_id).replace(deadline=spent))
    trial.run()
    task = store.get(trial.task_id)
    started = sum(trial.counts().values())
    error = task.error or "none"
    good = not started and "deadline" in error
    said = f"{started} effects started, error: {error.partition(':')[0]}"
    return good, f"no time left: {said}"


def progress_is_stored(trial: Trial) -> Verdict:
    """Killed after three effects: is it on the disk how far it came?"""
    trial.die("effect.after:3")
    store: Any = open_store(trial.url)
    try:
        task = store.get(trial.task_id)
    except LookupError:
        return False, "killed after 3 effects: the store knows of no task"
    facts = [f.key for f in task.agent_state.known_facts if f.key.startswith("done:")]
    steps = [s.name for s in store.steps(trial.task_id)]
    known = {key.removeprefix("done:") for key in facts} | set(steps)
    known |= set(Finished.of(task.agent_state).newest)
    effects = len(known & {s.name for s in scenario_named(SCENARIO).effects})
    looks = len(known) - effects  # not every step changes something
    said = f"{effects} effects and {plural(looks, 'look')}"
    return len(known) >= 2, f"killed after 3 effects: the store knows of {said}"


def a_run_is_resumed(trial: Trial) -> Verdict:
    """Killed at a bad moment, and run again."""
    trial.die("effect.inside:4")
    ended = trial.run()
    most = max(trial.counts().values())
    good = ended == "completed" and trial.each_once()
    return good, f"killed inside effect 4: {ended}, at most {times(most)} each"


PROMISES: tuple[tuple[str, Callable[[Trial], Verdict]], ...] = (
    ("effects can be repeated without harm", repeats_do_no_harm),
    ("failures that pass are tried again", passing_failures_pass),
    ("the run and its steps have a deadline", time_runs_out),
    ("the state survives a restart", progress_is_stored),
    ("a run goes on after a crash", a_run_is_resumed),
)


def checklist(agent: Agent) -> Table:
    """
    Try the five promises on *agent*.

    Args:
        agent: By name, or your own function of a `Job`.

    Returns:
        A table: the promise, what was done and happened, and whether it is kept.
    """
    rows = []
    with tempfile.TemporaryDirectory(dir=home()) as folder:
        for promise, tried in PROMISES:
            trial = Trial(agent, Path(folder))
            kept, happened = tried(trial)
            trial.world.forget(trial.task_id)
            verdict = Cell("kept") if kept else Cell("broken", tone="harm")
            rows.append((promise, happened, verdict))
    count = sum(verdict == "kept" for *_, verdict in rows)
    caption = f"{_name(agent)}: {count} of {len(rows)} promises kept"
    return Table(caption, ("promise", "what happened", "verdict"), tuple(rows))


def _name(agent: Agent) -> str:
    name = agent if isinstance(agent, str) else getattr(agent, "__name__", "agent")
    return str(name).replace("_agent", " agent")
