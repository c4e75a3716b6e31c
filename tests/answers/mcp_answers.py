"""Answers to exercise 09, right and wrong."""

import contextlib
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
    ids_of,
    read_shared_state,
    write_shared_state,
)
from agentstate_lab.retry import Kind, execute_with_retry, kind_of
from agentstate_lab.state import Operation, StatePatch
from answers import ALL, EXPLAINS, Wrong

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


# Right


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


def recurses(client: Any, uri: str, patch_id: str, change: Any, left: int = 20) -> Any:
    """Each way round is a call."""

    def again(ask: Callable[[], Any], more: int = 10) -> Any:
        try:
            return ask()
        except StoreUnavailable:
            if more == 1:
                raise
        return again(ask, more - 1)

    seen = again(lambda: client.read(uri))
    if patch_id in seen.agent_state.applied_patches:
        return seen
    patch = patch_for(patch_id, seen, change)
    try:
        again(lambda: client.write(uri, patch))
    except VersionConflict:
        if left == 1:
            raise
    return recurses(client, uri, patch_id, change, left - 1)


def by_the_package(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """What the package retries, it retries with waits."""
    agent_id, task_id = ids_of(uri)
    for _ in range(ROUNDS):
        seen = read_shared_state(client, agent_id, task_id)
        patch = patch_for(patch_id, seen, change)
        try:
            write_shared_state(client, agent_id, task_id, patch)
        except VersionConflict as error:
            late = error
            continue
        return read_shared_state(client, agent_id, task_id)
    raise late


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
    "recurses": recurses,
    "by-the-package": by_the_package,
    "with-retry": with_retry,
    "object": Updater(),
    "key-known": key_known,
}


# Wrong


def version_only(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """After a conflict it reads the version, and not the state."""
    patch = patch_for(patch_id, patiently(lambda: client.read(uri)), change)
    for _ in range(ROUNDS):
        try:
            patiently(lambda patch=patch: client.write(uri, patch))
            break
        except VersionConflict:
            version = patiently(lambda: client.read(uri)).version
            patch = patch.model_copy(update={"base_version": version})
    return patiently(lambda: client.read(uri))


def found_version(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """It takes the version that the error tells."""
    patch = patch_for(patch_id, patiently(lambda: client.read(uri)), change)
    for _ in range(ROUNDS):
        try:
            patiently(lambda patch=patch: client.write(uri, patch))
            break
        except VersionConflict as error:
            patch = patch.model_copy(update={"base_version": error.found})
    return patiently(lambda: client.read(uri))


def new_id(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """Each attempt has an id of its own."""
    for _ in range(ROUNDS):
        try:
            seen = client.read(uri)
            client.write(uri, patch_for(f"{patch_id}-{uuid4()}", seen, change))
            return client.read(uri)
        except (VersionConflict, StoreUnavailable):
            continue
    raise TimeoutError


def numbered_id(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """The first id is right, and a repeat has another one."""
    for number in range(2 * ROUNDS):
        name = f"{patch_id}-{number}" if number else patch_id
        try:
            seen = client.read(uri)
            client.write(uri, patch_for(name, seen, change))
            return patiently(lambda: client.read(uri))
        except (VersionConflict, StoreUnavailable):
            continue
    raise TimeoutError


def swallows(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """A conflict is caught, and nothing follows."""
    seen = patiently(lambda: client.read(uri))
    patch = patch_for(patch_id, seen, change)
    with contextlib.suppress(VersionConflict):
        patiently(lambda: client.write(uri, patch))
    return patiently(lambda: client.read(uri))


def gives_up(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """The first conflict is the last."""
    seen = patiently(lambda: client.read(uri))
    patch = patch_for(patch_id, seen, change)
    patiently(lambda: client.write(uri, patch))
    return patiently(lambda: client.read(uri))


def three_rounds(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """Three conflicts are enough for anybody."""
    for left in (2, 1, 0):
        seen = patiently(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            patiently(lambda patch=patch: client.write(uri, patch))
            return patiently(lambda: client.read(uri))
        except VersionConflict:
            if not left:
                raise
    return None


def lost_is_done(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """No answer to a writing, so it will have been done."""
    for _ in range(ROUNDS):
        seen = patiently(lambda: client.read(uri))
        try:
            client.write(uri, patch_for(patch_id, seen, change))
        except VersionConflict:
            continue
        except StoreUnavailable:
            pass
        return patiently(lambda: client.read(uri))
    raise TimeoutError


def lost_is_failed(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """No answer to a writing, so it failed."""
    for _ in range(ROUNDS):
        seen = patiently(lambda: client.read(uri))
        try:
            client.write(uri, patch_for(patch_id, seen, change))
            return patiently(lambda: client.read(uri))
        except VersionConflict:
            continue
    raise TimeoutError


def recomputes(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """Whatever happened, it reads and makes the patch anew, under the old id."""
    for left in reversed(range(2 * ROUNDS)):
        try:
            seen = client.read(uri)
            client.write(uri, patch_for(patch_id, seen, change))
            return patiently(lambda: client.read(uri))
        except (VersionConflict, StoreUnavailable):
            if not left:
                raise
    return None


def looks_at_the_version(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """If the version has moved on after a lost reply, that was us."""
    for _ in range(2 * ROUNDS):
        seen = patiently(lambda: client.read(uri))
        try:
            client.write(uri, patch_for(patch_id, seen, change))
            return patiently(lambda: client.read(uri))
        except VersionConflict:
            continue
        except StoreUnavailable:
            now = patiently(lambda: client.read(uri))
            if now.version > seen.version:
                return now
    raise TimeoutError


def for_ever(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """Every error is tried again until there is none."""
    while True:
        try:
            seen = client.read(uri)
            if patch_id in seen.agent_state.applied_patches:
                return seen
            client.write(uri, patch_for(patch_id, seen, change))
        except Exception:  # noqa: BLE001 - that is the mistake
            continue


def without_end(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """A server that does not answer will answer some day."""
    while True:
        try:
            seen = client.read(uri)
            if patch_id in seen.agent_state.applied_patches:
                return seen
            client.write(uri, patch_for(patch_id, seen, change))
        except (VersionConflict, StoreUnavailable):
            continue


def add_line(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """As in the notebook: it knows conflicts, and no losses."""
    seen = client.read(uri)
    try:
        client.write(uri, patch_for(patch_id, seen, change))
    except VersionConflict:
        return add_line(client, uri, patch_id, change)
    return client.read(uri)


def from_before(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """It returns what it has read, from before its writing."""
    for _ in range(ROUNDS):
        seen = patiently(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            patiently(lambda patch=patch: client.write(uri, patch))
            return seen
        except VersionConflict:
            continue
    raise TimeoutError


def reads_once(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """A reading that fails has failed."""
    for _ in range(ROUNDS):
        seen = client.read(uri)
        patch = patch_for(patch_id, seen, change)
        try:
            patiently(lambda patch=patch: client.write(uri, patch))
            return client.read(uri)
        except VersionConflict:
            continue
    raise TimeoutError


def repeats_refusals(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """Three attempts for everything that is an error."""

    def thrice(ask: Any) -> Any:
        for left in reversed(range(ROUNDS)):
            try:
                return ask()
            except VersionConflict:
                raise
            except AgentStateError:
                if not left:
                    raise
        return None

    for _ in range(ROUNDS):
        seen = thrice(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            thrice(lambda patch=patch: client.write(uri, patch))
            return thrice(lambda: client.read(uri))
        except VersionConflict:
            continue
    raise TimeoutError


def hides_errors(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """When anything goes wrong, it returns what there is."""
    try:
        return resends(client, uri, patch_id, change)
    except Exception:  # noqa: BLE001 - that is the mistake
        return None


def returns_applied(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """It returns the server's receipt."""
    for _ in range(ROUNDS):
        seen = patiently(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            return patiently(lambda patch=patch: client.write(uri, patch))
        except VersionConflict:
            continue
    raise TimeoutError


def returns_nothing(client: Any, uri: str, patch_id: str, change: Any) -> None:
    """Half finished."""
    resends(client, uri, patch_id, change)


def hands_over_less(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """It calls the change with a part of what was read."""
    return resends(client, uri, patch_id, lambda seen: change(seen.agent_state))


def resends_once(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """One more attempt is enough for anybody."""

    def twice(ask: Any) -> Any:
        try:
            return ask()
        except StoreUnavailable:
            return ask()

    for _ in range(ROUNDS):
        seen = twice(lambda: client.read(uri))
        patch = patch_for(patch_id, seen, change)
        try:
            twice(lambda patch=patch: client.write(uri, patch))
            return twice(lambda: client.read(uri))
        except VersionConflict:
            continue
    raise TimeoutError


def no_change_no_error(client: Any, uri: str, patch_id: str, change: Any) -> Any:
    """A change that fails is none, and its patch is empty."""

    def carefully(seen: Any) -> Any:
        try:
            return change(seen)
        except Exception:  # noqa: BLE001 - that is the mistake
            return []

    return resends(client, uri, patch_id, carefully)


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

WRONG: dict[str, Wrong] = {
    "version-only": Wrong(version_only, ANEW, OLD),
    "found-version": Wrong(found_version, ANEW, OLD),
    "new-id": Wrong(new_id, REPLY, "its change is there 2 times"),
    "numbered-id": Wrong(numbered_id, REPLY, "its change is there 2 times", ALL),
    "swallows": Wrong(swallows, ANEW, "not there, and it returned as if it were"),
    "gives-up": Wrong(gives_up, ANEW, "it raised VersionConflict"),
    "three-rounds": Wrong(three_rounds, FIVE, "it raised VersionConflict"),
    "lost-is-done": Wrong(
        lost_is_done,
        REQUEST,
        "it returned as if it were",
        ("makes one change in 60 random scenes",),
    ),
    "lost-is-failed": Wrong(lost_is_failed, REPLY, "it raised StoreUnavailable"),
    "recomputes": Wrong(recomputes, REPLY, "it raised KeyReused"),
    "looks-at-the-version": Wrong(looks_at_the_version, REQUEST, "as if it were"),
    "for-ever": Wrong(for_ever, OTHERS, "had sent 100 requests and did not stop"),
    "without-end": Wrong(without_end, GONE, "had sent 100 requests and did not stop"),
    "one-attempt": Wrong(add_line, GONE, "it had sent it once and gave up", (REPLY,)),
    "from-before": Wrong(from_before, MAKES, "version 1, from before its change", ALL),
    "reads-once": Wrong(reads_once, READ, "it raised StoreUnavailable"),
    "repeats-refusals": Wrong(repeats_refusals, OTHERS, "it was refused 10 times"),
    "hides-errors": Wrong(hides_errors, OTHERS, "it returned as if all were well"),
    "hands-over-less": Wrong(hands_over_less, MAKES, "of type AgentState", ALL),
    "resends-once": Wrong(resends_once, REPLY, "it raised StoreUnavailable"),
    "no-change-no-error": Wrong(no_change_no_error, FAILS, "had written something"),
    "returns-applied": Wrong(returns_applied, MAKES, "it returned a Applied"),
    "returns-nothing": Wrong(returns_nothing, MAKES, "it returned None"),
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
