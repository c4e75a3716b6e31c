"""
What a call costs that succeeds at once, and whether the jitter is there at the cap.

    python benchmarks/retry.py

Ours beside tenacity and stamina, in turn in one run, each in its quickest form: made
once and called often. Figures to reach: less overhead than either, and waits that
differ when the cap is reached.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

from agentstate_lab.retry import RetryBudget, RetryPolicy, execute_with_retry

try:
    import stamina
    import tenacity
except ImportError as missing:
    sys.exit(f"{missing}: `make bench` installs what the figures are compared with")

CALLS = 20_000
ROUNDS = 9
CLIENTS = 200
FAILURES = 10
CAP = 5.0

Call = Callable[[], object]


def succeed() -> int:
    """The call: it does next to nothing, so that the rest can be seen."""
    return 1


def fail() -> None:
    """The call that never succeeds."""
    raise ConnectionError


def forms() -> dict[str, Call]:
    """Each library's ways to make the call with three attempts."""
    waits = tenacity.wait_random_exponential(max=60)
    retrying = tenacity.Retrying(stop=tenacity.stop_after_attempt(3), wait=waits)
    bound = stamina.RetryingCaller(attempts=3).on(ConnectionError)
    return {
        "bare": succeed,
        "ours": partial(execute_with_retry, succeed, 3),
        "ours, with a budget": partial(
            execute_with_retry, succeed, 3, budget=RetryBudget()
        ),
        "tenacity, called": partial(retrying, succeed),
        "tenacity, decorated": retrying.wraps(succeed),
        "stamina, called": partial(bound, succeed),
        "stamina, decorated": stamina.retry(on=ConnectionError, attempts=3)(succeed),
    }


def microseconds(call: Call) -> float:
    """One call, in the mean of many."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def overheads() -> dict[str, float]:
    """Median microseconds beyond the bare call; all forms take turns."""
    calls = forms()
    rounds = [
        {name: microseconds(call) for name, call in calls.items()}
        for _ in range(ROUNDS)
    ]
    bare = statistics.median(taken["bare"] for taken in rounds)
    return {
        name: statistics.median(taken[name] for taken in rounds) - bare
        for name in calls
        if name != "bare"
    }


def stubborn() -> dict[str, Call]:
    """Each library, cap 5 s, against a call that fails ten times and once more."""
    attempts = FAILURES + 1
    policy = RetryPolicy(max_attempts=attempts, wait_max=CAP)
    return {
        # It took its sleep from `time` when it was defined, so it is handed anew.
        "ours": lambda: execute_with_retry(fail, policy=policy, sleep=time.sleep),
        "tenacity, wait_exponential_jitter": tenacity.retry(
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_exponential_jitter(max=CAP),
            reraise=True,
        )(fail),
        "tenacity, wait_random_exponential": tenacity.retry(
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_random_exponential(max=CAP),
            reraise=True,
        )(fail),
        "stamina": stamina.retry(
            on=ConnectionError, attempts=attempts, timeout=None, wait_max=CAP
        )(fail),
    }


def last_waits(call: Call) -> list[float]:
    """The tenth wait of each of many clients, which nobody waits for."""
    found = []
    for _ in range(CLIENTS):
        waits: list[float] = []
        with patch("time.sleep", waits.append):
            try:
                call()
            except ConnectionError:
                found.append(waits[FAILURES - 1])
    return found


def main() -> None:
    """Print both tables; ours with what it does not reach."""
    stamina.instrumentation.set_on_retry_hooks([])  # no log line for each retry
    measured = overheads()
    print(f"{'a call that succeeds at once':<36}{'µs more':>9}")
    quickest = min(taken for name, taken in measured.items() if "ours" not in name)
    for name, taken in measured.items():
        short = "ours" in name and taken >= quickest
        print(f"{name:<36}{taken:>9.2f}{' falls short' if short else ''}")

    print(f"\n{f'the tenth wait of {CLIENTS} clients':<36}{'least':>9}{'most':>9}")
    for name, call in stubborn().items():
        waits = last_waits(call)
        short = name == "ours" and max(waits) - min(waits) <= CAP / 2
        said = f"{name:<36}{min(waits):>9.2f}{max(waits):>9.2f}"
        print(f"{said}{' falls short' if short else ''}")


if __name__ == "__main__":
    main()
