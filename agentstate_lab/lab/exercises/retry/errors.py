"""
The stages of exercise 04 about errors: which come out, when, and what they carry.

Four kinds of error reach an answer. Most are tried again. The last of them must
reach the caller, itself or as the cause of what is raised. `Permanent` ends the
work at once. And what is no `Exception` is not meant for the answer at all.
"""

from agentstate_lab.errors import Permanent

from ..judge import Subject, Unmet, carried, doing, named, require, stage, times
from .attempts import NoAnswer, Scene, Take


class Refused(Permanent):
    """A kind of `Permanent`."""


class Stopped(BaseException):
    """As a task that is cancelled raises: no `Exception`, so that it gets through."""


def interruptions() -> tuple[BaseException, ...]:
    """One of each kind that is no `Exception`."""
    return KeyboardInterrupt(), SystemExit(3), GeneratorExit(), Stopped("stop")


@stage("raises when every attempt has failed")
def raises(answer: Subject) -> None:
    """Whatever is returned then would be taken for a result."""
    scene = Scene(answer)
    for n in (3, 1):
        with doing(
            f"called it with max_attempts={n} and a function that always fails",
            "an error",
        ):
            take = scene.play(n)
            value = take.outcome.value
            require(not take.endless, take.ended)
            if isinstance(value, BaseException):
                raise Unmet(f"it returned the {type(value).__name__}: raise it")
            require(
                take.outcome.error is not None,
                f"{take.ended}, and the caller takes that for a result",
            )


@stage("lets the last error out, itself or as the cause")
def last_error(answer: Subject) -> None:
    """Whoever has to mend it needs the error of the last attempt, not a summary."""
    scene = Scene(answer)
    kinds = (ConnectionError, TimeoutError, NoAnswer)
    for n in (3, 1):
        errors = [kind(f"attempt {at}") for at, kind in enumerate(kinds[-n:], 1)]
        names = ", then ".join(type(one).__name__ for one in errors)
        with doing(
            f"called it with max_attempts={n} and a function that raises {names}",
            "the NoAnswer, or an error whose __cause__ leads to it",
        ):
            take = scene.play(n, errors)
            require(not take.endless, take.ended)
            if take.raised:
                _carries_last(take)
                continue
            # Otherwise another stage has the word.
            require(n == 1, f"it never called the function; {take.ended}")


def _carries_last(take: Take) -> None:
    """Fail unless what came out leads to the last error."""
    *earlier, last = take.raised
    found, error = carried(take.outcome.error), take.outcome.error
    if any(one is last for one in found):
        return
    for at, one in enumerate(earlier, 1):
        if any(one is seen for seen in found):
            raise Unmet(f"what came out was the error of attempt {at}, not the last")
    said = take.ended
    if error is not None and error is take.refusal:
        raise Unmet(f"{said}: an error of that sleep, not of the function")
    if error is not None and error.__context__ is last:
        how = "from None" if error.__suppress_context__ else "without a cause"
        raise Unmet(
            f"{said}, {how}: the last error is only its __context__, what was being"
            " handled at the time; write `raise ... from error`"
        )
    if type(error) is type(last):
        raise Unmet(f"{said}, a new one: the function's own error is lost")
    raise Unmet(f"{said}, and the last error is lost: write `raise ... from error`")


@stage("raises Permanent at once")
def permanent_at_once(answer: Subject) -> None:
    """The request itself was refused: the same request will be refused again."""
    scene = Scene(answer)
    for kind, before in ((Permanent, 0), (Permanent, 1), (Refused, 0)):
        whose = "errors.Permanent" if kind is Permanent else "a subclass of Permanent"
        when = "at its second attempt" if before else "at once"
        with doing(
            f"called it with max_attempts=4 and a function that raises {whose} {when}",
            "that error, with no further attempt and no further wait",
        ):
            error = kind("no such branch: name another one")
            errors = [*(NoAnswer("not yet") for _ in range(before)), error]
            take = scene.play(4, errors, value="done")
            _stopped_there(take, error, "Permanent")
            found = take.outcome.error
            if isinstance(found, Permanent) and any(
                one is error for one in carried(found)
            ):
                continue
            raise Unmet(f"{take.ended}; whoever catches Permanent would not get it")


@stage("never catches KeyboardInterrupt or SystemExit")
def never_catches(answer: Subject) -> None:
    """They are for the program as a whole: somebody wants it to end."""
    scene = Scene(answer)
    for before in (0, 1):
        for error in interruptions():
            name = type(error).__name__
            when = "at its second attempt" if before else "at once"
            with doing(
                f"called it with max_attempts=4 and a function that raises {name}"
                f" {when}",
                "that very exception, with no further attempt and no further wait",
            ):
                errors = [*(NoAnswer("not yet") for _ in range(before)), error]
                take = scene.play(4, errors, value="done")
                _stopped_there(take, error, name)
                _got_through(take, error)
    with doing(
        "pressed Ctrl-C while it waited (sleep raised KeyboardInterrupt)",
        "that very exception, with no further attempt",
    ):
        error = KeyboardInterrupt()
        take = scene.play(4, [NoAnswer()], value="done", interrupt=error)
        if take.interrupted:  # otherwise another stage has the word
            _got_through(take, error)


def _stopped_there(take: Take, error: BaseException, name: str) -> None:
    """Fail if anything was done after the error."""
    at = len(take.errors)
    require(not take.endless, take.ended)
    require(take.calls >= at, f"{take.ended} before it came to that attempt")
    more = take.calls - at
    require(more == 0, f"it caught {name} and called the function {times(more)} more")
    waits = take.gaps[-1]
    require(not waits, f"it waited {sum(waits):g} s before it let {name} out")


def _got_through(take: Take, error: BaseException) -> None:
    """Fail unless the very error came out."""
    found, name = take.outcome.error, type(error).__name__
    if found is error:
        return
    if found is None:
        raise Unmet(f"it caught {name} and returned as if all were well")
    raise Unmet(f"it caught {name} and raised {named(found)}")
