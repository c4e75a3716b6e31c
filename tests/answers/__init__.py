"""
Answers to the exercises, right and wrong, each a named function.

A right answer in another style must pass. A wrong one must fail, at the stage that
is about its misconception and with the sentence that names it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """
    An answer that must fail.

    Attributes:
        answer: The function.

        stage: The stage that is about its mistake.

        says: What that stage must say.
    """

    answer: Callable[..., Any]
    stage: str
    says: str
