"""
The crash lab: kill an agent at a chosen moment, run it again, read the ledger.

`crash` is what a notebook calls, `fuse` knows the moments, `rig` kills again and
again, `matrix` shows what was counted; `spawner` and `victim` are the two ends of the
processes that are meant to die.
"""

from .crash import crash_at, crash_kernel, crash_matrix, forget_crash, kill_points
from .fuse import Fuse, HalfWritingStore, KillingStore, KillingWorld, Point, die
from .matrix import MOMENTS, Matrix, Row
from .rig import Agent, Rig, crashes
from .spine import POINTS, killed_at_each_effect, who_survives

__all__ = [
    "MOMENTS",
    "POINTS",
    "Agent",
    "Fuse",
    "HalfWritingStore",
    "KillingStore",
    "KillingWorld",
    "Matrix",
    "Point",
    "Rig",
    "Row",
    "crash_at",
    "crash_kernel",
    "crash_matrix",
    "crashes",
    "die",
    "forget_crash",
    "kill_points",
    "killed_at_each_effect",
    "who_survives",
]
