"""
Processes that share nothing with this one, and a notebook's kernel among them.
"""

from .cut import CUT_EXIT, HAS_LIMIT, cut_writes_at, was_cut
from .kernel import Kernel
from .process_handle import READY_WITHIN, Process
from .processes import (
    CUT_OFF,
    Ended,
    all_at_once,
    cut_at_each_byte,
    in_new_process,
    request_for,
)

__all__ = [
    "CUT_EXIT",
    "CUT_OFF",
    "HAS_LIMIT",
    "READY_WITHIN",
    "Ended",
    "Kernel",
    "Process",
    "all_at_once",
    "cut_at_each_byte",
    "cut_writes_at",
    "in_new_process",
    "request_for",
    "was_cut",
]
