"""
Run the cube, the random kills and the resumes, and keep the result.

    python -m agentstate_lab.lab.crash.cube.whole_cube --into benchmarks  `make cube`

The exit status is 1 when something was lost, or happened twice where it must not, or
could not be tried. Two matrices are made at a time: most of a death is waiting.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from agentstate_lab.errors import AgentStateError
from agentstate_lab.lab.databases import start_postgres
from agentstate_lab.lab.home import home

from .cube import CASES, STORES, STRATEGIES, Cell, tried
from .random_kills import kill_at_random
from .report import Result
from .resumes import Resumed, resumed

KILLS = 200
SEED = 11
AT_ONCE = 2
DATABASE = "cube_resumes"

Job = Callable[[], Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Run all of it, or less, and write the two files."""
    args = _parser().parse_args(argv)
    result = whole_cube(
        stores=args.stores,
        points=args.points,
        kills=args.kills,
        seed=args.seed,
        tries=args.tries,
    )
    if args.into is not None:
        (args.into / "CUBE.md").write_text(str(result), "utf-8")
        text = json.dumps(result.to_json(), indent=1, ensure_ascii=False)
        (args.into / "cube.json").write_text(f"{text}\n", "utf-8")
    print(result.verdict)
    return 0 if result.passed else 1


def whole_cube(
    *,
    stores: Sequence[str] = STORES,
    points: Sequence[str] | None = None,
    kills: int = KILLS,
    seed: int = SEED,
    tries: int = 5,
) -> Result:
    """
    All cases on these stores, then the random kills, then the resumes.

    Args:
        stores: Kinds of stores.

        points: Only these kill points; by default, all that a run reaches.

        kills: How many kills at random instants, shared out among the stores.

        seed: What the instants are drawn from.

        tries: How many resumes are timed on each store.
    """
    broken: list[str] = []
    matrices = [
        partial(tried, case, store, strategy, points=points)
        for case in CASES
        for store in stores
        for strategy in STRATEGIES
    ]
    shares = [
        kills * (n + 1) // len(stores) - kills * n // len(stores)
        for n in range(len(stores))
    ]
    random_kills = [
        partial(
            kill_at_random,
            store,
            share,
            random.Random(f"{seed} {store}"),
            strategies=STRATEGIES,
        )
        for store, share in zip(stores, shares, strict=True)
        if share
    ]
    resumes = [partial(_resumed, store, tries) for store in stores if tries]
    return Result(
        cells=_all(matrices, AT_ONCE, broken),
        tolls=_all(random_kills, AT_ONCE, broken),
        seed=seed,
        resumes=_all(resumes, 1, broken),
        broken=broken,
    )


def _all(jobs: Iterable[Job], at_once: int, broken: list[str]) -> list[Any]:
    """What the *jobs* return, in their order; what they raise becomes *broken*."""

    def done(job: Job) -> Any:
        try:
            made = job()
        except AgentStateError as error:
            broken.append(f"{type(error).__name__}: {error}")
            print(broken[-1], file=sys.stderr, flush=True)
            return None
        print(_line(made), flush=True)
        return made

    with ThreadPoolExecutor(at_once) as pool:
        return [made for made in pool.map(done, jobs) if made is not None]


def _line(made: Any) -> str:
    """What was done, while the rest is still to come."""
    if isinstance(made, Cell):
        return f"{made.case.name}, {made.store}, {made.strategy}: {made}"
    return str(made.to_json())


def _resumed(kind: str, tries: int) -> Resumed:
    """The times on a store of its own."""
    with tempfile.TemporaryDirectory(dir=home()) as folder:
        if kind != "postgresql":
            return resumed(kind, f"{kind}:{folder}/tasks", tries=tries)
        server = start_postgres()
        try:
            return resumed(kind, server.database(DATABASE, fresh=True), tries=tries)
        finally:
            server.drop(DATABASE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="whole_cube", description="Kill the durable agent everywhere, and count."
    )
    parser.add_argument("--into", type=Path, help="a folder for CUBE.md and cube.json")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--points", nargs="+", help="only these kill points")
    parser.add_argument("--kills", type=int, default=KILLS, help="at random instants")
    parser.add_argument("--seed", type=int, default=SEED, help="draws the instants")
    parser.add_argument("--tries", type=int, default=5, help="to time a resume")
    return parser


if __name__ == "__main__":
    sys.exit(main())
