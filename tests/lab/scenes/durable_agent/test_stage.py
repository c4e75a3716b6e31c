"""What notebook 10 will stand on: the checklist, last words, the spine, your own."""

import pytest
from nbformat import read, write

from agentstate_lab.idempotency import execute_task
from agentstate_lab.lab.agents import durable_agent, finally_agent, run_job
from agentstate_lab.lab.course import your_own
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.lab.scenes.durable_agent import checklist
from agentstate_lab.lab.show.progress import TerminalBar
from agentstate_lab.retry import execute_with_retry


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        pytest.param("saving", 1, id="saving"),
        pytest.param(durable_agent, 5, id="durable"),
    ],
)
def test_the_checklist_tells_agents_apart(world, agent, kept):
    """Each promise is tried with a failure that happens, and the ledger is asked."""
    table = checklist(agent)

    verdicts = [row[-1] for row in table.rows]
    assert verdicts.count("kept") == kept
    assert any("effects and 1 look" in row[1] for row in table.rows) is (kept > 0)
    assert {word.tone for word in verdicts if word == "broken"} <= {"harm"}


def test_last_words_are_spoken_only_by_those_who_may(world, tmp_path):
    """A polite death stores what was done; a killed process stores nothing."""
    url = f"json:{tmp_path / 'tasks.json'}"

    def stop():
        raise KeyboardInterrupt

    def first_run(task_id, death):
        left = [death, str, str, str, str]
        run_job(
            "deploy",
            task_id,
            finally_agent,
            store_url=url,
            on_event=lambda line: left.pop()(),
        )

    repeats = {}
    for death in (stop, die):
        task_id = f"last-words-{death.__name__}"
        world.forget(task_id)
        in_new_process(first_run, task_id, death)
        run_job("deploy", task_id, finally_agent, store_url=url, on_event=str)
        repeats[death] = sum(e.count - 1 for e in world.ledger(task_id))
        world.forget(task_id)

    assert repeats == {stop: 0, die: 4}


@pytest.mark.usefixtures("process")
def test_functions_that_are_not_solved_yet_are_the_packages(home_dir, tmp_path):
    """And it is said which; a solved exercise gives its own."""
    exercises = repository_root() / "exercises"
    for name in ("03_idempotency.ipynb", "04_retry.ipynb"):
        solved = read(exercises / "solutions" / name, as_version=4)
        write(solved, tmp_path / name)
    (tmp_path / "03_idempotency.ipynb").unlink()

    own = your_own(tmp_path)

    assert own.yours == ("retry",)
    assert own.execute is execute_task
    assert own.retry is not execute_with_retry
    assert own.retry(lambda: 7, 3, sleep=print) == 7
    assert "execute_with_retry: yours" in str(own)


def test_without_a_terminal_only_the_events_are_written(world, capsys):
    """A log file holds lines, and no control characters."""
    world.forget("bar-test")
    run_job(
        "disk",
        "bar-test",
        lambda job: durable_agent(job, on_event=TerminalBar(3)),
        store_url="memory:",
    )

    said = capsys.readouterr().out
    assert "clean-logs done" in said
    assert "\x1b" not in said
    world.forget("bar-test")
