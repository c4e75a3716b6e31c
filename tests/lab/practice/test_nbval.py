"""A class's exercises under `pytest --nbval-lax`: red until the check passes."""

import os
import subprocess
import sys

import nbformat
import pytest

from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.notebooks import stub_of

SOLUTIONS = repository_root() / "exercises" / "solutions"
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q")
LOCKED = """
import threading

LOCK = threading.Lock()


def execute_task_if_not_done(store, task_id, work):
    with LOCK:
        task = store.get(task_id)
        if task.state == "completed":
            return task
        task = store.save(task.replace(state="running"))
        result = work(task.user_input)
        return store.save(task.replace(state="completed", result=result))
"""
WRONG = """
def apply_patch(state, patch):
    return state
"""


def seen_by_an_instructor(folder, notebook):
    """What `pytest --nbval-lax` says of one notebook, and its status."""
    home = folder / "home"
    env = {**os.environ, "AGENTSTATE_HOME": str(home), "AGENTSTATE_PACE": "0"}
    said = {"cwd": folder, "env": env, "capture_output": True, "text": True}
    ran = subprocess.run(
        [*PYTEST, "--nbval-lax", "--nbval-current-env", notebook.name],
        **said,
        timeout=100,
    )
    subprocess.run([sys.executable, "-m", "agentstate_lab", "stop"], **said, timeout=60)
    return ran.returncode, ran.stdout


def exercise(folder, name, answer=""):
    """A participant's notebook: the stub, with *answer* in the place of its cell."""
    notebook = nbformat.reads(stub_of(SOLUTIONS / name), as_version=4)
    for cell in notebook.cells:
        if answer and "NotImplementedError" in cell.source:
            cell.source, answer = answer, ""
    path = folder / name
    nbformat.write(notebook, path)
    return path


@pytest.mark.usefixtures("process")
def test_an_untouched_exercise_is_red_and_says_so(tmp_path):
    """
    Nobody has begun: the failure says what is to be written.
    """
    status, said = seen_by_an_instructor(tmp_path, exercise(tmp_path, "01_state.ipynb"))

    assert status == 1
    assert "exercise 01 state: not started" in said


@pytest.mark.usefixtures("process")
def test_a_wrong_answer_is_red_with_the_words_of_the_check(tmp_path):
    """
    The first stage that fails is in the failure.
    """
    path = exercise(tmp_path, "01_state.ipynb", WRONG)

    status, said = seen_by_an_instructor(tmp_path, path)

    assert status == 1
    assert "expected" in said


@pytest.mark.usefixtures("process")
def test_a_solution_is_green_although_it_shows_a_wrong_answer(tmp_path):
    """
    What comes after the answer that passed is a discussion.
    """
    path = tmp_path / "01_state.ipynb"
    path.write_bytes((SOLUTIONS / path.name).read_bytes())

    status, said = seen_by_an_instructor(tmp_path, path)

    assert status == 0, said


@pytest.mark.usefixtures("process")
def test_a_lock_beside_the_answer_is_judged_like_any_other(tmp_path):
    """
    It cannot travel as an object, so its cells do: the verdict is about behaviour.
    """
    path = exercise(tmp_path, "03_idempotency.ipynb", LOCKED)

    status, said = seen_by_an_instructor(tmp_path, path)

    assert status == 1
    assert "could not be sent" not in said
    assert "exercise 03 idempotency:" in said, said
