"""
The kernel's half of a check: pack the answer, and try every stage of it.

A child that dies or has to be ended costs the stage it was at; a new child goes on
with the next. After two stages that did not come back the others are not tried: an
endless loop should cost the learner a moment, not a minute.

Nothing here runs the learner's code; how that is bounded says `supervise`.
"""

import io
import types
from typing import Any

import cloudpickle

from agentstate_lab.lab.processes import pack

from .answer import Answer
from .apart import LATE
from .child import CAN_BE_CALLED
from .report import CaseReport
from .supervise import Judge

MAX_PAYLOAD = 50_000_000
MAX_LATE = 2  # so many stages may use up their time before the check ends


class CannotTravel(Exception):
    """The answer cannot be sent to another process."""


def packed(answer: object) -> bytes:
    """
    The learner's function as bytes, with the helpers it uses.

    Raises:
        CannotTravel: With the reason, for the learner.
    """
    payload = io.BytesIO()
    try:
        _Packer(payload).dump(answer)
    except (Exception, RecursionError) as error:
        raise CannotTravel(
            "it could not be sent to a fresh process: it holds on to something"
            f" that only exists in this one ({type(error).__name__}:"
            f" {str(error)[:200]})"
        ) from error
    if payload.tell() > MAX_PAYLOAD:
        raise CannotTravel(
            f"it carries {payload.tell() // 1_000_000} MB of data along; let it use"
            " smaller values, or make them inside the function"
        )
    return payload.getvalue()


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]
    """Sends `time.sleep` and the like by name, also where a notebook replaced it."""

    def reducer_override(self, obj: Any) -> Any:
        """How one object travels; see `pickle.Pickler.reducer_override`."""
        if type(obj) is types.BuiltinFunctionType:
            module, name = obj.__self__, obj.__name__
            if isinstance(module, types.ModuleType) and (  # for a method it is none
                getattr(module, name, None) is not obj
            ):
                return getattr, (module, name)
        return super().reducer_override(obj)


def run(
    answer: Answer,
    stages: tuple[int, ...],
    *,
    seconds: float,
    fork: bool,
    given: dict[str, Any],
) -> list[CaseReport]:
    """
    Try the stages and return one verdict for each.

    The first verdict is about the function as a whole: whether it can be called.
    When it cannot, there are no others.

    Args:
        answer: What is tried.

        stages: The numbers of the stages, from 0.

        seconds: The wall-clock cap of each.

        fork: Whether the child may fork.

        given: What the stages get from the lab: the check's `setting`.
    """
    verdicts: dict[int, CaseReport] = {}
    todo = [CAN_BE_CALLED, *stages]
    check = {"answer": pack(answer), "given": given, "seconds": seconds}
    while todo and _late(verdicts) < MAX_LATE:
        with Judge(fork=fork) as judge:
            verdicts |= judge.tried(check, todo if fork else todo[:1])
        if not verdicts[CAN_BE_CALLED].passed:
            return [verdicts[CAN_BE_CALLED]]
        todo = [index for index in todo if index not in verdicts]
    for index in todo:
        verdicts[index] = CaseReport(
            done="this stage was not tried",
            expected="an answer that comes back",
            happened="two stages before it did not come back",
        )
    return [verdicts[index] for index in sorted(verdicts)]


def _late(verdicts: dict[int, CaseReport]) -> int:
    """How many stages did not come back."""
    return sum(one.happened == LATE for one in verdicts.values())
