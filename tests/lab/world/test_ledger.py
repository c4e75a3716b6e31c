import sqlite3
import stat
import sys
import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate_lab.errors import StoreError, StoreForeign, StoreTooNew
from agentstate_lab.lab.world.ledger import Entry, Json, Ledger
from agentstate_lab.state import canonical, fingerprint


@pytest.fixture
def ledger(tmp_path):
    """An empty ledger."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield ledger
    ledger.close()


def happen(
    ledger: Ledger,
    effect: str = "deploy",
    *,
    task_id: str = "t1",
    step: str = "deploy-api",
    key: str | None = None,
) -> Json:
    """Let one effect happen."""
    return ledger.happen(
        effect,
        task_id=task_id,
        step=step,
        key=key,
        fingerprint="f",
        reply=lambda count: {"receipt": count},
    )


def test_what_happened_twice_is_one_entry_with_the_count_two(ledger):
    """The count is what a reader looks for: two is one too many."""
    happen(ledger)
    happen(ledger)

    assert ledger.entries() == [Entry("t1", "deploy-api", "deploy", None, 2)]


def test_entries_come_in_the_order_of_their_first_happening(ledger):
    """A repeat does not move an entry to the end."""
    for step in ("b", "a", "b"):
        happen(ledger, step=step)

    assert [(e.step, e.count) for e in ledger.entries()] == [("b", 2), ("a", 1)]


def test_a_task_sees_only_its_own_entries(ledger):
    """Two runs on one machine do not blame each other."""
    happen(ledger, task_id="t1")
    happen(ledger, task_id="t2")

    assert [entry.task_id for entry in ledger.entries("t2")] == ["t2"]


def test_the_reply_is_told_how_often_the_service_worked_for_the_task(ledger):
    """A second happening can be seen in the reply, not only in the ledger."""
    happen(ledger, task_id="other")

    said = [happen(ledger)["receipt"] for _ in range(3)]

    assert said == [1, 2, 3]


def test_a_key_leaves_its_reply_behind_at_one_service_only(ledger):
    """The same key at another service is another key."""
    said = happen(ledger, "deploy", key="k")

    assert ledger.replied("deploy", "k") == ("f", said)
    assert ledger.replied("send_mail", "k") is None


def test_an_effect_and_its_reply_are_written_together_or_not_at_all(ledger):
    """No row without its reply: a repeat with the key would happen again."""

    def no_reply(count: int) -> Json:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.happen(
            "deploy", task_id="t1", step="s", key="k", fingerprint="f", reply=no_reply
        )

    assert ledger.entries() == []
    assert ledger.replied("deploy", "k") is None


def test_what_was_reported_is_there_when_the_file_is_opened_again(tmp_path):
    """The witness outlives the process that wrote."""
    path = tmp_path / "ledger.sqlite"
    first = Ledger(path)
    said = happen(first, key="k")
    first.close()

    second = Ledger(path)

    assert second.entries("t1")[0].count == 1
    assert second.replied("deploy", "k") == ("f", said)
    second.close()


def test_forgetting_a_task_frees_its_keys_and_spares_the_others(ledger):
    """A fresh start is fresh: an old key must not replay an old reply."""
    happen(ledger, task_id="t1", key="k1")
    happen(ledger, task_id="t2", key="k2")

    ledger.forget("t1")

    assert [entry.task_id for entry in ledger.entries()] == ["t2"]
    assert ledger.replied("deploy", "k1") is None
    assert ledger.replied("deploy", "k2") is not None


def test_the_ledger_is_durable_by_its_settings(ledger):
    """FULL: a commit that was reported is on the disk, not only on its way."""
    settings = [
        ledger._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]

    assert settings == ["wal", 2]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_only_the_owner_can_read_the_ledger(ledger, tmp_path):
    """What an agent did is nobody else's business."""
    happen(ledger)

    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert modes == {0o600}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"not a database, but long enough to be looked at" * 9, id="text"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 600, id="torn"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path, content):
    """It may be the only copy of something."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)

    with pytest.raises(StoreForeign, match=r"ledger\.sqlite"):
        Ledger(path)

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("made_by", "error"),
    [
        pytest.param("CREATE TABLE notes (text)", StoreForeign, id="another-program"),
        pytest.param("PRAGMA user_version = 99", StoreTooNew, id="newer-version"),
    ],
)
def test_another_database_is_refused_and_left_alone(tmp_path, made_by, error):
    """SQLite would put our tables between theirs without a word."""
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as file:
        file.execute(made_by)
    before = path.read_bytes()

    with pytest.raises(error, match=r"ledger\.sqlite"):
        Ledger(path)

    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_named(tmp_path):
    """The system's reason is passed on, and nobody is told to move a sound ledger."""
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Ledger(tmp_path)

    assert not isinstance(caught.value, StoreForeign)


def test_threads_do_not_lose_each_other_s_effects(ledger):
    """The services of the world work side by side."""
    threads = [threading.Thread(target=happen, args=(ledger,)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.entries("t1")[0].count == 8


odd_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=20, deadline=None)
@given(task_id=odd_text, step=odd_text)
def test_any_text_comes_back_as_it_was(tmp_path_factory, task_id, step):
    """NUL, line ends and right-to-left marks included."""
    ledger = Ledger(tmp_path_factory.mktemp("odd") / "ledger.sqlite")

    happen(ledger, task_id=task_id, step=step)

    assert [(e.task_id, e.step) for e in ledger.entries(task_id)] == [(task_id, step)]
    ledger.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | odd_text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=st.dictionaries(odd_text, json_values, max_size=5))
def test_the_order_of_fields_does_not_change_a_fingerprint(value):
    """A repeat may write its fields in another order and is the same request."""
    other_way = dict(reversed(value.items()))

    assert fingerprint(other_way) == fingerprint(value)


def test_another_value_has_another_fingerprint():
    """Numbers and their text are not the same request."""
    values = [{"a": 1}, {"a": "1"}, {"a": 1.5}, {"a": True}, {"b": 1}, {}]

    assert len({fingerprint(value) for value in values}) == len(values)
    assert canonical({"ä": [1, None]}) == '{"ä":[1,null]}'.encode()


def test_a_ledger_from_an_empty_file_is_a_new_one(tmp_path):
    """A process that died while it made the file leaves it empty."""
    path = tmp_path / "ledger.sqlite"
    path.touch()

    ledger = Ledger(path)

    assert ledger.entries() == []
    ledger.close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
