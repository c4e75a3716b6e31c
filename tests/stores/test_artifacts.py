"""Contents under their digest."""

import stat

import pytest

from agentstate_lab.errors import (
    ArtifactNotFound,
    InvalidValue,
    StoreTorn,
    StoreWriteFailed,
)
from agentstate_lab.stores import ArtifactStore


@pytest.fixture
def store(tmp_path):
    """An empty artifact store."""
    return ArtifactStore(tmp_path / "artifacts")


def put(store, content=b"line\r\n\0line"):
    """Store some log."""
    return store.put(content, kind="tool_result.logs", summary="a log")


def test_what_was_put_is_what_is_got(store):
    """Byte for byte; the state carries the size and the summary."""
    artifact = put(store)

    assert store.get(artifact.artifact_id) == b"line\r\n\0line"
    assert (artifact.bytes, artifact.summary) == (11, "a log")


def test_the_same_content_is_stored_once(store):
    """A repeat after a crash adds nothing."""
    first, second = put(store), put(store)

    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert (first, len(files)) == (second, 1)


def test_contents_are_private(store):
    """A log may hold what only its owner may read."""
    put(store)

    (file,) = (path for path in store.folder.rglob("*") if path.is_file())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_damaged_content_is_known_and_can_be_put_again(store):
    """The id says what the content must be."""
    artifact = put(store)
    (file,) = (path for path in store.folder.rglob("*") if path.is_file())
    file.write_bytes(b"something else")

    with pytest.raises(StoreTorn, match="does not fit its digest"):
        store.get(artifact.artifact_id)
    put(store)

    assert store.get(artifact.artifact_id) == b"line\r\n\0line"


@pytest.mark.parametrize(
    "artifact_id",
    ["", "../../etc/passwd", "sha256-" + "A" * 64, "sha256-" + "a" * 63, None, "a\0b"],
)
def test_an_id_that_is_no_digest_leads_nowhere(store, artifact_id):
    """An id from a model's reply must not become a path."""
    with pytest.raises(InvalidValue, match="not a digest"):
        store.get(artifact_id)


def test_an_unknown_digest_is_named(store):
    """The reader learns which one is missing."""
    with pytest.raises(ArtifactNotFound, match="sha256-aaaa"):
        store.get("sha256-" + "a" * 64)


@pytest.mark.parametrize("content", ["text", None, bytearray(b"x")])
def test_only_bytes_are_content(store, content):
    """Text has many encodings; the caller chooses one."""
    with pytest.raises(InvalidValue, match="bytes"):
        put(store, content)


def test_too_much_content_is_refused_before_it_is_written(store, monkeypatch):
    """The limit is in the message."""
    monkeypatch.setattr("agentstate_lab.stores.artifacts.MAX_ARTIFACT_BYTES", 10)

    with pytest.raises(InvalidValue, match="11 bytes, the limit is 10"):
        put(store, b"x" * 11)

    assert not store.folder.exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_a_name(tmp_path):
    """A file is in the way of the folder."""
    (tmp_path / "artifacts").write_text("in the way")

    with pytest.raises(StoreWriteFailed, match="no artifact was stored"):
        put(ArtifactStore(tmp_path / "artifacts"))
