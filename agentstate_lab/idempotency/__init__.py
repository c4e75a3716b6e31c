"""
Do it once, although every call may come twice.

`effect` is one effect with its record, `execution` one task from its claim to its
end, `worker` a process that takes one task after another.
"""

from .effect import IfUnknown, Sleep, resolve, run_once
from .execution import execute_task, recover, resume_task
from .own_run import Execute, execute_with
from .polite import SHELL, polite
from .worker import BEATS, work_next, work_on

__all__ = [
    "BEATS",
    "SHELL",
    "Execute",
    "IfUnknown",
    "Sleep",
    "execute_task",
    "execute_with",
    "polite",
    "recover",
    "resolve",
    "resume_task",
    "run_once",
    "work_next",
    "work_on",
]
