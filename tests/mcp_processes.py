"""What the tests of MCP start as processes of their own, and what these run."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from agentstate_lab.errors import VersionConflict
from agentstate_lab.mcp_state import StateClient, read_shared_state, write_shared_state
from agentstate_lab.state import AppendFacts, Fact, StatePatch

COMMAND = ("-m", "agentstate_lab", "mcp")


@contextmanager
def http(store: str, agent: str, *more: str) -> Iterator[tuple[str, list[str]]]:
    """A server over HTTP: its address, and all that it printed, once it has ended."""
    args = [sys.executable, *COMMAND, "--store", store, "--agent", agent, "--http", "0"]
    process = subprocess.Popen(
        [*args, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = [process.stdout.readline(), process.stdout.readline()]
    try:
        yield said[1].split()[-1], said
    finally:
        process.terminate()
        process.wait(timeout=20)
        with process.stdout:  # `communicate` would miss what `readline` has read ahead
            said.append(process.stdout.read())


def noted(patch_id: str, version: int, value: object) -> StatePatch:
    """A patch that notes one more fact."""
    fact = Fact(key="seen", value=value)
    return StatePatch(
        id=patch_id, base_version=version, operations=[AppendFacts(facts=[fact])]
    )


def note_many(client: StateClient, name: str, rounds: int, task_id: str) -> int:
    """Note *rounds* facts in a task of agent `a`; how many conflicts came up."""
    conflicts = 0
    for number in range(rounds):
        while True:
            seen = read_shared_state(client, "a", task_id)
            patch = noted(f"{name}-{number}", seen.version, [name, number])
            try:
                write_shared_state(client, "a", task_id, patch)
                break
            except VersionConflict:
                conflicts += 1
    return conflicts


if __name__ == "__main__":
    address, secret, who, how_many, task = sys.argv[1:]
    with StateClient(address, token=secret) as writer:
        print(note_many(writer, who, int(how_many), task))
