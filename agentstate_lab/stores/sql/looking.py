"""
How the two databases look for tasks: lists in pages, and queues.

Every condition is in the statement, and the limit comes last: a filter over the first
hundred rows finds nothing when the hundred-and-first is meant. An index serves each
of them, so that a page costs the same however many tasks there are.
"""

from typing import Final, Literal

from agentstate_lab.state import TaskState

Queue = Literal["expired", "pending"]
Whose = Literal["any", "one", "unknown"]

_HELD = "select id, line, token, lease_expires, {now}, created_at from {place}tasks"
HOLD = _HELD + " where id = :id{lock}"


def next_of(queue: Queue, *, behind: bool = False) -> str:
    """
    The statement that finds the next row of a queue, and keeps it.

    Args:
        queue: Of those whose lease has ended, or of those that are pending.

        behind: Only behind a place in the order: a row there cannot be read.
    """
    condition, order = QUEUES[queue]
    more = f"and ({order}) > (cast(:value as double precision), :last)"
    return f"{_HELD} where {condition} {more if behind else ''} " + (
        f"order by {order} limit 1{{skip}}"
    )


# What is looked for first stands first.
QUEUES: Final[dict[Queue, tuple[str, str]]] = {
    "expired": ("lease_expires <= {now}", "lease_expires, id"),
    "pending": ("state = 'pending'", "created_at, id"),
}


def list_of(
    states: tuple[TaskState, ...], whose: Whose, *, machine: bool, behind: bool
) -> str:
    """
    The statement that reads one page of a list, with all its conditions.

    Args:
        states: In which states. Each is looked for by itself, along its index.

        whose: Of any agent, of one, or of those rows that do not say whose they are.

        machine: Only with an owner on one machine.

        behind: Only behind a place in the order.
    """
    names = [f"'{state}'" for state in states]
    more = " and substr(owner, 1, cast(:length as int)) = :owner" if machine else ""
    if behind:
        more += " and (created_at, id) > (cast(:value as double precision), :last)"
    if whose == "any":
        parts = [f"state = {name}{more}" for name in names]
    else:
        agent = "= :agent" if whose == "one" else "is null"
        # Not along the index of the states: of a million that wait, one may be theirs.
        parts = [f"agent_id {agent} and state || '' in ({', '.join(names)}){more}"]
    pages = [
        "select created_at, id, line from {place}tasks where"
        f" {part} order by created_at, id limit :limit"
        for part in parts
    ]
    if len(pages) == 1:
        return pages[0]
    every = [f"select * from ({page}) as part_{n}" for n, page in enumerate(pages)]
    return " union all ".join(every) + " order by created_at, id limit :limit"
