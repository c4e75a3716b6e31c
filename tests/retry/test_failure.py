"""What a failure says about trying again is read from what it carries."""

import io
from email.message import Message
from urllib.error import HTTPError

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab import errors
from agentstate_lab.retry import Kind, kind_of, status_of
from agentstate_lab.retry.failure import retry_after, timed_out

THEN = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of the RFC's examples


class Refused(Exception):
    """What some HTTP client might raise: attributes, and no class that we know."""

    def __init__(self, status_code=None, headers=None, **more):
        super().__init__("refused")
        self.status_code = status_code
        self.headers = headers
        self.__dict__.update(more)


class Nagging(Exception):
    """A client whose properties raise as long as nothing was set."""

    @property
    def response(self):
        """Never set."""
        raise RuntimeError("not set")

    status_code = headers = effect = response


def asked(status, *, headers=None, body=None):
    """What the real `openai` client raises for such a reply."""

    def reply(request):
        return httpx2.Response(status, headers=headers, json=body or {})

    http = httpx2.Client(transport=httpx2.MockTransport(reply))
    with openai.OpenAI(
        api_key="none", base_url="http://model.test", max_retries=0, http_client=http
    ) as client:
        try:
            client.models.list()
        except openai.OpenAIError as error:
            return error
    raise AssertionError("it was to fail")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(RuntimeError("?"), "transient", id="says-nothing"),
        pytest.param(ConnectionError("reset"), "transient", id="connection"),
        pytest.param(TimeoutError(), "transient", id="timeout"),
        pytest.param(errors.Permanent("no"), "permanent", id="permanent"),
        pytest.param(
            errors.Permanent("no", effect="unknown"), "permanent", id="firmly-permanent"
        ),
        pytest.param(errors.StoreBusy("f", "wait"), "transient", id="lock"),
        pytest.param(errors.TaskInProgress("t"), "transient", id="in-progress"),
        pytest.param(errors.StoreTorn("f", "cut"), "permanent", id="torn"),
        pytest.param(errors.InvalidValue("n", "bad"), "permanent", id="bad-value"),
        pytest.param(errors.KeyReused("t"), "permanent", id="key-reused"),
        pytest.param(errors.DeadlineExceeded("s", 1), "permanent", id="too-late"),
        pytest.param(
            errors.DeadlineExceeded("s", 1, effect="unknown"), "unknown", id="given-up"
        ),
        pytest.param(errors.ReplyLost("?"), "unknown", id="reply-lost"),
        pytest.param(errors.OutcomeUnknown("t", "s", "?"), "unknown", id="outcome"),
        pytest.param(
            errors.StoreError("f", "ok", effect="done"), "permanent", id="done-already"
        ),
        pytest.param(Refused(429), "throttled", id="429"),
        pytest.param(Refused(503), "throttled", id="503"),
        pytest.param(Refused(529), "throttled", id="529"),
        pytest.param(Refused(429, effect="unknown"), "throttled", id="429-is-a-no"),
        pytest.param(Refused(503, effect="unknown"), "unknown", id="503-unknown"),
        pytest.param(Refused(500), "transient", id="500"),
        pytest.param(Refused(500, effect="unknown"), "unknown", id="500-unknown"),
        pytest.param(Refused(408), "transient", id="408"),
        pytest.param(Refused(409), "transient", id="409"),
        pytest.param(Refused(409, effect="unknown"), "unknown", id="409-unknown"),
        pytest.param(Refused(400), "permanent", id="400"),
        pytest.param(Refused(401), "permanent", id="401"),
        pytest.param(Refused(422, effect="unknown"), "permanent", id="422"),
        pytest.param(Refused(302), "permanent", id="302"),
        pytest.param(Refused(200), "unknown", id="200-and-unreadable"),
        pytest.param(
            Refused(429, code="insufficient_quota"), "permanent", id="no-money"
        ),
        pytest.param(
            Refused(500, {"x-should-retry": "false"}), "permanent", id="told-not-to"
        ),
        pytest.param(
            Refused(400, {"X-Should-Retry": "true"}), "transient", id="told-to"
        ),
        pytest.param(Refused(None, response=Refused(429)), "throttled", id="response"),
        pytest.param(Refused(None, status=429), "throttled", id="status"),
        pytest.param(Refused("429"), "transient", id="status-in-words"),
        pytest.param(Refused(True), "transient", id="status-true"),
        pytest.param(Refused(-32602), "transient", id="json-rpc"),
        pytest.param(Refused(10**100), "transient", id="status-huge"),
        pytest.param(Refused(effect="perhaps"), "transient", id="effect-of-another"),
        pytest.param(Refused(effect=["unknown"]), "transient", id="effect-a-list"),
        pytest.param(Refused(response=7, headers=7), "transient", id="numbers"),
        pytest.param(Nagging("!"), "transient", id="raises-when-asked"),
    ],
)
def test_a_failure_is_one_of_four(error, kind):
    """Read from attributes; whoever carries none is given the benefit of the doubt."""
    assert kind_of(error) == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(429, None, Kind.THROTTLED, id="rate-limit"),
        pytest.param(
            429,
            {"error": {"code": "insufficient_quota", "message": "pay"}},
            Kind.PERMANENT,
            id="quota",
        ),
        pytest.param(500, None, Kind.TRANSIENT, id="server-error"),
        pytest.param(401, None, Kind.PERMANENT, id="key"),
    ],
)
def test_the_errors_of_the_real_client_are_read(status, body, kind):
    """The `openai` client's own errors, as it raises them."""
    error = asked(status, body=body)

    assert (status_of(error), kind_of(error)) == (status, kind)


def test_errors_that_keep_their_status_in_the_response_are_read():
    """`raise_for_status` of httpx2 raises such a one."""
    request = httpx2.Request("GET", "http://model.test")
    response = httpx2.Response(429, headers={"Retry-After": "7"}, request=request)

    with pytest.raises(httpx2.HTTPStatusError) as caught:
        response.raise_for_status()

    assert kind_of(caught.value) is Kind.THROTTLED
    assert retry_after(caught.value) == 7


def test_errors_of_the_standard_library_are_read():
    """`urllib` calls it `status`, and has headers of its own kind."""
    headers = Message()
    headers["Retry-After"] = "7"

    with HTTPError("http://model.test", 503, "no", headers, io.BytesIO()) as error:
        assert (kind_of(error), retry_after(error)) == (Kind.THROTTLED, 7)


def test_the_world_says_what_happened():
    """A 500 with an effect that was not started is transient, whatever the class."""
    error = errors.EffectRefused(500, None, "oh", effect="not started")

    assert kind_of(error) is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"Retry-After": "7"}, 7, id="another-spelling"),
        pytest.param({"RETRY-AFTER": "7"}, 7, id="in-capitals"),
        pytest.param({"rEtRy-aFtEr": "7", 3: "x"}, 7, id="as-it-comes"),
        pytest.param({"retry-after": " 1.5 "}, 1.5, id="a-fraction"),
        pytest.param({"retry-after": 7}, 7, id="a-number"),
        pytest.param({"retry-after": "0"}, 0, id="at-once"),
        pytest.param({"retry-after-ms": "1500"}, 1.5, id="milliseconds"),
        pytest.param(
            {"retry-after-ms": "1500", "retry-after": "2"}, 1.5, id="the-finer-one"
        ),
        pytest.param(
            {"retry-after-ms": "soon", "retry-after": "2"}, 2, id="the-readable-one"
        ),
        pytest.param({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 10, id="a-date"),
        pytest.param(
            {"retry-after": "Sunday, 06-Nov-94 08:49:37 GMT"}, 10, id="an-old-date"
        ),
        pytest.param(
            {"retry-after": "Sun Nov  6 08:49:37 1994"}, 10, id="a-date-without-zone"
        ),
        pytest.param(
            {"retry-after": "Sun, 06 Nov 1994 10:49:37 +0200"}, 10, id="another-zone"
        ),
        pytest.param(
            {"retry-after": "Sat, 05 Nov 1994 08:49:37 GMT"}, 0, id="a-past-date"
        ),
        pytest.param({"retry-after": "9" * 400}, float("inf"), id="too-large"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, id="inf"),
        pytest.param({"retry-after": "1_0"}, None, id="python-only"),
        pytest.param({"retry-after": "٣"}, None, id="other-digits"),
        pytest.param({"retry-after": "7\x1f"}, None, id="odd-space"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "Sun, 06 Nov 1994 GMT"}, None, id="a-day"),
        pytest.param({"retry-after": "1 Jan 99999999999999 0:0"}, None, id="far-off"),
        pytest.param({"retry-after": "a, b c d e f" * 99}, None, id="long"),
        pytest.param({"retry-after": b"7"}, None, id="bytes"),
        pytest.param({"retry-after": None}, None, id="none"),
        pytest.param({}, None, id="nothing"),
        pytest.param(None, None, id="no-headers"),
        pytest.param(["retry-after"], None, id="no-mapping"),
    ],
)
def test_the_wait_that_is_asked_for_has_three_forms(headers, seconds):
    """Seconds, milliseconds or a date; ten seconds before the date of the RFC."""
    error = Refused(429, headers)

    assert retry_after(error, wall=lambda: THEN - 10) == seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param(7, 7, id="seconds"),
        pytest.param(float("nan"), None, id="nan"),
        pytest.param(-1, None, id="negative"),
        pytest.param("soon", None, id="words"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_an_attribute_may_ask_for_the_wait(said, seconds):
    """Errors that are made by hand have no headers."""
    assert retry_after(Refused(429, retry_after=said)) == seconds


def test_a_number_beyond_all_floats_is_a_very_long_wait():
    """An integer can be larger than any float."""
    assert retry_after(Refused(429, retry_after=10**400)) > 1e300


@given(said=st.text(max_size=40))
def test_whatever_a_header_says_is_a_wait_or_nothing(said):
    """The header comes from outside: it may be anything, and no wait is negative."""
    seconds = retry_after(Refused(429, {"retry-after": said}), wall=lambda: THEN)

    assert seconds is None or seconds >= 0


def test_the_real_clients_header_is_read():
    """Its headers know no upper and lower case."""
    error = asked(429, headers={"Retry-After-Ms": "250"})

    assert retry_after(error) == 0.25


def test_a_timeout_is_found_among_the_causes():
    """A client's own class hides the one that everybody knows."""
    error = RuntimeError("request timed out")
    error.__cause__ = OSError("reading")
    error.__cause__.__cause__ = TimeoutError()

    assert timed_out(error)


def test_the_real_clients_timeout_is_found(world):
    """It waited a twentieth of a second for a reply that hangs."""
    from agentstate_lab.lab.world import connect_model, task_header

    world.fault("failure/hang", "hang", seconds=5)
    client, _ = connect_model()

    with client, pytest.raises(openai.APITimeoutError) as caught:
        client.with_options(timeout=0.05).chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": "?"}],
            extra_headers=task_header("failure/hang"),
        )

    assert timed_out(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError("?"), id="no-cause"),
        pytest.param(Refused(500), id="another-status"),
        pytest.param(ConnectionError("reset"), id="connection"),
    ],
)
def test_other_failures_are_no_timeouts(error):
    """A connection that broke did not take too long."""
    assert not timed_out(error)


def test_a_gateway_that_waited_too_long_is_a_timeout():
    """408 and 504 say so in numbers."""
    assert timed_out(Refused(504))


def test_a_circle_of_causes_ends():
    """Two errors may name each other as the cause."""
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one

    assert not timed_out(one)
