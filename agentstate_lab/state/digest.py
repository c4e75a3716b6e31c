"""
A value as bytes that are equal whenever the values are, and a digest of them.

A key that is used for another request must be noticed, and so must a value that
was altered. Both compare two values that were written down at different times, by
different processes, perhaps with their fields in another order; so they are
compared in one canonical form.

A digest shows that two values differ. It hides nothing and proves no author.
"""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """
    *value* as JSON bytes that are equal whenever the values are.

    >>> canonical({"b": 1, "a": 2})
    b'{"a":2,"b":1}'
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def fingerprint(value: Any) -> str:
    """A digest of *value*, to notice a key that is used for another request."""
    return hashlib.sha256(canonical(value)).hexdigest()
