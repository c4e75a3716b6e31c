"""
Derive an exercise from its solution, so that the two cannot drift apart.

Between the lines `# solution begin: what to write` and `# solution end` stands what
the learner will write; in the stub, a TODO and an error that names the exercise
stand there instead. Cells tagged `solution-only` are left out, outputs are cleared.
"""

import re
import textwrap
from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.exercises import EXERCISES, Exercise

from .notebook_file import SOLUTION_ONLY, read_notebook, tags, write_notebook

COLUMNS = 76

_BEGIN = re.compile(r"^(?P<indent>\s*)# solution begin: (?P<todo>\S.*)$")
_END = re.compile(r"^\s*# solution end$")
_MARK = re.compile(r"#\s*solution\s+(begin|end)")


def stub_of(solution: Path) -> str:
    """
    The text of the exercise notebook that *solution* is the source of.

    Raises:
        InvalidValue: The file is no notebook, or its marks are not in order.
    """
    exercises = _exercises(solution)
    notebook = read_notebook(solution)
    notebook.cells = [
        cell for cell in notebook.cells if SOLUTION_ONLY not in tags(cell)
    ]
    regions = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exercise = _asked_for(cell.source, exercises)
            cell.source, found = _without_solution(cell.source, exercise)
            cell.outputs, cell.execution_count = [], None
            regions += found
    if not regions:
        raise InvalidValue(
            solution.name, "has no region from '# solution begin: ...' to its end"
        )
    return write_notebook(notebook)


def _exercises(path: Path) -> list[Exercise]:
    """The exercises of the notebook, the one that gave it its name first."""
    found = [one for one in EXERCISES.values() if one.stem == path.stem]
    if not found:
        known = ", ".join(dict.fromkeys(one.stem for one in EXERCISES.values()))
        raise InvalidValue(
            path.name, f"is the notebook of no exercise; there are {known}"
        )
    return found


def _asked_for(source: str, exercises: list[Exercise]) -> Exercise:
    """The exercise whose function a cell defines; a helper belongs to the first."""
    for exercise in exercises:
        if f"def {exercise.function}(" in source:
            return exercise
    return exercises[0]


def _without_solution(source: str, exercise: Exercise) -> tuple[str, int]:
    """The cell with each region replaced, and how many regions it had."""
    lines: list[str] = []
    regions = 0
    inside = False
    for line in source.splitlines():
        if begin := _BEGIN.match(line):
            if inside:
                raise InvalidValue(exercise.stem, "a region begins inside another one")
            inside, regions = True, regions + 1
            lines += _todo(begin["indent"], begin["todo"], exercise)
        elif _END.match(line):
            if not inside:
                raise InvalidValue(exercise.stem, "a region ends that never began")
            inside = False
        elif _MARK.search(line):
            raise InvalidValue(exercise.stem, f"a mark is not in its form: {line!r}")
        elif not inside:
            lines.append(line)
    if inside:
        raise InvalidValue(exercise.stem, "a region has no '# solution end'")
    return "\n".join(lines), regions


def _todo(indent: str, text: str, exercise: Exercise) -> list[str]:
    """What stands in the stub where the solution was."""
    comment = textwrap.wrap(
        f"TODO: {text}",
        COLUMNS,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
    )
    said = f"{exercise.title} is not written yet."
    line = f'{indent}raise NotImplementedError("{said}")'
    if len(line) <= COLUMNS:
        return [*comment, line]
    return [
        *comment,
        f"{indent}raise NotImplementedError(",
        f'{indent}    "{said}"',
        f"{indent})",
    ]
