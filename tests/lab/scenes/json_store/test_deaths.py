import pytest

from agentstate_lab.errors import LabError
from agentstate_lab.lab.scenes.json_store import die_at_each_byte
from agentstate_lab.lab.scenes.json_store.deaths import Deaths
from agentstate_lab.system import HAS_FORK

OLD, NEW = b"the old content", b"new content, and more of it"

each_byte = pytest.mark.skipif(not HAS_FORK, reason="only some bytes without fork")


@pytest.mark.usefixtures("process")
@each_byte
def test_a_death_after_the_new_content_is_counted_as_such(tmp_path):
    """Whoever dies later has saved."""
    path, log = tmp_path / "file", tmp_path / "log"
    path.write_bytes(OLD)

    def save():
        beside = tmp_path / "beside"
        beside.write_bytes(b"new")
        beside.replace(path)
        log.write_bytes(b"it is saved")

    deaths = die_at_each_byte(save, path)

    assert deaths == Deaths(old=3, new=len("it is saved") - 3, torn=0)
    assert repr(deaths) == (
        "11 deaths: 3 times the old content, 8 times the new, 0 times torn"
    )


@pytest.mark.usefixtures("process")
def test_where_no_file_was_there_is_none_after_a_death(tmp_path):
    """No file is an old content, too."""
    path, beside = tmp_path / "file", tmp_path / "beside"

    def save():
        beside.write_bytes(NEW)
        beside.replace(path)

    deaths = die_at_each_byte(save, path)

    assert (deaths.old, deaths.torn) == (deaths.total, 0)
    assert deaths.old > 0


@pytest.mark.usefixtures("process")
def test_a_save_that_fails_by_itself_is_no_death(tmp_path):
    """A mistake in the save must not pass for a crash."""

    def save():
        raise LookupError("no such task")

    with pytest.raises(LabError, match="raised LookupError: no such task"):
        die_at_each_byte(save, tmp_path / "file")
