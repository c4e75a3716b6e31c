import sqlite3
import threading
from contextlib import closing, suppress

import psutil
import pytest

from agentstate_lab.errors import (
    EffectRefused,
    InvalidValue,
    ReplyLost,
    WorldUnavailable,
)
from agentstate_lab.lab.processes import until
from agentstate_lab.lab.world import find_world, start_world
from agentstate_lab.lab.world.ledger import Entry
from agentstate_lab.lab.world.steps import EFFECTS


def deploy(world, task_id: str, *, key: str | None = None, **changes):
    """Ask for a deployment of the api, or what *changes* say."""
    asked = {"step": "deploy-api", "arguments": {"service": "api"}, **changes}
    return world.effect("deploy", task_id=task_id, key=key, **asked)


def refused(world, task_id: str, **changes) -> EffectRefused:
    """The refusal that a request meets."""
    with pytest.raises(EffectRefused) as caught:
        deploy(world, task_id, **changes)
    return caught.value


@pytest.mark.parametrize("effect", EFFECTS)
def test_without_a_key_it_happens_each_time(world, effect):
    """The service cannot know that the second request is a repeat."""
    task_id = f"each-time-{effect}"

    said = [
        world.effect(effect, task_id=task_id, step="s", arguments={})["receipt"]
        for _ in range(2)
    ]

    assert world.ledger(task_id) == [Entry(task_id, "s", effect, None, 2)]
    assert said == [f"{effect}-1", f"{effect}-2"]


def test_with_a_key_it_happens_once_and_the_reply_is_the_same(world):
    """A repeat is answered from the first reply."""
    said = [deploy(world, "keyed", key="keyed:api") for _ in range(3)]

    assert said == [said[0]] * 3
    entry = Entry("keyed", "deploy-api", "deploy", "keyed:api", 1)
    assert world.ledger("keyed") == [entry]


def test_a_replay_says_that_it_is_one(world):
    """The header is what a log of the real service would show."""
    body = {"task_id": "marked", "step": "s", "arguments": {}}
    headers = {"Idempotency-Key": "marked:s"}

    replies = [
        world.request("POST", "/effects/deploy", body, headers=headers)
        for _ in range(2)
    ]

    marks = [reply.headers.get("idempotent-replayed") for reply in replies]
    assert marks == [None, "true"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"arguments": {"service": "web"}}, id="other-arguments"),
        pytest.param({"arguments": {"service": "api", "n": 1}}, id="one-more-argument"),
        pytest.param({"step": "deploy-web"}, id="other-step"),
    ],
)
def test_a_key_that_comes_with_another_request_is_refused(world, changes):
    """422 is for good: trying again cannot help."""
    task_id = f"reused-{changes}"
    deploy(world, task_id, key=f"{task_id}:k")

    refusal = refused(world, task_id, key=f"{task_id}:k", **changes)

    assert (refusal.status_code, refusal.code) == (422, "key_reused")
    assert refusal.effect == "not started"
    assert world.ledger(task_id)[0].count == 1


def test_a_key_whose_request_is_in_progress_is_told_to_wait(world):
    """409 is not for good, and it does not say whether it will happen."""
    world.fault("busy", "slow", at="deploy", seconds=60)
    with pytest.raises(ReplyLost):
        deploy(world, "busy", key="busy:k", timeout=0.1)
    assert until(lambda: world.requests("busy") == {"deploy": 1}, 30)

    refusal = refused(world, "busy", key="busy:k")

    assert (refusal.status_code, refusal.code) == (409, "key_in_progress")
    assert refusal.effect == "unknown"
    assert world.ledger("busy") == []


def test_eight_callers_at_once_with_one_key_make_one_effect(world):
    """Whoever comes while it is in progress is refused, and may ask again."""
    outcomes: list[object] = []

    def call() -> None:
        try:
            outcomes.append(deploy(world, "race", key="race:k")["receipt"])
        except EffectRefused as refusal:
            outcomes.append(refusal.status_code)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.ledger("race")[0].count == 1
    assert "deploy-1" in outcomes
    assert set(outcomes) <= {"deploy-1", 409}


@pytest.mark.usefixtures("process")
def test_what_was_answered_is_in_the_ledger_however_the_world_dies(home_dir):
    """
    Killed in the middle of its work, it has lost no effect that it reported, and
    with the same keys nothing happens twice: the reply is the first one.
    """
    first, answered = start_world(), {}

    def work(world, start: int) -> None:
        with suppress(ReplyLost, WorldUnavailable):
            for number in range(start, 1_000, 4):
                said = deploy(world, "t1", step=f"{number}", key=f"t1:{number}")
                answered[f"{number}"] = said

    threads = [threading.Thread(target=work, args=(first, i)) for i in range(4)]
    for thread in threads:
        thread.start()
    assert until(lambda: len(answered) >= 20, 30)
    psutil.Process(first.pid).kill()
    for thread in threads:
        thread.join()

    second = start_world()
    again = {
        step: deploy(second, "t1", step=step, key=f"t1:{step}") for step in answered
    }
    deploy(second, "t1", step="999", key="t1:999")

    entries = second.ledger("t1")
    assert again == answered
    assert {entry.count for entry in entries} == {1}
    assert {entry.step for entry in entries} >= {*answered, "999"}


def test_a_fresh_start_is_said_and_spares_other_tasks(world):
    """Rows, keys, faults and counts of the one task go; nothing else does."""
    for task_id in ("forgotten", "kept"):
        deploy(world, task_id, key=f"{task_id}:k")
    world.fault("forgotten", "error", at="deploy")

    world.forget("forgotten")

    assert world.ledger("forgotten") == []
    assert world.requests("forgotten") == {}
    assert world.ledger("kept")[0].count == 1
    deploy(world, "forgotten", key="forgotten:k", arguments={"service": "other"})


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="empty"),
        pytest.param("k" * 256, id="too-long"),
        pytest.param("k\r\nX-Evil: 1", id="line-end"),
        pytest.param("k\x00", id="nul"),
        pytest.param("schlüssel", id="not-ascii"),
        pytest.param(" k", id="space-before"),
        pytest.param(7, id="number"),
    ],
)
def test_a_key_that_cannot_travel_in_a_header_is_refused_unsent(world, key):
    """A header would be cut, or would become two."""
    with pytest.raises(InvalidValue, match="travels in a header") as caught:
        deploy(world, "hostile-key", key=key)

    assert caught.value.effect == "not started"
    assert world.requests("hostile-key") == {}


@pytest.mark.parametrize(
    "task_id",
    [
        pytest.param("t\x00\x1b[31m\n", id="control-characters"),
        pytest.param("../../etc/passwd", id="path"),
        pytest.param("'; DROP TABLE happened; --", id="sql"),
        pytest.param("ключ 🔑 %41", id="unicode"),
        pytest.param("x" * 1_000, id="long"),
    ],
)
def test_a_hostile_task_id_is_a_name_like_any_other(world, task_id):
    """It comes back exactly as it was given."""
    world.fault(task_id, "error", at="deploy")
    refused(world, task_id)
    deploy(world, task_id)

    assert [entry.task_id for entry in world.ledger(task_id)] == [task_id]
    assert world.requests(task_id) == {"deploy": 2}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        pytest.param({"task_id": "x" * 1_001}, "task_id", id="huge-task-id"),
        pytest.param({"task_id": ""}, "task_id", id="no-task-id"),
        pytest.param({"task_id": 7}, "task_id", id="task-id-is-a-number"),
        pytest.param({"step": ""}, "step", id="no-step"),
        pytest.param({"step": ["s"]}, "step", id="step-is-a-list"),
        pytest.param({"task_id": "\ud800"}, None, id="half-a-surrogate-pair"),
        pytest.param({"arguments": {"a": "\udfff"}}, None, id="surrogate-argument"),
    ],
)
def test_a_field_that_is_not_what_it_must_be_is_refused_by_name(world, changes, param):
    """400, and nothing happened."""
    asked = {"task_id": "t", "step": "s", "arguments": {}, **changes}

    with pytest.raises(EffectRefused) as caught:
        world.effect("deploy", **asked)

    assert caught.value.status_code == 400
    assert caught.value.effect == "not started"
    assert param is None or f"'{param}'" in str(caught.value)


def test_a_service_that_does_not_exist_is_refused_and_the_others_are_named(world):
    """A typing error in a tool must not look like a lost reply."""
    with pytest.raises(EffectRefused, match="there are deploy, open_ticket") as caught:
        world.effect("deplyo", task_id="t", step="s", arguments={})

    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"a": {1, 2}}, id="a-set"),
        pytest.param({"a": float("nan")}, id="nan"),
        pytest.param([1], id="no-mapping"),
    ],
)
def test_arguments_that_are_not_json_are_refused_unsent(world, arguments):
    """What another language could not read is not sent."""
    with pytest.raises(InvalidValue, match="arguments"):
        deploy(world, "not-json", arguments=arguments)

    assert world.requests("not-json") == {}


def test_large_arguments_arrive_whole(world):
    """Nine megabytes are below the limit."""
    said = deploy(world, "large", arguments={"note": "x" * 9_000_000})

    assert said["receipt"] == "deploy-1"


@pytest.mark.usefixtures("process")
def test_when_the_world_itself_stumbles_it_says_so_and_goes_on(home_dir):
    """
    The caller must not believe that nothing happened, and the log tells no secret.
    """
    world = start_world()
    with closing(sqlite3.connect(home_dir / "ledger.sqlite")) as ledger:
        ledger.execute("DROP TABLE happened")

    with pytest.raises(EffectRefused) as caught:
        world.effect("deploy", task_id="TASK", step="STEP", arguments={"a": "ARG"})

    assert (caught.value.status_code, caught.value.code) == (500, "internal_error")
    assert caught.value.effect == "unknown"
    assert find_world() == world
    log = (home_dir / "world.log").read_text()
    assert log.startswith("stumbled: OperationalError at ")
    assert not [word for word in ("TASK", "STEP", "ARG", world.token) if word in log]
