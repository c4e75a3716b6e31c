"""
One run of an agent: from what is stored to an end, or to a question.

The run keeps nothing that it could not read again. Its loop looks at the journal: if
the last turn has calls without results, it acts on the first of them; if not, it asks
the model. That is why it needs no code for "resume".

A turn is one answer of the model with the calls in it. Every call gets one tool
message, whatever becomes of it: a result, an error, a refusal by a person. And every
effect goes through `run_once`, under a key that is made of the task and the step, so
a turn that is acted on twice has each effect once.

`agent` is the way in; this is the loop itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentstate_lab.checkpoint import open_calls
from agentstate_lab.context import MOST
from agentstate_lab.errors import (
    AnswerNotWhole,
    ApprovalNeeded,
    Cancelled,
    DeadlineExceeded,
    IllegalTransition,
    InvalidValue,
    LeaseLost,
    NeedsPerson,
    StoreError,
    TaskInProgress,
    VersionConflict,
)
from agentstate_lab.idempotency import Execute, execute_with, resume_task, run_once
from agentstate_lab.state import (
    AddArtifacts,
    AgentState,
    Forget,
    Message,
    Operation,
    Task,
    TaskState,
    UseBudget,
    key_for,
)
from agentstate_lab.stores import ArtifactStore

from .allowance import check_budget
from .approval import asked_about, may_run
from .attempts import Attempts, Final, hopeless, settled, unsafe
from .call import Call, read_call, run_tool
from .event import AgentEvent, end_of, found
from .finished import OTHERS, Finished, counted
from .held import Counting
from .journal import Journal, Snapshots
from .recall import NAME as RECALL
from .reply import GO_ON, go_on, read_reply, tokens_of
from .tools import Tool
from .view import unshown, view_of

MAX_SEEN = 200  # characters of a result that stand for an artifact
MAX_SAID = 500  # characters of an error that the model is told
MAX_LISTED = 20  # results of tools that the state lists as artifacts
RESULT = "tool_result"  # how the kind of such an artifact begins

Ask = Callable[[Sequence[Message], float], Any]

# What ends the run; whatever else comes out of a tool call is told to the model.
RUN_ENDS = (
    NeedsPerson,
    Cancelled,
    TaskInProgress,
    VersionConflict,
    LeaseLost,
    IllegalTransition,
    StoreError,
)
OVER = (
    TaskState.COMPLETED,
    TaskState.WAITING,
    TaskState.CANCELLED,
    TaskState.DEAD,
)


@dataclass
class AgentRun:
    """
    A run; its attributes are what `agent.run_agent` was given, made ready.

    Attributes:
        journal: What was said and learned so far.

        tools: What the model may call, by name.

        ask: Asks the model: the messages, and the seconds that it may take.

        attempts: How the model and the tools are called.

        context_bytes: How much of state and conversation the model is shown.

        artifacts: Where large results go, or None.

        on_event: Told what happens.
    """

    journal: Journal
    tools: Mapping[str, Tool]
    ask: Ask
    attempts: Attempts
    context_bytes: int
    artifacts: ArtifactStore | None
    on_event: Callable[[AgentEvent], object]
    _from_tool: Exception | None = None

    def to_its_end(self, execute: Execute | None, view: Snapshots) -> Task:
        """
        Run the task, and return it as it is stored when the run is over.

        Under a lease (`idempotency.work_next`) the task is claimed already, and the
        worker stores how the run ends: so the end is returned or raised, not stored.

        Args:
            execute: Runs the work once; by default, `resume_task`.

            view: The store, as the claim and the end of the run see it.

        Raises:
            Exception: What kept the run from beginning, or from storing its end.
        """
        before = self._stored()
        if _is_claimed(self.journal.store, before.id):
            result = self.work(before.user_input)
            return self._stored().replace(state=TaskState.COMPLETED, result=result)
        try:
            if before.state in OVER:
                pass
            elif execute is None:
                resume_task(view, before.id, self.work)
            else:
                execute_with(execute, view, before.id, self.work)
        except Exception:
            after = self._stored()
            open_still = after.state in (TaskState.PENDING, TaskState.RUNNING)
            if open_still or after.version == before.version:
                raise
        self.tell(*end_of(self._stored()))
        return self._stored()

    def work(self, user_input: str) -> str:
        """Turn after turn, from what is stored to the model's last word."""
        self.journal.open()
        try:
            if self.journal.talk.said:
                self.tell("found", found(self.journal.in_hand()))
            return self.turns()
        except BaseException as error:
            self.journal.stop(waits=isinstance(error, NeedsPerson))
            raise

    def turns(self) -> str:
        """Act while a call is open, decide when none is, until nothing is called."""
        while True:
            last = self.journal.talk.last
            if calls := open_calls(last):
                self.act(calls[0])
            elif last and last[-1]["role"] == "assistant":
                return str(last[-1]["content"])
            else:
                self.decide()

    def decide(self) -> None:
        """Ask the model what comes next, and store its answer before it is used."""
        task = self.journal.task()
        check_budget(task)
        turn = task.agent_state.budget.used.steps + 1
        shown = self._shown(task, turn)
        reply = self.attempts.make(
            lambda seconds: self.ask(shown, seconds),
            f"ask the model, turn {turn}",
            self.journal.deadline,
        )
        cost = UseBudget(steps=1, llm_tokens=tokens_of(reply, shown))
        try:
            message = read_reply(reply, turn)
        except (InvalidValue, AnswerNotWhole) as error:
            again = go_on(error, self.journal.talk.messages)
            if again is None:
                self.journal.write([cost])
                raise
            message = again
        self.journal.write([cost], "iteration", [message])
        self.tell("asked", _asked(message))

    def act(self, raw: Mapping[str, Any]) -> None:
        """Do what one call asks for, and store what came of it."""
        step, name = "", str(raw["function"]["name"])
        learned: list[Operation] = []
        kind, text = "refused", "{name}: {said}"
        try:
            call = read_call(raw, self.tools)
            step = call.step
            if self._may_run(call):
                said, learned = self._learned(call, self.perform(call))
                kind, text = "step", "{name} done"
            else:
                said = "denied: a person said no"
        except Exception as error:
            if self._ends_run(error):
                raise
            said = f"error: {str(error) or type(error).__name__}"[:MAX_SAID]
        if kind == "refused":
            learned = [self._counted(name, step or name, said, failed=True)]
        self.observe(raw["id"], said, learned)
        self.tell(kind, text.format(name=step or name, said=said), step)

    def _may_run(self, call: Call) -> bool:
        """Whether a person has agreed; a question is stored with what it is about."""
        task = self.journal.task()
        try:
            return may_run(task, call)
        except ApprovalNeeded:
            self.journal.write([asked_about(task, call)])
            raise

    def perform(self, call: Call) -> str:
        """Run the tool, or return the result that is recorded."""
        store, task_id = self.journal.store, self.journal.task_id
        if call.tool.only_looks:
            return self._tried(call, key_for(task_id, call.step), hopeless)
        final = unsafe if call.tool.if_unknown == "wait" else settled
        result = run_once(
            Counting(store, call.tool.name),
            task_id,
            call.step,
            lambda key: self._tried(call, key, final),
            request=call.arguments,
            if_unknown=call.tool.if_unknown,
            sleep=self.attempts.sleep,
        )
        return str(result)

    def observe(self, call_id: str, said: str, learned: list[Operation]) -> None:
        """Store the one message that answers a call, with what was learned."""
        result = {"role": "tool", "tool_call_id": call_id, "content": said}
        self.journal.write(learned, "step", [result])

    def tell(self, kind: str, text: str, step: str = "") -> None:
        """Say what happened, with how far the run is."""
        left = getattr(self.journal, "deadline", None)
        state = self.journal.store.get(self.journal.task_id).agent_state
        event = AgentEvent(
            kind,
            text,
            step,
            done=Finished.of(state).steps,
            turns=state.budget.used.steps,
            max_turns=state.budget.max_steps,
            seconds_left=0.0 if left is None else left.remaining(),
        )
        self.on_event(event)

    def _shown(self, task: Task, turn: int) -> list[Message]:
        """What the model is shown of state and conversation."""
        shown = view_of(task.agent_state, self.journal.talk, self.context_bytes)
        if said := unshown(shown, self.journal.talk):
            self.tell("shown", f"turn {turn} is asked without {said}")
        return [{"role": "user", "content": shown.lines()}, *map(dict, shown.messages)]

    def _tried(self, call: Call, key: str, final: Final) -> str:
        """Run the tool, and again where that helps and does no harm."""

        def run(seconds: float) -> str:
            try:
                return run_tool(call, key, seconds)
            except Exception as error:
                self._from_tool = error
                raise

        made = self.attempts.make(run, call.step, self.journal.deadline, final=final)
        return str(made)

    def _learned(self, call: Call, said: str) -> tuple[str, list[Operation]]:
        """What the model is told, and what the state gains; a large result is kept."""
        learned: list[Operation] = []
        # An effect is counted where it is recorded, and to recall is no step.
        if call.tool.only_looks and call.tool.name != RECALL:
            learned.append(self._counted(call.tool.name, call.step, said))
        if self.artifacts is not None and len(said) > MOST:
            summary = f"{call.step}: {said[:MAX_SEEN]}"
            kind = f"{RESULT}.{call.tool.name}"
            kept = self.artifacts.put(said.encode(), kind=kind, summary=summary)
            state = self.journal.in_hand().agent_state
            learned += [AddArtifacts(artifacts=(kept,)), too_old(state)]
            said = f"artifact {kept.artifact_id}, {kept.bytes} bytes: {said[:MAX_SEEN]}"
        return said, learned

    def _counted(
        self, name: str, step: str, said: str, *, failed: bool = False
    ) -> Operation:
        """What counts one more call; names that nobody has given share one."""
        tool = name if name in self.tools else OTHERS
        state = self.journal.in_hand().agent_state
        return counted(state, tool, step, said, failed=failed)

    def _ends_run(self, error: Exception) -> bool:
        """Whether it is about the run, and not only about the tool."""
        if isinstance(error, DeadlineExceeded):
            return self.journal.deadline.remaining() == 0
        return isinstance(error, RUN_ENDS) and error is not self._from_tool

    def _stored(self) -> Task:
        return self.journal.store.look(self.journal.task_id)


def too_old(state: AgentState) -> Forget:
    """The oldest results that a state lists; their content stays where it is."""
    kept = [one for one in state.artifacts if one.type.startswith(f"{RESULT}.")]
    surplus = kept[: max(0, len(kept) + 1 - MAX_LISTED)]
    return Forget(artifacts=tuple(one.artifact_id for one in surplus))


def _is_claimed(store: object, task_id: str) -> bool:
    """Whether *store* is the view of a worker that has claimed this task."""
    holds: Callable[[str], bool] | None = getattr(store, "holds", None)
    return holds is not None and holds(task_id)


def _asked(message: Message) -> str:
    """What the model has answered, in words."""
    if message == GO_ON:
        return "the model's answer was cut off; it is asked again"
    names = [call["function"]["name"] for call in message.get("tool_calls", ())]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    called = f"the model calls {', '.join(names[:3])}{more}"
    return called if names else "the model has answered"
