"""Answers to exercise 09, right and wrong."""

import itertools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from agentstate_lab.errors import (
    AgentStateError,
    Conflict,
    KeyReused,
    StoreUnavailable,
    VersionConflict,
)
from agentstate_lab.mcp_state import (
    SharedState,
    StateClient,
)
from agentstate_lab.retry import Kind, execute_with_retry, kind_of
from agentstate_lab.state import Operation, StatePatch
from answers import ALL, EXPLAINS, Wrong, but

Change = Callable[[SharedState], list[Operation]]

ROUNDS = 10


def patch_for(patch_id: str, seen: SharedState, change: Change) -> StatePatch:
    """The change of what was read, as a patch."""
    operations = tuple(change(seen))
    return StatePatch(id=patch_id, base_version=seen.version, operations=operations)


def patiently(ask: Callable[[], Any]) -> Any:
    """The answer to the very same request, asked for up to ten times."""
    for left in reversed(range(ROUNDS)):
        try:
            return ask()
        except StoreUnavailable:
            if not left:
                raise
    return None


def resends(
    client: StateClient, uri: str, patch_id: str, change: Change
) -> SharedState:
    """The plain one: no answer, the same patch; a conflict, another one."""
    for left in reversed(range(ROUNDS)):
        seen = patiently(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            patiently(lambda patch=patch: client.write(uri, patch))
            break
        except VersionConflict:
            if not left:
                raise
    return patiently(lambda: client.read(uri))


def looks(client: StateClient, uri: str, patch_id: str, change: Change) -> SharedState:
    """Whatever went wrong, it reads, and sees there whether it is done."""
    failure: AgentStateError | None = None
    for _ in range(2 * ROUNDS):
        try:
            seen = client.read(uri)
            if patch_id in seen.agent_state.applied_patches:
                return seen
            client.write(uri, patch_for(patch_id, seen, change))
        except (VersionConflict, StoreUnavailable) as error:
            failure = error
    assert failure is not None
    raise failure


def with_retry(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """It even repeats a conflict before it believes it: a waste, and no harm."""

    def surely(ask: Callable[[], Any]) -> Any:
        return execute_with_retry(ask, 10, idempotent=True)

    for _ in range(ROUNDS):
        seen = surely(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            surely(lambda patch=patch: client.write(uri, patch))
            return surely(lambda: client.read(uri))
        except VersionConflict as error:
            late = error
    raise late


class Updater:
    """An object, with its requests as methods, that counts all failures together."""

    failures = 0

    def __call__(self, client: Any, uri: str, patch_id: str, change: Any) -> Any:
        """Update."""
        self.failures = 0
        while True:
            seen = self.ask(client.read, uri)
            patch = patch_for(patch_id, seen, change)
            if self.ask(client.write, uri, patch) is not None:
                return self.ask(client.read, uri)

    def ask(self, request: Any, *args: Any) -> Any:
        """The answer, or None after a conflict."""
        while True:
            try:
                return request(*args)
            except Exception as error:
                self.failures += 1
                kind = Kind.PERMANENT if isinstance(error, Conflict) else kind_of(error)
                if isinstance(error, VersionConflict) and self.failures < 20:
                    return None
                if kind is Kind.PERMANENT or self.failures >= 20:
                    raise


def key_known(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """It makes a new patch each time; that its id is known means that it is done."""
    for number in itertools.count(1):
        try:
            seen = client.read(uri)
            if number > 1 and patch_id in seen.agent_state.applied_patches:
                return seen
            client.write(uri, patch_for(patch_id, seen, change))
        except KeyReused:
            return client.read(uri)
        except (VersionConflict, StoreUnavailable):
            if number == 20:
                raise
    return None


RIGHT: dict[str, Callable[..., Any]] = {
    "resends": resends,
    "looks": looks,
    "object": Updater(),
    "key-known": key_known,
    "with-retry": with_retry,
}

MAKES = "makes the change, and returns the state with it"
ANEW = "makes the change anew after a conflict"
FIVE = "goes on through five conflicts in a row"
REPLY = "makes one change when the reply was lost"
REQUEST = "makes one change when the request was lost"
READ = "reads again after a lost reading, and when the server was away"
OTHERS = "lets every other error out at once"
FAILS = "lets an error of the change out, and writes nothing"
GONE = "gives up when the server is gone for good"
OLD = "2 changes were made, and the count is 1"
AGAIN = "changes nothing when a replacement does the same"

READS = "seen = patiently(lambda: client.read(uri))"
PATCH = "patch = patch_for(patch_id, seen, change)"
WRITE = "patiently(lambda patch=patch: client.write(uri, patch))"
CONFLICT = "if not left:\n                raise"
END = "return patiently(lambda: client.read(uri))"
NEW_ID = ("patch_for(patch_id", 'patch_for(f"{patch_id}-{uuid4()}"')
NUMBERED = ("patch_for(patch_id", 'patch_for(f"{patch_id}-{left}"')
ALL_BUT_A_CONFLICT = (
    "except VersionConflict:\n            raise\n        except AgentStateError:"
)
FAILED = "except StoreUnavailable:"


def asking(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in how it asks again."""
    return but(resends, patiently=but(patiently, *lines))


def once_made(version: str) -> Any:
    """The plain answer, which makes its patch once, and then takes a *version*."""
    renewed = f"patch = patch.model_copy(update={{'base_version': {version}}})"
    first = f"if left == ROUNDS - 1:\n            {PATCH}"
    conflict = ("except VersionConflict:", "except VersionConflict as error:")
    return but(resends, (PATCH, first), conflict, (CONFLICT, renewed))


def unanswered(statement: str, *lines: tuple[str, str], **names: Any) -> Any:
    """The plain answer, which writes once, and has a statement for no answer."""
    handler = f"{FAILED}\n            {statement}\n        except VersionConflict:"
    once = (WRITE, "client.write(uri, patch)")
    return but(resends, once, ("except VersionConflict:", handler), *lines, **names)


def insisting(*kinds: str) -> Any:
    """Reads, looks and writes until it is done, whatever of these *kinds* happens."""
    return but(
        looks,
        ("range(2 * ROUNDS)", "itertools.count()"),
        ("(VersionConflict, StoreUnavailable)", f"({', '.join(kinds)})"),
    )


def no_change(change: Change) -> Change:
    """A change that fails is none, and its patch is empty."""

    def carefully(seen: Any) -> Any:
        try:
            return change(seen)
        except Exception:  # noqa: BLE001 - that is the mistake
            return []

    return carefully


def add_line(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """As in the notebook: it knows conflicts, and no losses."""
    seen = client.read(uri)
    try:
        client.write(uri, patch_for(patch_id, seen, change))
    except VersionConflict:
        return add_line(client, uri, patch_id, change)
    return client.read(uri)


def hides_errors(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """When anything goes wrong, it returns what there is."""
    try:
        return resends(client, uri, patch_id, change)
    except Exception:  # noqa: BLE001 - that is the mistake
        return None


WRONG: dict[str, Wrong] = {
    "version-only": Wrong(once_made("client.read(uri).version"), ANEW, OLD),
    "found-version": Wrong(once_made("error.found"), ANEW, OLD),
    "new-id": Wrong(
        unanswered("continue", NEW_ID, uuid4=uuid4),
        REPLY,
        "its change is there 2 times",
    ),
    "numbered-id": Wrong(
        unanswered("continue", NUMBERED), REPLY, "its change is there 2 times", ALL
    ),
    "swallows": Wrong(
        but(resends, (CONFLICT, "break")),
        ANEW,
        "not there, and it returned as if it were",
    ),
    "gives-up": Wrong(
        but(resends, (CONFLICT, "raise")), ANEW, "it raised VersionConflict"
    ),
    "three-rounds": Wrong(but(resends, ROUNDS=3), FIVE, "it raised VersionConflict"),
    "lost-is-done": Wrong(
        unanswered("break"),
        REQUEST,
        "it returned as if it were",
        ("makes one change in 60 random scenes",),
    ),
    "lost-is-failed": Wrong(unanswered("raise"), REPLY, "it raised StoreUnavailable"),
    "recomputes": Wrong(unanswered("continue"), REPLY, "it raised KeyReused"),
    "looks-at-the-version": Wrong(
        unanswered(
            "if client.read(uri).version > seen.version:\n                break"
        ),
        REQUEST,
        "as if it were",
    ),
    "for-ever": Wrong(
        insisting("Exception"), OTHERS, "had sent 100 requests and did not stop"
    ),
    "without-end": Wrong(
        insisting("VersionConflict", "StoreUnavailable"),
        GONE,
        "had sent 100 requests and did not stop",
    ),
    "one-attempt": Wrong(add_line, GONE, "it had sent it once and gave up", (REPLY,)),
    "from-before": Wrong(
        but(resends, (END, "return seen")),
        MAKES,
        "version 1, from before its change",
        ALL,
    ),
    "reads-once": Wrong(
        but(resends, (READS, "seen = client.read(uri)")),
        READ,
        "it raised StoreUnavailable",
    ),
    "repeats-refusals": Wrong(
        asking((FAILED, ALL_BUT_A_CONFLICT)), OTHERS, "it was refused 10 times"
    ),
    "hides-errors": Wrong(hides_errors, OTHERS, "it returned as if all were well"),
    "hands-over-less": Wrong(
        but(
            resends,
            (PATCH, PATCH.replace("change)", "lambda seen: change(seen.agent_state))")),
        ),
        MAKES,
        "of type AgentState",
        ALL,
    ),
    "resends-once": Wrong(
        asking(("range(ROUNDS)", "range(2)")), REPLY, "it raised StoreUnavailable"
    ),
    "no-change-no-error": Wrong(
        but(resends, (PATCH, PATCH.replace("change)", "no_change(change))"))),
        FAILS,
        "had written something",
    ),
    "returns-applied": Wrong(
        but(resends, (WRITE, f"return {WRITE}")), MAKES, "it returned an Applied"
    ),
    "returns-nothing": Wrong(
        but(resends, (END, "return None")), MAKES, "it returned None"
    ),
    "knows-no-predecessor": Wrong(resends, AGAIN, "it raised"),
}

CARD = {
    "each call is one attempt": EXPLAINS,
    "the address of the task": EXPLAINS,
    "it names what is wanted": ["numbered-id", "new-id"],
    "`change(seen)` looks at what was read": ["hands-over-less"],
    "| `read(uri)`": EXPLAINS,
    "| `write(uri, patch)`": EXPLAINS,
    "means that no answer came": EXPLAINS,
    "The server looks up the id": ["recomputes"],
    "Here are a server": EXPLAINS,
    "In the end the change is in the state": ["lost-is-done"],
    "once, under the id `patch_id`": ["numbered-id"],
    "from the very state that it has replaced": ["version-only", "found-version"],
    "After a `VersionConflict`": ["three-rounds", "gives-up", "swallows"],
    "nobody knows whether the request arrived": [
        "lost-is-failed",
        "looks-at-the-version",
    ],
    "It goes on, and 1 holds": ["reads-once", "resends-once"],
    "After ten failures": ["one-attempt"],
    "at the latest after 100 requests": ["without-end"],
    "No waiting is needed": EXPLAINS,
    "Every other error comes out": ["hides-errors"],
    "those of `change` too": ["no-change-no-error"],
    "Nothing is requested again": ["repeats-refusals", "for-ever"],
    "It returns what": ["from-before", "returns-applied", "returns-nothing"],
    "A bonus stage calls it again": ["knows-no-predecessor"],
}
