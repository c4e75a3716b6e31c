"""Answers to exercise 04, right and wrong."""

import contextlib
import copy
import functools
import itertools
import threading
from typing import Any

from agentstate_lab.errors import AgentStateError
from agentstate_lab.retry import execute_with_retry
from answers import ALL, EXPLAINS, Wrong, but
from answers import retry_mistakes as mistakes
from answers import retry_styles as styles

RIGHT = {
    "plain": styles.right,
    "object": styles.Retry(),
    "group": styles.all_errors,
    "thread": styles.in_a_thread,
    "for-else": styles.for_else,
    "jitter": styles.with_jitter,
    "package": functools.partial(execute_with_retry, jitter="none"),
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

CALL = "return fn()"
REFUSAL = "at_least_one(max_attempts)"
RANGE = "range(max_attempts)"
IS_LAST = "attempt == max_attempts - 1"
LAST = f"if {IS_LAST}:\n                raise"
PERMANENTLY = "except Permanent:\n            raise"
CAUGHT = "except Exception:"
WRAPS = "except BaseException as error:\n            raise RetryFailed from error"
WAIT = "        sleep(2**attempt)\n"
END = "return None"
DEFAULT_SLEEP = "sleep: Sleep = time.sleep"


def changed(*lines: tuple[str, str], **names: Any) -> Any:
    """The plain answer, with something replaced."""
    return but(styles.right, *lines, **names)


def calling(*statements: str, **names: Any) -> Any:
    """The plain answer, which does something else than to call and return."""
    return changed((CALL, "\n            ".join(statements)), **names)


def waiting(seconds: str, **names: Any) -> Any:
    """The plain answer, which hands something else to its sleep."""
    return changed(("2**attempt", seconds), **names)


def sleeping(*statements: str, **names: Any) -> Any:
    """The plain answer, which waits in another way."""
    made = "".join(f"        {statement}\n" for statement in statements)
    return changed((WAIT, made), **names)


def failing(statement: str) -> Any:
    """The plain answer, with something else where its last attempt has failed."""
    return changed((LAST, f"if {IS_LAST}:\n                {statement}"))


def afterwards(statement: str, note: str, **names: Any) -> Any:
    """The plain answer, with a note of each error, and an error of its own."""
    noted = f"except Exception as error:\n            {note}"
    broken = LAST.replace("raise", "break")
    return changed((CAUGHT, noted), (LAST, broken), (END, statement), **names)


def refusing(*lines: tuple[str, str]) -> Any:
    """The plain answer, with another idea of what is no number of attempts."""
    return changed(at_least_one=but(styles.at_least_one, *lines))


def permanently(statements: str) -> Any:
    """The plain answer, with something else for `Permanent`."""
    return changed((PERMANENTLY, statements))


WRONG = {
    "one-too-few": Wrong(
        changed(
            (RANGE, "range(max_attempts - 1)"), (IS_LAST, "attempt == max_attempts - 2")
        ),
        COUNTS,
        "twice, 1 too few",
    ),
    "one-too-many": Wrong(
        changed(
            (RANGE, "range(max_attempts + 1)"), (IS_LAST, "attempt == max_attempts")
        ),
        COUNTS,
        "the first one included",
    ),
    "never-gives-up": Wrong(
        changed(
            (RANGE, "itertools.count()"), (IS_LAST, "attempt < 0"), itertools=itertools
        ),
        COUNTS,
        "had to be stopped",
    ),
    "cannot-be-stopped": Wrong(mistakes.cannot_be_stopped, COUNTS, "an endless loop"),
    "waits-after-the-last": Wrong(
        changed(
            (CAUGHT, f"{CAUGHT}\n    {WAIT[:-1]}"), (f"{WAIT}    return", "    return")
        ),
        LAST_WAIT,
        "it waited 4 s after the last failure",
    ),
    "waits-after-success": Wrong(
        calling("value = fn()", "if attempt:", "    sleep(2**attempt)", "return value"),
        LAST_WAIT,
        "after the attempt had succeeded",
    ),
    "waits-before-the-first": Wrong(
        changed(
            ("        try:", f"{WAIT}        try:"), (f"{WAIT}    return", "    return")
        ),
        DOUBLES,
        "1 s before the first attempt",
        (RETURNS,),
    ),
    "loses-the-value": Wrong(
        mistakes.loses_the_value, RETURNS, "it returned None: what"
    ),
    "calls-for-the-value": Wrong(
        calling("fn()", CALL), RETURNS, "it called the function twice"
    ),
    "never-raises": Wrong(
        mistakes.never_raises, RAISES, "it returned None, and the caller"
    ),
    "returns-the-error": Wrong(
        mistakes.returns_the_error, RAISES, "NoAnswer: raise it"
    ),
    "loses-the-cause": Wrong(
        afterwards("raise RuntimeError(last)", "last = str(error)"),
        CAUSE,
        "the last error is lost",
    ),
    "only-a-context": Wrong(
        failing('raise RuntimeError("failed")'), CAUSE, "only its __context__"
    ),
    "from-none": Wrong(failing("raise RetryFailed from None"), CAUSE, "from None"),
    "a-copy": Wrong(
        afterwards("raise last", "last = type(error)(*error.args)"),
        CAUSE,
        "the function's own error is lost",
    ),
    "the-first-error": Wrong(
        afterwards(
            "raise RetryFailed from first", "first = first if attempt else error"
        ),
        CAUSE,
        "the error of attempt 1",
    ),
    "catches-all": Wrong(
        changed((CAUGHT, "except BaseException:")),
        INTERRUPTS,
        "it caught KeyboardInterrupt and",
    ),
    "catches-exit": Wrong(
        changed(
            (CAUGHT, "except BaseException:"),
            ("except Permanent", "except (Permanent, KeyboardInterrupt)"),
        ),
        INTERRUPTS,
        "it caught SystemExit and called",
    ),
    "swallows-ctrl-c": Wrong(
        permanently(
            f"{PERMANENTLY}\n        except KeyboardInterrupt:\n            return None"
        ),
        INTERRUPTS,
        "as if all were well",
    ),
    "wraps-interrupts": Wrong(
        changed((LAST, f"{LAST}\n        {WRAPS}")),
        INTERRUPTS,
        "and raised RetryFailed",
    ),
    "ctrl-c-in-sleep": Wrong(
        sleeping(
            "with contextlib.suppress(BaseException):",
            "    sleep(2**attempt)",
            contextlib=contextlib,
        ),
        INTERRUPTS,
        "while it waited",
    ),
    "falsy-fails": Wrong(
        calling("if value := fn():", "    return value"),
        VALUES,
        "it took the value for a failure",
    ),
    "none-fails": Wrong(
        calling("if (value := fn()) is not None:", "    return value"),
        VALUES,
        "returns None; expected",
    ),
    "errors-as-values": Wrong(
        calling(
            "if isinstance(value := fn(), Exception):",
            "    raise value",
            "return value",
        ),
        VALUES,
        "does not raise it",
    ),
    "compares-the-value": Wrong(
        calling(
            'if (value := fn()) == "pending":', "    raise RetryFailed", "return value"
        ),
        VALUES,
        "neither true nor false",
    ),
    "really-sleeps": Wrong(
        sleeping("time.sleep(2**attempt)"), GIVEN, "for real, past that sleep: time"
    ),
    "sleeps-twice": Wrong(
        sleeping("sleep(2**attempt)", "time.sleep(2**attempt)"), GIVEN, "time.sleep(1)"
    ),
    "waits-for-an-event": Wrong(
        sleeping("threading.Event().wait(2**attempt)", threading=threading),
        GIVEN,
        "threading.Event.wait(1)",
    ),
    "sleeps-by-name": Wrong(
        waiting("seconds=2**attempt"), GIVEN, "sleep(seconds=1)", ALL
    ),
    "lets-the-sleeps-error-out": Wrong(
        waiting("seconds=2**attempt"),
        CAUSE,
        "an error of that sleep, not of the function",
    ),
    "sleeps-a-text": Wrong(waiting("str(2**attempt)"), GIVEN, "sleep('1')"),
    "no-default": Wrong(
        changed((DEFAULT_SLEEP, "sleep: Sleep = lambda seconds: None")),
        DEFAULT,
        "it did not wait at all",
    ),
    "needs-a-sleep": Wrong(
        changed((DEFAULT_SLEEP, "sleep: Sleep")), DEFAULT, "it raised TypeError"
    ),
    "never-sleeps": Wrong(sleeping("pass"), DOUBLES, "it did not wait at all"),
    "begins-with-two": Wrong(
        waiting("2 ** (attempt + 1)"),
        DOUBLES,
        "512, 1024, 2048 s: the first wait is 1 s",
    ),
    "linear": Wrong(waiting("attempt + 1.0"), DOUBLES, "10, 11 s: each must be twice"),
    "constant": Wrong(waiting("1"), DOUBLES, "1, 1, 1 s: each must be"),
    "milliseconds": Wrong(waiting("1000 * 2**attempt"), DOUBLES, "sleep takes seconds"),
    "capped": Wrong(waiting("min(2**attempt, 60)"), DOUBLES, "a cap of 60 s"),
    "always-jitter": Wrong(
        waiting("random.uniform(0, 2**attempt)"), DOUBLES, "the waits were 0."
    ),
    "in-pieces": Wrong(
        sleeping("for _ in range(2**attempt):", "    sleep(1)"),
        DOUBLES,
        "it waited twice: 1, 1",
        (AGAIN,),
    ),
    "a-fixed-list": Wrong(
        waiting("[1, 2, 4, 8][attempt]"), COUNTS, "IndexError", (AGAIN,)
    ),
    "pops-the-waits": Wrong(
        waiting("WAITS.pop(0)", WAITS=[2**n for n in range(64)]),
        KEEPS,
        "16, 32 s, the first time 1, 2 s",
    ),
    "a-counter": Wrong(mistakes.Counter(), KEEPS, "failed three times of three"),
    "a-counter-and-permanent": Wrong(mistakes.Breaker(), KEEPS, "met Permanent"),
    "remembers": Wrong(mistakes.remembers, KEEPS, "an old value came back"),
    "collects": Wrong(
        afterwards(
            'raise ExceptionGroup("", ERRORS) from ERRORS[-1]',
            "ERRORS.append(error)",
            ERRORS=[],
        ),
        KEEPS,
        "an error of the first call came out",
    ),
    "zero-is-one": Wrong(
        changed((REFUSAL, "max_attempts = max(1, max_attempts)")),
        REFUSES,
        "called the function once",
    ),
    "only-zero": Wrong(
        refusing(("max_attempts < 1", "max_attempts == 0")), REFUSES, "max_attempts=-1"
    ),
    "refuses-too-late": Wrong(
        changed(
            (REFUSAL, "last = max(1, max_attempts)"),
            (RANGE, "range(last)"),
            (CALL, f"value = fn()\n            {REFUSAL}\n            return value"),
        ),
        REFUSES,
        "called the function once",
        (PERMANENT,),
    ),
    "asserts": Wrong(
        refusing(("ValueError", "AssertionError")), REFUSES, "it raised AssertionError"
    ),
    "retries-permanent": Wrong(
        changed((f"{PERMANENTLY}\n        ", "")),
        PERMANENT,
        "it caught Permanent and called the function",
    ),
    "knows-one-class": Wrong(
        permanently(
            "except Permanent as error:\n            if type(error) is Permanent or "
            + IS_LAST
            + ":\n                raise"
        ),
        PERMANENT,
        "a subclass of Permanent",
    ),
    "waits-for-permanent": Wrong(
        permanently(
            "except Permanent:\n            sleep(2**attempt)\n            raise"
        ),
        PERMANENT,
        "it waited 1 s before it let Permanent out",
    ),
    "wraps-permanent": Wrong(
        permanently(
            "except Permanent as error:\n            raise RetryFailed from error"
        ),
        PERMANENT,
        "whoever catches Permanent would not get it",
    ),
    "swallows-permanent": Wrong(
        permanently("except Permanent:\n            return None"),
        PERMANENT,
        "it returned None",
    ),
    "only-connections": Wrong(
        changed((CAUGHT, "except (ConnectionError, TimeoutError):")),
        AGAIN,
        "it did not try again",
    ),
    "ours-are-permanent": Wrong(
        changed(Permanent=AgentStateError), AGAIN, "raises EffectRefused"
    ),
    "tries-once": Wrong(
        changed((LAST, "raise")), AGAIN, "it did not try again: it raised"
    ),
    "hands-on-the-number": Wrong(
        calling("return fn(attempt + 1)"), RETURNS, "arguments (int)"
    ),
    "makes-a-wrapper": Wrong(
        calling("return lambda: fn()"), RETURNS, "a function and never called that"
    ),
    "does-nothing": Wrong(
        calling("return None"), RETURNS, "it returned None and never called"
    ),
    "copies-the-value": Wrong(
        calling("return copy.copy(fn())", copy=copy), RETURNS, "it returned a dict, not"
    ),
    "catches-what-is-no-exception": Wrong(
        changed(
            (CAUGHT, "except BaseException:"),
            ("except Permanent", "except (Permanent, KeyboardInterrupt, SystemExit)"),
        ),
        INTERRUPTS,
        "it caught ",
    ),
    "takes-no-rng": Wrong(styles.right, SPREADS, "it takes no rng"),
    "waits-half-at-least": Wrong(
        but(styles.with_jitter, ("spread(0, wait)", "spread(wait / 2, wait)")),
        SPREADS,
        "never shorter",
    ),
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
    "Nothing is kept": ["pops-the-waits", "a-counter"],
    "a further keyword, `rng=None`": ["takes-no-rng"],
    "anywhere between 0 and": ["waits-half-at-least"],
}
