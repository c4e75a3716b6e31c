"""
The course as a table: which question each lesson answers, and where it lives.

One noun runs through a lesson: its notebook, its modules and its exercise carry
the same name. The table is data, so that notebook 00 can show it with the
learner's progress and a test can hold the README and the tree to it. A lesson
marked as planned has its place here and nothing else yet.

This module keeps no progress; `progress` does.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from .checks.exercises import EXERCISES
from .show import Table


@dataclass(frozen=True, slots=True)
class Lesson:
    """
    One row of the map.

    Attributes:
        name: The notebook, without its ending.

        question: What the learner can answer at its end.

        covers: The parts of the chapter that it teaches.

        modules: What it teaches, as modules of the package.

        check: The name of its exercise for `check` and `hint`, or None.

        optional: Whether the course can be finished without it.

        planned: Whether it is still to be written.
    """

    name: str
    question: str
    covers: tuple[str, ...]
    modules: tuple[str, ...] = ()
    check: str | None = None
    optional: bool = field(default=False, kw_only=True)
    planned: bool = field(default=False, kw_only=True)

    @property
    def number(self) -> str:
        """The two digits in front of the name."""
        return self.name[:2]

    @property
    def notebook(self) -> str:
        """Where the notebook is, from the root of the repository."""
        return f"notebooks/{self.name}.ipynb"

    @property
    def exercise(self) -> str | None:
        """Where the exercise is, from the root, or None without one."""
        return f"exercises/{self.name}.ipynb" if self.check else None

    @property
    def solution(self) -> str | None:
        """Where the solution is, from the root, or None without an exercise."""
        return f"exercises/solutions/{self.name}.ipynb" if self.check else None


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "00_start_here",
        "What happens at minute 8?",
        ("why this chapter", "case study", "planning and execution"),
    ),
    Lesson(
        "01_state",
        "What must your replacement know?",
        ("step 0: AgentState and StatePatch", "step 1: Task"),
        ("state", "task"),
        "state",
    ),
    Lesson(
        "02_json_store",
        "What survives in a file?",
        ("step 5: persistence", "error 4: state not persisted"),
        ("store", "json_store"),
        "json_store",
    ),
    Lesson(
        "03_idempotency",
        "Why did it deploy twice?",
        (
            "step 2: idempotency",
            "step 6: resume",
            "error 1: no idempotency",
            "mini-exercise 2: idempotency",
        ),
        ("idempotency",),
        "idempotency",
    ),
    Lesson(
        "04_retry",
        "When does trying again make it worse?",
        (
            "step 3: retry",
            "error 2: no retry",
            "integration point 2: tool execution",
            "mini-exercise 1: retry",
        ),
        ("retry",),
        "retry",
    ),
    Lesson(
        "05_deadline",
        "Who runs out of time first?",
        ("step 4: deadlines", "error 3: no deadlines"),
        ("deadline",),
        "deadline",
    ),
    Lesson(
        "06_sql_store",
        "What does a database add, and what not?",
        ("StateStore", "PostgreSQL", "transactions"),
        ("sqlite_store", "postgres_store"),
        "sql_store",
    ),
    Lesson(
        "07_checkpoint",
        "How much work is lost when it dies here?",
        ("advanced checkpoints",),
        ("checkpoint",),
        "checkpoint",
    ),
    Lesson(
        "08_context",
        "What does the model need to see?",
        ("dynamic context",),
        ("context",),
        "context",
    ),
    Lesson(
        "09_mcp",
        "How do two agents share one state?",
        ("MCP for state",),
        ("mcp_state",),
        "mcp",
        optional=True,
    ),
    Lesson(
        "10_durable_agent",
        "Can you kill it so that it does harm?",
        ("complete example", "integration point 1: agent loop", "checklist"),
        ("agent",),
        "durable_agent",
    ),
    Lesson(
        "11_scale_out",
        "What when one machine is not enough?",
        ("beyond the chapter",),
        ("scale_out",),
        optional=True,
    ),
)

SUPPORT: dict[str, str] = {
    "__main__": "the command line",
    "agent_event": "what a run tells while it runs",
    "agent_run": "one run of an agent, from what is stored to an end or a question",
    "allowance": "what a run may use, and what was used of it",
    "approval": "what a person says to a run: yes, no, or stop",
    "own_run": "a task under an `execute` function that knows less than ours",
    "pairing": "one result for each tool call, always",
    "snapshot": "what an agent knew at one moment",
    "tool": "what the model may call, and how a call is checked",
    "artifacts": "large tool results, kept outside the state",
    "atomic_file": "a write to a file that happens whole or not at all",
    "attempts": "a call to the outside, as long and as often as it may be tried",
    "backoff": "how long to wait before the next attempt",
    "claim": "who may run a task, and how its run ends",
    "codec": "how values become stored bytes and come back",
    "database": "a connection that threads share and a fork does not spoil",
    "context_parts": "how a state reads, part by part",
    "digest": "a value as bytes that are equal whenever the values are",
    "errors": "every error, each saying what became of the effect",
    "execution": "a task run from its claim to its end, resumed, recovered",
    "failure": "what a failure says about trying again",
    "grants": "who may read and write whose tasks, and with which token",
    "journal": "what was said and learned, stored before the next thing begins",
    "json_format": "the bytes of the one JSON file",
    "lease": "a claim that ends by itself, and the token that proves it",
    "line_memo": "a task that is saved as it was read keeps its line",
    "mcp_state_client": "one request to a server of states, and its answer",
    "mcp_state_connection": "one connection to a server of states, in its own thread",
    "mcp_state_errors": "errors of the course as errors of the protocol",
    "mcp_state_serve": "that server as a process, over stdio or HTTP",
    "model": "the openai client and the model's name",
    "owner": "who is working, and is that process still there",
    "patching": "a patch that arrives twice and is applied once",
    "reply": "what a model has answered, before anybody believes it",
    "retry_budget": "how many retries all callers may spend together",
    "postgres_address": "the parts of an address, and which may be seen",
    "postgres_reason": "why a server did not do it, without its address",
    "postgres_statement": "one save as one PostgreSQL statement",
    "rules": "what may be submitted and saved, the same for every store",
    "scale_out_place": "the database of several machines, and what may stand in it",
    "scale_out_queue": "the tasks of several machines, from outside",
    "shared_state": "another agent's state, with a deadline and with retries",
    "sql": "what the two databases share: tasks, steps and messages in tables",
    "sql_leases": "claims in the two databases: take, move on, give back",
    "sql_tables": "the tables, their migrations, and every statement on them",
    "state_uri": "the address of a task's state, and the ids in it",
    "step": "what a store keeps of a step",
    "worker": "claim a task, run it under a lease, say now and then: alive",
}
"""Modules of the package that no notebook is named after, and what they are for."""


def course_map(passed: Collection[str] | None = None) -> Table:
    """
    The map with the learner's progress, as notebook 00 shows it.

    Args:
        passed: Names of the exercises whose check has passed; by default, what
            `progress` knows.
    """
    if passed is None:
        from .progress import progress

        passed = progress().passed
    rows = [
        (
            lesson.number,
            lesson.name + (" (optional)" if lesson.optional else ""),
            lesson.question,
            standing(lesson, passed),
        )
        for lesson in LESSONS
    ]
    head = ("#", "notebook", "question it answers", "your progress")
    return Table("The course map", head, tuple(rows))


def standing(lesson: Lesson, passed: Collection[str]) -> str:
    """How the learner stands with *lesson*, in words."""
    if lesson.planned:
        return "planned"
    if lesson.check is None:
        return "no exercise"
    wanted = {one.name for one in EXERCISES.values() if one.stem == lesson.name}
    return "exercise passed" if wanted <= set(passed) else "exercise open"
