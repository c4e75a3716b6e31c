"""
Processes that share nothing with this one, and a notebook's kernel among them.

`handle` starts one and follows it, `line` is the other end of its pipe; between the
two goes one protocol, and whoever needs a process to lose brings what it serves:
`processes` a call, the crash lab a run, the judge a learner's answer.
"""

from .alive import alive, runs, until
from .call import pack, text_of, unpack
from .cut import CUT_EXIT, HAS_LIMIT, cut_writes_at, was_cut
from .ended import CUT_OFF, Ended, end_of_log, signal_name, was_killed
from .handle import READY_WITHIN, Process, plain_environment
from .kernel import Kernel, own_sockets
from .line import BROKEN, Gone, Line, Message, in_fork
from .processes import (
    CALL,
    all_at_once,
    cut_at_each_byte,
    in_new_process,
    request_for,
)

__all__ = [
    "BROKEN",
    "CALL",
    "CUT_EXIT",
    "CUT_OFF",
    "HAS_LIMIT",
    "READY_WITHIN",
    "Ended",
    "Gone",
    "Kernel",
    "Line",
    "Message",
    "Process",
    "alive",
    "all_at_once",
    "cut_at_each_byte",
    "cut_writes_at",
    "end_of_log",
    "in_fork",
    "in_new_process",
    "own_sockets",
    "pack",
    "plain_environment",
    "request_for",
    "runs",
    "signal_name",
    "text_of",
    "unpack",
    "until",
    "was_cut",
    "was_killed",
]
