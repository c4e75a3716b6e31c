"""
The agents of the lessons, in the order in which they learn to survive.

`job` is what each of them is given. `agents` holds the first ones, `durable` the
one that stands on the whole package. Two of them stand on heavy libraries, DBOS and
MCP, and load when they are asked for.
"""

from typing import TYPE_CHECKING

from agentstate_lab.door import later

from .agents import (
    AGENTS,
    agent_named,
    finally_agent,
    naive_agent,
    noted_agent,
    outcome_of,
    run_job,
    saving_agent,
)
from .checkpointed import (
    SnapshotStore,
    certain,
    checkpointed_agent,
    is_answer,
    unanswered,
)
from .durable import durable_agent, state_for
from .idempotent import decide, idempotent_agent, once, tell_what_is_known
from .job import Job, ask, find_task, open_job, pace, run_step, tool_says, user_says
from .note_taker import NoteTaker, write_notes
from .notes import (
    done_fact,
    done_patch,
    learn,
    next_step,
    receipt,
    render_note,
    steps_done,
)
from .patient import bad_weather, patient
from .sliced import sliced_agent
from .timed import timed_agent

if TYPE_CHECKING:
    from .scaled import deployments, scaled_agent
    from .sharing import add, new_task, shared_work, sharing_agent, stdio_server

__all__ = [
    "AGENTS",
    "Job",
    "NoteTaker",
    "SnapshotStore",
    "add",
    "agent_named",
    "ask",
    "bad_weather",
    "certain",
    "checkpointed_agent",
    "decide",
    "deployments",
    "done_fact",
    "done_patch",
    "durable_agent",
    "finally_agent",
    "find_task",
    "idempotent_agent",
    "is_answer",
    "learn",
    "naive_agent",
    "new_task",
    "next_step",
    "noted_agent",
    "once",
    "open_job",
    "outcome_of",
    "pace",
    "patient",
    "receipt",
    "render_note",
    "run_job",
    "run_step",
    "saving_agent",
    "scaled_agent",
    "shared_work",
    "sharing_agent",
    "sliced_agent",
    "state_for",
    "stdio_server",
    "steps_done",
    "tell_what_is_known",
    "timed_agent",
    "tool_says",
    "unanswered",
    "user_says",
    "write_notes",
]

__getattr__ = later(
    __name__,
    {
        "add": "sharing",
        "deployments": "scaled",
        "new_task": "sharing",
        "scaled_agent": "scaled",
        "shared_work": "sharing",
        "sharing_agent": "sharing",
        "stdio_server": "sharing",
    },
)
