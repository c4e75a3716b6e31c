"""Runs of agents that are interrupted, and what the world counted of them."""


def counts(world, task_id):
    """What the world counted for the task, by step."""
    return {entry.step: entry.count for entry in world.ledger(task_id)}


def stopping_after(events):
    """An `on_event` that interrupts after so many events."""
    left = [None] * events

    def on_event(text):
        left.pop()
        if not left:
            raise KeyboardInterrupt

    return on_event
