"""The course map, the book, the README, the tree and the chapter stay in step."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import agentstate_lab
from agentstate_lab.__main__ import parser
from agentstate_lab.lab.course import course_map
from agentstate_lab.lab.course.course_map import LESSONS, Lesson, standing
from agentstate_lab.lab.exercises import EXERCISES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "agentstate_lab"
README = (ROOT / "README.md").read_text("utf-8")
COURSE = (ROOT / "book" / "course.md").read_text("utf-8")
AT_WORK = (ROOT / "book" / "use" / "work.md").read_text("utf-8")
TERMINAL = (ROOT / "book" / "use" / "terminal.md").read_text("utf-8")
MODULES = sorted(PACKAGE.rglob("*.py"))

# Every claim of the chapter. Nothing of it may be dropped silently.
CHAPTER = (
    "why this chapter",
    "case study",
    "planning and execution",
    "step 0: AgentState and StatePatch",
    "step 1: Task",
    "step 2: idempotency",
    "step 3: retry",
    "step 4: deadlines",
    "step 5: persistence",
    "step 6: resume",
    "integration point 1: agent loop",
    "integration point 2: tool execution",
    "complete example",
    "StateStore",
    "PostgreSQL",
    "transactions",
    "MCP for state",
    "dynamic context",
    "advanced checkpoints",
    "error 1: no idempotency",
    "error 2: no retry",
    "error 3: no deadlines",
    "error 4: state not persisted",
    "mini-exercise 1: retry",
    "mini-exercise 2: idempotency",
    "checklist",
)

lessons = pytest.mark.parametrize(
    "lesson", [pytest.param(lesson, id=lesson.name) for lesson in LESSONS]
)


def coded(names: tuple[str, ...]) -> str:
    """Names as a cell of a Markdown table."""
    return ", ".join(f"`{name}`" for name in names) or "–"


def row(lesson: Lesson) -> str:
    """The row of *lesson* in the book."""
    cells = (
        lesson.number,
        f"`{lesson.name}`" + (" (optional)" if lesson.optional else ""),
        f"[{lesson.question}](../{lesson.notebook})",
        ", ".join(lesson.covers),
        coded(lesson.modules),
        coded((lesson.name,) if lesson.exercise else ()),
        status(lesson),
    )
    return f"| {' | '.join(cells)} |"


def status(lesson: Lesson) -> str:
    """Whether a learner can take the lesson, or a part of it is there already."""
    if not lesson.planned:
        return "ready"
    begun = any((ROOT / part).is_file() for part in parts(lesson))
    return "begun" if begun else "planned"


def place_of(module: str) -> str:
    """The file behind a module's name, or the door of the room with that name."""
    place = f"agentstate_lab/{module.replace('.', '/')}"
    door = f"{place}/__init__.py"
    return door if (ROOT / door).is_file() else f"{place}.py"


def parts(lesson: Lesson) -> list[str]:
    """The files that *lesson* consists of, from the root of the repository."""
    taught = [place_of(module) for module in lesson.modules]
    practised = [lesson.exercise, lesson.solution] if lesson.check else []
    return [lesson.notebook, *taught, *filter(None, practised)]


@lessons
def test_a_ready_lesson_is_there_whole(lesson):
    """A lesson that is called ready has every part; one with every part is ready."""
    there = [part for part in parts(lesson) if (ROOT / part).is_file()]

    assert (there == parts(lesson)) == (not lesson.planned)


@lessons
def test_a_lesson_has_one_name(lesson):
    """Whoever knows the notebook's name can guess those of exercise and check."""
    assert lesson.check in (None, lesson.name[3:])
    exercise = lesson.exercise and (ROOT / lesson.exercise).is_file()
    assert (lesson.check in EXERCISES) == bool(exercise)


def question(lesson: Lesson) -> str:
    """The row of *lesson* in the README, which is short."""
    optional = " (optional)" if lesson.optional else ""
    link = f"[{lesson.question}]({lesson.notebook})"
    return f"| {lesson.number} | {link}{optional} |"


@pytest.mark.parametrize(
    ("page", "row_of"),
    [pytest.param(COURSE, row, id="book"), pytest.param(README, question, id="readme")],
)
def test_a_page_shows_the_course_map(page, row_of):
    """Its table is the map, row by row."""
    shown = re.findall(r"^\| \d\d \|.*\|$", page, re.M)

    assert shown == [row_of(lesson) for lesson in LESSONS]


def test_the_book_explains_begun_while_there_is_a_begun_lesson():
    """A word that no row has needs no sentence."""
    begun = any(status(lesson) == "begun" for lesson in LESSONS)

    assert ("*begun*" in COURSE) == begun


def test_lessons_are_numbered_in_their_order():
    """The number in a name is the place in the course."""
    assert [lesson.number for lesson in LESSONS] == [
        f"{place:02}" for place in range(len(LESSONS))
    ]


def test_every_part_of_the_chapter_has_one_home():
    """No claim of the chapter is dropped, and none is taught twice."""
    covered = [item for lesson in LESSONS for item in lesson.covers]
    beyond = {"beyond the chapter"}  # what has no place there, and may be several

    assert sorted(set(covered) - beyond) == sorted(CHAPTER)
    assert len(covered) - covered.count(*beyond) == len(CHAPTER)


def test_no_notebook_and_no_exercise_is_off_the_map():
    """What is in the folders is in the map."""
    folders = ("notebooks", "exercises", "exercises/solutions")
    there = {
        p.relative_to(ROOT).as_posix()
        for f in folders
        for p in (ROOT / f).glob("*.ipynb")
    }

    assert there <= {part for lesson in LESSONS for part in parts(lesson)}


def test_every_module_of_the_stage_is_used():
    """Nothing in `lab` is left over: something else names it."""
    users = [*MODULES, ROOT / "Makefile", *(ROOT / "notebooks").glob("*.ipynb")]
    users += (ROOT / "exercises" / "solutions").glob("*.ipynb")
    named = re.compile(r"(?:import|from|lab\.|__package__)\b(.*)")
    names = {
        path: set(re.findall(r"\w+", " ".join(named.findall(path.read_text("utf-8")))))
        for path in users
        if path.is_file()
    }
    stage = [p for p in (PACKAGE / "lab").rglob("*.py") if p.stem != "__init__"]
    stage = [
        p for p in stage if p.parent.name != "adapters"
    ]  # each has a row, see there

    unused = [
        path.relative_to(PACKAGE).as_posix()
        for path in stage
        if path.stem not in EXERCISES
        and not any(path.stem in names[user] for user in names if user != path)
    ]

    assert unused == []


def test_the_book_lists_the_public_names():
    """The names of `agentstate_lab` are sorted, and the book says what each is."""
    shown = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \| \w.* \|$", AT_WORK, re.M)

    assert agentstate_lab.__all__ == sorted(agentstate_lab.__all__)
    assert [name for name, _ in shown] == agentstate_lab.__all__
    for name, module in shown:
        assert agentstate_lab._HOMES[name] == module
        door = import_module(f"agentstate_lab.{module}")
        assert getattr(agentstate_lab, name) is getattr(door, name)


def test_the_book_lists_the_commands():
    """Each command of the command line is in the book, and no other."""
    (commands,) = (a.choices for a in parser()._actions if isinstance(a.choices, dict))
    table = TERMINAL.partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?`) \|", table, re.M)
    shown = [name for cell in cells for name in re.findall(r"`([\w-]+)", cell)]

    assert sorted(shown) == sorted(commands)


def test_the_map_shows_progress_in_words():
    """What a learner sees is readable without colour, and planned is said so."""
    shown = course_map({"state"})

    standings = [row[-1] for row in shown.rows]

    assert standings[:3] == ["no exercise", "exercise passed", "exercise open"]
    assert [said == "planned" for said in standings] == [x.planned for x in LESSONS]


def test_the_map_leads_to_each_notebook_and_exercise():
    """Seen from notebook 00, in the repository and in the learner's copies alike."""
    ways = [cell.href for row in course_map([]).rows for cell in (row[1], row[3])]

    targets = {(ROOT / "notebooks" / way).resolve() for way in ways if way}
    assert targets == {
        ROOT / path
        for lesson in LESSONS
        for path in (lesson.notebook, lesson.exercise)
        if path and not lesson.planned
    }
    assert all(target.is_file() for target in targets)


@pytest.mark.parametrize(
    ("passed", "standing_now"),
    [
        pytest.param((), "exercise open", id="none"),
        pytest.param(("run_once",), "exercise open", id="one-of-two"),
        pytest.param(("idempotency", "run_once"), "exercise passed", id="both"),
    ],
)
def test_a_lesson_with_two_exercises_has_passed_with_both(passed, standing_now):
    """One notebook, two functions: half of it is not all of it."""
    lesson = Lesson("03_idempotency", "Why?", (), check="idempotency")

    assert standing(lesson, passed) == standing_now


def test_the_map_knows_what_has_passed(home_dir):
    """Without being told, it asks the learner's progress: nothing passed so far."""
    assert course_map() == course_map([])
