"""
One run of an agent: from what is stored to an end, or to a question.

The run keeps nothing that it could not read again. Its loop looks at the stored
conversation: if the last turn has calls without results, it acts on the first of
them; if not, it asks the model. That is why it needs no code for "resume".

A turn is one answer of the model with the calls in it. Every call gets one tool
message, whatever becomes of it: a result, an error, a refusal by a person. And every
effect goes through `run_once`, under a key that is made of the task and the step, so
a turn that is acted on twice has each effect once.

`agent` is the way in; this is the loop itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .approval import approval_key, approval_of
from .checkpoint import CheckpointManager
from .context import filter_relevant_state
from .deadline import Deadline
from .errors import (
    ApprovalNeeded,
    BudgetUsedUp,
    Conflict,
    IllegalTransition,
    InvalidValue,
    NeedsPerson,
    StoreError,
)
from .execution import resume_task
from .idempotency import run_once
from .own_run import Execute, execute_with
from .pairing import open_calls, repair
from .snapshot import Trigger
from .state import Fact, Operation, StatePatch, UpsertFact, UseBudget
from .step import Message, key_for
from .store import Clock, HistoryStore, execute_step
from .task import DeadlineRecord, Task, TaskState
from .tool import Call, Tool, read_call, with_ids

MAX_REPLY = 1_000_000  # characters of one message
MAX_SEEN = 500  # characters of a result that become a fact

# What ends the run; whatever else a tool raises is told to the model.
_RUN_ENDS = (NeedsPerson, Conflict, StoreError, IllegalTransition)


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """
    Something that happened in a run, for a progress bar or a log.

    Attributes:
        kind: "found", "asked", "step", "refused", "waiting" or "ended".

        text: One line about it.

        done: How many steps are done.

        turns: How many turns were used.

        max_turns: How many the budget has.
    """

    kind: str
    text: str
    done: int
    turns: int
    max_turns: int


@dataclass
class AgentRun:
    """
    A run; the attributes are what `agent.run_agent` was given, made ready.

    Attributes:
        ask: Asks the model: the messages, and the seconds that it may take.

        retry: Calls a function, and again if that may help.

        clocks: Seconds that only go up, and the time of day.
    """

    store: HistoryStore
    task_id: str
    tools: Mapping[str, Tool]
    ask: Callable[[list[Message], float], Any]
    manager: CheckpointManager
    retry: Callable[[Callable[[], Any]], Any]
    step_seconds: float
    context_bytes: int
    on_event: Callable[[AgentEvent], object]
    sleep: Callable[[float], object]
    clocks: tuple[Clock, Clock]
    messages: list[Message] = field(default_factory=list)
    deadline: Deadline = field(init=False)

    def to_its_end(self, execute: Execute | None) -> Task:
        """Run the task, and return it as it is stored when the run is over."""
        try:
            if execute is None:
                resume_task(self.store, self.task_id, self.work)
            else:
                execute_with(execute, self.store, self.task_id, self.work)
        except Exception as error:
            if isinstance(error, NeedsPerson):
                self._wait_for_person(error)
            if self.store.get(self.task_id).state is TaskState.RUNNING:
                raise  # it is somebody else's
        task = self.store.get(self.task_id)
        kind = "waiting" if task.state is TaskState.WAITING else "ended"
        self.tell(kind, f"{task.state}: {task.error or task.result}")
        return task

    def work(self, user_input: str) -> str:
        """Turn after turn, from what is stored to the model's last word."""
        task = self.store.get(self.task_id)
        self.deadline = self._restored(task.deadline)
        self.messages = self.store.messages(self.task_id)
        if self.messages:
            self.tell("found", "found the task: going on from what is stored")
        while True:
            calls = open_calls(self.messages)
            if calls:
                self.act(calls[0])
            elif final := self.decide():
                return final

    def decide(self) -> str:
        """Ask the model what comes next; its text, when it calls for nothing more."""
        task = self.store.get(self.task_id)
        turn = sum(message["role"] == "assistant" for message in self.messages) + 1
        last = self.messages[-1] if self.messages else None
        if last and last["role"] == "assistant":  # it had the last word already
            return _text_of(last)
        _check_budget(task)
        shown = filter_relevant_state(
            task.agent_state,
            "",
            self.context_bytes,
            keep=_must_know(task),
            messages=repair(self.messages).messages,
        ).to_messages()
        reply = self.timed(f"turn {turn}", lambda seconds: self.ask(shown, seconds))
        message = _message_of(reply, turn)
        used = UseBudget(steps=1, llm_tokens=_tokens_of(reply))
        self.save(f"asked:{turn}", [used], "iteration", message)
        self.tell("asked", f"turn {turn}")
        return "" if message.get("tool_calls") else _text_of(message)

    def act(self, raw: Mapping[str, Any]) -> None:
        """Do what one call asks for, and store what came of it."""
        learned: list[Operation] = []
        try:
            call = read_call(raw, self.tools)
            said = self.perform(call)
            seen = said[:MAX_SEEN]
            fact = Fact(key=f"done:{call.step}", value=seen, source=call.tool.name)
            learned = [UpsertFact(fact=fact)]
            self.tell("step", f"{call.step} done", more=1)
        except _RUN_ENDS:
            raise
        except _Denied as denied:
            said = f"denied: {denied}"
            self.tell("refused", said)
        except Exception as error:  # noqa: BLE001 - a tool may raise anything
            self.deadline.check(str(raw["id"]))  # past it, nothing more is told
            said = f"error: {str(error) or type(error).__name__}"[:MAX_SEEN]
            self.tell("refused", said)
        place = len(self.messages)
        result = {"role": "tool", "tool_call_id": raw["id"], "content": said}
        self.save(f"observed:{place}", learned, "step", result)

    def perform(self, call: Call) -> str:
        """The result of a call: recorded before, or of running the tool now."""
        state = self.store.get(self.task_id).agent_state
        if state.needs_approval(call.tool.risk_level):
            allowed = approval_of(state, call.step)
            if allowed is None:
                risk = f"it is an {call.tool.risk_level}, and nobody has agreed"
                raise ApprovalNeeded(self.task_id, call.step, risk)
            if not allowed:
                raise _Denied("a person said no")
        if call.tool.risk_level == "read_only":
            return self.tried(call, key_for(self.task_id, call.step))
        return str(
            run_once(
                self.store,
                self.task_id,
                call.step,
                lambda key: self.tried(call, key),
                request=call.arguments,
                if_unknown=call.tool.if_unknown,
                sleep=self.sleep,
            )
        )

    def tried(self, call: Call, key: str) -> str:
        """Run the tool, and again where that helps and does no harm."""

        def run(seconds: float) -> str:
            return call.tool.run(call.arguments, key, seconds)

        looks = call.tool.risk_level == "read_only"
        if looks or call.tool.if_unknown != "wait":
            return str(self.timed(call.step, run))
        return str(self.deadline.narrow(self.step_seconds).call(run, call.step))

    def timed(self, step: str, fn: Callable[[float], Any]) -> Any:
        """Call *fn* with the seconds it may take, again if that may help."""

        def once() -> Any:
            return self.deadline.narrow(self.step_seconds).call(fn, step)

        return self.retry(once)

    def save(
        self,
        patch_id: str,
        operations: list[Operation],
        trigger: Trigger,
        message: Message,
    ) -> None:
        """Store what was said and learned, and the time that was used, at once."""
        task = self.store.get(self.task_id)
        record = self.deadline.record()
        spent = round(record.used * 1000) - task.agent_state.budget.used.wall_time_ms
        time_used = UseBudget(wall_time_ms=max(0, spent))
        patch = StatePatch(
            id=patch_id,
            base_version=task.version,
            operations=(*operations, time_used),
        )
        changed = task.apply(patch).replace(deadline=record)
        self.manager.save(changed, trigger, messages=[message])
        self.messages.append(message)

    def tell(self, kind: str, text: str, *, more: int = 0) -> None:
        """Say what happened, with how far the run is."""
        state = self.store.get(self.task_id).agent_state
        done = sum(fact.key.startswith("done:") for fact in state.known_facts) + more
        budget = state.budget
        self.on_event(AgentEvent(kind, text, done, budget.used.steps, budget.max_steps))

    def _restored(self, record: DeadlineRecord | None) -> Deadline:
        clock, wall = self.clocks
        if record is None:
            raise InvalidValue("task.deadline", "is missing: submit the task anew")
        return Deadline.restore(record, clock=clock, wall=wall)

    def _wait_for_person(self, asked: NeedsPerson) -> None:
        """Make sure that the task waits, and that its time stands still."""
        suspended = self.deadline.suspend()

        def waits(task: Task) -> Task:
            questions = (*task.agent_state.open_questions, asked.question)
            state = task.agent_state.model_copy(
                update={"open_questions": tuple(dict.fromkeys(questions))}
            )
            return task.replace(state="waiting", agent_state=state, deadline=suspended)

        if self.store.get(self.task_id).state is TaskState.FAILED:
            # An `execute` that knows no waiting has taken it for a failure.
            execute_step(self.store, self.task_id, lambda t: t.replace(state="running"))
        execute_step(self.store, self.task_id, waits)


class _Denied(Exception):
    """A person has refused the step."""


def _check_budget(task: Task) -> None:
    """Refuse another turn when a limit is reached."""
    budget = task.agent_state.budget
    for name in ("steps", "llm_tokens"):
        used, limit = getattr(budget.used, name), getattr(budget, f"max_{name}")
        if used >= limit:
            raise BudgetUsedUp(task.id, name, used=used, limit=limit)


def _must_know(task: Task) -> list[str]:
    """The facts that the model must see: what is done, and what a person said."""
    keys = [fact.key for fact in task.agent_state.known_facts]
    return [key for key in keys if key.startswith(("done:", approval_key("")))]


def _message_of(reply: Any, turn: int) -> Message:
    """
    The model's message, as it can be stored and sent again.

    Raises:
        InvalidValue: It is no answer: no choice, or one that is too large.
    """
    choices = getattr(reply, "choices", None)
    if not choices:
        raise InvalidValue("reply", "the model sent no choice")
    message = with_ids(choices[0].message.model_dump(exclude_none=True), turn)
    size = len(str(message))
    if size > MAX_REPLY:
        raise InvalidValue(
            "reply", f"the model sent {size} characters, the limit is {MAX_REPLY}"
        )
    return {**message, "role": "assistant", "content": message.get("content")}


def _text_of(message: Message) -> str:
    """
    The model's last word.

    Raises:
        InvalidValue: It has none: no text and no call.
    """
    text = message.get("content")
    if not isinstance(text, str) or not text.strip():
        raise InvalidValue("reply", "the model ended without a text and without a call")
    return text


def _tokens_of(reply: Any) -> int:
    """How many tokens the reply says that it used."""
    used = getattr(getattr(reply, "usage", None), "total_tokens", 0)
    return used if isinstance(used, int) and used > 0 else 0
