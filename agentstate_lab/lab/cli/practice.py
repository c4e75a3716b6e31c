"""
The commands of the exercises: `progress`, `hint`, `check` and `reset`.

An exercise is named as it comes to hand: by its name (`state`), its number (`01`), its
notebook's name, or the notebook's file. A number and a notebook may stand for two
exercises. Then both are checked, and the file of both is put back; a hint is for one
of them, so which one has to be said.
"""

import argparse
from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.exercises import Exercise, exercises_meant

from .printed import Add

EXERCISE_HELP = "its name, number or file: state, 01, exercises/01_state.ipynb"
ENDING = ".ipynb"


def add_to(command: Add) -> None:
    """Tell the parser the commands."""
    command("progress", progress, "exercises: attempts, hints, passes")
    for name, run, text in (
        ("hint", hint, "the next hint for an exercise"),
        ("check", check, "check the answer in an exercise's notebook"),
        ("reset", reset, "put an exercise or notebook back; yours is kept"),
    ):
        new = command(name, run, text)
        new.add_argument("exercise", metavar="EXERCISE", help=EXERCISE_HELP)


def progress(args: argparse.Namespace) -> int:
    """Show what was tried and what passed."""
    from agentstate_lab.lab.practice import progress as progress_so_far

    print(progress_so_far())
    return 0


def hint(args: argparse.Namespace) -> int:
    """Show the next hint for an exercise."""
    from agentstate_lab.lab.practice import hint as next_hint

    meant = exercises_meant(_word(args.exercise))
    if len(meant) > 1:
        asked = " or ".join(f"`hint {one.name}`" for one in meant)
        raise InvalidValue(
            "exercise", f"{args.exercise!r:.100} has {len(meant)} parts; say {asked}"
        )
    print(next_hint(meant[0].name))
    return 0


def check(args: argparse.Namespace) -> int:
    """Check the answers in a notebook; 0 when all of them passed."""
    from agentstate_lab.lab.practice import check_notebook

    path, meant = _file(args.exercise)
    reports = [check_notebook(path, one.name) for one in meant]
    print(*reports, sep="\n\n")
    return 0 if all(report.passed for report in reports) else 1


def reset(args: argparse.Namespace) -> int:
    """Put the untouched exercise back; what was there is kept aside."""
    from agentstate_lab.lab.practice import reset as put_back

    print(put_back(args.exercise))
    return 0


def _word(said: str) -> str:
    """What names the exercise in *said*: all of it, or the name of the file."""
    return Path(said).stem if said.endswith(ENDING) else said


def _file(said: str) -> tuple[Path, list[Exercise]]:
    """The notebook that *said* is or stands for, and the exercises to check in it."""
    from agentstate_lab.lab.exercises import exercises_in
    from agentstate_lab.lab.home import repository_root
    from agentstate_lab.lab.notebooks import working_copy

    if said.endswith(ENDING):
        return Path(said), exercises_in(Path(said).name)
    meant = exercises_meant(said)
    root = repository_root()
    if root is None:
        raise InvalidValue(
            "exercise", "needs the course's repository; name the notebook's file"
        )
    return working_copy(root, "exercises", meant[0].stem), meant
