"""
Large results, kept outside the state under a digest of their content.

A log of 48 KB does not belong into the state: it would be written again with
every step and shown to the model with every turn. The state carries an id, a
summary and a size; the content lies here.

The id is the digest of the content. The same content twice is one file, writing
it again changes nothing (so a repeat after a crash is harmless), and content that
no longer fits its id is known to be damaged.

This module does not decide what the model sees of an artifact; `context` does.
Source: content-addressed storage as in Git's object store.
"""

import hashlib
import os
import re
from pathlib import Path

from agentstate_lab.errors import (
    ArtifactNotFound,
    InvalidValue,
    StoreTorn,
    StoreWriteFailed,
)
from agentstate_lab.state import Artifact

from .atomic_file import atomic_write

MAX_ARTIFACT_BYTES = 64 * 1024 * 1024

_ID = re.compile(r"sha256-[0-9a-f]{64}")


class ArtifactStore:
    """
    Contents in a folder, one file each, mode 0600, named by their digest.

    Args:
        folder: Where the contents lie; made by the first write, mode 0700.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()

    def put(self, content: bytes, *, kind: str, summary: str) -> Artifact:
        """
        Store *content*, and return what the state carries of it.

        Args:
            content: The bytes, at most 64 MiB.

            kind: What it is, for example "tool_result.logs".

            summary: What the model is shown in its place.

        Raises:
            InvalidValue: It is too large, or not bytes.
            StoreWriteFailed: The system refused the write.
        """
        if not isinstance(content, bytes):
            raise InvalidValue("artifact", "its content must be bytes; encode text")
        if len(content) > MAX_ARTIFACT_BYTES:
            raise InvalidValue(
                "artifact",
                f"has {len(content)} bytes, the limit is {MAX_ARTIFACT_BYTES}",
            )
        artifact = Artifact(
            artifact_id=f"sha256-{hashlib.sha256(content).hexdigest()}",
            type=kind,
            summary=summary,
            bytes=len(content),
        )
        path = self._path(artifact.artifact_id)
        # A damaged file of that name is replaced: its right content is at hand.
        if not path.exists() or path.read_bytes() != content:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                atomic_write(path, content)
            except OSError as error:
                raise StoreWriteFailed(
                    str(path), f"{error.strerror or error}; no artifact was stored"
                ) from error
        return artifact

    def get(self, artifact_id: str) -> bytes:
        """
        The content under *artifact_id*, checked against its digest.

        Raises:
            ArtifactNotFound: Nothing is stored under it.
            InvalidValue: It is not an id that `put` returned.
            StoreTorn: The content is damaged.
        """
        path = self._path(artifact_id)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactNotFound(artifact_id) from error
        if f"sha256-{hashlib.sha256(content).hexdigest()}" != artifact_id:
            raise StoreTorn(str(path), "does not fit its digest; store it again")
        return content

    def _path(self, artifact_id: str) -> Path:
        """The file of an id. Only digests become names, so no id leads elsewhere."""
        if not isinstance(artifact_id, str) or not _ID.fullmatch(artifact_id):
            raise InvalidValue("artifact_id", f"{artifact_id!r:.80} is not a digest")
        digest = artifact_id.removeprefix("sha256-")
        return self.folder / digest[:2] / digest[2:]
