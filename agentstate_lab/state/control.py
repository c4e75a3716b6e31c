"""
Control data: what decides over a run, beside what the run knows.

A state holds knowledge, and agents and models may write it: that is what a patch is
for. A few facts in it are of another kind. They say what a person has answered, what
was asked, and what is finished, and a run goes by them. Whoever is controlled by them
may not write them: else an agent gives itself the yes of a person.

So patches from outside are refused by name where they touch one of these, and a new
task begins without the answers that another task was given: a copy asks again.

Source: authority that comes back with a restored state, arXiv 2603.20625.
"""

from collections.abc import Iterable

from agentstate_lab.errors import InvalidValue

from .agent_state import (
    AddQuestions,
    AgentState,
    AppendFacts,
    CloseQuestion,
    Forget,
    Operation,
    UpsertFact,
)

APPROVAL = "approval:"
QUESTION = "question:"

_NAMES = frozenset({"asked", "finished"})
_BEGINNINGS = (APPROVAL, QUESTION, "done:")


def is_control(key: str) -> bool:
    """
    Whether the fact of this key is control data.

    >>> is_control("approval:deploy-api"), is_control("region")
    (True, False)
    """
    return key in _NAMES or key.startswith(_BEGINNINGS)


def refuse_control(operations: Iterable[Operation]) -> None:
    """
    Refuse *operations* from outside that would write control data.

    Raises:
        InvalidValue: One of them would; it is named, and nothing was changed.
    """
    for operation in operations:
        if isinstance(operation, AddQuestions | CloseQuestion):
            raise InvalidValue(
                f"operation {operation.op!r}",
                "a question to a person is put by the run that waits for the answer,"
                " and closed by that answer",
            )
        for key in _keys(operation):
            if is_control(key):
                raise InvalidValue(
                    f"fact {key!r:.200}",
                    "is control data: what a person said and what was done is written"
                    " by the run and by `approve`, not by a patch",
                )


def without_answers(state: AgentState) -> AgentState:
    """The state as a new task may begin with it: no answer, no question to a person."""
    facts, asked = [], set()
    for fact in state.known_facts:
        if not fact.key.startswith((APPROVAL, QUESTION)):
            facts.append(fact)
        elif isinstance(fact.value, dict):
            asked.add(fact.value.get("question"))
    if len(facts) == len(state.known_facts):
        return state
    left = tuple(one for one in state.open_questions if one not in asked)
    return state.model_copy(
        update={"known_facts": tuple(facts), "open_questions": left}
    )


def _keys(operation: Operation) -> tuple[str, ...]:
    """The keys of the facts that *operation* writes or takes away."""
    match operation:
        case AppendFacts():
            return tuple(fact.key for fact in operation.facts)
        case UpsertFact():
            return (operation.fact.key,)
        case Forget():
            return operation.facts
        case _:
            return ()
