"""What starts a process or opens a connection says so, and is left out of `--quick`."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from agentstate_lab.system import WINDOWS

QUICK = ("-m", "pytest", "-pno:nbval", "-rN", "--quick", "-v", "tests/unmarked.py")


@pytest.mark.skipif(WINDOWS, reason="there nothing is seen")
@pytest.mark.usefixtures("process")
def test_a_test_that_leaves_this_process_has_said_so():
    """Who requests it does not run; who forgot fails, and is told what to add."""
    tree = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, *QUICK], cwd=tree, capture_output=True, text=True
    )
    found = defaultdict(set)
    for name, outcome in re.findall(r"::test_(\w+) ([A-Z]+)", ran.stdout):
        found[outcome].add(name)
    assert found == {
        "PASSED": {"stays"},
        "SKIPPED": {"requests_late"},
        "FAILED": {"forgets", "forgets_in_a_thread", "forgets_a_connection"},
        "ERROR": {"forgets_in_a_fixture"},
    }
    assert ran.stdout.count("without the fixture `process`") == 4
