"""The first call of every notebook."""

import stat

import pytest

from agentstate_lab.errors import InvalidValue, ReplyLost
from agentstate_lab.lab.course import begin
from agentstate_lab.lab.crash import crashes
from agentstate_lab.lab.processes import all_at_once
from agentstate_lab.state import Task
from agentstate_lab.stores import open_store


@pytest.mark.usefixtures("process")
def test_beginning_twice_says_the_same_and_wipes_nothing(home_dir, capsys):
    """A notebook is run from the top again and again; its runs stay."""
    lab = begin("02_json_store")
    first = capsys.readouterr().out
    store = open_store(lab.store_url())
    task = store.submit(Task.new("Clean the logs", key="k")).task

    again = begin("02_json_store")

    assert first.endswith("The world is up; nothing ran here yet.\n")
    assert capsys.readouterr().out == first
    assert open_store(again.store_url()).get(task.id) == task
    assert again.world == lab.world
    assert stat.S_IMODE(lab.folder.stat().st_mode) == 0o700
    for name in ("", "..", "../x", "a/b", "/etc/passwd"):
        with pytest.raises(InvalidValue, match="plain file name"):
            lab.path(name)
    # A timeout of the world's own would let a lesson on time wait in vain.
    lab.world.fault(lab.task_id("t"), "hang", at="deploy", seconds=30)
    with pytest.raises(ReplyLost):
        lab.request("deploy", lab.task_id("t"), "api", timeout=0.05)
    assert lab.count(lab.task_id("t")) == 0


@pytest.mark.usefixtures("process")
def test_a_fresh_start_forgets_this_notebook_alone(home_dir):
    """The stores, the ledger, the ids and the deaths of one notebook; no other's."""
    mine, other = begin("00_start_here"), begin("02_json_store")
    for lab in (mine, other):
        (lab.folder / "kept").write_text("here")
        (crashes() / f"{lab.lesson}-minute-8.died").touch()
        lab.world.effect(
            "send_mail", task_id=lab.new_id("t"), step="announce", arguments={}
        )

    said = mine.fresh_start()

    assert said == "00_start_here: a fresh start; tasks forgotten: 1"
    counted = [entry.task_id for entry in other.world.ledger()]
    assert counted == [other.task_id("t")]
    deaths = [mark.name for mark in crashes().glob("*.died")]
    assert deaths == ["02_json_store-minute-8.died"]
    assert not (mine.folder / "kept").exists()
    assert (other.folder / "kept").exists()
    assert mine.new_id("t") == mine.task_id("t")


@pytest.mark.usefixtures("process")
def test_a_new_id_was_given_to_nobody_and_is_in_no_ledger(home_dir):
    """
    A task without an effect is a try, too, also for the kernel after a Restart.

    Kernels look at the same moment, and looking makes the mark. An id is no file name.
    """
    lab = begin("03_idempotency")
    lab.request("deploy", lab.task_id("left-2"), "api")

    def two(name, barrier):
        barrier()
        return [lab.new_id("raced") for _ in range(2)]

    ids = [one.new_id("left") for one in (lab, lab, begin("03_idempotency"))]
    raced = [one for ended in all_at_once(two, ["a", "b"]) for one in ended.value]

    assert ids == [f"03_idempotency/left{end}" for end in ("", "-3", "-4")]
    assert begin("06_sql_store").new_id("left") == "06_sql_store/left"
    ends = ("", "-2", "-3", "-4")
    assert sorted(raced) == sorted(f"03_idempotency/raced{end}" for end in ends)
    for name in ("a/b", "..", "x" * 300, "ünï ☃", "", "\x00"):
        given = [lab.new_id(name) for _ in range(2)]
        assert given == [f"03_idempotency/{name}", f"03_idempotency/{name}-2"]
    assert [path.name for path in lab.folder.iterdir()] == [".given"]


@pytest.mark.parametrize("name", ["", "99_nothing", None, "../etc"])
def test_a_notebook_that_does_not_exist_is_refused(home_dir, name):
    """The message names those that do."""
    with pytest.raises(InvalidValue, match="00_start_here"):
        begin(name)
