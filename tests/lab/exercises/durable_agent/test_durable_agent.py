"""The check of exercise 10: its stages, its model, and what it leaves behind."""

import os
import signal
from pathlib import Path

import openai
import pytest
from answers.durable_agent_answers import BEFORE_AN_EFFECT, OPEN, THROUGH
from answers.durable_agent_mistakes import fragile
from answers.durable_agent_styles import of_the_course, submitted, with_the_exercises

from agentstate_lab.lab.agents import tool_says, user_says
from agentstate_lab.lab.exercises import EXERCISES
from agentstate_lab.lab.exercises.durable_agent import (
    durable_agent,
    kills,
    practice_job,
)
from agentstate_lab.lab.exercises.durable_agent.kills import survived
from agentstate_lab.lab.exercises.durable_agent.model import (
    MOODS,
    Model,
)
from agentstate_lab.lab.exercises.judge import CaseReport, Stopped, runner
from agentstate_lab.lab.practice import check
from agentstate_lab.lab.practice import practice as checks

pytestmark = pytest.mark.usefixtures("one_judge")

STAGES = {stage.name: stage for stage in durable_agent.STAGES}
LATE = "it did not come back"

posix = pytest.mark.skipif(os.name == "nt", reason="the answer needs POSIX signals")


def tried(name, answer, **options):
    """What one stage says about an answer; empty if it passes."""
    report = check("durable_agent", answer, only=[name], **options)
    return report.cases[0].message


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    "left_open", [pytest.param(one, id=name) for name, one in OPEN.items()]
)
def test_a_bonus_that_is_left_open_says_why(left_open):
    """The exercise is passed without it, and the stage names what was seen."""
    said = tried(left_open.stage, left_open.answer)

    assert STAGES[left_open.stage].bonus
    assert left_open.says in said


def loops_for_ever(job):
    """Never comes back."""
    while True:
        pass


def loops_when_it_is_running(job):
    """Ends as an endless loop does: all its processor time is used up."""
    if submitted(job).state == "running":
        os.kill(os.getpid(), signal.SIGXCPU)
    return of_the_course(job)


def waits_when_it_is_running(job):
    """Until the dead come back."""
    task = submitted(job)
    while task.state == "running":
        job.sleep(1)
        task = job.store.get(task.id)
    return of_the_course(job)


def kills_its_parent(job):
    """Kills whoever started it."""
    os.kill(os.getppid(), signal.SIGKILL)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("answer", "stage", "says"),
    [
        pytest.param(
            loops_when_it_is_running,
            BEFORE_AN_EFFECT,
            "before an effect (number 1), and ran the agent",
            id="loop-after-a-death",
            marks=posix,
        ),
        pytest.param(
            waits_when_it_is_running,
            BEFORE_AN_EFFECT,
            "survives 0 of 2: at effect 1, it waited and waited",
            id="waits-for-the-dead",
        ),
        pytest.param(
            kills_its_parent,
            THROUGH,
            "killed by SIGKILL",
            id="kill-parent",
            marks=posix,
        ),
    ],
)
def test_a_hostile_answer_is_named(answer, stage, says):
    """It fails, and the check comes back."""
    assert says in tried(stage, answer)


@pytest.mark.usefixtures("process")
def test_an_endless_loop_is_ended():
    """At the cap of the stage, whatever the agent was at."""
    assert LATE in tried(THROUGH, loops_for_ever, seconds=1.0)


def writes_now_and_then(job):
    """Writes once more in every other run."""
    task = submitted(job)
    counted = Path("counted")
    counted.write_text(f"{counted.read_text() if counted.exists() else ''}.")
    if task.state == "pending" and len(counted.read_text()) == 1:
        job.store.save(task)
    return of_the_course(job)


@pytest.mark.usefixtures("process")
def test_a_moment_that_a_run_does_not_come_to_does_not_count():
    """An agent may write less than it did in the first run: then nobody dies there."""
    stage = "survives a kill after a write to the store, before it does anything else"

    report = check("durable_agent", writes_now_and_then, only=[stage])

    assert report.passed, str(report)
    assert report.cases[0].note == "survives 2 of 2"


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_check_works_without_fork():
    """As on Windows: a new Python for every process, some hundred of them."""
    answer = runner.packed(with_the_exercises)

    report = checks._tried(EXERCISES["durable_agent"], answer, 10.0, fork=False)

    assert report.passed, str(report)


def asked(model, *messages):
    """One request to a model, as an agent makes it."""
    job = practice_job()
    said = [user_says(job.scenario.goal), *messages]
    return model.client().chat.completions.create(
        model=job.model, messages=said, tools=job.scenario.tools, timeout=1.0
    )


def test_a_reply_can_be_sent_back():
    """As an agent has it: the client's own message, or its fields."""
    model = Model()
    message = asked(model).choices[0].message
    said = tool_says({"id": message.tool_calls[0].id}, "done")

    for again in (message, message.to_dict(), message.model_dump(exclude_none=True)):
        reply = asked(model, again, said)

        assert reply.choices[0].message.tool_calls[0].id == "call_deploy-web"


def test_a_busy_model_says_when_to_come_back():
    """The client raises what it raises for the real one."""
    with pytest.raises(openai.RateLimitError) as caught:
        asked(Model("always busy"))

    assert caught.value.response.headers["retry-after"] == "1"


def test_a_call_without_its_tool_message_is_refused():
    """As the API refuses it, in every mood: an agent cannot get around it."""
    for mood in MOODS:
        model = Model(mood)
        call = {"id": "a", "type": "function"}
        call["function"] = {"name": "deploy", "arguments": "{}"}
        open_turn = {"role": "assistant", "content": None, "tool_calls": [call]}

        with pytest.raises(openai.BadRequestError, match="must be followed by tool"):
            asked(model, open_turn)


def test_a_fickle_model_never_says_the_same_again():
    """What it called for in an earlier process, it does not call for in this one."""
    first = asked(Model("fickle")).choices[0].message.tool_calls[0]
    again = asked(Model("fickle", earlier=["deploy-api"]))

    assert first.id == "call_deploy-api"
    assert again.choices[0].message.tool_calls[0].id == "call_deploy-database"


def test_whoever_asks_for_ever_is_stopped():
    """By what no `except Exception` catches."""
    model = Model("well")
    for _request in range(60):
        asked(model)

    with pytest.raises(Stopped):
        asked(model)

    assert not issubclass(Stopped, Exception)


def test_the_fragile_agent_does_its_job_on_a_good_day():
    """It is given to be lifted, so it works."""
    job = practice_job()

    task = fragile(job)

    assert task.state == "completed"
    assert job.world.happened == ["deploy-api", "deploy-web"]


@pytest.mark.parametrize(
    ("mood", "state"),
    [
        pytest.param("busy", "completed", id="busy"),
        pytest.param("always busy", "failed", id="always-busy"),
        pytest.param("always empty", "failed", id="always-empty"),
        pytest.param("several, one refused", "completed", id="refused"),
        pytest.param("several, one unknown", "completed", id="unknown"),
        pytest.param("several, one garbled", "completed", id="garbled"),
        pytest.param("endless", "failed", id="endless"),
    ],
)
def test_a_practice_job_shows_the_moods_of_the_check(mood, state):
    """What a stage complains about can be seen in the notebook."""
    job = practice_job(mood)

    task = of_the_course(job)

    assert task.state == state


@pytest.mark.parametrize(
    ("count", "most", "ordinals"),
    [
        pytest.param(0, 3, [], id="none"),
        pytest.param(1, 3, [1], id="one"),
        pytest.param(3, 3, [1, 2, 3], id="all"),
        pytest.param(4, 3, [1, 3, 4], id="one-too-many"),
        pytest.param(100, 3, [1, 51, 100], id="many"),
    ],
)
def test_the_moments_that_are_tried_reach_from_first_to_last(count, most, ordinals):
    """Both ends are where agents go wrong: the submission and the end of the task."""
    assert kills.tried(count, most) == ordinals


def test_the_number_of_the_course_is_the_sum_of_its_stages():
    """Passed or not; a stage that died has no number, and the others have theirs."""
    cases = [
        CaseReport("a", True, note="survives 2 of 2"),
        CaseReport("b", False, happened="survives 1 of 12: at write 3, it raised"),
        CaseReport("c", False, happened="it did not come back"),
    ]

    assert survived(cases) == "Your agent survives 3 of 14 kill points."
    assert survived(cases[2:]) == ""


def test_a_check_leaves_nothing_behind(world):
    """Neither a file nor a row of the ledger, whatever the stages did."""
    with durable_agent.setting() as given:
        folder = Path(given["folder"])
        world.effect(
            "deploy", task_id=f"{given['name']}-1/x", step="x", arguments={}, key="k"
        )
        (folder / "tasks.json").write_text("{}")
    rows = [one for one in world.ledger() if one.task_id.startswith(given["name"])]

    assert not folder.exists()
    assert rows == []
