"""
Where a process begins that `handle` has started: it takes its line, and serves.

Nothing here is stored, and nothing is unpickled but what comes through the pipe from
the one that asked: the learner's own function, from the learner's own process.
"""

import importlib
import sys

from .line import Line


def main() -> None:
    """Serve what this process was started for, as the module named here does."""
    line = Line()
    request = line.request
    sys.path[:] = request.pop("path")
    importlib.import_module(sys.argv[1]).serve(line, request)


if __name__ == "__main__":
    main()
