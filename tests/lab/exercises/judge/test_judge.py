"""The check machinery: whatever an answer does, the caller is well and is told."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from answers import (
    idempotency_answers,
    json_store_answers,
    nasty,
    retry_answers,
    run_once_answers,
    state_answers,
)

from agentstate_lab.errors import InvalidValue, WorldUnavailable
from agentstate_lab.lab.exercises import EXERCISES, exercise_named
from agentstate_lab.lab.exercises.judge import CaseReport, Report, runner, supervise
from agentstate_lab.lab.exercises.judge.verdict import Heard
from agentstate_lab.lab.practice import check, progress
from agentstate_lab.lab.practice import practice as checks
from agentstate_lab.lab.processes import until
from agentstate_lab.lab.world import start_world

pytestmark = pytest.mark.usefixtures("home_dir")
FIRST = run_once_answers.REQUESTS
SECONDS = 1.0  # for what never comes back; everything else has the usual cap

LATE = "it did not come back"


def left_running(folder):
    """Processes of a check that worked in *folder*."""
    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            ours = environ.get("HOME", "").startswith(str(folder))
            if (
                ours
                and supervise.MARK in environ
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process.cmdline())
        except (psutil.Error, OSError):
            continue
    return found


@pytest.fixture
def tidy(monkeypatch, tmp_path):
    """Afterwards nothing is left: no process, no thread, no folder, no file open."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    threads = threading.active_count()
    files = psutil.Process().num_fds() if os.name != "nt" else 0
    yield
    assert left_running(folder) == []
    assert threading.active_count() == threads
    assert list(folder.iterdir()) == []
    assert os.name == "nt" or psutil.Process().num_fds() <= files


posix = pytest.mark.skipif(os.name == "nt", reason="the answer needs POSIX calls")


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("answer", "happened"),
    [
        pytest.param(nasty.sleeps, LATE, id="sleep"),
        pytest.param(nasty.exits, "it called sys.exit(3)", id="sys-exit"),
        pytest.param(nasty.ends_the_process, "exit status 3", id="os-exit"),
        pytest.param(nasty.ends_quietly, "exit status 0", id="os-exit-zero"),
        pytest.param(nasty.kills_itself, "killed by SIGKILL", id="kill"),
        pytest.param(
            nasty.kills_its_group, "process group", id="kill-group", marks=posix
        ),
        pytest.param(
            nasty.kills_its_parent, "process group", id="kill-parent", marks=posix
        ),
        pytest.param(nasty.floods_stdout, "printed more than", id="flood"),
        pytest.param(nasty.floods_stderr, "printed more than", id="flood-stderr"),
        pytest.param(nasty.floods_all_files, "printed more than", id="flood-all"),
        pytest.param(nasty.prints_much, "printed more than", id="200-megabytes"),
        pytest.param(nasty.closes_files, "it closed files", id="closed-files"),
        pytest.param(nasty.recurses, "RecursionError", id="recursion"),
        pytest.param(nasty.crashes, "killed by SIGSEGV", id="segfault"),
        pytest.param(nasty.takes_all_memory, "MemoryError", id="memory"),
        pytest.param(nasty.forks_for_ever, "processes", id="fork-bomb", marks=posix),
        pytest.param(nasty.replaces_builtins, "builtins.len", id="builtins"),
        pytest.param(nasty.replaces_print, "replaced builtins", id="more-builtins"),
        pytest.param(nasty.interrupts, "KeyboardInterrupt", id="interrupt"),
        pytest.param(nasty.asks, "EOFError", id="input"),
        pytest.param(nasty.raises_the_unprintable, "cannot be shown", id="unprintable"),
        pytest.param(nasty.raises_a_novel, "ha ha", id="long-text"),
        pytest.param(nasty.bare_placeholder, "NotImplementedError", id="placeholder"),
        pytest.param(nasty.returns_angry, "returned Angry", id="angry-value"),
    ],
)
def test_a_harmful_answer_is_a_named_failure(tidy, answer, happened):
    """The kernel lives, nothing is left running, and each stage says what happened."""
    seconds = SECONDS if happened == LATE else 30.0
    both = [state_answers.APPENDS, state_answers.RESTART]

    report = check("state", answer, only=both, seconds=seconds)

    assert (report.started, report.score) == (True, "0 of 2")
    assert happened in report.cases[0].happened
    assert all(case.done and case.expected and case.happened for case in report.cases)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(nasty.forks_once, id="fork", marks=posix),
        pytest.param(nasty.leaves_a_daemon, id="daemon", marks=posix),
        pytest.param(nasty.leaves_a_thread, id="thread"),
        pytest.param(nasty.writes_to_files, id="writes-to-files"),
    ],
)
def test_what_an_answer_leaves_behind_is_ended(tidy, answer):
    """Processes of their own session too; and nothing printed passes for a verdict."""
    report = check("state", answer)

    assert report.started
    assert [case.name for case in report.cases if case.passed] == []


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("answer", "happened"),
    [
        pytest.param(None, "not a function but None", id="none"),
        pytest.param(3, "a value of type int", id="number"),
        pytest.param("apply_patch", "a value of type str", id="text"),
        pytest.param({}, "a value of type dict", id="dict"),
        pytest.param(os, "a value of type module", id="module"),
        pytest.param(nasty.takes_one, "written as apply_patch(state)", id="one"),
        pytest.param(nasty.takes_three, "missing a required argument", id="three"),
        pytest.param(nasty.keyword_only, "too many positional", id="keyword-only"),
        pytest.param(nasty.waits, "async", id="async"),
        pytest.param(nasty.yields, "generator", id="generator"),
        pytest.param(nasty.Holder(), "could not be sent", id="cannot-travel"),
        pytest.param(
            lambda state, patch, blob=bytes(60_000_000): state,
            "carries 60 MB",
            id="too-large",
        ),
    ],
)
def test_what_is_no_such_function_is_refused_in_words(tidy, answer, happened):
    """No stage is tried, and the form that is needed is shown."""
    report = check("state", answer)

    assert report.started
    assert report.score == "0 of 13"
    assert [case.name for case in report.cases] == [checks.CALLABLE]
    assert happened in report.cases[0].happened
    assert "apply_patch(state, patch)" in report.cases[0].expected


@pytest.mark.usefixtures("process")
def test_the_signature_of_a_wrapped_function_is_not_guessed(tidy):
    """A decorator that shows another's signature is taken at its word."""
    report = check("state", nasty.decorated)

    assert "written as apply_patch(state)" in report.cases[0].happened


@pytest.mark.usefixtures("process")
def test_helpers_from_other_cells_come_along(tidy):
    """A function from a notebook carries what it uses, also closures and lambdas."""
    right = state_answers.right

    def apply_patch(state, patch):
        return (lambda *both: right(*both))(state, patch)

    assert check("state", apply_patch).passed


@pytest.mark.usefixtures("process")
def test_an_error_is_placed_in_a_function_that_has_a_name(tidy):
    """Nobody has written a function called `<setcomp>`."""

    def apply_patch(state, patch):
        facts = sorted(state["facts"], key=lambda fact: fact["key"])
        return {
            fact["no such thing"]
            for fact in facts
        }  # fmt: skip

    def sorted_wrongly(state, patch):
        return sorted(
            state["facts"],
            key=lambda fact: fact["no such thing"],
        )

    for answer, line in ((apply_patch, 4), (sorted_wrongly, 4)):
        report = check("state", answer, only=[state_answers.APPENDS])
        happened = report.cases[0].happened
        assert f"'no such thing', in line {line} of {answer.__name__}" in happened


@pytest.mark.usefixtures("process")
def test_an_answer_sees_no_keys_and_no_home(tidy, monkeypatch):
    """Its environment is clean, and a report shows no path of this machine."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    report = check("state", nasty.tells_what_it_sees, only=[state_answers.APPENDS])

    assert "secret" not in str(report)
    assert str(Path.home()) not in str(report)
    assert tempfile.gettempdir() not in str(report)


@pytest.mark.usefixtures("process")
def test_what_an_answer_prints_is_shown_at_its_stage_and_cut(tidy):
    """However quickly the stages follow each other, and however much it is."""

    def chatty(state, patch):
        print([operation["op"] for operation in patch["operations"]])
        print("x" * 5_000)
        return state

    report = check("state", chatty)

    first, _, third = (case.printed for case in report.cases[:3])
    assert first.startswith("['append_facts']\nxxx")
    assert third.startswith("['replace_plan']\nxxx")
    assert len(first) < 1_100
    assert "printed:" in str(report)


@pytest.mark.usefixtures("process")
def test_an_answer_that_never_comes_back_does_not_cost_all_stages(tidy):
    """After two such stages the others are not tried, and say so."""
    report = check("state", nasty.loops, seconds=SECONDS)

    tried = [case for case in report.cases if case.happened.startswith(LATE)]
    untried = [case for case in report.cases if "not tried" in case.done]
    assert (len(tried), len(untried)) == (runner.MAX_LATE, 11)


@pytest.mark.usefixtures("process")
def test_a_stage_that_dies_costs_only_itself(tidy):
    """The others are tried, in a new process if it must be."""

    def dies_of_plans(state, patch):
        if [one["op"] for one in patch["operations"][:1]] == ["replace_plan"]:
            nasty.kills_its_group(state, patch)
        return state_answers.right(state, patch)

    report = check("state", dies_of_plans)

    failed = [case.name for case in report.cases if not case.passed]
    assert failed == ["replaces the plan"], str(report)
    assert report.score == "12 of 13"


@pytest.mark.usefixtures("process")
def test_a_process_that_is_ended_between_two_stages_costs_neither(tidy, monkeypatch):
    """The cap of the first ran out in the moment in which it had ended."""
    listen, ended = supervise.Judge._listen, []

    def late_once(judge):
        trouble = listen(judge)
        first, *others = judge._heard.values()
        if not ended and first.status is not None and not others[0].started:
            ended.append("late")
            return "late"
        return trouble

    monkeypatch.setattr(supervise.Judge, "_listen", late_once)

    report = check("state", state_answers.right, only=[state_answers.APPENDS])

    assert (ended, report.passed) == (["late"], True), str(report)


@pytest.mark.usefixtures("process")
def test_two_reports_on_one_answer_are_the_same(tidy):
    """No path, time or process id is in it: a stored output can be compared."""
    for name, answer, stage in (
        ("state", state_answers.WRONG["forgets-ids"].answer, state_answers.RESTART),
        ("json_store", json_store_answers.in_place, json_store_answers.CUT),
        ("json_store", json_store_answers.exclusive, json_store_answers.LEFT),
        (
            "idempotency",
            idempotency_answers.spoils_the_winners_task,
            idempotency_answers.PROCESSES,
        ),
        ("run_once", run_once_answers.requests_under_many_keys, FIRST),
    ):
        reports = [check(name, answer, only=[stage]) for _ in range(2)]
        assert [report.passed for report in reports] == [False, False]
        texts = set(map(str, reports))
        assert len(texts) == 1
        assert not re.search(r"/tmp|agentstate-check|pid", texts.pop())


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        pytest.param(state_answers.right, True, id="right"),
        pytest.param(state_answers.remembers_in_the_process, False, id="wrong"),
        pytest.param(nasty.ends_the_process, False, id="exit"),
    ],
)
def test_a_stage_can_be_tried_without_fork(tidy, answer, passed):
    """As on Windows; `make soak` tries all stages so."""
    payload = runner.packed(answer)

    report = checks._tried(
        exercise_named("state"), payload, 10.0, only=[state_answers.RESTART], fork=False
    )

    assert report.passed is passed, str(report)


@pytest.mark.soak  # a new Python for every save takes its time
@pytest.mark.parametrize(
    ("name", "answers", "mistake"),
    [
        pytest.param(name, answers, mistake, id=f"{name}-{mistake or 'right'}")
        for name, answers, mistakes in (
            ("state", state_answers, ["remembers-in-the-process"]),
            ("json_store", json_store_answers, ["in-place", "without-fsync"]),
            ("idempotency", idempotency_answers, ["locks-in-the-process"]),
            ("run_once", run_once_answers, ["key-from-hash"]),
            ("retry", retry_answers, ["really-sleeps"]),
        )
        for mistake in ("", *mistakes)
    ],
)
@pytest.mark.usefixtures("process")
def test_the_check_works_without_fork(tidy, name, answers, mistake):
    """As on Windows: a new Python for every stage and every process of a stage."""
    answer = answers.WRONG[mistake].answer if mistake else answers.RIGHT["plain"]
    fails = {answers.WRONG[mistake].stage} if mistake else set()

    report = checks._tried(
        exercise_named(name), runner.packed(answer), 10.0, fork=False
    )

    failed = {case.name for case in report.cases if case.verdict == "failed"}
    assert fails <= failed, str(report)
    assert report.passed is (not mistake), str(report)


def exits(store, task_id, step, ask):
    """Ends the process in the middle of a request."""
    ask("a-key")
    os._exit(0)


def leaves_a_worker(store, task_id, step, ask):
    """Leaves a process behind that goes on asking, in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        while True:
            ask(f"key-{time.monotonic_ns()}")
            time.sleep(0.01)
    return ask("a-key")


def loops_after_asking(store, task_id, step, ask):
    """Lets the effect happen, and never comes back."""
    ask("a-key")
    while True:
        pass


@pytest.mark.parametrize(
    ("answer", "happened"),
    [
        pytest.param(exits, "exit status 0", id="exit"),
        pytest.param(leaves_a_worker, "the effect happened", id="worker", marks=posix),
        pytest.param(loops_after_asking, LATE, id="loop"),
        pytest.param(run_once_answers.requests_under_many_keys, "20 times", id="flood"),
    ],
)
def test_the_world_forgets_what_a_check_did_in_it(tidy, world, answer, happened):
    """The ledger is the learner's; a harmful answer leaves nothing in it."""
    world.effect("deploy", task_id="mine", step="deploy-api", arguments={})
    before = world.ledger()

    seconds = 3 * SECONDS if happened == LATE else 30.0  # it asks the world, too
    report = check("run_once", answer, only=[FIRST], seconds=seconds)

    assert happened in report.cases[0].happened, str(report)
    assert world.ledger() == before
    assert start_world() == world


def test_an_answer_is_not_handed_the_world(tidy, world):
    """Only a function that asks it: no address and no token in its environment."""

    def looks(store, task_id, step, ask):
        seen = repr([sys.argv, dict(os.environ), vars(store), task_id, step])
        raise ValueError([world_token in seen, world_url in seen])

    world_token, world_url = world.token[:8], world.url

    report = check("run_once", looks, only=[FIRST])

    assert "ValueError: [False, False]" in report.cases[0].happened


def test_a_check_without_its_world_says_so(monkeypatch):
    """That is no failure of the answer, so no attempt is counted."""

    def no_world():
        raise WorldUnavailable("it could not be launched")

    monkeypatch.setattr("agentstate_lab.lab.exercises.outside.start_world", no_world)

    with pytest.raises(WorldUnavailable, match="could not be launched"):
        check("run_once", run_once_answers.right)

    assert {row.attempts for row in progress().rows} == {0}


@pytest.mark.usefixtures("process")
def test_the_time_between_two_stages_is_nobody_s(monkeypatch):
    """What the check itself does there, it need not do within the cap of a stage."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(supervise, "time", clock)
    with supervise.Judge(fork=True) as judge:
        judge._heard, judge._seconds = {0: Heard(), 1: Heard()}, 1.0

        judge._take({"index": 0, "start": True})
        capped = judge._end
        now[0] = 0.9
        judge._take({"index": 0, "status": 0})
        between = judge._end
        now[0] = 5.0
        judge._take({"index": 1, "start": True})

    assert capped == 1.0
    assert between > 5.0
    assert judge._end == 6.0


KERNEL = """
import sys
from agentstate_lab.lab.practice import check, progress
from answers import nasty
check("state", nasty.sleeps, seconds=300.0)
"""


@pytest.mark.usefixtures("process")
@posix
@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGINT, id="interrupt"), pytest.param(9, id="kill")]
)
def test_a_check_ends_with_its_kernel(tidy, tmp_path, how):
    """An interrupt ends the stage; a dead kernel leaves nothing running behind it."""
    folder = tmp_path / "kernel"
    folder.mkdir()
    environment = os.environ | {
        "TMPDIR": str(folder),
        "PYTHONPATH": str(Path(nasty.__file__).parents[1]),
    }
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL], env=environment, stderr=subprocess.DEVNULL
    )
    # The judge, the check, and the first stage, asleep in it.
    assert until(lambda: len(left_running(folder)) == 3, 60)

    kernel.send_signal(how)
    kernel.wait()

    assert until(lambda: left_running(folder) == [], 60)


def test_an_unknown_exercise_is_refused_by_name():
    """The message says which there are, and which was meant."""
    with pytest.raises(InvalidValue, match="did you mean 'state'"):
        check("stat", state_answers.right)
    with pytest.raises(InvalidValue, match="state, json_store"):
        check("nothing of the kind", state_answers.right)
    with pytest.raises(InvalidValue, match="there is none named None"):
        check(None, state_answers.right)


@pytest.mark.usefixtures("process")
def test_a_check_does_not_fail_with_the_notes_of_progress(home_dir):
    """A torn progress file is named beside the verdict, and left alone."""
    home_dir.mkdir()
    file = home_dir / "progress.json"
    file.write_bytes(b"torn")

    report = check("state", state_answers.right)

    assert report.passed
    assert "Progress was not kept" in report.note
    assert report.note.split()[0] in str(report)
    assert file.read_bytes() == b"torn"


REPORT = Report(
    "01",
    "state",
    (
        CaseReport("does this", True),
        CaseReport(
            "does <that>",
            False,
            done="called it with <1> & 2",
            expected="one thing",
            happened="another",
            printed="hello",
        ),
        CaseReport("does more", True, note="not tried on Windows", bonus=True),
    ),
    2,
)


def test_a_report_says_its_verdict_first():
    """Then each stage: what was done, what was expected, what happened."""
    assert str(REPORT).splitlines() == [
        "exercise 01 state: 1 of 2 stages, bonus 1 of 1",
        "",
        "  passed  does this",
        "  failed  does <that>",
        "          done:     called it with <1> & 2",
        "          expected: one thing",
        "          happened: another",
        "          printed:  hello",
        "  passed  bonus: does more",
        "          note:     not tried on Windows",
    ]
    assert repr(REPORT) == str(REPORT)


def test_a_report_can_be_asked():
    """Outside tools read attributes, not text."""
    assert (REPORT.passed, REPORT.started, REPORT.score) == (False, True, "1 of 2")
    case = REPORT.cases[1]
    assert (case.name, case.passed) == ("does <that>", False)
    assert case.message == ("called it with <1> & 2; expected one thing; another")
    assert REPORT.cases[0].message == ""


def test_a_bonus_does_not_decide():
    """An exercise is solved without it, and not by it."""
    needed, bonus = CaseReport("a", True), CaseReport("b", False, bonus=True)

    assert Report("01", "state", (needed, bonus), 1).passed
    assert not Report("01", "state", (CaseReport("a", False), bonus), 1).passed


def test_the_table_speaks_in_words():
    """Escaped, with a caption and heads for a screen reader."""
    table = REPORT._repr_html_()

    assert "<caption" in table
    assert 'scope="col"' in table
    assert 'scope="row"' in table
    assert ">failed<" in table
    assert ">passed<" in table
    assert "does &lt;that&gt;" in table
    assert "&lt;1&gt; &amp; 2" in table


def test_an_untouched_exercise_has_no_table_of_failures():
    """What to do next is said instead."""
    report = Report("01", "state", (), 2, started=False, todo="Write it.")

    assert str(report) == "exercise 01 state: not started\n\nWrite it."
    assert "Write it." in report._repr_html_()
    assert "<table" not in report._repr_html_()
    assert report.score == "0 of 2"
    assert not report.passed


def test_every_exercise_is_registered_whole():
    """A module with stages and hints, and a name that its files share."""
    for name, exercise in EXERCISES.items():
        module = exercise.load()
        assert exercise.name == name
        assert len({stage.name for stage in module.STAGES}) == len(module.STAGES) >= 5
        assert len(module.HINTS) == 3


@pytest.mark.usefixtures("process")
def test_some_stages_can_be_tried_alone(home_dir):
    """For whoever works on one of them; the progress does not hear of it."""
    one = "appends facts at the end, in order"

    report = check("state", state_answers.right, only=[one])

    assert [case.name for case in report.cases] == [one]
    assert report.passed
    assert "state" not in progress().passed
    with pytest.raises(InvalidValue, match="no stage is called 'nonsense'"):
        check("state", state_answers.right, only=["nonsense"])
