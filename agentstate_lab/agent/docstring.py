"""
What a docstring says of a function: what it does, and what each argument is.

Whoever wrote a function has described it already, so the model is told in the same
words. Two forms are read: the section `Args:` of this house and of many others, and
the lines `:param name:` of Sphinx. What stands in any other section (`Returns:`,
`Raises:`) is for people who call the function, and the model is not told.

It guesses nothing: an argument that is not described has no description.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

_SECTION = re.compile(r"[A-Z]\w*( [a-z]+)?:")
_ARGUMENTS = ("Args:", "Arguments:", "Parameters:")
_ENTRY = re.compile(r"(?P<name>\*{0,2}\w+)(\s*\([^)]*\))?:\s*(?P<text>.*)")
_FIELD = re.compile(r":(?P<kind>\w+)(\s+[^:]*?)??(\s+(?P<name>\w+))?:\s*(?P<text>.*)")


class Described(NamedTuple):
    """
    A function in words.

    Attributes:
        text: What it does.

        arguments: What each argument is, of those that are described.
    """

    text: str
    arguments: dict[str, str]


def described(fn: Callable[..., Any]) -> Described:
    """
    What the docstring of *fn* says; nothing, if it has none.

    >>> def deploy(service: str) -> str:
    ...     '''
    ...     Deploy a service.
    ...
    ...     Args:
    ...         service: Its name, as in the list of services.
    ...     '''
    >>> described(deploy).arguments
    {'service': 'Its name, as in the list of services.'}
    """
    told: list[str] = []
    arguments: dict[str, list[str]] = {}
    section, current = "", told
    for line in (inspect.getdoc(fn) or "").splitlines():
        word = line.strip()
        if found := _FIELD.fullmatch(line):
            section = ":"  # from the first of these lines on, there is no other text
            named = found["kind"] in ("param", "arg", "argument") and found["name"]
            current = arguments.setdefault(found["name"], []) if named else []
            current.append(found["text"])
        elif _SECTION.fullmatch(line):
            section, current = line, []
        elif section in _ARGUMENTS and (found := _ENTRY.fullmatch(word)):
            current = arguments.setdefault(found["name"].lstrip("*"), [])
            current.append(found["text"])
        else:
            current.append(word)
    text = "\n".join(told).strip()
    return Described(text, {name: _joined(said) for name, said in arguments.items()})


def _joined(lines: list[str]) -> str:
    """The lines of one entry as one line."""
    return " ".join(filter(None, lines))
