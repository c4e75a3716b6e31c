"""The course's model: the scripted one of the world, unless another is named."""

import gc
import warnings
import weakref

import httpcore2
import openai
import pytest

from agentstate_lab.errors import WorldUnavailable
from agentstate_lab.lab.world import (
    SCENARIOS,
    connect_model,
    find_world,
    scripted_model,
    task_header,
)

DISK = SCENARIOS["disk"]
GOAL = {"role": "user", "content": DISK.goal}

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture
def ask(world):
    """Ask the scripted model through the real client."""
    client, model = connect_model()

    def ask(messages=(GOAL,), **options):
        asked = {"model": model, "messages": list(messages), **options}
        return client.chat.completions.create(**asked)

    yield ask
    client.close()


@pytest.mark.usefixtures("process")
def test_without_settings_it_is_the_scripted_model_of_the_world(home_dir, monkeypatch):
    """
    The first call starts the world, in whose log is no prompt and no secret.

    For a model that is configured it is not even started.
    """
    with monkeypatch.context() as live:
        live.setenv("AGENTSTATE_MODEL", "some-model")
        live.setenv("OPENAI_API_KEY", "sk-secret")
        client, model = connect_model()
        client.close()
        assert (client.api_key, model) == ("sk-secret", "some-model")
        assert find_world() is None
        assert scripted_model()[1] == "scripted"
    client, model = connect_model()
    prompt = {"role": "user", "content": "PROMPT disk"}

    with client:
        assert model == "scripted"
        assert str(client.base_url) == f"{find_world().url}/v1/"
        assert client.models.retrieve(model).owned_by == "agentstate-lab"
        client.chat.completions.create(model=model, messages=[prompt])
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=model, messages=[prompt], n=7)

    assert (home_dir / "world.log").read_text() == ""


def test_the_model_asks_for_a_tool_and_goes_on_after_the_answer(ask):
    """The real client, over HTTP, until nothing is left to do."""
    messages, called = [GOAL], []
    while calls := (
        said := ask(messages, tools=DISK.tools).choices[0]
    ).message.tool_calls:
        messages.append(said.message.model_dump(exclude_none=True))
        for call in calls:
            called.append(call.function.name)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "ok"})

    assert called == [step.tool for step in DISK.steps]
    assert said.finish_reason == "stop"
    assert said.message.content == DISK.answer


def test_a_stream_brings_the_same_words(ask):
    """Whole or in pieces, it is the same answer."""
    whole = ask().choices[0].message.content

    chunks = list(ask(stream=True))

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert len([piece for piece in pieces if piece]) > 1
    assert "".join(pieces) == whole


def test_a_stream_brings_the_same_tool_call(ask):
    """The client's own helper puts the deltas together."""
    [whole] = ask(tools=DISK.tools).choices[0].message.tool_calls

    chunks = list(ask(tools=DISK.tools, stream=True))

    deltas = [
        delta for chunk in chunks for delta in chunk.choices[0].delta.tool_calls or []
    ]
    assert deltas[0].id == whole.id
    assert deltas[0].function.name == whole.function.name
    said = "".join(delta.function.arguments for delta in deltas)
    assert said == whole.function.arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_client_s_stream_helper_understands_the_stream(world):
    """The strictest reader of the stream is the client itself."""
    client, model = connect_model()
    options = {"model": model, "messages": [GOAL], "tools": DISK.tools}

    with client, client.chat.completions.stream(**options) as stream:
        final = stream.get_final_completion()

    assert final.choices[0].message.tool_calls[0].function.name == DISK.steps[0].tool


def test_a_stream_tells_its_usage_when_it_is_asked(ask):
    """Budgets are kept in streams too."""
    usage = ask().usage

    chunks = list(ask(stream=True, stream_options={"include_usage": True}))

    assert chunks[-1].usage == usage


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        pytest.param(
            {"model": "gpt-9"}, openai.NotFoundError, "does not exist", id="other-model"
        ),
        pytest.param(
            {"extra_body": {"max_retries": 3}},
            openai.BadRequestError,
            "Unknown parameter: 'max_retries'",
            id="unknown-field",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "x" * (11 * 2**20)}]},
            openai.APIStatusError,
            "larger than",
            id="too-large",
        ),
    ],
)
def test_what_the_real_api_refuses_is_refused_here(ask, options, error, says):
    """The client raises its own errors, with the words of the API."""
    with pytest.raises(error, match=says):
        ask(**options)


def test_one_call_is_one_request(world, ask):
    """No hidden repeats: an agent's own policy is the only one."""
    world.fault("once", "error", times=9)

    with pytest.raises(openai.InternalServerError):
        ask(extra_headers=task_header("once"))

    assert world.requests("once") == {"model": 1}


def test_no_proxy_variable_diverts_a_call_to_loopback(world, monkeypatch):
    """A proxy would see prompts that never should have left the machine."""
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")

    client, model = connect_model()

    with client:
        assert client.chat.completions.create(model=model, messages=[GOAL]).choices
    assert world.ledger("nobody") == []


def test_settings_of_a_live_model_do_not_leak_into_the_scripted_one(world, monkeypatch):
    """A key in the environment is not sent to the world."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1")

    client, _ = connect_model()

    with client:
        assert client.api_key == world.token
        assert str(client.base_url).startswith(world.url)


@pytest.mark.usefixtures("process")
def test_a_world_that_cannot_start_is_said_so(home_dir):
    """The error is the stage's, not a riddle of the client's."""
    (home_dir / "ledger.sqlite").mkdir(parents=True)

    with pytest.raises(WorldUnavailable, match="did not start"):
        connect_model()


def test_a_client_that_is_forgotten_leaves_no_socket_open(world):
    """Agents seldom close their client, and warnings about it would fill notebooks."""
    client, model = connect_model()
    client.chat.completions.create(model=model, messages=[GOAL])
    gone = weakref.ref(client)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del client
        gc.collect()

    assert gone() is None


def test_the_scripted_model_needs_no_certificates(world, monkeypatch):
    """Loading them takes longer than many calls, and nobody looks at them here."""
    loaded = []
    monkeypatch.setattr(
        httpcore2, "default_ssl_context", lambda **_: loaded.append(True)
    )

    connect_model()[0].close()

    assert loaded == []
