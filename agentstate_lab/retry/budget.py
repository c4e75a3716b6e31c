"""
A retry budget: how many retries all callers of one service may spend together.

When a service is down, each caller's few retries are many in sum, and they keep it
down. So retries are paid for out of one bucket of tokens, and only successes fill it
again. With the bucket empty there are no retries; first attempts go on, and the
first of them that succeed are how the callers learn that the service is back.

Source: the retry quota of the AWS SDKs, with its figures.

The bucket is in this process's memory: two processes have two.
"""

import threading

from .backoff import check_count
from .failure import timed_out

MAX_TOKENS = 10**9
COST = 5  # tokens that a retry takes
TIMEOUT_COST = 10  # the same after a timeout, which has held a connection meanwhile


class RetryBudget:
    """
    How many retries several calls may spend together: a bucket of tokens.

    When a service is down, each caller's few retries are many in sum, and they keep
    it down. A retry takes tokens out. A success puts some back: what its last retry
    took, or one if it needed none. With too few tokens there are no retries; first
    attempts go on. Safe to use from several threads.

    Args:
        tokens: How many there are at first, and at most.

    >>> budget = RetryBudget(tokens=10)
    >>> [budget.take(ConnectionError()) for _ in range(3)]
    [5, 5, 0]
    """

    def __init__(self, tokens: int = 500) -> None:
        check_count("tokens", tokens, MAX_TOKENS)
        self._most = self._tokens = tokens
        self._lock = threading.Lock()

    @property
    def tokens(self) -> int:
        """How many are left."""
        return self._tokens

    def take(self, error: Exception) -> int:
        """Pay for a retry after *error*: the tokens taken, or 0 with too few left."""
        cost = TIMEOUT_COST if timed_out(error) else COST
        with self._lock:
            if cost > self._tokens:
                return 0
            self._tokens -= cost
            return cost

    def put_back(self, tokens: int) -> None:
        """Put *tokens* back after a success, as far as there is room."""
        with self._lock:
            self._tokens = min(self._most, self._tokens + tokens)
