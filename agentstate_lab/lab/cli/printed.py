"""
What the commands share: how they join the parser, and how they print.

A terminal obeys control characters, so nothing from outside is printed as it came.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

from agentstate_lab.state import visible

Command = Callable[[argparse.Namespace], int]

# Makes a command of this name, with what it runs and what it says of itself.
Add = Callable[[str, Command, str], argparse.ArgumentParser]


def shown(text: str) -> str:
    r"""
    *text* for a terminal, where a control character could do anything.

    >>> shown("a\x1b[31mb")
    'a\\u001b[31mb'
    """
    return visible(text)


def print_json(value: Any) -> None:
    """Print *value* for a program to read."""
    print(json.dumps(value, indent=2))
