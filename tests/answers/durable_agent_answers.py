"""Answers to exercise 10, right and wrong."""

import os

from answers import ALL, EXPLAINS, Wrong
from answers import durable_agent_mistakes as mistakes
from answers import durable_agent_steps as steps
from answers import durable_agent_styles as styles

THROUGH = "gets through when nothing goes wrong, and returns the stored task"
PLAN = "stores the plan before it acts on it"
BEFORE_AN_EFFECT = "survives a kill before an effect"
IN_AN_EFFECT = "survives a kill when an effect has happened and the reply is on its way"
BUSY = "waits when the model is too busy, and gives up some day"
USED_UP = "ends as failed, with a reason, when the turns are used up"
TOOL_MESSAGES = "answers each tool call with one tool message, also when a tool fails"

RIGHT = {
    "of-the-course": styles.of_the_course,
    "by-hand": styles.ByHand(),
    "with-the-exercises": styles.with_the_exercises,
    "asynchronous": styles.asynchronous,
    "turns-are-steps": steps.turns_are_steps,
    "replaying": styles.replaying,
}

WRONG = {
    "fragile": Wrong(
        mistakes.fragile,
        IN_AN_EFFECT,
        "survives 0 of 2: at effect 1, deploy-api happened twice: it was requested"
        " without a key",
        (
            "survives a kill when the reply has come, before it does anything else",
            "survives a kill before a write to the store",
            "survives a kill in the middle of a write to the store",
            "survives a kill after a write to the store, before it does anything else",
            "does it once when a reply is lost",
        ),
    ),
    "forgets-the-plan": Wrong(
        mistakes.forgets_the_plan,
        PLAN,
        "deploy-database happened, and was not to be done",
    ),
    "makes-random-keys": Wrong(
        mistakes.makes_random_keys,
        IN_AN_EFFECT,
        "it was requested with 2 keys",
        (PLAN,),
    ),
    "asks-a-person": Wrong(
        mistakes.asks_a_person,
        IN_AN_EFFECT,
        "it asks a person, although the receiver honours the key",
        (PLAN,),
    ),
    "leaves-calls-open": Wrong(
        mistakes.leaves_calls_open,
        TOOL_MESSAGES,
        "did not have response messages: call_failing",
    ),
    "asks-the-model-once": Wrong(
        mistakes.asks_the_model_once,
        BUSY,
        "it raised RateLimitError: Error code: 429",
    ),
    "takes-the-first-choice": Wrong(
        mistakes.takes_the_first_choice,
        "survives a reply that holds no choice",
        "the stored reason is 'list index out of range'",
    ),
    "calls-it-done": Wrong(
        mistakes.calls_it_done,
        USED_UP,
        "the stored task is completed",
    ),
    "runs-it-again": Wrong(
        mistakes.runs_it_again,
        "does not run a completed task again",
        "it asked the model again",
    ),
    "counts-its-keys": Wrong(
        mistakes.counts_its_keys,
        BEFORE_AN_EFFECT,
        "survives 1 of 2: at effect 2, it raised",
    ),
    "never-takes-over": Wrong(
        mistakes.never_takes_over, BEFORE_AN_EFFECT, "it raised TaskInProgress"
    ),
    "fails-unsaid": Wrong(
        mistakes.fails_unsaid, BUSY, "the stored task is running, and it"
    ),
    "hashes-its-keys": Wrong(
        mistakes.hashes_its_keys,
        "goes on in a newly started Python",
        "deploy-api happened twice: it was requested with 2 keys",
    ),
    "calls-a-beginning-done": Wrong(
        mistakes.calls_a_beginning_done, BEFORE_AN_EFFECT, "deploy-api never happened"
    ),
    "asks-again-at-once": Wrong(
        mistakes.asks_again_at_once, BUSY, "it asked again after 0."
    ),
    "asks-for-ever": Wrong(mistakes.asks_for_ever, BUSY, "60 times in one run"),
    "stops-at-a-failing-tool": Wrong(
        mistakes.stops_at_a_failing_tool, TOOL_MESSAGES, "it raised EffectRefused: 403"
    ),
    "returns-nothing": Wrong(
        mistakes.returns_nothing,
        THROUGH,
        "it returned nothing (None), not the stored task",
    ),
    "stores-nothing": Wrong(
        mistakes.stores_nothing, THROUGH, "the store has no task with the job's id", ALL
    ),
    "returns-the-first-task": Wrong(
        mistakes.returns_the_first_task, THROUGH, "not the stored one"
    ),
    "ends-the-process": Wrong(
        lambda job: os._exit(0), BEFORE_AN_EFFECT, "it ended the whole process"
    ),
    "ends-when-it-is-told": Wrong(
        mistakes.ends_when_it_is_told, BEFORE_AN_EFFECT, "it called sys.exit(0)"
    ),
    "deploys-for-ever": Wrong(
        mistakes.deploys_for_ever, THROUGH, "it requested effects 60 times in one run"
    ),
    "has-one-key": Wrong(
        mistakes.has_one_key, THROUGH, "422: This idempotency key was used"
    ),
    "stores-the-plan-late": Wrong(
        mistakes.stores_the_plan_late, PLAN, "deploy-database happened"
    ),
    "gives-no-reason": Wrong(
        mistakes.gives_no_reason, USED_UP, "the stored task has no error", (BUSY,)
    ),
}

# Right, with a bonus stage left open.
OPEN = {
    "grants-new-turns": Wrong(
        mistakes.grants_new_turns,
        "grants no new turns when it is run again",
        "it asked the model 40 times",
    ),
    "acts-again": Wrong(
        styles.replaying,
        "does nothing again that the model has been told about",
        "it requested it again",
    ),
    "works-beside-another": Wrong(
        styles.ByHand(),
        "leaves a job alone that a live process is at",
        "the second process asked the model as well",
    ),
}

CARD = {
    "runs the job, or goes on": EXPLAINS,
    "It keeps these promises": EXPLAINS,
    "Wherever the process is killed": [
        "makes-random-keys",
        "fragile",
        "counts-its-keys",
        "never-takes-over",
        "hashes-its-keys",
    ],
    "the task is completed with": ["stores-nothing"],
    "is stored before it is acted on": [
        "stores-the-plan-late",
        "forgets-the-plan",
    ],
    "may decide otherwise": EXPLAINS,
    "It returns the stored task": ["returns-the-first-task", "returns-nothing"],
    "A completed task is returned": ["runs-it-again"],
    "A reply of a service is lost": ["asks-a-person"],
    "The model answers 429": ["asks-again-at-once", "asks-the-model-once"],
    "After a few tries": ["asks-for-ever", "fails-unsaid"],
    "A reply holds no choice": ["takes-the-first-choice"],
    "gets one tool message": ["leaves-calls-open", "stops-at-a-failing-tool"],
    "The run goes on": ["stops-at-a-failing-tool"],
    "answered `MAX_TURNS` times": ["calls-it-done"],
    "A failed task has a reason": ["gives-no-reason"],
    "may return the task, or raise": EXPLAINS,
    "another run grants no new turns": ["grants-new-turns"],
    "what was refused, and told": ["acts-again"],
    "a job is left alone": ["works-beside-another"],
}
