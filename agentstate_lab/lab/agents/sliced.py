"""
The agent of notebook 08: every step once, and every turn told in a thousand bytes.

It is the agent of notebook 03 without its growing conversation. What a step found
becomes a fact; before each turn the model is told what fits of the state, and must
be told what is done. The messages of the model are stored all the same: they are
what a later run follows, even though no later turn reads them.
"""

from agentstate_lab.context import filter_relevant_state
from agentstate_lab.idempotency import resume_task
from agentstate_lab.state import AgentState, Task

from .idempotent import decide, once, tell_what_is_known
from .job import Job, user_says
from .notes import done_fact, learn, next_step, receipt

BUDGET = 1_000  # bytes of one briefing


def sliced_agent(job: Job) -> Task:
    """
    Run the job, or go on with it; the model is told a slice and nothing else.
    """
    store = job.need_store()
    goal = job.scenario.goal
    task = store.submit(Task.new(goal, task_id=job.task_id)).task
    tell_what_is_known(job)

    def work(user_input: str) -> str:
        plan = tuple(step.name for step in job.scenario.steps)
        state = AgentState(goal=user_input, plan=plan)
        said = iter(store.messages(task.id))
        while True:
            told = [user_says(briefing(state))]
            message = next(said, None) or decide(job, told)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                step = job.step(call)
                result = once(job, step, "resend")
                state = learn(state, done_fact(step, receipt(result)))

    return resume_task(store, task.id, work)


def briefing(state: AgentState) -> str:
    """
    What the model is told of *state*: a thousand bytes, with all that is done.

    Raises:
        ContextTooSmall: What is done does not fit into them.
    """
    done = [fact.key for fact in state.known_facts if fact.key.startswith("done:")]
    step = next_step(state)
    return filter_relevant_state(state, step, BUDGET, keep=done).render()
