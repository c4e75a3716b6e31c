import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.errors import EffectRefused, InvalidValue, ReplyLost
from agentstate_lab.lab.processes import until
from agentstate_lab.lab.world import connect_model, task_header
from agentstate_lab.lab.world.faults import KINDS, MAX_ORDERS, Fault, FaultBook
from agentstate_lab.lab.world.refusal import Refusal


@pytest.fixture
def think(world):
    """Ask the model on behalf of a task; returns what it says."""
    client, model = connect_model()

    def think(task_id: str, **options):
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "The disk is nearly full."}],
            extra_headers=task_header(task_id),
            **options,
        )

    yield think
    client.close()


@pytest.fixture
def deploy(world):
    """Ask for a deployment on behalf of a task."""

    def deploy(task_id: str, *, key: str | None = None, timeout: float = 30.0):
        return world.effect(
            "deploy",
            task_id=task_id,
            step="deploy-api",
            arguments={},
            key=key,
            timeout=timeout,
        )

    return deploy


def count(world, task_id: str) -> int:
    """How many effects happened for *task_id*."""
    return sum(entry.count for entry in world.ledger(task_id))


def test_a_throttled_model_call_says_when_to_come_back(world, think):
    """The real client raises what it would raise for the real API."""
    world.fault("throttled", "throttle", seconds=7)

    with pytest.raises(openai.RateLimitError) as caught:
        think("throttled")

    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.code == "rate_limit_exceeded"
    assert think("throttled").choices


def test_a_throttled_effect_did_not_start(world, deploy):
    """The error carries the status and the wait, and says that nothing happened."""
    world.fault("throttled-effect", "throttle", at="deploy", seconds=2.5)

    with pytest.raises(EffectRefused) as caught:
        deploy("throttled-effect")

    assert caught.value.status_code == 429
    assert caught.value.retry_after == 2.5
    assert caught.value.headers["retry-after"] == "2.5"
    assert caught.value.effect == "not started"
    assert count(world, "throttled-effect") == 0


def test_a_server_error_is_one(world, think, deploy):
    """500, from the model and from a service, before anything happens."""
    world.fault("error", "error")
    world.fault("error", "error", at="deploy")

    with pytest.raises(openai.InternalServerError):
        think("error")
    with pytest.raises(EffectRefused) as caught:
        deploy("error")

    assert (caught.value.status_code, caught.value.effect) == (500, "not started")
    assert count(world, "error") == 0


@pytest.mark.parametrize(
    ("kind", "happened"),
    [
        pytest.param("drop", 0, id="dropped-before"),
        pytest.param("reply_lost", 1, id="done-but-the-reply-is-lost"),
    ],
)
def test_a_cut_connection_looks_the_same_whether_it_happened_or_not(
    world, deploy, kind, happened
):
    """The caller knows nothing; the ledger knows."""
    world.fault(kind, kind, at="deploy")

    with pytest.raises(ReplyLost) as caught:
        deploy(kind)

    assert caught.value.effect == "unknown"
    assert count(world, kind) == happened


@pytest.mark.parametrize("kind", ["drop", "reply_lost"])
def test_a_cut_model_call_is_a_connection_error(world, think, kind):
    """The client notices at once: the connection is really cut."""
    world.fault(f"model-{kind}", kind)

    with pytest.raises(openai.APIConnectionError) as caught:
        think(f"model-{kind}")

    assert not isinstance(caught.value, openai.APITimeoutError)
    assert think(f"model-{kind}").choices


@pytest.mark.parametrize(("key", "effects"), [("found:api", 1), (None, 2)])
def test_a_lost_reply_is_found_again_with_the_same_key_alone(
    world, deploy, key, effects
):
    """This is what a key is for."""
    task_id = f"lost-{effects}"
    world.fault(task_id, "reply_lost", at="deploy")
    with pytest.raises(ReplyLost):
        deploy(task_id, key=key)

    said = deploy(task_id, key=key)

    assert said["receipt"] == f"deploy-{effects}"
    assert count(world, task_id) == effects


def test_a_hanging_call_ends_by_the_caller_s_timeout(world, think, deploy):
    """Nothing happens in all that time, nor afterwards."""
    world.fault("hang", "hang")
    world.fault("hang", "hang", at="deploy")

    with pytest.raises(openai.APITimeoutError):
        think("hang", timeout=0.1)
    with pytest.raises(ReplyLost) as caught:
        deploy("hang", timeout=0.1)

    assert caught.value.effect == "unknown"
    assert count(world, "hang") == 0


def test_a_hang_that_is_over_ends_in_a_cut_connection(world, deploy):
    """A caller without a timeout is let go in the end."""
    world.fault("hung", "hang", at="deploy", seconds=0.01)

    with pytest.raises(ReplyLost):
        deploy("hung")

    assert count(world, "hung") == 0


def test_a_slow_effect_happens_although_nobody_waits_any_more(world, deploy):
    """A timeout on this side stops nothing on the other."""
    world.fault("slow", "slow", at="deploy", seconds=0.2)

    with pytest.raises(ReplyLost):
        deploy("slow", timeout=0.05)

    assert until(lambda: count(world, "slow") == 1, 30)


def test_a_dripping_reply_arrives_whole(world, think, deploy):
    """Each byte comes for itself, so a timeout for each read never strikes."""
    world.fault("drip", "drip", seconds=0)
    world.fault("drip", "drip", at="deploy", seconds=0)
    world.fault("drip", "slow", after=1, seconds=0.01)

    said, done, slow = think("drip"), deploy("drip"), think("drip")

    assert said.choices[0].message.content == slow.choices[0].message.content
    assert done["receipt"] == "deploy-1"


def test_a_dripping_reply_is_cut_off_by_a_timeout_for_the_whole(world, deploy):
    """The handle's timeout is for everything together, and the effect was done."""
    world.fault("drips", "drip", at="deploy", seconds=60)

    with pytest.raises(ReplyLost) as caught:
        deploy("drips", timeout=0.1)

    assert caught.value.effect == "unknown"
    assert until(lambda: count(world, "drips") == 1, 30)


def test_a_stream_drips_too(world, think):
    """Server-sent events survive being cut anywhere."""
    world.fault("drip-stream", "drip", seconds=0)

    chunks = list(think("drip-stream", stream=True))

    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("kind", ["drop", "error", "throttle", "reply_lost"])
def test_a_stream_can_fail_like_any_call(world, think, kind):
    """An agent that streams meets the same days."""
    world.fault(f"stream-{kind}", kind)

    with pytest.raises(openai.APIError):
        list(think(f"stream-{kind}", stream=True))


def test_a_fault_strikes_as_often_as_ordered_and_then_is_gone(world, deploy):
    """Nothing is left to chance."""
    world.fault("counted", "error", at="deploy", times=2, after=1)
    outcomes = []

    for _ in range(5):
        try:
            outcomes.append(deploy("counted")["status"])
        except EffectRefused as refusal:
            outcomes.append(refusal.status_code)

    assert outcomes == ["done", 500, 500, "done", "done"]
    assert world.requests("counted") == {"deploy": 5}


@pytest.mark.parametrize("place", ["deploy", "deploy-api"], ids=["service", "step"])
def test_a_fault_strikes_one_task_and_one_place_only(world, think, deploy, place):
    """Tests and lessons that run side by side do not disturb each other."""
    task_id = f"struck-{place}"
    world.fault(task_id, "error", at=place)

    assert deploy("spared")["status"] == "done"
    assert think(task_id).choices
    with pytest.raises(EffectRefused):
        deploy(task_id)


def test_declared_attempts_are_the_requests_on_the_wire(world, think):
    """The client repeats nothing behind our back, whatever it is answered."""
    for kind in ("error", "throttle", "drop"):
        world.fault("wire", kind)

    for _ in range(3):
        with pytest.raises(openai.APIError):
            think("wire")
    think("wire")

    assert world.requests("wire") == {"model": 4}


@pytest.mark.parametrize(
    ("order", "named"),
    [
        pytest.param({"kind": "quake"}, "kind", id="unknown"),
        pytest.param({"at": ""}, "at", id="nowhere"),
        pytest.param({"times": 0}, "times", id="never"),
        pytest.param({"times": True}, "times", id="not-a-number"),
        pytest.param({"times": 1.5}, "times", id="one-and-a-half"),
        pytest.param({"after": -1}, "after", id="before-now"),
        pytest.param({"seconds": -1}, "seconds", id="negative"),
        pytest.param({"seconds": 61}, "seconds", id="longer-than-a-lesson"),
        pytest.param({"seconds": float("nan")}, "arguments", id="nan"),
        pytest.param({"seconds": "1"}, "seconds", id="text"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_name(world, order, named):
    """
    With the argument's name: an order that never strikes would make a lesson pass.
    """
    with pytest.raises(InvalidValue, match=f"^{named}:"):
        world.fault("order", **{"kind": "hang", **order})


def order(**changes) -> Fault:
    """An order for task t."""
    return Fault(**{"task_id": "t", "kind": "drop", **changes})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_length_of_its_own(kind):
    """What nobody says is harmless to forget."""
    assert order(kind=kind).seconds == KINDS[kind]


@given(
    orders=st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=4
    ),
)
def test_every_order_is_carried_out_in_full(orders):
    """However orders overlap, each strikes as often as it says."""
    book = FaultBook()
    for times, after in orders:
        book.order(order(times=times, after=after))

    struck = [book.strike("t", "model") for _ in range(20)]

    hits = [fault for fault in struck if fault]
    assert len(hits) == sum(times for times, _ in orders)
    assert struck.index(hits[0]) == min(after for _, after in orders)


def test_orders_without_end_are_refused():
    """A loop that orders for ever is a mistake, not a lesson."""
    book = FaultBook()

    for _ in range(MAX_ORDERS):
        book.order(order())

    with pytest.raises(Refusal, match=f"{MAX_ORDERS} faults are open"):
        book.order(order())
