"""
The agent of the course, on any of its stores.
"""

from agentstate_lab.lab.agents import Job, durable_agent
from agentstate_lab.state import Task


def run(job: Job, *, keyed: bool) -> Task:
    """Begin, or go on; without keys, an outcome that nobody knows is a person's."""
    effects = {str(step.effect) for step in job.scenario.effects}
    return durable_agent(job, keyless=set() if keyed else effects)
