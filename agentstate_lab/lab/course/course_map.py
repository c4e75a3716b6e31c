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

from agentstate_lab.lab.exercises import EXERCISES
from agentstate_lab.lab.show import Cell, Row, Table


@dataclass(frozen=True, slots=True)
class Lesson:
    """
    One row of the map.

    Attributes:
        name: The notebook, without its ending.

        question: What the learner can answer at its end.

        covers: The parts of the chapter that it teaches.

        modules: What it teaches, as rooms or modules of the package.

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
        ("state",),
        "state",
    ),
    Lesson(
        "02_json_store",
        "What survives in a file?",
        ("step 5: persistence", "error 4: state not persisted"),
        ("stores",),
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
        ("stores",),
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
        "What if one machine is not enough?",
        ("beyond the chapter",),
        ("scale_out",),
        optional=True,
    ),
    Lesson(
        "12_frameworks",
        "What do the frameworks survive?",
        ("beyond the chapter",),
        ("lab.frameworks",),
        optional=True,
    ),
)


def course_map(passed: Collection[str] | None = None) -> Table:
    """
    The map with the learner's progress, as notebook 00 shows it.

    Args:
        passed: Names of the exercises whose check has passed; by default, what
            `progress` knows.
    """
    if passed is None:
        from agentstate_lab.lab.practice import progress

        passed = progress().passed
    rows = tuple(_row(lesson, passed) for lesson in LESSONS)
    head = ("#", "notebook", "question it answers", "your progress")
    return Table("The course map", head, rows)


def _row(lesson: Lesson, passed: Collection[str]) -> Row:
    """One lesson, with the ways to its notebook and its exercise from notebook 00."""
    name = lesson.name + (" (optional)" if lesson.optional else "")
    there = not lesson.planned
    notebook = f"{lesson.name}.ipynb" if there else ""
    exercise = f"../{lesson.exercise}" if there and lesson.exercise else ""
    return (
        lesson.number,
        Cell(name, href=notebook),
        lesson.question,
        Cell(standing(lesson, passed), href=exercise),
    )


def standing(lesson: Lesson, passed: Collection[str]) -> str:
    """How the learner stands with *lesson*, in words."""
    if lesson.planned:
        return "planned"
    if lesson.check is None:
        return "no exercise"
    wanted = {one.name for one in EXERCISES.values() if one.stem == lesson.name}
    return "exercise passed" if wanted <= set(passed) else "exercise open"
