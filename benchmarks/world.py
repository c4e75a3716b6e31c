"""
How long the world takes to be ready, and what one scripted model call costs.

    python benchmarks/world.py

Each figure is the median of fresh runs on this machine. A target is what a learner
does not notice: the world comes up while the first cell is read, and a lesson with
hundreds of model calls still takes seconds.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentstate_lab.lab.world import SCENARIOS, connect_model, start_world, stop_world

Row = tuple[str, float, float]

DISK = SCENARIOS["disk"]


@contextmanager
def fresh_home() -> Iterator[None]:
    """A home of its own, with its world stopped at the end."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AGENTSTATE_HOME"] = folder
        yield
        stop_world()


def seconds(act: Callable[[], object]) -> float:
    """How long *act* takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def ready(rounds: int) -> float:
    """From nothing to a world that has answered."""
    taken = []
    for _ in range(rounds):
        with fresh_home():
            taken.append(seconds(start_world))
    return statistics.median(taken)


def found(rounds: int) -> float:
    """To find a world that runs."""
    with fresh_home():
        start_world()
        return statistics.median(seconds(start_world) for _ in range(rounds))


def model_call(rounds: int, *, stream: bool = False) -> float:
    """One call through the real client over HTTP."""
    with fresh_home():
        client, model = connect_model()
        messages = [{"role": "user", "content": DISK.goal}]

        def call() -> None:
            reply = client.chat.completions.create(
                model=model, messages=messages, tools=DISK.tools, stream=stream
            )
            if stream:
                list(reply)

        with client:
            call()  # the first one also loads the scenarios
            return statistics.median(seconds(call) for _ in range(rounds))


def effect(rounds: int) -> float:
    """One effect with its key: a durable commit and a reply."""
    with fresh_home():
        world = start_world()
        keys = iter(range(rounds))

        def call() -> None:
            step = f"step-{next(keys)}"
            world.effect("deploy", task_id="t", step=step, arguments={}, key=step)

        return statistics.median(seconds(call) for _ in range(rounds))


def measure(rounds: int) -> list[Row]:
    """Every figure with its target, in seconds."""
    return [
        ("the world is ready", ready(max(3, rounds // 20)), 1.5),
        ("a running world is found", found(rounds), 0.1),
        ("one scripted model call", model_call(rounds), 0.015),
        ("the same as a stream", model_call(rounds, stream=True), 0.025),
        ("one effect with a key", effect(rounds), 0.05),
    ]


def main() -> None:
    """Print the table; a row that misses its target says so."""
    parser = argparse.ArgumentParser(description="Times of the world.")
    parser.add_argument("--rounds", type=int, default=200)
    rows = measure(parser.parse_args().rounds)
    print(f"{'median of':<28}{'ms':>9}{'target':>9}")
    for name, taken, target in rows:
        short = "" if taken <= target else " falls short"
        print(f"{name:<28}{taken * 1000:>9.1f}{target * 1000:>9.0f}{short}")


if __name__ == "__main__":
    main()
