"""
Answers to the exercises, right and wrong, each a named function.

A right answer in another style must pass. A wrong one must fail, at the stage that
is about its misconception and with the sentence that names it.

Each module's `CARD` is the table that `test_cards.py` holds: a phrase of the card, and
the wrong answers that break what it says. The first of them breaks that alone.
"""

import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

# A phrase of the card that asks for nothing: it explains, or leaves a choice.
EXPLAINS = ()
ALL = ("all",)


class Wrong(NamedTuple):
    """
    An answer that must fail.

    Attributes:
        answer: The function.

        stage: The stage that is about its mistake.

        says: What that stage must say.

        also: Other stages that cannot pass either; `ALL` if it spoils every call.

        seconds: The wall-clock cap of its stage; less for one that never comes back.
    """

    answer: Callable[..., Any]
    stage: str
    says: str
    also: tuple[str, ...] = ()
    seconds: float = 10.0


def but(answer: Any, *lines: tuple[str, str], **names: Any) -> Any:
    """
    A right answer with something replaced: what makes it wrong can be seen.

    Args:
        answer: The function.

        lines: Pairs of a text that is in its source once, and what stands there now.

        names: Other functions under the names by which it calls them.
    """
    source = textwrap.dedent(inspect.getsource(answer))
    for old, new in lines:
        assert source.count(old) == 1, f"{old!r} is not once in {answer.__name__}"
        source = source.replace(old, new)
    made: dict[str, Any] = {}
    space = {**answer.__globals__, **names}
    exec(source, space, made)
    function = made[answer.__name__]
    assert isinstance(function, FunctionType)
    return function
