"""
The same agent on several machines: its tasks as workflows of DBOS.

The queue, the record of each step and the way back after a crash are somebody
else's here. DBOS is a library that keeps all three in a database; a worker is any
process that has it. What stays ours is what no library can know: the key that an
effect is asked for with (`step`), which failures pass (`retry`), what is an answer
of a model (`reply`), and that each tool call gets its one message (`call`).

Three things are decided here that a default decides otherwise:

- each worker has a name of its own. One that starts puts back into the queue what
  stands under its name, also what another one of that name is working on;
- the version is said, and not computed from the source. A task that was begun is
  only ever continued by workers of its version;
- what is stored is JSON, and no pickle.

A request has one size here, too: what fell out of it is in the digest that our own
agent has, made again from the recorded steps whenever the workflow begins again.

A step that was in flight when its worker died is run again. So a tool whose receiver
honours no key may act twice; `idempotency.run_once` would wait for a person. A task
that has failed is over. And budget, approval and context stay with `agent`: this is
the loop, and how it survives.

Source: the DBOS documentation, "Workflow recovery" and "Queues".
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, Self, TypeVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import WorkflowSerializationFormat as Format

from agentstate_lab.agent import (
    MAX_SAID,
    OTHERS,
    Ask,
    Finished,
    Tool,
    read_call,
    read_reply,
    request_of,
    room_for,
    run_tool,
)
from agentstate_lab.context import Conversation
from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.retry import check_count, execute_with_retry
from agentstate_lab.state import Message, clean, key_for
from agentstate_lab.stores import text_of

from .place import (
    APP,
    NO_ADDRESS,
    QUEUE,
    WORKFLOW,
    checked,
    checked_input,
    database_url,
    same_input,
    unpickle_nothing,
    unreachable,
)

FAILED: Final = "error: "
MAX_TURNS: Final = 20
MAX_RUNS: Final = 5
MAX_ATTEMPTS: Final = 4
MAX_AT_ONCE: Final = 1_000
STEP_SECONDS: Final = 60.0
POLL: Final = 0.1  # seconds between two looks into the database
CONNECTIONS: Final = 5

Sleep = Callable[[float], object]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Means:
    """
    What a worker has for one task.

    Attributes:
        ask: Asks the model: the messages, and the seconds that it may take.

        tools: What the model may call.
    """

    ask: Ask
    tools: Sequence[Tool]


class AgentWorker:
    """
    This process as one of the workers. There can be one in a process.

    Args:
        url: Where the tasks are: `sqlite:PATH` or `postgresql://…`.

        name: Names this worker. No other that is alive may have it. A worker that
            comes back takes its name again: then what it had is in the queue again.

        prepare: Returns what there is to work with, for the id of a task.

        version: Which tasks it may go on with: those that this version has begun.

        at_once: How many tasks of the queue it works on at a time.

        max_turns: How often the model is asked in one task. All workers of a version
            need the same.

        sleep: Waits between two attempts.

    Raises:
        InvalidValue: An argument makes no sense.
    """

    _here: ClassVar["AgentWorker | None"] = None

    def __init__(
        self,
        url: str,
        name: str,
        prepare: Callable[[str], Means],
        *,
        version: str = "1",
        at_once: int = 1,
        max_turns: int = MAX_TURNS,
        sleep: Sleep = time.sleep,
    ) -> None:
        check_count("at_once", at_once, MAX_AT_ONCE)
        self._config: DBOSConfig = {
            "name": APP,
            "system_database_url": database_url(url),
            "sys_db_pool_size": CONNECTIONS,
            "executor_id": checked("name", name),
            "application_version": checked("version", version),
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",  # why a task failed stands in the task
        }
        self._at_once = at_once
        check_count("max_turns", max_turns, 2**31)
        self._max_turns = max_turns
        self._prepare = prepare
        self._sleep = sleep

    def __enter__(self) -> Self:
        """
        Begin to work. What this worker had when it died is in the queue again.

        Raises:
            InvalidValue: There is a worker in this process.
            StoreUnavailable: The database cannot be used.
        """
        if AgentWorker._here is not None:  # DBOS would give us the other's database
            raise InvalidValue("worker", "this process has one already")
        AgentWorker._here = self
        unpickle_nothing()
        self._agent = _workflow(self._prepare, self._sleep, self._max_turns)
        try:
            DBOS(config=self._config)
            DBOS.launch()
            DBOS.register_queue(
                QUEUE, worker_concurrency=self._at_once, polling_interval_sec=POLL
            )
        except NO_ADDRESS as error:
            self.__exit__()
            raise unreachable(error) from None
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave. What is not finished stays under this worker's name."""
        DBOS.destroy(destroy_registry=True)
        AgentWorker._here = None

    def run(self, task_id: str, user_input: str) -> str:
        """
        Run a task here, or wait for it where it runs already, and return its result.

        Raises:
            InvalidValue: The id or the input cannot be stored.
            KeyReused: The id belongs to another input.
            Exception: What the task failed with.
        """
        with SetWorkflowID(checked("task_id", task_id)):
            asked = checked_input(user_input)
            begun = DBOS.start_workflow(self._agent, task_id, asked)
        same_input(begun.get_status(), task_id, user_input)
        return str(begun.get_result(polling_interval_sec=POLL))


def _workflow(
    prepare: Callable[[str], Means], sleep: Sleep, max_turns: int
) -> Callable[[str, str], str]:
    """The agent as a workflow: all that is no step must come out the same again."""

    @DBOS.workflow(
        name=WORKFLOW,
        max_recovery_attempts=MAX_RUNS - 1,  # beside the first
        serialization_type=Format.PORTABLE,
    )
    def agent(task_id: str, user_input: str) -> str:
        means = _told(lambda: prepare(task_id))
        # Both are made again from the recorded steps, and come out the same.
        talk, finished = Conversation(room_for()), Finished()
        for turn in range(1, max_turns + 1):

            def ask(turn: int = turn, finished: Finished = finished) -> Message:
                shown = request_of(user_input, talk, finished)
                return _told(lambda: decide(means, shown, turn, sleep))

            said = DBOS.run_step({"name": f"ask the model, turn {turn}"}, ask)
            talk.add(said)
            for call in said.get("tool_calls", ()):

                def do(call: Message = call) -> Message:
                    return act(means, task_id, call, sleep)

                result = DBOS.run_step({"name": _named(call)}, do)
                talk.add(result)
                finished = _counted(finished, means, call, str(result["content"]))
            if not said.get("tool_calls"):
                return str(said["content"])
        raise AgentStateError(f"all {max_turns} turns are used up", effect="done")

    return agent


def _counted(
    finished: Finished, means: Means, raw: Mapping[str, Any], said: str
) -> Finished:
    """The digest with one more call in it."""
    tool = step = _named(raw)
    try:
        step = read_call(raw, {one.name: one for one in means.tools}).step
    except InvalidValue:
        tool = OTHERS
    return finished.plus(tool, step, said, failed=said.startswith(FAILED))


def decide(
    means: Means, messages: Sequence[Message], turn: int, sleep: Sleep = time.sleep
) -> Message:
    """
    Ask the model what comes next.

    Raises:
        Exception: It does not answer, or not with anything that can be used.
    """

    def once() -> Message:
        reply = _limited(lambda seconds: means.ask(messages, seconds), "ask the model")
        return read_reply(reply, turn)

    return execute_with_retry(once, MAX_ATTEMPTS, sleep=sleep)


def act(
    means: Means, task_id: str, raw: Mapping[str, Any], sleep: Sleep = time.sleep
) -> Message:
    """Do what one call asks for, under its key, and return the message for it."""
    try:
        call = read_call(raw, {tool.name: tool for tool in means.tools})
        key = key_for(task_id, call.step)
        said = execute_with_retry(
            lambda: _limited(partial(run_tool, call, key), call.step),
            MAX_ATTEMPTS,
            idempotent=call.tool.only_looks or call.tool.if_unknown != "wait",
            sleep=sleep,
        )
    except Exception as error:  # noqa: BLE001 - the model is told, whatever it is
        said = f"{FAILED}{text_of(error)}"[:MAX_SAID]
    return {"role": "tool", "tool_call_id": raw["id"], "content": said}


def _limited(fn: Callable[[float], Any], step: str) -> Any:
    """What *fn* returns; it is given up when its seconds are over."""
    return Deadline.after(STEP_SECONDS).call(fn, step)


def _told(fn: Callable[[], Result]) -> Result:
    """
    Whatever *fn* raises can be stored.

    A task whose error cannot be is called running for ever.
    """
    try:
        return fn()
    except Exception as error:
        text = str(error)
        if clean(text) == text:
            raise
        raise AgentStateError(clean(text)) from None


def _named(call: Mapping[str, Any]) -> str:
    """The step of a call, as the record of the run names it."""
    return str(call["function"]["name"])
