"""A class's exercises under `pytest --nbval-lax`: red until the check passes."""

import os
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import nbformat
import pytest

from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.notebooks import stub_of

# One process reads four notebooks.
pytestmark = pytest.mark.timeout(300)

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


def participant(folder, name, answer=""):
    """A participant's notebook: the stub, with *answer* in the place of its cell."""
    notebook = nbformat.reads(stub_of(SOLUTIONS / name), as_version=4)
    for cell in notebook.cells:
        if answer and "NotImplementedError" in cell.source:
            cell.source, answer = answer, ""
    folder.mkdir()
    nbformat.write(notebook, folder / name)


@pytest.fixture(scope="module")
def failures(process, tmp_path_factory):
    """What one `pytest --nbval-lax` says of a class: the failures of each folder."""
    course = tmp_path_factory.mktemp("class")
    participant(course / "untouched", "01_state.ipynb")
    participant(course / "wrong", "01_state.ipynb", WRONG)
    participant(course / "locked", "03_idempotency.ipynb", LOCKED)
    (course / "solved").mkdir()
    shutil.copy(SOLUTIONS / "01_state.ipynb", course / "solved")
    env = {
        **os.environ,
        "AGENTSTATE_HOME": str(course / "home"),
        "AGENTSTATE_PACE": "0",
    }
    said = {"cwd": course, "env": env, "capture_output": True, "text": True}
    lax = ("--nbval-lax", "--nbval-current-env", "--junitxml=said.xml")
    ran = subprocess.run([*PYTEST, *lax], **said, timeout=240)
    stop = [sys.executable, "-m", "agentstate_lab", "stop"]
    subprocess.run(stop, **said, timeout=60)
    assert ran.returncode == 1, ran.stdout
    found = {}
    for case in ElementTree.parse(course / "said.xml").iter("testcase"):
        folder = case.get("classname").partition(".")[0]
        found[folder] = found.get(folder, "") + "".join(case.itertext())
    return found


def test_an_untouched_exercise_is_red_and_says_so(failures):
    """Nobody has begun: the failure says what is to be written."""
    assert "exercise 01 state: not started" in failures["untouched"]


def test_a_wrong_answer_is_red_with_the_words_of_the_check(failures):
    """The first stage that fails is in the failure."""
    assert "expected" in failures["wrong"]


def test_a_solution_is_green_although_it_shows_a_wrong_answer(failures):
    """What comes after the answer that passed is a discussion."""
    assert failures["solved"] == ""


def test_a_lock_beside_the_answer_is_judged_like_any_other(failures):
    """
    It cannot travel as an object, so its cells do: the verdict is about behaviour.
    """
    assert "could not be sent" not in failures["locked"]
    assert "exercise 03 idempotency:" in failures["locked"]
