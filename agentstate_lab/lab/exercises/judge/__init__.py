"""
The judge: an answer is tried apart, stage by stage, and behaviour is reported.

`answer` is what was written, `stages` what is wanted of it, `runner` and `child` the
two sides of the process that tries it, `verdict` and `report` what came of it.
"""

from .answer import Answer, compiled
from .apart import LATE, Ending, run_apart, run_fresh, run_together
from .cells import answer_cells, is_untouched, leading_cells
from .child import UNTOUCHED
from .real_time import SLEEP, real_time
from .report import WIDTH, CaseReport, Report
from .runner import CannotTravel, packed, run
from .stages import (
    Outcome,
    Stage,
    Stopped,
    Subject,
    Unmet,
    doing,
    named,
    raised,
    require,
    stage,
)
from .waits import WAITS, hurried, seconds_of
from .watch import WATCH
from .words import carried, plain, shown, times

__all__ = [
    "LATE",
    "SLEEP",
    "UNTOUCHED",
    "WAITS",
    "WATCH",
    "WIDTH",
    "Answer",
    "CannotTravel",
    "CaseReport",
    "Ending",
    "Outcome",
    "Report",
    "Stage",
    "Stopped",
    "Subject",
    "Unmet",
    "answer_cells",
    "carried",
    "compiled",
    "doing",
    "hurried",
    "is_untouched",
    "leading_cells",
    "named",
    "packed",
    "plain",
    "raised",
    "real_time",
    "require",
    "run",
    "run_apart",
    "run_fresh",
    "run_together",
    "seconds_of",
    "shown",
    "stage",
    "times",
]
