"""
The sixth property: two runs from one moment of a third, and what they may do.

A fork is the framework's own operation, so the adapter does it: `fork(job, source,
after, keyed=…)` begins a new run, with the effects of *job*, from the moment when so
many tools of the run *source* had answered. From outside it is seen whether two forks
ask for the same effects, and whether the run that they came from is as it was.

Where a framework lets a person agree to an effect, a second adapter does so, and forks
from the moment after the first yes. A yes was given to the run that asked. If the fork
acts under it and asks nobody, one yes has allowed two effects.
"""

import importlib
from dataclasses import replace
from typing import Any

from agentstate_lab.lab.crash import Rig

from .contender import Contender
from .effects import RUN_SECONDS
from .properties import Finding
from .strain import Strained, give_orders

FORK = "fork determinism"
AFTER = 6  # tools: one that looks, and five effects


def fork_determinism(contender: Contender) -> Finding:
    """Two forks of one run go the same way, and the run itself is left alone."""
    if not hasattr(importlib.import_module(contender.module), "fork"):
        return Finding(None, "no fork in its adapter")
    with Rig(Strained(contender), "deploy", contender.store, limit=RUN_SECONDS) as rig:
        source = rig.new_task()
        url = rig.url(source)
        rig.run(source, url)
        names = [step.name for step in rig.scenario.effects]
        forks = [_forked(rig, source, url) for _ in range(2)]
        again = rig.run(source, url).report
    untouched = again.get("completed") and not again["reached"]["effect"]
    if not untouched:
        return Finding(False, "the original was touched")
    if forks[0] != forks[1]:
        return Finding(False, "two forks went two ways")
    if forks[0] == StopIteration.__name__:  # an adapter looks for it by `next`
        return Finding(None, "stores no moment in between to fork from")
    if not isinstance(forks[0], list):
        return Finding(False, f"cannot: {forks[0]}")
    if forks[0] != names[AFTER - 1 :]:
        return Finding(
            False, f"a fork asks for {len(forks[0])} of {len(names) - AFTER + 1}"
        )
    return Finding(True, "two forks alike, the original untouched")


def permission(contender: Contender) -> Finding | None:
    """
    A fork from behind a person's yes asks again before it acts.

    Returns:
        What was seen, or None where there is no adapter that lets a person agree.
    """
    if not contender.approval:
        return None
    asking = replace(contender, adapter=contender.approval)
    with Rig(Strained(asking), "deploy", contender.store, limit=RUN_SECONDS) as rig:
        source = rig.new_task()
        url = rig.url(source)
        if not rig.run(source, url).report.get("completed"):
            return Finding(False, "the run that was allowed everything did not end")
        task_id = rig.new_task()
        give_orders(task_id, source=source)
        report = rig.run(task_id, url).report
    acted = report.get("reached", {}).get("effect")
    if acted:
        return Finding(False, f"a fork acts under the old yes: {acted[0]}")
    if acted is None:
        return Finding(False, "a fork from behind a yes ended without a word")
    return Finding(True, "a fork asks a person again")


def forks_of(contender: Contender) -> Finding:
    """Both: what forks do, and what they may do."""
    seen, allowed = fork_determinism(contender), permission(contender)
    if allowed is None:
        return seen
    if seen.holds is None:
        return allowed
    return Finding(seen.holds and allowed.holds, f"{seen.said}; {allowed.said}")


def _forked(rig: Rig, source: str, url: str | None) -> Any:
    """What a fork of *source* asks for, or how it failed."""
    task_id = rig.new_task()
    give_orders(task_id, source=source, after=AFTER)
    report = rig.run(task_id, url).report
    if error := report.get("error"):
        return str(error["type"])
    return report.get("reached", {}).get("effect", "it ended without a word")
