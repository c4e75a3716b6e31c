"""
Run the pieces of `make test` one after another and end with one line.

A piece that fails does not hide the others: all run, and the line names those
that failed. Every process of the run inherits a marker in its environment, so
that the last check can find what was left running, whoever started it.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter

import psutil

MARK = "AGENTSTATE_TEST_RUN"
SUMMARY = re.compile(r"=+ .* in [\d.]+s.* =+$")
COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)")
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
        with contextlib.suppress(psutil.Error):  # it may end at this moment
            print(f"left running: {process.pid} {' '.join(process.cmdline())}")
            process.kill()
    said = ", ".join(f"{piece} {counts}" for piece, (_, counts) in results.items())
    bad = [piece for piece, (status, _) in results.items() if status]
    if leftovers:
        bad.append(f"left running: {len(leftovers)}")
    verdict = f"FAILED ({', '.join(bad)})" if bad else "passed"
    print(f"make test {verdict}: {said} [{time.monotonic() - started:.0f} s]")
    return 1 if bad else 0


def run(make: str, piece: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run one piece, show its output as it comes, and return status and counts."""
    print(f"\n--- {piece}", flush=True)
    counts: Counter[str] = Counter()
    process = subprocess.Popen(
        [make, "--no-print-directory", piece],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )

    def show() -> None:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if SUMMARY.match(line):
                for count, what in COUNT.findall(line):
                    counts[what] += int(count)

    reader = threading.Thread(target=show, daemon=True)
    reader.start()
    status = process.wait()
    reader.join(GRACE)  # a process left running may keep the pipe open
    said = ", ".join(f"{count} {what}" for what, count in counts.items())
    return status, said or ("failed" if status else "ok")


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
