"""
The jobs of the course for the workers of notebook 11.

The package knows nothing of deployments. Here a worker gets what it needs for a task
of the course: the model, and the tools that ask the world under the key of the step.
`scaled_agent` is a whole machine in one process, for the crash lab: it comes back
under its name, and what it had is in its queue again.
"""

from collections.abc import Callable, Collection
from hashlib import sha256

from agentstate_lab.agent import SYSTEM, asker
from agentstate_lab.lab.home import home
from agentstate_lab.scale_out import AgentWorker, Means

from .durable import tools_of
from .job import Job, open_job

FOLDER = "11_scale_out"


def means_of(job: Job, *, keyless: Collection[str] = ()) -> Means:
    """
    What a worker has for the task of *job*.

    Args:
        job: The work.

        keyless: The services that honour no idempotency key.
    """
    tools = tools_of(job, keyless=keyless)
    ask = asker(job.client, job.model, SYSTEM, tools, job.task_id)
    return Means(ask, tools)


def deployments(keyless: Collection[str] = ()) -> Callable[[str], Means]:
    """
    For a worker: whatever the id of a task, it is a deployment.

    Args:
        keyless: The services that honour no idempotency key.
    """

    def prepare(task_id: str) -> Means:
        return means_of(open_job("deploy", task_id, on_event=str), keyless=keyless)

    return prepare


def scaled_agent(job: Job, *, keyless: Collection[str] = ()) -> str:
    """
    Run the job as a workflow in this process, or go on with it.

    Each task has a file and a worker of its own, so that the next run is the same
    machine, come back.

    Args:
        job: The work. Its store is not used: DBOS has its own.

        keyless: The services that honour no idempotency key.
    """
    name = sha256(job.task_id.encode()).hexdigest()[:24]
    url = f"sqlite:{home() / FOLDER / 'machines' / name}.db"
    worker = AgentWorker(
        url, name, lambda task_id: means_of(job, keyless=keyless), sleep=job.sleep
    )
    with worker:
        return worker.run(job.task_id, job.scenario.goal)
