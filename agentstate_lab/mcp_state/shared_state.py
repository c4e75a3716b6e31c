"""
Reading and changing another agent's state, with a deadline and with retries.

    read_shared_state    what is known, and the version that it was read at
    write_shared_state   a patch for that version, under its id

Both may be repeated: a read changes nothing, and a write carries its patch id, so a
server that has applied it says "done" again. Neither repeats a conflict: the same
patch would meet it again. Whoever gets one reads again and makes a new patch, and
that is not for a function that does not know what the patch is for.

"Not started" is said of a write only when it is true of all its attempts. After one
whose answer was lost, a server that cannot be reached proves nothing.
"""

import time
from collections.abc import Callable
from typing import Final

from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import (
    AgentStateError,
    Conflict,
    IllegalTransition,
    InvalidValue,
)
from agentstate_lab.retry import Kind, execute_with_retry, kind_of
from agentstate_lab.state import StatePatch, TaskState
from agentstate_lab.stores import Applied

from .client import SharedState, StateClient
from .connection import TIMEOUT
from .uri import state_uri

# What a server says only after it has looked for the patch, and not found it.
_ANSWERED: Final = (Conflict, IllegalTransition, InvalidValue)


def read_shared_state(
    client: StateClient,
    agent_id: str,
    task_id: str,
    *,
    deadline: Deadline | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> SharedState:
    """
    What is known of another agent's task, and the version that it was read at.

    Args:
        client: The connection.

        agent_id: Whose task it is.

        task_id: Which task.

        deadline: When it is no longer wanted.

        sleep: Waits so many seconds.

    Raises:
        TaskNotFound: That agent has no such task.
        NotGranted: We may not read the tasks of that agent.
        InvalidValue: An id is not fit for an address.
        DeadlineExceeded: The time was used up before an attempt could start.
        StoreUnavailable: The server could not be reached, attempt after attempt.
    """
    uri = state_uri(agent_id, task_id)
    return execute_with_retry(
        lambda: client.read(uri, timeout=_time_for(deadline, f"read {uri}")),
        idempotent=True,
        deadline=deadline,
        classify=_kind_of,
        sleep=sleep,
    )


def write_shared_state(
    client: StateClient,
    agent_id: str,
    task_id: str,
    patch: StatePatch,
    *,
    state: TaskState | str | None = None,
    result: str | None = None,
    deadline: Deadline | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Applied:
    """
    Have *patch* applied to another agent's task, once, however often it is sent.

    The arguments are those of `read_shared_state` and of `StateClient.write`. The id
    of the patch names the intent: a repeat carries the same id and the same body.

    Raises:
        VersionConflict: The task has changed since: read again, and make the patch
            anew.
        KeyReused: The id is known with another body.
        IllegalTransition: The task may not take this state, or has ended.
        Otherwise as for `read_shared_state`. If `effect` is "unknown", the same patch
            may be sent again.
    """
    uri = state_uri(agent_id, task_id)
    doubted: list[AgentStateError] = []

    def attempt() -> Applied:
        seconds = _time_for(deadline, f"write {uri}")
        try:
            return client.write(uri, patch, state=state, result=result, timeout=seconds)
        except AgentStateError as error:
            if error.effect == "unknown":
                doubted.append(error)
            raise

    try:
        return execute_with_retry(
            attempt,
            idempotent=True,
            deadline=deadline,
            classify=_kind_of,
            sleep=sleep,
        )
    except _ANSWERED:
        raise
    except AgentStateError as error:
        # "Not started" is true of the last attempt, and not of all of them.
        if doubted and error is not doubted[-1]:
            raise doubted[-1] from error
        raise


def _kind_of(error: Exception) -> Kind:
    """As for any call, except that a conflict comes back with the same request."""
    return Kind.PERMANENT if isinstance(error, Conflict) else kind_of(error)


def _time_for(deadline: Deadline | None, step: str) -> float:
    """The seconds that one attempt may take."""
    return TIMEOUT if deadline is None else min(TIMEOUT, deadline.check(step))
