"""Blobs: files named by the sha256 of their content, `blobs/sha256-<64 hex>`.

A digest comes from clients and registries, so it passes a full pattern before it becomes a path
(CVE-2024-37032 was a digest that was no digest). A blob appears under its name only when every
byte of it was hashed and written out.
"""

import hashlib
import os
import re
import shutil
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.errors import DigestMismatch, InvalidDigest

_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")
_BLOCK = 1 << 20


def canonical(digest: str) -> str:
    """The digest as `sha256:<64 lower-case hex>`; raises InvalidDigest."""
    found = _DIGEST.fullmatch(digest)
    if found is None:
        raise InvalidDigest("invalid digest format")
    return f"sha256:{found[1].lower()}"


def digest_of(raw: bytes) -> str:
    """The digest of these bytes."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


class IncomingBlob:
    """A blob on its way in: hashed while it is written, and gone unless it was finished."""

    def __init__(self, blobs: "Blobs") -> None:
        self._blobs = blobs
        self._path = blobs.folder / f"incoming-{uuid.uuid4().hex}"
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        self._blobs.folder.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("xb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, part: bytes) -> None:
        """Append bytes; raises OSError, e.g. where the disk is full."""
        self._file.write(part)
        self._hash.update(part)
        self._size += len(part)

    def finish(self, expected: str | None = None) -> tuple[str, int]:
        """Put the blob in its place and return its digest and size in bytes.

        Raises DigestMismatch, and keeps nothing, where the content is not what was `expected`.
        """
        digest = f"sha256:{self._hash.hexdigest()}"
        if expected is not None and canonical(expected) != digest:
            raise DigestMismatch(f'digest mismatch, expected "{expected}", got "{digest}"')
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(self._blobs.path(digest))
        return digest, self._size


class Blobs:
    """The blobs in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the blob is or would be; raises InvalidDigest."""
        return self.folder / f"sha256-{canonical(digest)[7:]}"

    def has(self, digest: str) -> bool:
        """Whether the blob is there, as a regular file; raises InvalidDigest."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Its size in bytes; raises InvalidDigest, or OSError where it is missing."""
        return self.path(digest).stat().st_size

    def add_bytes(self, raw: bytes) -> str:
        """Store a small blob and return its digest; one that is there in full stays."""
        digest = digest_of(raw)
        if not self._holds(digest, len(raw)):
            with self.incoming() as blob:
                blob.write(raw)
                blob.finish()
        return digest

    def add_file(self, source: Path) -> str:
        """Store a file as a blob, hard-linked where that works, and return its digest."""
        with source.open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if not self._holds(digest, source.stat().st_size):
            self._place(source, self.path(digest))
        return digest

    def incoming(self) -> IncomingBlob:
        """A new blob, to be filled within its `with` block."""
        return IncomingBlob(self)

    def remove(self, digest: str) -> None:
        """Remove a blob, if it is there; raises InvalidDigest."""
        self.path(digest).unlink(missing_ok=True)

    def _holds(self, digest: str, size: int) -> bool:
        return self.has(digest) and self.size(digest) == size

    def _place(self, source: Path, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming = self.folder / f"incoming-{uuid.uuid4().hex}"
        try:
            try:
                os.link(source, incoming)
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(source, incoming)
            incoming.replace(path)
        finally:
            incoming.unlink(missing_ok=True)
