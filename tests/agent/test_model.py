"""The client of a model: what the environment says, and what it lacks."""

import openai
import pytest

from agentstate_lab.agent import connect
from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world import SCENARIOS, find_world, start_world

GOAL = {"role": "user", "content": SCENARIOS["disk"].goal}


@pytest.fixture
def live(monkeypatch):
    """Settings of a live model; nothing is sent to it."""
    monkeypatch.setenv("AGENTSTATE_MODEL", "some-model")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1")
    return monkeypatch


@pytest.mark.parametrize("missing", ["AGENTSTATE_MODEL", "OPENAI_API_KEY"])
def test_without_an_endpoint_the_error_names_what_to_set(live, home_dir, missing):
    """All three variables are named, the missing one first, and no world is started."""
    live.delenv(missing)

    with pytest.raises(InvalidValue, match=f"^{missing}: is not set") as caught:
        connect()

    named = {"AGENTSTATE_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"}
    assert {name for name in named if name in str(caught.value)} == named
    assert caught.value.effect == "not started"
    assert find_world() is None


def test_a_live_model_is_named_by_the_settings(live):
    """The address, the key and the name are the learner's; the limits stay ours."""
    client, model = connect(timeout=7)

    with client:
        assert model == "some-model"
        assert str(client.base_url) == "https://models.example/v1/"
        assert (client.api_key, client.max_retries, client.timeout) == (
            "sk-secret",
            0,
            7,
        )


def test_without_an_address_the_live_model_is_where_the_client_expects_it(live):
    """No address of a provider is written into the course."""
    live.delenv("OPENAI_BASE_URL")

    client, _ = connect()

    with client:
        assert client.base_url == openai.OpenAI(api_key="k").base_url


@pytest.mark.usefixtures("process")
def test_a_live_model_on_this_machine_is_not_diverted_either(live):
    """A local server is reached without the proxy of the company."""
    live.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    live.setenv("OPENAI_BASE_URL", f"{start_world().url}/v1")
    live.setenv("OPENAI_API_KEY", start_world().token)
    live.setenv("AGENTSTATE_MODEL", "scripted")

    client, model = connect()

    with client:
        assert client.chat.completions.create(model=model, messages=[GOAL]).choices


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("OPENAI_API_KEY", None, id="no-key"),
        pytest.param("OPENAI_API_KEY", "  ", id="blank-key"),
        pytest.param("OPENAI_API_KEY", "sk-secret\nmore", id="key-of-two-lines"),
        pytest.param("OPENAI_API_KEY", "sk-sécret", id="key-not-ascii"),
        pytest.param("OPENAI_BASE_URL", "models.example/sk-secret", id="no-scheme"),
        pytest.param("OPENAI_BASE_URL", "ftp://sk-secret", id="other-scheme"),
        pytest.param("OPENAI_BASE_URL", "http://", id="no-host"),
        pytest.param("OPENAI_BASE_URL", "http://h:sk-secret/v1", id="no-port"),
        pytest.param("OPENAI_BASE_URL", "http://[sk-secret", id="half-a-host"),
        pytest.param("AGENTSTATE_MODEL", "two words", id="model-of-two-words"),
    ],
)
def test_a_setting_that_cannot_work_is_named_and_no_secret_is_shown(live, name, value):
    """The message says which variable to mend; its value may be pasted anywhere."""
    if value is None:
        live.delenv(name)
    else:
        live.setenv(name, value)

    with pytest.raises(InvalidValue, match=f"^{name}: ") as caught:
        connect()

    assert "secret" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__cause__ is None


def test_white_space_around_a_setting_is_taken_off(live):
    """It usually was copied along."""
    live.setenv("OPENAI_API_KEY", " sk-secret\n")

    client, _ = connect()

    with client:
        assert client.api_key == "sk-secret"


@pytest.mark.parametrize(
    "timeout", [0, -1, float("nan"), float("inf"), None, "30", True], ids=repr
)
def test_a_timeout_must_be_a_length(live, timeout):
    """Waiting for ever is not offered."""
    with pytest.raises(InvalidValue, match="timeout: must be a positive"):
        connect(timeout=timeout)
