"""
Try again without making it worse.

`failure` says whether trying again can help, `backoff` how long to wait before,
`budget` how often all callers together may, and `retry` does it.
"""

from .backoff import (
    JITTERS,
    MAX_ATTEMPTS,
    Jitter,
    RetryPolicy,
    Uniform,
    check_count,
    check_number,
)
from .budget import RetryBudget
from .failure import Kind, effect_of, kind_of, status_of
from .retry import execute_with_retry

__all__ = [
    "JITTERS",
    "MAX_ATTEMPTS",
    "Jitter",
    "Kind",
    "RetryBudget",
    "RetryPolicy",
    "Uniform",
    "check_count",
    "check_number",
    "effect_of",
    "execute_with_retry",
    "kind_of",
    "status_of",
]
