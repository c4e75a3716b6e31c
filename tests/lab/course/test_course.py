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


@pytest.mark.usefixtures("process")
def test_a_service_is_asked_for_as_long_as_one_likes(home_dir):
    """Without a timeout of its own, a lesson on time could not wait in vain."""
    lab = begin("05_deadline")
    lab.world.fault(lab.task_id("t"), "hang", at="deploy", seconds=30)

    with pytest.raises(ReplyLost):
        lab.request("deploy", lab.task_id("t"), "api", timeout=0.05)

    assert lab.count(lab.task_id("t")) == 0


@pytest.mark.usefixtures("process")
def test_a_fresh_start_forgets_this_notebook_alone(home_dir):
    """The stores, the ledger and the deaths of one notebook; no other's."""
    mine, other = begin("00_start_here"), begin("02_json_store")
    for lab in (mine, other):
        (lab.folder / "kept").write_text("here")
        (crashes() / f"{lab.lesson}-minute-8.died").touch()
        lab.world.effect(
            "send_mail", task_id=lab.task_id("t"), step="announce", arguments={}
        )

    said = mine.fresh_start()

    assert said == "00_start_here: a fresh start; tasks forgotten: 1"
    counted = [entry.task_id for entry in other.world.ledger()]
    assert counted == [other.task_id("t")]
    deaths = [mark.name for mark in crashes().glob("*.died")]
    assert deaths == ["02_json_store-minute-8.died"]
    assert not (mine.folder / "kept").exists()
    assert (other.folder / "kept").exists()


@pytest.mark.usefixtures("process")
def test_a_new_id_was_given_to_nobody_and_is_in_no_ledger(home_dir):
    """A task without an effect is a try, too, also for the kernel after a Restart."""
    lab = begin("03_idempotency")
    lab.request("deploy", lab.task_id("left-2"), "api")

    ids = [one.new_id("left") for one in (lab, lab, begin("03_idempotency"))]

    assert ids == [f"03_idempotency/left{end}" for end in ("", "-3", "-4")]
    assert begin("06_sql_store").new_id("left") == "06_sql_store/left"


@pytest.mark.usefixtures("process")
def test_two_kernels_never_get_the_same_new_id(home_dir):
    """They look at the same moment, and looking makes the mark."""
    lab = begin("03_idempotency")

    def four(name, barrier):
        barrier()
        return [lab.new_id("left") for _ in range(4)]

    ends = all_at_once(four, ["one", "two", "three"])

    given = [one for ended in ends for one in ended.value]
    numbers = ["", *(f"-{n}" for n in range(2, 13))]
    assert sorted(given) == sorted(f"03_idempotency/left{n}" for n in numbers)


@pytest.mark.usefixtures("process")
def test_after_a_fresh_start_the_ids_begin_again(home_dir):
    """What is forgotten everywhere is new again."""
    lab = begin("03_idempotency")
    first = lab.new_id("left")
    lab.request("deploy", first, "api")

    lab.fresh_start()

    assert lab.new_id("left") == first


@pytest.mark.usefixtures("process")
def test_any_name_gets_an_id(home_dir):
    """An id is no file name."""
    lab = begin("01_state")

    for name in ("a/b", "..", "x" * 300, "ünï ☃", "", "\x00"):
        ids = [lab.new_id(name) for _ in range(2)]

        assert ids == [f"01_state/{name}", f"01_state/{name}-2"]
    assert [path.name for path in lab.folder.iterdir()] == [".given"]


@pytest.mark.usefixtures("process")
def test_the_folder_is_private(home_dir):
    """Runs hold prompts and results."""
    assert stat.S_IMODE(begin("01_state").folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "99_nothing", None, "../etc"])
def test_a_notebook_that_does_not_exist_is_refused(home_dir, name):
    """The message names those that do."""
    with pytest.raises(InvalidValue, match="00_start_here"):
        begin(name)


@pytest.mark.usefixtures("process")
def test_a_file_of_a_lesson_stays_in_its_folder(home_dir):
    """A name is a name, not a way out."""
    lab = begin("01_state")

    for name in ("", "..", "../x", "a/b", "/etc/passwd"):
        with pytest.raises(InvalidValue, match="plain file name"):
            lab.path(name)
