"""The agent of the course, with a person who must agree to each effect."""

from agentstate_lab.agent import approve
from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.lab.agents import Job, durable_agent
from agentstate_lab.lab.agents.durable import state_for
from agentstate_lab.state import AgentState, Task, TaskState

ASK_FIRST = {"required_for_risk_levels": ["write_local", "external_action"]}


def run(job: Job, *, keyed: bool) -> Task:
    """Begin, or go on; the person says yes to whatever is asked."""
    task = _run(job)
    while task.state is TaskState.WAITING:
        approve(job.need_store(), task.id, _said(task.agent_state, "question:")[-1])
        task = _run(job)
    return task


def fork(job: Job, source: str, *, keyed: bool) -> Task:
    """A new task from the first moment after a yes, where nobody says yes again."""
    store = job.need_store()
    kept = store.checkpoints(source)
    then = next(one for one in kept if _said(one.agent_state, "approval:"))
    CheckpointManager(store).fork(source, then.version, new_id=job.task_id)
    return _run(job)


def _run(job: Job) -> Task:
    """Run until an end, or a question."""
    return durable_agent(job, agent_state=state_for(job, human_in_the_loop=ASK_FIRST))


def _said(state: AgentState, kind: str) -> list[str]:
    """The steps that a state has a fact of this kind about."""
    keys = [fact.key for fact in state.known_facts]
    return [key.removeprefix(kind) for key in keys if key.startswith(kind)]
