"""Every error says what became of the side effect."""

import inspect

import pytest

from agentstate_lab import errors

SAMPLES = {
    "InvalidValue": ("limit", "must be positive"),
    "ContextTooSmall": (812, 500),
    "ExtraMissing": ("postgres", ["psycopg"]),
    "TaskNotFound": ("t",),
    "TaskInProgress": ("t",),
    "LeaseLost": ("t",),
    "KeyReused": ("t",),
    "NeedsPerson": ("t", "report", "somebody has to look"),
    "ApprovalNeeded": ("t", "report", "it is an external_action"),
    "OutcomeUnknown": ("t", "deploy-api", "it was begun and never reported"),
    "DeadlineExceeded": ("deploy-api", 1.5),
    "CheckpointRefused": ("t", "its budget is used up"),
    "AttemptsUsedUp": ("t", 5),
    "IllegalTransition": ("completed", "running", "t"),
    "ArtifactNotFound": ("a",),
    "EffectRefused": (422, "key_reused", "another body"),
}
NAMED = {
    "AnswerNotWhole": {"may_go_on": True},
    "NotGranted": {"owner_id": "planner", "write": True},
    "BudgetUsedUp": {"what": "steps", "used": 20, "limit": 20},
    "CheckpointExpired": {"age": 7_200.0, "max_age": 3_600.0},
    "VersionConflict": {"expected": 1, "found": 2},
}
ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.AgentStateError)
]


def sample(kind):
    """An error of that kind, made as the package makes it."""
    if issubclass(kind, errors.StoreError):
        return kind("tasks.json", "is read-only")
    if kind.__name__ in NAMED:
        return kind("t", **NAMED[kind.__name__])
    wanted = inspect.signature(kind).parameters
    if kind.__name__ not in SAMPLES and "message" not in wanted:
        pytest.fail(f"add a sample of {kind.__name__} to this test")
    return kind(*SAMPLES.get(kind.__name__, ("it was refused",)))


@pytest.mark.parametrize("kind", ALL)
def test_the_message_ends_with_what_happened(kind):
    """A person reads the message, a program the attribute; both say the same."""
    error = sample(kind)

    assert error.effect in ("not started", "done", "unknown")
    assert str(error).endswith(f"(side effect: {error.effect})")


@pytest.mark.parametrize("kind", ALL)
def test_the_tree_in_the_docstring_is_the_tree_of_the_classes(kind):
    """The vocabulary of failure is read on one page, so the page must be right."""
    lines = errors.__doc__.splitlines()
    depth = {
        line.split("── ")[-1].split()[0]: line.index("── ")
        for line in lines
        if "── " in line
    }
    parents = [depth.get(base.__name__, 1) for base in kind.__bases__]
    if kind is errors.AgentStateError:
        assert "AgentStateError" in [line.strip() for line in lines]
    else:
        assert depth[kind.__name__] == parents[0] + 4


def test_the_caller_may_know_better():
    """Whoever raises it says what is known of the effect."""
    error = errors.Permanent("the card was charged", effect="done")

    assert (error.effect, str(error)) == (
        "done",
        "the card was charged (side effect: done)",
    )


def test_an_error_without_a_message_still_says_something():
    """An empty line in a log helps nobody."""
    assert str(errors.Permanent()).startswith("Trying again cannot help")
