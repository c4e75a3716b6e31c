"""Answers to exercise 04, right and wrong, and what is said of the wrong ones."""

import functools
import random

from agentstate_lab.retry import execute_with_retry
from answers import ALL, EXPLAINS, Wrong
from answers import retry_mistakes as wrong
from answers import retry_styles as right

RIGHT = {
    "plain": right.right,
    "package": functools.partial(execute_with_retry, jitter="none"),
    "while": right.while_true,
    "for-else": right.for_else,
    "recursive": right.recursive,
    "generator": right.with_a_generator,
    "object": right.Retry(),
    "decorator": right.by_a_decorator,
    "group": right.all_errors,
    "with-blocks": right.with_blocks,
    "contextlib": right.with_suppress,
    "partial": functools.partial(right.with_a_name, []),
    "strict": right.strict,
    "thread": right.in_a_thread,
    "jitter": right.with_jitter,
    "options": right.with_options,
}

RETURNS = "returns what the function returns"
VALUES = 'takes any value for a result, also 0, "" and None'
AGAIN = "tries again until an attempt succeeds"
COUNTS = "makes max_attempts attempts, no more and no fewer"
DOUBLES = "waits 1, 2, 4, 8 s and so on between the attempts"
LAST_WAIT = "does not wait after the last attempt"
GIVEN = "waits through the sleep that it is given"
DEFAULT = "waits through time.sleep when it is given no sleep"
RAISES = "raises when every attempt has failed"
CAUSE = "lets the last error out, itself or as the cause"
PERMANENT = "raises Permanent at once"
INTERRUPTS = "never catches KeyboardInterrupt or SystemExit"
REFUSES = "refuses max_attempts below 1 before it calls anything"
KEEPS = "keeps nothing from one call to the next"


SPREADS = "spreads its waits when it is given an rng"

WRONG = {
    "one-too-few": Wrong(wrong.one_too_few, COUNTS, "twice, 1 too few"),
    "one-too-many": Wrong(wrong.one_too_many, COUNTS, "the first one included"),
    "never-gives-up": Wrong(wrong.never_gives_up, COUNTS, "had to be stopped"),
    "cannot-be-stopped": Wrong(wrong.cannot_be_stopped, COUNTS, "an endless loop"),
    "waits-after-the-last": Wrong(
        wrong.waits_after_the_last, LAST_WAIT, "it waited 4 s after the last failure"
    ),
    "waits-after-success": Wrong(
        wrong.waits_after_success, LAST_WAIT, "after the attempt had succeeded"
    ),
    "waits-before-the-first": Wrong(
        wrong.waits_before_the_first,
        DOUBLES,
        "1 s before the first attempt",
        (RETURNS,),
    ),
    "waits-zero-first": Wrong(wrong.waits_zero_first, DOUBLES, "0 s before the first"),
    "loses-the-value": Wrong(wrong.loses_the_value, RETURNS, "it returned None: what"),
    "calls-for-the-value": Wrong(
        wrong.calls_for_the_value, RETURNS, "it called the function twice"
    ),
    "never-raises": Wrong(
        wrong.never_raises, RAISES, "it returned None, and the caller"
    ),
    "returns-the-error": Wrong(wrong.returns_the_error, RAISES, "NoAnswer: raise it"),
    "loses-the-cause": Wrong(wrong.loses_the_cause, CAUSE, "the last error is lost"),
    "only-a-context": Wrong(wrong.only_a_context, CAUSE, "only its __context__"),
    "from-none": Wrong(wrong.from_none, CAUSE, "from None"),
    "a-copy": Wrong(wrong.a_copy, CAUSE, "the function's own error is lost"),
    "the-first-error": Wrong(wrong.the_first_error, CAUSE, "the error of attempt 1"),
    "catches-all": Wrong(
        wrong.catches_all, INTERRUPTS, "it caught KeyboardInterrupt and"
    ),
    "catches-exit": Wrong(
        wrong.catches_exit, INTERRUPTS, "it caught SystemExit and called"
    ),
    "swallows-ctrl-c": Wrong(wrong.swallows_ctrl_c, INTERRUPTS, "as if all were well"),
    "wraps-interrupts": Wrong(
        wrong.wraps_interrupts, INTERRUPTS, "and raised RetryFailed"
    ),
    "ctrl-c-in-sleep": Wrong(
        wrong.catches_ctrl_c_in_sleep, INTERRUPTS, "while it waited"
    ),
    "returns-in-finally": Wrong(
        wrong.returns_in_finally, INTERRUPTS, "as if all were well"
    ),
    "falsy-fails": Wrong(wrong.falsy_fails, VALUES, "it took the value for a failure"),
    "none-fails": Wrong(wrong.none_fails, VALUES, "returns None; expected"),
    "errors-as-values": Wrong(wrong.errors_as_values, VALUES, "does not raise it"),
    "compares-the-value": Wrong(
        wrong.compares_the_value, VALUES, "neither true nor false"
    ),
    "really-sleeps": Wrong(
        wrong.really_sleeps, GIVEN, "for real, past that sleep: time"
    ),
    "sleeps-twice": Wrong(wrong.sleeps_twice, GIVEN, "time.sleep(1)"),
    "waits-for-an-event": Wrong(
        wrong.waits_for_an_event, GIVEN, "threading.Event.wait(1)"
    ),
    "sleeps-by-name": Wrong(wrong.sleeps_by_name, GIVEN, "sleep(seconds=1)", ALL),
    "lets-the-sleeps-error-out": Wrong(
        wrong.sleeps_by_name, CAUSE, "an error of that sleep, not of the function"
    ),
    "sleeps-a-text": Wrong(wrong.sleeps_a_text, GIVEN, "sleep('1')"),
    "no-default": Wrong(wrong.no_default, DEFAULT, "it did not wait at all"),
    "needs-a-sleep": Wrong(wrong.needs_a_sleep, DEFAULT, "it raised TypeError"),
    "never-sleeps": Wrong(wrong.never_sleeps, DOUBLES, "it did not wait at all"),
    "begins-with-two": Wrong(
        wrong.waited(lambda n: 2**n),
        DOUBLES,
        "512, 1024, 2048 s: the first wait is 1 s",
    ),
    "linear": Wrong(wrong.waited(float), DOUBLES, "10, 11 s: each must be twice"),
    "constant": Wrong(wrong.waited(lambda n: 1), DOUBLES, "1, 1, 1 s: each must be"),
    "a-second-for-ever": Wrong(
        wrong.a_second_for_ever, DOUBLES, "were " + "1, " * 10 + "1 ... s: each"
    ),
    "squares": Wrong(
        wrong.waited(lambda n: n * n), DOUBLES, "100, 121 s: each must be"
    ),
    "milliseconds": Wrong(
        wrong.waited(lambda n: 1000 * 2 ** (n - 1)), DOUBLES, "sleep takes seconds"
    ),
    "capped": Wrong(
        wrong.waited(lambda n: min(2 ** (n - 1), 60)), DOUBLES, "a cap of 60 s"
    ),
    "always-jitter": Wrong(
        wrong.waited(lambda n: random.uniform(0, 2 ** (n - 1))),
        DOUBLES,
        "the waits were 0.",
    ),
    "in-pieces": Wrong(wrong.in_pieces, DOUBLES, "it waited twice: 1, 1", (AGAIN,)),
    "a-fixed-list": Wrong(wrong.a_fixed_list, COUNTS, "IndexError", (AGAIN,)),
    "pops-the-waits": Wrong(
        wrong.pops_the_waits, KEEPS, "16, 32 s, the first time 1, 2 s"
    ),
    "a-shared-generator": Wrong(
        wrong.a_shared_generator(), KEEPS, "it waited 16, 32 s"
    ),
    "a-counter": Wrong(wrong.Counter(), KEEPS, "failed three times of three"),
    "a-counter-and-permanent": Wrong(wrong.Breaker(), KEEPS, "met Permanent"),
    "remembers": Wrong(wrong.remembers, KEEPS, "an old value came back"),
    "returns-a-wrapper": Wrong(
        wrong.returns_a_wrapper, KEEPS, "it returned a function, not what"
    ),
    "collects": Wrong(wrong.collects, KEEPS, "an error of the first call came out"),
    "zero-is-one": Wrong(wrong.zero_is_one, REFUSES, "called the function once"),
    "zero-is-nothing": Wrong(wrong.zero_is_nothing, REFUSES, "it returned None"),
    "only-zero": Wrong(wrong.only_zero, REFUSES, "max_attempts=-1"),
    "refuses-too-late": Wrong(
        wrong.refuses_too_late, REFUSES, "called the function once", (PERMANENT,)
    ),
    "asserts": Wrong(wrong.asserts, REFUSES, "it raised AssertionError"),
    "retries-permanent": Wrong(
        wrong.retries_permanent,
        PERMANENT,
        "it caught Permanent and called the function",
    ),
    "knows-one-class": Wrong(
        wrong.knows_one_class, PERMANENT, "a subclass of Permanent"
    ),
    "waits-for-permanent": Wrong(
        wrong.waits_for_permanent,
        PERMANENT,
        "it waited 1 s before it let Permanent out",
    ),
    "wraps-permanent": Wrong(
        wrong.wraps_permanent,
        PERMANENT,
        "whoever catches Permanent would not get it",
    ),
    "swallows-permanent": Wrong(
        wrong.swallows_permanent, PERMANENT, "it returned None"
    ),
    "only-connections": Wrong(wrong.only_connections, AGAIN, "it did not try again"),
    "ours-are-permanent": Wrong(
        wrong.ours_are_permanent, AGAIN, "raises EffectRefused"
    ),
    "tries-once": Wrong(wrong.tries_once, AGAIN, "it did not try again: it raised"),
    "hands-on-the-number": Wrong(wrong.hands_on_the_number, RETURNS, "arguments (int)"),
    "makes-a-wrapper": Wrong(
        wrong.makes_a_wrapper, RETURNS, "a function and never called that"
    ),
    "does-nothing": Wrong(
        wrong.does_nothing, RETURNS, "it returned None and never called"
    ),
    "copies-the-value": Wrong(
        wrong.copies_the_value, RETURNS, "it returned a dict, not"
    ),
    "catches-what-is-no-exception": Wrong(
        wrong.catches_what_is_no_exception, INTERRUPTS, "it caught "
    ),
    "takes-no-rng": Wrong(right.right, SPREADS, "it takes no rng"),
    "waits-half-at-least": Wrong(wrong.waits_half_at_least, SPREADS, "never shorter"),
}

CARD = {
    "a function without arguments": ["hands-on-the-number"],
    "it returns a value or raises": EXPLAINS,
    "the first time included": ["one-too-many", "one-too-few"],
    "`time.sleep`, or a stand-in": [
        "waits-for-an-event",
        "really-sleeps",
        "no-default",
        "needs-a-sleep",
    ],
    "the seconds, by position": ["sleeps-by-name", "sleeps-a-text"],
    "What `fn` returns is the result": [
        "copies-the-value",
        "loses-the-value",
        "calls-for-the-value",
    ],
    "only an exception is a failure": ["falsy-fails", "none-fails", "errors-as-values"],
    "until it succeeds": ["ours-are-permanent", "only-connections", "tries-once"],
    "at most `max_attempts` times.": ["a-fixed-list", "never-gives-up"],
    "Fewer than one is a `ValueError`": ["zero-is-one", "only-zero", "asserts"],
    "before anything is called": ["refuses-too-late"],
    "you call `sleep` once": ["in-pieces", "sleeps-twice"],
    "with 1, then 2, 4, 8": ["linear", "constant", "begins-with-two"],
    "without a cap": ["capped"],
    "no wait before the first": ["waits-before-the-first"],
    "none after the last": ["waits-after-the-last", "waits-after-success"],
    "When the last attempt has failed": ["never-raises", "returns-the-error"],
    "itself, as the `__cause__`": [
        "loses-the-cause",
        "from-none",
        "a-copy",
        "the-first-error",
    ],
    "`Permanent` comes out at once": ["retries-permanent", "waits-for-permanent"],
    "`KeyboardInterrupt`, `SystemExit`": [
        "swallows-ctrl-c",
        "catches-all",
        "catches-exit",
    ],
    "whatever else is no `Exception`": ["catches-what-is-no-exception"],
    "Nothing is kept": ["pops-the-waits", "a-shared-generator", "a-counter"],
    "a further keyword, `rng=None`": ["takes-no-rng"],
    "anywhere between 0 and": ["waits-half-at-least"],
}
