"""
Kill every framework everywhere, and keep what was counted: `make frameworks`.

    python -m agentstate_lab.lab.frameworks.measure …
        --into benchmarks                           all rows that are missing
        langgraph-sync --into benchmarks            one row
        langgraph-sync --point effect.inside:4      one death
        langgraph-sync --property "consume once"    one property

The first two keep what they count. Stopped and started again, the command goes on with
the next row that is not in the record. The last two reproduce one cell.
"""

import argparse
import datetime
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.world import stop_world

from .contender import Contender
from .effects import RUN_SECONDS, effects_of
from .fork import FORK, forks_of
from .kit import forget_places
from .page import written
from .properties import PROPERTIES, Finding, findings
from .record import Row, is_fresh, keep, kept
from .rows import CONTENDERS, contender_named


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, or reproduce one cell; the exit status says whether all was tried."""
    args = _parser().parse_args(argv)
    try:
        chosen = [contender_named(name) for name in args.names] or list(CONTENDERS)
        if args.point or args.property:
            return _one_cell(chosen, args)
        return _all_rows(chosen, args.into, args.again)
    except AgentStateError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    finally:
        forget_places()
        if args.stop:
            stop_world()


def measured(contender: Contender, today: str) -> Row:
    """
    One row of both tables.

    Args:
        contender: The row.

        today: The date, as it is written down.
    """
    without = effects_of(contender, keyed=False)
    with_keys = effects_of(contender, keyed=True)
    once = min(one.once for one in with_keys)
    all_once = once == with_keys[0].points
    said = f"{once} of {with_keys[0].points}, with keys"
    seen = {"effect once": Finding(all_once, said), **dict(findings(contender))}
    seen[FORK] = forks_of(contender)
    forget_places()
    return {
        "title": contender.title,
        "versions": contender.versions,
        "date": today,
        "without keys": [asdict(one) for one in without],
        "with keys": [asdict(one) for one in with_keys],
        "properties": {name: asdict(one) for name, one in seen.items()},
    }


def _all_rows(chosen: Sequence[Contender], into: Path, again: bool) -> int:
    """Measure what is not in the record, and write page and picture."""
    from tqdm import tqdm

    rows = kept(into)
    here = [one for one in chosen if one.installed]
    todo = [one for one in here if again or not is_fresh(one, rows.get(one.name))]
    order, failed = [one.name for one in CONTENDERS], 0
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for contender in (bar := tqdm(todo, unit="row", disable=None)):
        bar.set_description(contender.name)
        try:
            keep(into, contender.name, measured(contender, today), order)
        except AgentStateError as error:
            failed += 1
            tqdm.write(f"{contender.name}: {type(error).__name__}: {error}")
    written(into)
    absent = ", ".join(one.name for one in chosen if not one.installed) or "none"
    print(f"{len(todo) - failed} rows measured, {failed} failed; not here: {absent}")
    return int(failed > 0)


def _one_cell(chosen: Sequence[Contender], args: argparse.Namespace) -> int:
    """Show one death, or one property, of each row that was named."""
    for contender in chosen:
        if not contender.installed:
            raise InvalidValue(
                f"framework {contender.name!r}",
                "is not installed here; run `make .venv/.frameworks`, and then this"
                f" with .venv/{contender.environment}/bin/python",
            )
        if args.point:
            matrix = crash_matrix(
                contender.agent(keyed=args.keys),
                store=contender.store,
                points=[args.point],
                limit=RUN_SECONDS,
            )
            print(matrix)
        elif args.property == FORK:
            print(f"{contender.name}: {forks_of(contender).said}")
        else:
            for name, finding in findings(contender, [args.property]):
                print(f"{contender.name}, {name}: {finding.said}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="measure", description="Kill every framework everywhere, and count."
    )
    parser.add_argument("names", nargs="*", help="rows; by default all")
    parser.add_argument("--into", type=Path, default=Path("benchmarks"))
    parser.add_argument("--again", action="store_true", help="fresh rows as well")
    parser.add_argument("--point", help="one kill point, for example effect.inside:4")
    parser.add_argument("--keys", action="store_true", help="with the repair")
    parser.add_argument("--property", choices=[*PROPERTIES, FORK])
    parser.add_argument("--stop", action="store_true", help="stop the world at the end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
