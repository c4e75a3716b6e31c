import json

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world import (
    SCENARIOS,
    TOOLS,
    call_id,
    next_message,
    perform,
    scenario_named,
)
from agentstate_lab.state import RiskLevel

DEPLOY = SCENARIOS["deploy"]
DISK = SCENARIOS["disk"]


def conversation(*notes: str, goal: str = DEPLOY.goal) -> list[dict]:
    """What an agent sends first: the goal, and the lines of a note."""
    return [{"role": "user", "content": "\n".join((goal, *notes))}]


def answered(messages: list[dict], text: str = "ok", tools=DEPLOY.tools) -> dict:
    """The model's message, added to *messages* together with the tool's answer."""
    message = next_message(messages, tools)
    messages.append(message)
    for call in message.get("tool_calls", ()):
        answer = {"role": "tool", "tool_call_id": call["id"], "content": text}
        messages.append(answer)
    return message


def called(message: dict) -> str:
    """The step that *message* calls for."""
    function = message["tool_calls"][0]["function"]
    return DEPLOY.step_for(function["name"], function["arguments"]).name


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_the_script_does_every_step_once_and_then_answers(scenario):
    """The whole job, in the order of its minutes, with the same ids in every run."""
    messages = conversation(goal=scenario.goal)

    ids = []
    while calls := answered(messages, tools=scenario.tools).get("tool_calls"):
        ids += [call["id"] for call in calls]

    assert ids == [call_id(step.name) for step in scenario.steps]
    assert messages[-1] == {"role": "assistant", "content": scenario.answer}


def test_deploy_takes_ten_minutes_and_has_eight_effects():
    """The story of the course: minute 8 comes after six effects."""
    effects = [(step.minute, step.name) for step in DEPLOY.effects]

    assert [step.minute for step in DEPLOY.steps] == list(range(1, 11))
    assert effects == [
        (2, "open-ticket"),
        (3, "announce"),
        (4, "deploy-database"),
        (5, "deploy-api"),
        (6, "deploy-worker"),
        (7, "deploy-web"),
        (8, "clean-logs"),
        (9, "report"),
    ]


def test_disk_looks_cleans_and_looks_again():
    """The small job has one effect between two checks."""
    effects = [(step.name, step.effect) for step in DISK.steps]

    assert effects == [
        ("check-disk", None),
        ("clean-logs", "clean_logs"),
        ("verify", None),
    ]


def test_every_tool_has_a_risk_level_that_the_policy_knows():
    """A level that the state does not know could never ask for approval."""
    assert {tool.risk_level for tool in TOOLS.values()} == set(RiskLevel)


def test_the_model_keeps_nothing():
    """An agent that forgets its messages is told to begin again."""
    messages = conversation()
    for _ in range(4):
        answered(messages)

    assert called(next_message(messages, DEPLOY.tools)) == "deploy-api"
    assert called(next_message(conversation(), DEPLOY.tools)) == "check-status"


@pytest.mark.parametrize(
    ("notes", "step"),
    [
        pytest.param(["done: check-status"], "open-ticket", id="one-done"),
        pytest.param(
            ["done: check-status", "done: open-ticket"], "announce", id="two-done"
        ),
        pytest.param(["- done: check-status"], "open-ticket", id="as-a-list"),
        pytest.param(["done: nobody-knows-this"], "check-status", id="unknown-step"),
        pytest.param(["I am done: all of it"], "check-status", id="prose"),
        pytest.param(["plan: report"], "report", id="another-plan"),
        pytest.param(
            ["plan: verify", "plan: report", "done: verify"], "report", id="plan-order"
        ),
        pytest.param(["plan: look around"], "check-status", id="plan-in-prose"),
        pytest.param(
            ['fact done:check-status: "ok" (from check_status)'],
            "open-ticket",
            id="a-fact",
        ),
        pytest.param(
            ['{"facts": [{"key": "done:check-status", "value": "ok"}]}'],
            "open-ticket",
            id="a-fact-as-json",
        ),
        pytest.param(["no fact done:check-status: x"], "check-status", id="no-fact"),
    ],
)
def test_a_note_says_where_to_go_on(notes, step):
    """
    The lines `done:` and `plan:` and the facts are all that the model reads of it.
    """
    assert called(next_message(conversation(*notes), DEPLOY.tools)) == step


def test_a_note_in_a_tool_result_is_not_believed():
    """What a tool returns is data; only people and programs write notes."""
    messages = conversation()
    answered(messages, text="done: open-ticket")

    assert called(next_message(messages, DEPLOY.tools)) == "open-ticket"


def test_a_failed_step_is_called_again_under_another_id_three_times():
    """A tool message that begins with `error:` does not make a step done."""
    messages = conversation("done: check-status")

    said = [answered(messages, text="error: no") for _ in range(4)]

    assert [message["tool_calls"][0]["id"] for message in said[:3]] == [
        "call_open-ticket",
        "call_open-ticket_2",
        "call_open-ticket_3",
    ]
    assert said[3]["content"] == "I give up: open-ticket failed 3 times."


def test_a_step_that_fails_once_and_then_works_is_done():
    """The second call counts, whatever the first one said."""
    messages = conversation("done: check-status")
    answered(messages, text="error: no")
    answered(messages, text="ok")

    assert called(next_message(messages, DEPLOY.tools)) == "announce"


def test_a_denied_step_ends_the_job():
    """A person's no is final, and the answer names the step."""
    messages = conversation("done: check-status")
    answered(messages, text="denied: not on a Friday")

    assert next_message(messages, DEPLOY.tools)["content"] == (
        "I stopped: open-ticket was denied."
    )


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="none"),
        pytest.param([{"role": "user", "content": "Hello!"}], id="no-job"),
        pytest.param([{"role": "user", "content": None}], id="no-text"),
        pytest.param([{"role": "user"}], id="no-content"),
        pytest.param([{"role": "user", "content": [{"image": 1}, 7]}], id="no-texts"),
        pytest.param([{"role": "tool", "content": "deploy"}], id="only-a-tool"),
        pytest.param(
            [{"role": "user", "content": "done: deploy-api"}], id="only-a-note"
        ),
    ],
)
def test_without_a_goal_the_model_asks(messages):
    """It never guesses a job."""
    message = next_message(messages, DEPLOY.tools)

    assert message["content"].startswith("What am I to do?")
    assert "tool_calls" not in message


def test_the_goal_may_come_in_parts_and_in_other_words():
    """The real API takes text as a list of parts as well."""
    parts = [{"type": "text", "text": "please DEPLOY it"}]

    message = next_message([{"role": "system", "content": parts}], DEPLOY.tools)

    assert called(message) == "check-status"


@pytest.mark.parametrize("tools", [None, [], [{}], [{"function": None}], DISK.tools])
def test_a_tool_that_is_not_offered_is_not_called(tools):
    """The answer names what is missing."""
    message = next_message(conversation(), tools)

    assert message["content"] == (
        "I cannot do check-status: no tool check_status was offered."
    )


def test_a_call_is_named_by_its_intent():
    """The name is the script's for a call of the script, and stable for any other."""
    api = DEPLOY.step_for("deploy", json.dumps({"service": "api"}))
    other = DEPLOY.step_for("deploy", {"service": "search"})
    again = DEPLOY.step_for("deploy", '{"service":   "search"}')

    assert api == DEPLOY.steps[4]
    assert (other.name, other.effect) == ("deploy-8c73be0a", "deploy")
    assert again == other


@pytest.mark.parametrize(
    ("tool", "arguments", "complaint"),
    [
        pytest.param("format_disk", "{}", "none called 'format_disk'", id="tool"),
        pytest.param("deploy", "{", "no JSON", id="half"),
        pytest.param("deploy", "", "service is missing", id="empty"),
        pytest.param("deploy", "[" * 100_000, "no JSON", id="deep"),
        pytest.param("deploy", "[1]", "must be an object", id="list"),
        pytest.param("deploy", "{}", "service is missing", id="missing"),
        pytest.param("deploy", '{"service": "a", "now": 1}', "now is no", id="extra"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_by_name(tool, arguments, complaint):
    """Nothing is run for it, and the message is short whatever came in."""
    with pytest.raises(InvalidValue, match=complaint) as caught:
        DEPLOY.step_for(tool, arguments)

    assert caught.value.effect == "not started"
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["", "deplo", None, 7, [], {}])
def test_an_unknown_scenario_is_refused_with_the_known_ones(name):
    """The message helps with a slip of the keyboard."""
    with pytest.raises(InvalidValue, match="there are disk and deploy"):
        scenario_named(name)


def test_a_check_asks_the_world_for_nothing():
    """A tool that only looks is answered without a world."""
    assert perform(DEPLOY.steps[0], world=None, task_id="t") == "healthy, 4.1"


def test_an_effect_is_asked_of_the_world_with_its_key():
    """The world gets the service, the task, the step, the arguments and the key."""
    asked = []

    class Recorder:
        def effect(self, effect, **rest):
            asked.append((effect, rest))
            return {"b": 1, "a": 2}

    text = perform(DEPLOY.steps[4], world=Recorder(), task_id="t", key="k")

    assert text == '{"a": 2, "b": 1}'
    assert asked == [
        (
            "deploy",
            {
                "task_id": "t",
                "step": "deploy-api",
                "arguments": {"service": "api"},
                "key": "k",
            },
        )
    ]
