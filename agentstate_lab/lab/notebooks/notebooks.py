"""
Keep notebooks true: derive the exercises' stubs, and store outputs that repeat.

    python -m agentstate_lab.lab.notebooks.notebooks stubs [--check]
    python -m agentstate_lab.lab.notebooks.notebooks freeze [--check] FILE ...

A solution is the source of its exercise (`stubs`), and a notebook is stored with the
outputs of a run that can be repeated (`freeze`). With `--check` nothing is written;
the exit status says whether something is stale.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.lab.home import repository_root

from .freeze import frozen
from .stubs import stub_of


def _settle(texts: dict[Path, str], check: bool) -> int:
    """Write what has changed, or with *check* only say so; the exit status."""
    stale = [
        path
        for path, text in texts.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.parent.name}/{path.name}")
        if not check:
            path.write_text(texts[path], "utf-8", newline="\n")
    print(f"{len(texts)} notebooks, {len(stale)} {'stale' if check else 'written'}")
    return int(check and bool(stale))


def _stubs(check: bool) -> int:
    if (root := repository_root()) is None:
        raise InvalidValue("stubs", "there is no repository of the course here")
    folder = root / "exercises"
    solutions = sorted((folder / "solutions").glob("*.ipynb"))
    return _settle({folder / path.name: stub_of(path) for path in solutions}, check)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m agentstate_lab.lab.notebooks.notebooks"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    stubs = commands.add_parser("stubs", help="derive the exercises' stubs")
    freeze = commands.add_parser("freeze", help="run notebooks and store the outputs")
    freeze.add_argument("files", nargs="+", type=Path, metavar="FILE")
    for command in (stubs, freeze):
        command.add_argument(
            "--check", action="store_true", help="only say what is stale"
        )
    args = parser.parse_args(argv)
    try:
        if args.command == "stubs":
            return _stubs(args.check)
        return _settle({path: frozen(path) for path in args.files}, args.check)
    except AgentStateError as error:
        print(f"{args.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
