"""
What the commands share: how they join the parser, and how they print.

A terminal obeys control characters, so nothing from outside is printed as it came:
`state.visible` escapes them.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

JSON_HELP = "print JSON, for a program to read"

Command = Callable[[argparse.Namespace], int]

# Makes a command of this name, with what it runs and what it says of itself.
Add = Callable[[str, Command, str], argparse.ArgumentParser]


def print_json(value: Any) -> None:
    """Print *value* for a program to read."""
    print(json.dumps(value, indent=2))
