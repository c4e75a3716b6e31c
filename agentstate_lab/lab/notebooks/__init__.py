"""
Keep notebooks true: derive the exercises' stubs, store outputs that repeat, and lay
the copies that a learner works in.
"""

from agentstate_lab.extras import need

need("lab", "nbformat", "nbclient", "jupyter_client")

from .stubs import stub_of
from .work import WORK, lay, put, untouched, working_copy

__all__ = [
    "WORK",
    "lay",
    "put",
    "stub_of",
    "untouched",
    "working_copy",
]
