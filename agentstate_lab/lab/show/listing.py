"""
The package's own code, shown in a notebook: it cannot drift from what runs.

A lesson first writes its mechanism in a few visible lines. Then it shows the whole of
what the package does, folded, without docstrings and with the helpers beside it.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from .shown import Shown

_STYLE = "font-size:90%;overflow-x:auto"


@dataclass(frozen=True, slots=True, repr=False)
class Listing(Shown):
    """
    A function with the helpers of its module that it calls.

    Attributes:
        name: The function.

        parts: The source of each, the function first, without docstrings.
    """

    name: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "\n\n\n".join(self.parts)

    def html(self) -> str:
        """The same, folded; a keyboard opens it."""
        more = len(self.parts) - 1
        head = f"{self.name}, and {more} functions that it calls" if more else self.name
        return (
            f"<details><summary><code>{escape(head)}</code></summary>"
            f'<pre style="{_STYLE}">{escape(str(self))}</pre></details>'
        )


def listing(function: Callable[..., Any]) -> Listing:
    """
    The source of *function* and of the functions of its module that it calls.

    Args:
        function: One of a module, or a method.
    """
    module = inspect.getmodule(function)
    tree = ast.parse(inspect.getsource(module)) if module else ast.Module([], [])
    made = _functions(tree.body)
    owner = function.__qualname__.rpartition(".")[0]
    for kind in tree.body:
        if isinstance(kind, ast.ClassDef) and kind.name == owner:
            made |= {function.__name__: _functions(kind.body)[function.__name__]}
    wanted = [function.__name__]
    for name in wanted:  # it grows while helpers of helpers are found
        for node in ast.walk(made[name]):
            if isinstance(node, ast.Name) and node.id in made:
                wanted += [node.id] * (node.id not in wanted)
    lines = inspect.getsource(module).splitlines() if module else []
    return Listing(
        function.__name__, tuple(_bare(made[name], lines) for name in wanted)
    )


def _functions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    """The functions of a module or of a class, by name."""
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _bare(node: ast.FunctionDef, lines: list[str]) -> str:
    """A function as it is written, without its docstring."""
    first = node.body[0]
    said = first if ast.get_docstring(node) is not None else None
    left = [
        lines[at - 1]
        for at in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if said is None or not said.lineno <= at <= (said.end_lineno or at)
    ]
    return textwrap.dedent("\n".join(left))
