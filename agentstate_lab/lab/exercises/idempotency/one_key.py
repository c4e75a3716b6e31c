"""
The stage of exercise 03, part 2, in which two callers come at once.

Both find no intent, or the second finds that of the first. Whatever they do about it,
the receiver must see one key: with two of them, it would carry out the effect twice.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from agentstate_lab.stores import JsonFileStore

from ..judge import Subject, doing, require, run_together, stage
from .bench import file_store
from .callers import APART, BOTH_LOOK, CALLERS, ONE_WORKS, Caller, Told
from .receiver import STEP, TASK_ID, reply
from .scene import with_running

MEETINGS = {
    BOTH_LOOK: "both read the records before one of them writes",
    ONE_WORKS: "the second comes while the request of the first is on its way",
}


class Requester(Caller):
    """A caller that notes under which keys it is sent requests."""

    def request(self, key: Any) -> dict[str, Any]:
        """Take in a request, and answer when the other one has come."""
        with (self.folder / "keys").open("a", encoding="utf-8") as log:
            print(json.dumps(repr(key)), file=log)
        self.work()
        return reply(STEP)


@stage("requests with one key when two processes call at once")
def one_key(answer: Subject) -> None:
    """What one of them makes up, the other one does not know."""
    for how, words in MEETINGS.items():
        with doing(
            f"called it in two processes for one step: {words}",
            "one key in all requests; one of the two may raise a conflict instead",
        ):
            keys = _keys_of_two(answer, how)
            require(bool(keys), "it never requested the effect")
            require(
                len(keys) == 1,
                f"the two requested with {len(keys)} keys, so the receiver carries the"
                f" effect out {len(keys)} times; {APART}",
            )


def _keys_of_two(answer: Subject, how: str) -> set[str]:
    """The keys under which two processes request one step."""
    folder = Path(tempfile.mkdtemp(dir="."))
    store = with_running(file_store())
    jobs = [(me, how, str(folder), str(store.path)) for me in CALLERS]
    for ending in run_together(answer, _in_a_process, jobs):
        told = ending.result()
        require(told.get("conflict", True), f"in one of the two, {told.get('error')}")
    log = folder / "keys"
    return set(log.read_text("utf-8").splitlines()) if log.exists() else set()


def _in_a_process(answer: Subject, me: str, how: str, folder: str, path: str) -> Told:
    caller = Requester(me, how, Path(folder))
    return caller.call(answer, JsonFileStore(path), TASK_ID, STEP, caller.request)
