import http.client
import json
import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from agentstate_lab.lab.world import find_world
from agentstate_lab.lab.world.wire import MAX_BODY, MAX_DEPTH

CHAT = "/v1/chat/completions"
EFFECT = "/effects/deploy"


def address(world) -> tuple[str, int]:
    """Where *world* listens."""
    url = urlsplit(world.url)
    return str(url.hostname), int(url.port or 0)


def ask(world, method, path, body=None, *, chunked=False, **headers):
    """A request as a stranger's program would send it: status, headers, JSON."""
    named = {"Authorization": f"Bearer {world.token}", **headers}
    with closing(http.client.HTTPConnection(*address(world), timeout=30)) as connection:
        connection.request(method, path, body, named, encode_chunked=chunked)
        reply = connection.getresponse()
        assert reply.headers.get_content_type() == "application/json"
        return reply.status, reply.headers, json.loads(reply.read() or b"null")


def raw(world, data: bytes) -> bytes:
    """Send *data* as it is, and read until the world closes or has answered."""
    with socket.create_connection(address(world), timeout=30) as connection:
        connection.sendall(data)
        return connection.recv(65_536)


def check_shape(said) -> None:
    """Every refusal has the shape that the `openai` client reads."""
    assert set(said) == {"error"}
    assert set(said["error"]) == {"message", "type", "param", "code"}
    assert said["error"]["message"]


@pytest.fixture(autouse=True)
def lives_on(world):
    """After each of these tests, the same world still answers."""
    yield
    assert find_world() == world


def nested(levels: int) -> bytes:
    """An effect whose arguments are *levels* deep, the body itself included."""
    inner = b"[" * (levels - 2) + b"]" * (levels - 2)
    return b'{"task_id": "t", "step": "s", "arguments": {"a": ' + inner + b"}}"


MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut-off"),
    pytest.param(b"{'a': 1}", id="python"),
    pytest.param(b"[]", id="a-list"),
    pytest.param(b'"text"', id="text"),
    pytest.param(b"null", id="null"),
    pytest.param(b"\xff\xfe\x00", id="not-utf-8"),
    pytest.param(b'{"a": "\xc3"}', id="half-a-character"),
    pytest.param(b'{"a": NaN}', id="nan"),
    pytest.param(b'{"a": -Infinity}', id="infinity"),
    pytest.param(b'{"a": ' + b"9" * 5_000 + b"}", id="huge-number"),
    pytest.param(b'{"a": "\\ud800"}', id="lone-surrogate"),
    pytest.param(b'{"\\udc00": 1}', id="surrogate-name"),
    pytest.param(b"\x00" * 100, id="nul"),
    pytest.param(b"[" * 1_000_000, id="a-million-levels"),
    pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, id="deep-objects"),
    pytest.param(nested(MAX_DEPTH + 1), id="one-level-too-deep"),
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_body_that_is_no_json_object_is_refused(world, body):
    """400, whatever was sent, and the reason in words."""
    status, _, said = ask(world, "POST", EFFECT, body)

    check_shape(said)
    assert (status, said["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("path", [CHAT, EFFECT, "/faults", "/forget"])
def test_every_route_reads_its_body_by_the_same_rules(world, path):
    """None of them stumbles over what it was sent."""
    status, _, said = ask(world, "POST", path, b"[" * 1_000_000)

    check_shape(said)
    assert (status, said["error"]["code"]) == (400, "invalid_json")


def test_the_deepest_body_that_is_allowed_is_read(world):
    """The limit is where the message says it is."""
    assert ask(world, "POST", EFFECT, nested(MAX_DEPTH))[0] == 200


@pytest.mark.parametrize("path", [CHAT, EFFECT])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_above_ten_megabytes_is_refused_and_the_sender_hears_it(
    world, path, chunked
):
    """Not a reset connection: a sender in the middle of its work must get the reply."""
    pieces = [b" " * MAX_BODY, b"x"]

    status, headers, said = ask(
        world,
        "POST",
        path,
        iter(pieces) if chunked else b"".join(pieces),
        chunked=chunked,
        **({"Transfer-Encoding": "chunked"} if chunked else {}),
    )

    check_shape(said)
    assert (status, said["error"]["code"]) == (413, "request_too_large")
    assert headers["X-Effect"] == "not started"


def test_a_body_that_is_declared_too_large_is_refused_before_it_is_sent(world):
    """A careful sender asks first and saves the work."""
    head = f"POST {EFFECT} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    token = f"Authorization: Bearer {world.token}\r\n"

    reply = raw(world, f"{head}{token}Content-Length: 99999999999\r\n\r\n".encode())

    assert reply.startswith(b"HTTP/1.1 413 ")


def test_a_sender_that_hangs_up_in_the_middle_does_no_harm(world):
    """Half a request is no request."""
    head = f"POST {EFFECT} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    token = f"Authorization: Bearer {world.token}\r\n"
    with socket.create_connection(address(world)) as connection:
        connection.sendall(f"{head}{token}Content-Length: 500\r\n\r\n{{".encode())

    assert ask(world, "GET", "/health")[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="tls"),
        pytest.param(b"hello\r\n\r\n", id="hello"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", id="nul"),
        pytest.param(b"X" * 200_000, id="endless-line"),
    ],
)
def test_bytes_that_are_not_http_are_refused_as_json_too(world, data):
    """The world answers in one language only."""
    head, _, body = raw(world, data).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    check_shape(json.loads(body))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/", 404, id="root"),
        pytest.param("POST", "/v1/responses", 404, id="other-api"),
        pytest.param("GET", "/health/", 404, id="slash-at-the-end"),
        pytest.param("GET", "/%00%0a%ff/../../etc/passwd", 404, id="hostile-path"),
        pytest.param("GET", "/" + "x" * 9_000, 404, id="long-path"),
        pytest.param("POST", "/effects/reboot", 404, id="unknown-service"),
        pytest.param("GET", "/v1/models/gpt", 404, id="unknown-model"),
        pytest.param("GET", CHAT, 405, id="chat-by-get"),
        pytest.param("DELETE", "/ledger", 405, id="ledger-by-delete"),
        pytest.param("PUT", EFFECT, 405, id="effect-by-put"),
        pytest.param("BREW", "/ledger", 405, id="unknown-method"),
    ],
)
def test_an_unknown_route_or_method_is_refused_as_json(world, method, path, status):
    """The reply names what was asked for."""
    found, _, said = ask(world, method, path)

    check_shape(said)
    assert found == status


@pytest.mark.parametrize(
    "path", ["/ledger", CHAT, EFFECT, "/stop", "/forget", "/faults", "/nowhere"]
)
@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="none"),
        pytest.param("Bearer wrong", id="wrong"),
        pytest.param("Bearer \xff", id="not-ascii"),
    ],
)
def test_nothing_is_answered_without_the_token(world, path, token):
    """Every program on the machine can reach the port."""
    status, _, said = ask(world, "POST", path, b"{}", Authorization=token)

    check_shape(said)
    assert (status, said["error"]["code"]) == (401, "invalid_api_key")
    assert world.token not in json.dumps(said)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1", 200, id="loopback"),
        pytest.param("localhost:80", 200, id="localhost"),
        pytest.param("LOCALHOST", 200, id="upper-case"),
        pytest.param("evil.example", 403, id="another-name"),
        pytest.param("127.0.0.1.evil.example:80", 403, id="a-name-like-it"),
        pytest.param("[::1]", 403, id="another-family"),
    ],
)
def test_a_request_must_name_the_host_that_it_reached(world, host, status):
    """A web page can make its own name mean 127.0.0.1."""
    found, _, said = ask(world, "GET", "/ledger", Host=host)

    assert found == status
    if status == 403:
        check_shape(said)


def test_the_open_route_tells_no_secret(world):
    """Anybody may ask for the health, and learns a digest."""
    status, _, said = ask(world, "GET", "/health", Authorization="")

    assert status == 200
    assert said["pid"] == world.pid
    assert world.token not in json.dumps(said)


def test_a_body_behind_a_refusal_does_not_become_the_next_request(world):
    """What was not read is dropped, and the connection goes on."""
    with closing(http.client.HTTPConnection(*address(world), timeout=30)) as connection:
        for _ in range(2):
            connection.request("POST", EFFECT, b"GET /ledger HTTP/1.1\r\n\r\n" * 1_000)
            reply = connection.getresponse()
            body = json.loads(reply.read())
            assert (reply.status, body["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"kind": "drop"}, "missing_required_parameter", id="no-task"),
        pytest.param({"task_id": "t"}, "missing_required_parameter", id="no-kind"),
        pytest.param(
            {"task_id": "t", "kind": "drop", "att": "model"},
            "unknown_parameter",
            id="unknown-field",
        ),
    ],
)
def test_an_order_that_a_stranger_puts_together_is_held_against_the_same_rules(
    world, body, code
):
    """Not every caller uses this course's handle."""
    status, _, said = ask(world, "POST", "/faults", json.dumps(body).encode())

    check_shape(said)
    assert (status, said["error"]["code"]) == (400, code)


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "\xff"], ids=repr)
def test_a_key_that_is_none_is_refused_by_the_service_too(world, key):
    """Not every caller uses this course's handle."""
    body = b'{"task_id": "t", "step": "s", "arguments": {}}'

    status, _, said = ask(world, "POST", EFFECT, body, **{"Idempotency-Key": key})

    check_shape(said)
    assert (status, said["error"]["code"]) == (400, "invalid_key")
