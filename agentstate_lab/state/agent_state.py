"""
What an agent must know to go on: its goal, limits, plan, facts and questions.

A run that lives in local variables dies with the process. `AgentState` is the
same knowledge as one value that can be stored, handed to another process, and
checked: whoever takes over reads it and needs nothing else.

The state is never edited. A `StatePatch` says what a step learned, and `apply`
makes the next state from it. A patch carries an id and the version it was made
for, so that applying it twice is harmless (a crash between "applied" and "told"
does that) and applying it to a state that has moved on is refused.

Why the id is looked up before the version: a patch that was applied has itself
moved the version on. Checked the other way round, every repeat would look like
a conflict, and the caller could not tell "done" from "too late".

This module stores nothing, and it does not choose the next action.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from agentstate_lab.errors import InvalidValue, VersionConflict

SCHEMA_VERSION: Final = 1

# A repeat older than this many patches is still refused: by its base version.
REMEMBERED_PATCHES = 256

PRESSURE = 0.8


def _plain(text: str) -> str:
    """Refuse what some stores keep and others do not: control characters."""
    if text != text.strip() or not text.isprintable():
        raise ValueError("must be printable text without spaces around it")
    return text


Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Record(BaseModel):
    """What every stored model shares: it cannot be changed, and knows its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RiskLevel(StrEnum):
    """What a tool can do to the world outside the agent."""

    READ_ONLY = "read_only"
    WRITE_LOCAL = "write_local"
    EXTERNAL_ACTION = "external_action"


class HumanInTheLoop(Record):
    """The risk levels at which a person must agree before a tool runs."""

    required_for_risk_levels: tuple[RiskLevel, ...] = ()


class Constraints(Record):
    """What the agent may not decide alone."""

    human_in_the_loop: HumanInTheLoop = HumanInTheLoop()


class Used(Record):
    """How much of a budget is gone, over all processes that worked on the task."""

    steps: Count = 0
    wall_time_ms: Count = 0
    llm_tokens: Count = 0


class Budget(Record):
    """
    The limits of a run, and what was used of them.

    Both are stored: a limit whose counter starts at zero after each restart is
    no limit.

    >>> Budget(max_steps=10, used=Used(steps=8)).pressure()
    0.8
    """

    max_steps: Count = 20
    max_wall_time_ms: Count = 300_000
    max_llm_tokens: Count = 200_000
    max_artifact_bytes_in_context: Count = 8_000
    used: Used = Used()

    def pressure(self) -> float:
        """The largest share used of any one limit: 1.0 or more is all of it."""
        pairs = [
            (self.used.steps, self.max_steps),
            (self.used.wall_time_ms, self.max_wall_time_ms),
            (self.used.llm_tokens, self.max_llm_tokens),
        ]
        return max(used / limit if limit else 1.0 for used, limit in pairs)

    def flags(self) -> set[str]:
        """The risk flags that follow from what was used."""
        pressure = self.pressure()
        if pressure >= 1.0:
            return {"budget_exhausted", "budget_pressure"}
        return {"budget_pressure"} if pressure >= PRESSURE else set()

    def use(
        self, *, steps: int = 0, wall_time_ms: int = 0, llm_tokens: int = 0
    ) -> Self:
        """Count what a step used. A counter never goes down."""
        spent = Used(
            steps=self.used.steps + steps,
            wall_time_ms=self.used.wall_time_ms + wall_time_ms,
            llm_tokens=self.used.llm_tokens + llm_tokens,
        )
        return self.model_copy(update={"used": spent})


class Fact(Record):
    """Something the agent found out, under a key, with where it came from."""

    key: Id
    value: JsonValue
    source: str = ""


class Artifact(Record):
    """
    A large result that lives outside the state: its id, a summary, its size.

    The content is in `artifacts`; the state carries only this.
    """

    artifact_id: Id
    type: str
    summary: str
    bytes: Count


class AppendFacts(Record):
    """Add facts at the end, whatever their keys."""

    op: Literal["append_facts"] = "append_facts"
    facts: tuple[Fact, ...]


class UpsertFact(Record):
    """Set the one current fact of a key; older facts of that key go."""

    op: Literal["upsert_fact"] = "upsert_fact"
    fact: Fact


class ReplacePlan(Record):
    """Put a new plan in place of the old one."""

    op: Literal["replace_plan"] = "replace_plan"
    plan: tuple[str, ...]


class AddQuestions(Record):
    """Add open questions; one that is open already is not added again."""

    op: Literal["add_questions"] = "add_questions"
    questions: tuple[str, ...]


class CloseQuestion(Record):
    """Take an answered question away. Its answer is a fact."""

    op: Literal["close_question"] = "close_question"
    question: str


class AddArtifacts(Record):
    """Add artifacts; one with the same id takes the place of the older."""

    op: Literal["add_artifacts"] = "add_artifacts"
    artifacts: tuple[Artifact, ...]


class Forget(Record):
    """Take away what is kept elsewhere by now: facts by key, artifacts by id."""

    op: Literal["forget"] = "forget"
    facts: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()


class UseBudget(Record):
    """Count steps, milliseconds of wall time and tokens as used."""

    op: Literal["use_budget"] = "use_budget"
    steps: Count = 0
    wall_time_ms: Count = 0
    llm_tokens: Count = 0


Operation = Annotated[
    AppendFacts
    | UpsertFact
    | ReplacePlan
    | AddQuestions
    | CloseQuestion
    | AddArtifacts
    | Forget
    | UseBudget,
    Field(discriminator="op"),
]


class StatePatch(Record):
    """
    What one step learned, as operations on the state.

    Attributes:
        id: Names the patch. Take it from the intent (task and step), never from
            a clock or a random number, so that a repeat carries the same id.

        base_version: The version of the task that the patch was made for.

        operations: What to change, in order.
    """

    id: Id
    base_version: Count
    operations: tuple[Operation, ...]


class AgentState(Record):
    """
    Everything a replacement needs to go on with the work.

    >>> state = AgentState(goal="Deploy the shop")
    >>> seen = AppendFacts(facts=[Fact(key="region", value="eu")])
    >>> patch = StatePatch(id="look", base_version=1, operations=[seen])
    >>> after = state.apply(patch, version=1)
    >>> after.fact("region"), after.apply(patch, version=2) == after
    ('eu', True)
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    goal: str
    constraints: Constraints = Constraints()
    budget: Budget = Budget()
    plan: tuple[str, ...] = ()
    known_facts: tuple[Fact, ...] = ()
    open_questions: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    risk_flags: tuple[str, ...] = ()
    applied_patches: tuple[Id, ...] = ()

    def apply(self, patch: StatePatch, *, version: int) -> "AgentState":
        """
        The state after *patch*, or this very state if it was applied before.

        Args:
            patch: What a step learned.

            version: The version of the task that carries this state.

        Raises:
            VersionConflict: The patch is new and was made for another version.
        """
        if patch.id in self.applied_patches:
            return self
        if patch.base_version != version:
            raise VersionConflict(
                f"patch {patch.id}", expected=patch.base_version, found=version
            )
        seen = (*self.applied_patches, patch.id)[-REMEMBERED_PATCHES:]
        state = self.learned(*patch.operations)
        return state.model_copy(update={"applied_patches": seen})

    def learned(self, *operations: Operation) -> "AgentState":
        """
        The state after *operations*, for whoever needs no id to know its own patch.

        A run that has the task to itself saves by the version: an id would guard
        nothing more, and hundreds of them would be stored with every step.
        """
        state = self
        for operation in operations:
            state = state.model_copy(update=_change(state, operation))
        return state

    def needs_approval(self, risk_level: RiskLevel | str) -> bool:
        """
        Whether a person must agree before a tool of this risk level runs.

        Raises:
            InvalidValue: There is no such risk level, so no policy can hold.
        """
        if risk_level not in list(RiskLevel):
            known = ", ".join(RiskLevel)
            raise InvalidValue("risk_level", f"{risk_level!r} is none of {known}")
        return risk_level in self.constraints.human_in_the_loop.required_for_risk_levels

    def fact(self, key: str, default: JsonValue = None) -> JsonValue:
        """The newest value of *key*, or *default*."""
        for fact in reversed(self.known_facts):
            if fact.key == key:
                return fact.value
        return default


def _change(state: AgentState, operation: Operation) -> dict[str, object]:
    """The fields that *operation* changes, with their new values."""
    match operation:
        case AppendFacts(facts=facts):
            return {"known_facts": (*state.known_facts, *facts)}
        case UpsertFact(fact=fact):
            others = (one for one in state.known_facts if one.key != fact.key)
            return {"known_facts": (*others, fact)}
        case ReplacePlan(plan=plan):
            return {"plan": plan}
        case AddQuestions(questions=questions):
            each_once = dict.fromkeys((*state.open_questions, *questions))
            return {"open_questions": tuple(each_once)}
        case CloseQuestion(question=closed):
            open_still = (one for one in state.open_questions if one != closed)
            return {"open_questions": tuple(open_still)}
        case AddArtifacts(artifacts=added):
            ids = {one.artifact_id for one in added}
            kept = (one for one in state.artifacts if one.artifact_id not in ids)
            return {"artifacts": (*kept, *added)}
        case Forget(facts=keys, artifacts=ids):
            known = (one for one in state.known_facts if one.key not in keys)
            listed = (one for one in state.artifacts if one.artifact_id not in ids)
            return {"known_facts": tuple(known), "artifacts": tuple(listed)}
        case UseBudget(steps=steps, wall_time_ms=wall_time_ms, llm_tokens=llm_tokens):
            budget = state.budget.use(
                steps=steps, wall_time_ms=wall_time_ms, llm_tokens=llm_tokens
            )
            return {"budget": budget, "risk_flags": _flags(state.risk_flags, budget)}


def _flags(old: Iterable[str], budget: Budget) -> tuple[str, ...]:
    """The flags of others stay; those of the budget follow its counters."""
    others = {flag for flag in old if not flag.startswith("budget_")}
    return tuple(sorted(others | budget.flags()))
