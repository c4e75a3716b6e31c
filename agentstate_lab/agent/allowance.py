"""
What a run may use, and what all its processes together have used of it.

A limit is only a limit if its counter outlives the process. So the counters are in
the state, beside the limits, and a run that is started again goes on counting: turns
and tokens at each answer of the model, wall time at each save.

Wall time is counted twice, for two readers: exactly, in the task's deadline, which
decides; and in milliseconds in the budget, where the model and people see it.

This module refuses a turn; what has begun is stopped by `deadline`.
"""

from collections.abc import Iterable

from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import BudgetUsedUp, InvalidValue
from agentstate_lab.state import (
    Budget,
    DeadlineRecord,
    Operation,
    Task,
    UseBudget,
)
from agentstate_lab.stores import Clock


def granted(budget: Budget, *, clock: Clock, wall: Clock) -> DeadlineRecord:
    """
    The deadline that goes with a budget, from now on.

    Args:
        budget: Its wall time, less what is used of it already.

        clock: Seconds that only go up.

        wall: The time of day, in seconds since the epoch.

    Raises:
        InvalidValue: Nothing is left, or more than 30 days.
    """
    limit, used = budget.max_wall_time_ms / 1000, budget.used.wall_time_ms / 1000
    if used >= limit:
        raise InvalidValue(
            "budget.max_wall_time_ms",
            f"leaves no time: {used:g} of {limit:g} s are used",
        )
    try:
        record = Deadline.after(limit - used, clock=clock, wall=wall).record()
    except InvalidValue as error:
        raise InvalidValue("budget.max_wall_time_ms", error.why) from error
    return record.model_copy(update={"limit": limit, "used": used})


def check_budget(task: Task) -> None:
    """
    Refuse another turn when its turns or its tokens are used up.

    Raises:
        BudgetUsedUp: It names the limit, and says what was used.
    """
    budget = task.agent_state.budget
    for name in ("steps", "llm_tokens"):
        used, limit = getattr(budget.used, name), getattr(budget, f"max_{name}")
        if used >= limit:
            raise BudgetUsedUp(task.id, name, used=used, limit=limit)


def accounted(
    task: Task, record: DeadlineRecord, operations: Iterable[Operation] = ()
) -> Task:
    """
    The task with *operations* and the time that was used.

    Args:
        task: As it is stored.

        record: How the deadline stands now.

        operations: What was learned and used besides.
    """
    spent = round(record.used * 1000) - task.agent_state.budget.used.wall_time_ms
    used = UseBudget(wall_time_ms=max(0, spent))
    return task.learned(*operations, used).model_copy(update={"deadline": record})
