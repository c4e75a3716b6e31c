"""
Counts and outcomes in words, as every view says them.
"""

from collections.abc import Callable, Iterable
from typing import Any


def times(count: int, *, never: str = "never") -> str:
    """
    How often something has happened; *never* is the word for not at all.

    >>> [times(count) for count in range(4)]
    ['never', 'once', 'twice', '3 times']
    """
    return {0: never, 1: "once", 2: "twice"}.get(count, f"{count} times")


def plural(count: int, noun: str) -> str:
    """
    So many of something.

    >>> plural(1, "write"), plural(1_200, "write")
    ('1 write', '1,200 writes')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[object]) -> str:
    """
    The words with commas, and "and" before the last.

    >>> listed("abc"), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    *most, last = [str(word) for word in words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def outcome(call: Callable[..., object], *arguments: Any, **named: Any) -> str:
    """
    What *call* returns, or what it raises and the notes on that, in words.

    >>> outcome(int, "3"), outcome(int, "three").partition(":")[0]
    ('3', 'ValueError')
    """
    try:
        return str(call(*arguments, **named))
    except Exception as error:  # noqa: BLE001 - what goes wrong is what is shown
        notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", ()))
        return f"{type(error).__name__}: {error}{notes}"
