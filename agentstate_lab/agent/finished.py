"""
What is finished, in a size that does not grow: the digest that the model is shown.

The records of steps say what was done, and there is one for each step. Shown whole,
they outgrow any request: that is the end of an agent at its 270th step, not of its
work. So the state carries a digest of them, one fact of bounded size: how many steps
of each tool are done, how many calls came to nothing, and the newest of both by name,
with what came of them.

The digest is carried on in the very save that stores the record it is about. So it is
the same after a crash as before, a snapshot says what was finished by then, and a
fork knows what happened before it, although its records are its own.

What has fallen out of it is in the records and messages: `recall` finds it there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from agentstate_lab.state import AgentState, Fact, Forget, Task, UpsertFact

KEY = "finished"

MAX_BYTES = 3_000  # of the whole digest, as JSON
NEWEST = 10  # finished steps by name, with their results
FAILURES = 5
MAX_TOOLS = 30  # by name; all others are counted together
MAX_RESULT = 100  # characters of a result in the digest

OTHERS = "others"

# How earlier releases began the fact of each finished step, and their patches.
OLD = "done:"
OLD_PATCHES = ("asked:", "observed:", "time:")

Counts = dict[str, int]
Said = dict[str, str]


@dataclass(frozen=True, slots=True)
class Finished:
    """
    What was finished so far. It is never changed; `plus` makes the next one.

    Attributes:
        done: How many steps of each tool are done.

        failed: How many calls of each tool came to nothing.

        newest: The newest steps that are done, with the beginnings of their results.

        failures: The newest that came to nothing, with why.
    """

    done: Counts = field(default_factory=dict)
    failed: Counts = field(default_factory=dict)
    newest: Said = field(default_factory=dict)
    failures: Said = field(default_factory=dict)

    @classmethod
    def of(cls, state: AgentState) -> Self:
        """
        The digest that a state carries; an empty one, where there is none.

        Anybody may write facts, so nothing in it is believed to have its form.
        """
        told = state.fact(KEY)
        told = told if isinstance(told, dict) else {}
        return cls(
            done=_only(told.get("done"), int),
            failed=_only(told.get("failed"), int),
            newest=_only(told.get("newest"), str),
            failures=_only(told.get("failures"), str),
        )

    @property
    def steps(self) -> int:
        """How many steps are done."""
        return sum(self.done.values())

    def plus(self, tool: str, step: str, said: str, *, failed: bool = False) -> Self:
        """
        The digest with one more call in it.

        Args:
            tool: What was called.

            step: The step, by its name.

            said: What came of it.

            failed: Whether it came to nothing.

        >>> Finished().plus("deploy", "deploy-api", "ok").done
        {'deploy': 1}
        """
        done, gone = self.done, self.failed
        newest, why = self.newest, self.failures
        if failed:
            gone, why = _more(gone, tool), _newest(why, step, said, FAILURES)
        else:
            done, newest = _more(done, tool), _newest(newest, step, said, NEWEST)
            why = {name: text for name, text in why.items() if name != step}
        return type(self)(done, gone, newest, why).within(MAX_BYTES)

    def within(self, most: int) -> Self:
        """
        The digest without its oldest names, so that it has at most *most* bytes.

        The counts stay in any case.
        """
        newest, why = dict(self.newest), dict(self.failures)
        made = self
        while made.size > most and (newest or why):
            longer = newest if len(newest) >= len(why) else why
            del longer[next(iter(longer))]
            made = type(self)(self.done, self.failed, newest, why)
        return made

    @property
    def size(self) -> int:
        """Its bytes as JSON."""
        return len(json.dumps(self.value(), ensure_ascii=False).encode())

    def value(self) -> dict[str, Any]:
        """What is shown of it: the parts that hold something."""
        return {name: part for name, part in asdict(self).items() if part}

    def fact(self) -> Fact:
        """The one fact that a state carries of it."""
        return Fact(key=KEY, value=self.value(), source="records")


def counted(
    state: AgentState, tool: str, step: str, said: str, *, failed: bool = False
) -> UpsertFact:
    """The operation that counts one more call; the arguments are those of `plus`."""
    return UpsertFact(
        fact=Finished.of(state).plus(tool, step, said, failed=failed).fact()
    )


def is_old(state: AgentState) -> bool:
    """Whether a state has a fact for each step, as earlier releases wrote it."""
    return any(fact.key.startswith(OLD) for fact in state.known_facts)


def bounded(task: Task) -> Task:
    """
    The task with the digest in place of a fact for each step.

    Nothing is lost: the results are in the records and in the messages. With the
    facts go the ids of the run's own patches.
    """
    state = task.agent_state
    if not is_old(state):
        return task
    old = [fact for fact in state.known_facts if fact.key.startswith(OLD)]
    made = Finished.of(state)
    for fact in old:
        said = fact.value if isinstance(fact.value, str) else json.dumps(fact.value)
        made = made.plus(fact.source or OTHERS, fact.key.removeprefix(OLD), said)
    forget = Forget(facts=tuple(fact.key for fact in old))
    ids = (i for i in state.applied_patches if not i.startswith(OLD_PATCHES))
    kept = task.learned(forget, UpsertFact(fact=made.fact()))
    state = kept.agent_state.model_copy(update={"applied_patches": tuple(ids)})
    return kept.model_copy(update={"agent_state": state})


def _more(counts: Counts, tool: str) -> Counts:
    """One more of this tool; of too many tools, the last share a name."""
    known = tool in counts or len(counts) < MAX_TOOLS
    name = tool if known else OTHERS
    return {**counts, name: counts.get(name, 0) + 1}


def _newest(said: Said, step: str, text: str, most: int) -> Said:
    """*step* at the end, and the oldest gone when there are too many."""
    others = [(name, kept) for name, kept in said.items() if name != step]
    return dict([*others, (step, text[:MAX_RESULT])][-most:])


def _only(part: object, kind: type) -> dict[str, Any]:
    """The entries that are what they should be."""
    found: Iterable[Any] = part.items() if isinstance(part, Mapping) else ()
    return {name: value for name, value in found if type(value) is kind}
