"""
Several workers, each a process of its own, for as long as a scene of notebook 11 lasts.

    with Fleet(url) as fleet:
        fleet.start("a")
        fleet.catch(job, "deploy-api")
        fleet.kill("a")

`until` looks again and again until something is so, and says what it was when it never
is. One time is guessed: a reply that drips must drip for longer than the rest of its
scene takes. All workers are ended when the block is left, whatever happened in it.
"""

from collections.abc import Callable, Collection
from typing import Any, Self

from agentstate_lab.errors import InvalidValue, LabError
from agentstate_lab.lab.processes import CALL, READY_WITHIN, Process, request_for, until
from agentstate_lab.lab.world import scenario_named, start_world
from agentstate_lab.scale_out import AgentQueue
from agentstate_lab.state import TaskState

LIMIT = 60.0  # seconds; a scene takes a few
DRIP = 0.4  # seconds between two bytes of a reply that has some 75
GOAL = scenario_named("deploy").goal
OVER = (TaskState.COMPLETED, TaskState.FAILED, TaskState.DEAD, TaskState.CANCELLED)


class Fleet:
    """
    The workers of one scene, and the queue that they work on.

    Args:
        url: Where the tasks are.

        patience: Seconds after which something that should come is called missing.

    Attributes:
        queue: The tasks, from outside.
    """

    def __init__(self, url: str, *, patience: float = LIMIT) -> None:
        self.queue = AgentQueue(url)
        self._url = url
        self._patience = patience
        self._workers: dict[str, Process] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self._workers.values():
            worker.end()
        self.queue.close()

    def start(
        self,
        place: str,
        *,
        name: str | None = None,
        version: str = "1",
        keyless: Collection[str] = (),
    ) -> None:
        """
        Start a worker, and return when it works.

        Args:
            place: What this scene calls it.

            name: What it calls itself; by default the same.

            version: Of its code.

            keyless: The services that honour no idempotency key.

        Raises:
            InvalidValue: There is a worker of that place.
            LabError: It did not start.
        """
        if place in self._workers:
            raise InvalidValue("place", f"there is a worker at {place!r} already")
        who = (self._url, name or place, version, sorted(keyless))
        worker = Process(CALL, request_for(serve, who, LIMIT))
        self._workers[place] = worker
        for _ in range(2):  # before the call, and when it works
            said = worker.must_say(READY_WITHIN)
            if "raised" in said:
                raise LabError(f"worker {place!r} did not start: {said['text']}")
            worker.say(go=True)

    def kill(self, place: str) -> None:
        """
        End a worker with SIGKILL, and see that it is gone.

        Raises:
            InvalidValue: There is no such worker.
        """
        if place not in self._workers:
            raise InvalidValue("place", f"there is no worker at {place!r:.80}")
        self._workers.pop(place).end()

    def submit(self, *task_ids: str) -> None:
        """Hand in deployments."""
        for task_id in task_ids:
            self.queue.submit(task_id, GOAL)

    def catch(self, task_id: str, step: str) -> None:
        """
        Hand in a deployment, and return when a worker is caught in the middle of it.

        The world has done *step*, and its reply drips, for longer than a scene lasts:
        the worker waits for it and does not know.
        """
        world = start_world()
        world.fault(task_id, "drip", at=step, seconds=DRIP)
        self.submit(task_id)
        self.until(
            lambda: any(one.step == step for one in world.ledger(task_id)),
            f"step {step!r} of {task_id!r}",
        )

    def until(self, what: Callable[[], Any], said: str) -> None:
        """
        Return when *what* is so; *said* is what to call it.

        Raises:
            LabError: It never was.
        """
        if not until(what, self._patience):
            raise LabError(
                f"waited {self._patience:g} s, and {said} did not come",
                effect="unknown",
            )

    def done(self, *task_ids: str) -> None:
        """Return when all of these tasks are over, one way or the other."""
        self.until(
            lambda: all(self.queue.look(one).state in OVER for one in task_ids),
            f"the end of {', '.join(task_ids)}",
        )


def serve(
    url: str,
    name: str,
    version: str,
    keyless: Collection[str],
    barrier: Callable[[], None],
) -> None:
    """What a worker's process does: work, until it is ended."""
    from agentstate_lab.lab.agents import deployments
    from agentstate_lab.scale_out import AgentWorker

    with AgentWorker(url, name, deployments(keyless), version=version):
        barrier()  # it works
        barrier()  # nobody answers this one: the process is ended
