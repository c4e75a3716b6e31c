"""
What one system has and another lacks, each by name.

Windows has no fork, no death by signal, no groups of processes, no file modes, no
flush of a folder, and no `/proc`. Each place that goes another way there asks one of
these names when it gets there, and not `os` when it is loaded. So a test can take that
way on any machine (`tests/test_system.py`).

Nothing here does anything: what the other way is stands where it is gone.
"""

import os
import platform

WINDOWS = os.name == "nt"
LINUX = platform.system() == "Linux"  # it has `/proc`
HAS_FORK = hasattr(os, "fork")
