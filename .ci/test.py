"""
Run the pieces of `make test` one after another and end with one line.

A piece that fails does not hide the others: all run, and the line names those
that failed. Every process of the run inherits a marker in its environment, so
that the last check can find what was left running, whoever started it.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import uuid

import psutil

MARK = "AGENTSTATE_TEST_RUN"
COUNTS = re.compile(r"=+ (.*\b(?:passed|failed|error|skipped|no tests ran)\b.*) =+$")
GRACE = 10.0  # a kernel or a world may need a moment to end


def main() -> int:
    """Run the pieces named on the command line."""
    make, *pieces = sys.argv[1:]
    started = time.monotonic()
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="agentstate-") as home:
        environment = os.environ | {MARK: mark, "AGENTSTATE_HOME": home}
        results = {piece: run(make, piece, environment) for piece in pieces}
        leftovers = still_running(mark)
    for process in leftovers:
        print(f"left running: {process.pid} {' '.join(process.cmdline())}")
        process.kill()
    said = ", ".join(f"{piece} {counts}" for piece, (_, counts) in results.items())
    bad = [piece for piece, (status, _) in results.items() if status]
    if leftovers:
        bad.append(f"{len(leftovers)} processes left running")
    verdict = f"FAILED ({', '.join(bad)})" if bad else "passed"
    print(f"make test {verdict}: {said} [{time.monotonic() - started:.0f} s]")
    return 1 if bad else 0


def run(make: str, piece: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run one piece, show its output as it comes, and return status and counts."""
    print(f"\n--- {piece}", flush=True)
    counts = []
    with subprocess.Popen(
        [make, "--no-print-directory", piece],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if found := COUNTS.match(line.strip()):
                counts.append(found[1])
    status = process.returncode
    return status, " + ".join(counts) or ("failed" if status else "ok")


def still_running(mark: str) -> list[psutil.Process]:
    """Processes of this run that outlive it, after a moment to end by themselves."""
    end = time.monotonic() + GRACE
    while (alive := marked(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    return alive


def marked(mark: str) -> list[psutil.Process]:
    """All processes that carry *mark* and still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get(MARK) == mark
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except (psutil.Error, OSError):
            continue  # another user's, or gone in the meantime
    return found


if __name__ == "__main__":
    sys.exit(main())
