import subprocess
import sys
from pathlib import Path

import pytest

from agentstate_lab.lab.processes import HAS_LIMIT, was_cut

DATA = b"0123456789"

WRITERS = {
    "open": "with open(path, 'wb') as file: file.write(data)",
    "open-unbuffered": """
with open(path, 'wb', buffering=0) as file:
    left = data
    while left: left = left[file.write(left):]
""",
    "open-text": "with open(path, 'w') as file: file.write(data.decode())",
    "open-append": """
open(path, 'wb').close()
for byte in data:
    with open(path, 'ab') as file: file.write(bytes([byte]))
""",
    "open-update": """
open(path, 'wb').close()
with open(path, 'r+b') as file: file.write(data)
""",
    "pathlib": "import pathlib; pathlib.Path(path).write_bytes(data)",
    "os-write": """
fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0))
left = data
while left: left = left[os.write(fd, left):]
""",
    "fdopen": """
fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0))
with os.fdopen(fd, 'wb') as file: file.write(data)
""",
    "tempfile": """
import tempfile
fd, name = tempfile.mkstemp(dir=os.path.dirname(path))
os.close(fd)
os.replace(name, path)
with open(path, 'wb') as file: file.write(data)
""",
}

WAYS = [
    pytest.param(
        False,
        id="kernel",
        marks=pytest.mark.skipif(not HAS_LIMIT, reason="no file size limit here"),
    ),
    pytest.param(True, id="portable"),
]


def write_in_a_child(path: Path, n: int, portable: bool, writer: str) -> int:
    """How a child ended that was cut at *n*; its cleaning up is looked at here."""
    code = f"""
import os
from agentstate_lab.lab.processes import cut_writes_at
path, data = {str(path)!r}, {DATA!r}
cut_writes_at({n}, portable={portable})
try:
    exec({writer!r})
finally:
    print("cleaned up")
"""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ("cleaned up" in child.stdout) == (not was_cut(child.returncode))
    assert child.stderr == ""
    return child.returncode


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_the_process_dies_at_that_byte_whatever_it_writes_with(tmp_path, writer):
    """
    The bytes before the cut are in the file, no other is, and nothing cleans up.

    The kernel does not ask with what; the portable way has to know each.
    """
    path = tmp_path / "file"

    code = write_in_a_child(path, 4, True, writer)

    assert (was_cut(code), path.read_bytes()) == (True, DATA[:4])


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("portable", WAYS)
@pytest.mark.parametrize(
    ("n", "dies"),
    [
        pytest.param(0, True, id="at-the-first-byte"),
        pytest.param(9, True, id="at-the-last-byte"),
        pytest.param(10, False, id="room-for-all"),
    ],
)
def test_the_cut_is_exact_at_both_ends(tmp_path, portable, n, dies):
    """A write that fits is not disturbed; one byte too many is one too many."""
    path = tmp_path / "file"

    code = write_in_a_child(path, n, portable, WRITERS["open"])

    assert (was_cut(code), path.read_bytes()) == (dies, DATA[:n])


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("portable", WAYS)
def test_pipes_are_not_cut(tmp_path, portable):
    """What the child says to its parent is no file: it has no byte to be cut at."""
    writer = "print('x' * 100, flush=True)"

    code = write_in_a_child(tmp_path / "file", 0, portable, writer)

    assert code == 0


def test_other_endings_are_not_taken_for_a_cut():
    """A check that blames the cut for a plain failure would teach the wrong thing."""
    assert [was_cut(code) for code in (0, 1, -9, -15)] == [False] * 4
